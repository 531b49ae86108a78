"""Field types that several slices of inspection read from callers."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

_EARLIEST, _LATEST = date(2000, 1, 1), date(2099, 12, 31)


def _civil_date(value: object) -> date:
    """A date written YYYY-MM-DD; no timestamps, no infinity, no other ISO 8601 forms."""
    if isinstance(value, date):
        return value
    try:
        if not isinstance(value, str) or (len(value), value[4:5], value[7:8]) != (10, "-", "-"):
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError(
            "DATE_INVALID", "不是有效的日期。", {"en": "Not a valid date (YYYY-MM-DD)."}
        ) from None
    if not _EARLIEST <= day <= _LATEST:
        raise PydanticCustomError(
            "DATE_OUT_OF_RANGE",
            "日期须在2000年至2099年之间。",
            {"en": "The date must lie between the years 2000 and 2099."},
        )
    return day


CivilDate = Annotated[
    date,
    BeforeValidator(_civil_date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2019-06-30"]}),
]
"""A day of the years 2000 to 2099; DATE_INVALID, DATE_OUT_OF_RANGE."""


def _day_of_year(text: str) -> str:
    date.fromisoformat(f"2001-{text}")  # a year without 29 February
    return text


DayOfYear = Annotated[str, AfterValidator(_day_of_year)]
"""A day of every year, MM-DD."""

TermDays = Annotated[int, Field(ge=0, le=3650)]
"""A configured term in days or workdays, ten years at most: no date it leads to is out of range."""

KindCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,39}$")]
"""A problem kind. Kinds outside the table of C.4 are accepted and go to the poverty office."""
