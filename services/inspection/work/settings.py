"""What a region may set about plans and work (the rules' ⚙)."""

from typing import Annotated, Any

from pydantic import Field

from shared.configuration import Setting

_Phrase = Annotated[str, Field(min_length=1, max_length=50)]
_Days = Annotated[int, Field(ge=1, le=366)]

GENERIC_PHRASES: Setting[tuple[str, ...]] = Setting(
    "generic_phrases",
    ("加强监管", "加强管护", "做好日常管护", "进一步加强"),
    tuple[_Phrase, ...],
    rule="I-32",
)
# Generic for a problem of income, and only where the measure says nothing else.
GENERIC_PHRASES_INCOME: Setting[tuple[str, ...]] = Setting(
    "generic_phrases_income", ("申请低保",), tuple[_Phrase, ...], rule="I-32"
)
# The beginnings of the kinds that need photos from before and after.
PHOTO_KINDS: Setting[tuple[str, ...]] = Setting(
    "photo_kinds", ("HOUSING_", "WATER_", "ROAD_"), tuple[_Phrase, ...], rule="I-42"
)
# Days without a report of progress after which it is told, and after which a problem is listed.
STALLED_DAYS: Setting[int] = Setting("stalled_days", 7, _Days, rule="I-34")
LISTED_DAYS: Setting[int] = Setting("stalled_listed_days", 14, _Days, rule="I-34")

SETTINGS: tuple[Setting[Any], ...] = (
    GENERIC_PHRASES,
    GENERIC_PHRASES_INCOME,
    PHOTO_KINDS,
    STALLED_DAYS,
    LISTED_DAYS,
)
