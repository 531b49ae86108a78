"""What is decided about foreign facts: a region must be known, a rank is one among counties."""

from shared.errors import FieldError, Invalid
from shared.regions import Level, level_of, parent_of


class UnknownRegion(Invalid):
    """There is no such region."""

    code = "REGION_UNKNOWN"
    zh = "没有此行政区划代码。"
    en = "There is no region with this code."

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("region_code", self.code, self.zh, self.en)])


def city_of(code: str) -> str | None:
    """The city among whose counties `code` is ranked; None when it is no county (F-19)."""
    return parent_of(code) if level_of(code) is Level.COUNTY else None
