"""Region codes of the National Bureau of Statistics: prefix arithmetic, seed list, list files.

A code is the prefix that names the region: province 2 digits (51), city 4 (5111), county 6
(511132), township 9 (511132201), village 12 (511132201205). Every code begins with its parent's
code, so scope is a prefix test. Counties directly under a province (济源, 仙桃, 五指山, 石河子 …)
stand under a placeholder city whose code ends in 90; the cities without counties 4419 东莞, 4420
中山 and 4604 儋州 have one county-level code that ends in 00.
"""

import csv
import io
import lzma
import re
from collections.abc import Iterator
from enum import StrEnum
from importlib.resources import files
from typing import NamedTuple

from shared.errors import Invalid


class Level(StrEnum):
    """The five levels of a region, from the top."""

    PROVINCE = "PROVINCE"
    CITY = "CITY"
    COUNTY = "COUNTY"
    TOWNSHIP = "TOWNSHIP"
    VILLAGE = "VILLAGE"


class RegionCodeInvalid(Invalid):
    """The region code is malformed."""

    code = "REGION_CODE_INVALID"
    zh = "行政区划代码应为2、4、6、9或12位数字。"
    en = "A region code has 2, 4, 6, 9 or 12 digits."


class RegionListUnreadable(Invalid):
    """The region list cannot be read."""

    code = "REGION_LIST_UNREADABLE"
    zh = "区划文件无法读取：应为UTF-8或GB 18030编码的CSV文件，首行含code、name两列。"
    en = "A region list is a CSV file in UTF-8 or GB 18030 whose first line names code and name."


class RegionNameInvalid(Invalid):
    """The region name is missing or too long."""

    code = "REGION_NAME_INVALID"
    zh = "区划名称应为1至100个字符。"
    en = "A region name has 1 to 100 characters."


class RegionDuplicate(Invalid):
    """The region code stands in the list twice."""

    code = "REGION_DUPLICATE"
    zh = "区划代码在文件中重复。"
    en = "The region code stands in the list twice."


class RegionRow(NamedTuple):
    """One region of a list; `parent` is the parent's code, None for a province."""

    code: str
    name: str
    level: Level
    parent: str | None

    @property
    def admin_zone(self) -> bool:
        """Whether it is a county-level zone (管理区, 开发区), see `is_admin_zone`."""
        return self.level is Level.COUNTY and is_admin_zone(self.code)


class RowError(NamedTuple):
    """A refused line of a list: its number in the file (the header is 1), a stable code, texts."""

    line: int
    code: str
    zh: str
    en: str


class RegionList(NamedTuple):
    """What a list file holds: its good rows in file order, and the refused lines."""

    rows: list[RegionRow]
    errors: list[RowError]


_LEVELS = {
    2: Level.PROVINCE,
    4: Level.CITY,
    6: Level.COUNTY,
    9: Level.TOWNSHIP,
    12: Level.VILLAGE,
}
_PARENT_LENGTHS = {4: 2, 6: 4, 9: 6, 12: 9}
_DIGITS = re.compile(r"[1-9][0-9]+")
_COUNTIES_OF_COUNTYLESS_CITIES = frozenset({"441900", "442000", "460400"})

_NAME_MAXIMUM = 100

# Organisations that see every matter of their place; all others are line departments (C.4).
PLACE_UNITS = frozenset(
    {"POV", "LG", "GOV", "FINOFF", "LEADERS", "TOWN", "VILLAGE", "CITY", "PROV", "OPS"}
)


def parse_region_code(text: str) -> str:
    """`text` if it has the form of a code, existing or not; raises `RegionCodeInvalid`."""
    if len(text) not in _LEVELS or not _DIGITS.fullmatch(text):
        raise RegionCodeInvalid
    return text


def level_of(code: str) -> Level:
    """The level a code's length stands for; raises `RegionCodeInvalid` for any other length."""
    try:
        return _LEVELS[len(code)]
    except KeyError:
        raise RegionCodeInvalid from None


def parent_of(code: str) -> str | None:
    """The code one level up, None for a province."""
    length = _PARENT_LENGTHS.get(len(code))
    return code[:length] if length else None


def ancestors(code: str) -> tuple[str, ...]:
    """The codes above `code`, nearest first: the order in which settings are looked up (H-15)."""
    return tuple(code[:length] for length in (9, 6, 4, 2) if length < len(code))


def county_of(code: str) -> str | None:
    """The county `code` lies in or is, None above county level."""
    return code[:6] if len(code) >= 6 else None


def township_of(code: str) -> str | None:
    """The township `code` lies in or is, None above township level."""
    return code[:9] if len(code) >= 9 else None


def is_within(code: str, region: str) -> bool:
    """Whether `code` is `region` or lies in it."""
    return code.startswith(region)


def region_of(organisation: str) -> str:
    """The region code of an organisation: 511132 of HOUS@511132."""
    return organisation.partition("@")[2]


def prefix_range(region: str) -> tuple[str, str]:
    """The bounds of `region` and all below it, for `low <= code AND code < high`, `COLLATE "C"`.

    The upper bound of a code that ends in 9 ends in ":", the character after 9.
    """
    return region, region[:-1] + chr(ord(region[-1]) + 1)


def is_admin_zone(code: str) -> bool:
    """Whether the county of `code` is a zone (管理区, 开发区 …): its last digits are 71 to 79."""
    return code[4:5] == "7"


def fold_region_code(text: str) -> str:
    """The prefix form of a code written with trailing zeros; raises `RegionCodeInvalid`.

    Official lists fill up to 6 digits (510000) or 12 (511132000000). The 12-digit form of a city
    without counties (441900000000) is read as the city, the 6-digit form (441900) as its one
    county.
    """
    code = parse_region_code(text.strip())
    if len(code) not in {6, 12} or code in _COUNTIES_OF_COUNTYLESS_CITIES:
        return code
    lengths = (length for length in _LEVELS if code[length:].strip("0") == "")
    return code[: next(lengths)]


def seed_regions() -> Iterator[RegionRow]:
    """The regions shipped with the library, in the order of the code, a parent before its children.

    The whole country to the township and the villages of five counties, as of 2023-06-30; see
    shared/data/NOTICE.md.
    """
    source = files("shared").joinpath("data", "regions.csv.xz").read_bytes()
    for line in lzma.decompress(source).decode().splitlines():
        code, _, name = line.partition(",")
        yield RegionRow(code, name, level_of(code), parent_of(code))


def read_region_list(source: str | bytes) -> RegionList:
    """The rows of a CSV list with the columns code and name; other columns are ignored.

    Bytes may be UTF-8, with or without a byte order mark, or GB 18030. Codes with trailing zeros
    are folded. A line is refused with `REGION_CODE_INVALID`, `REGION_NAME_INVALID` or
    `REGION_DUPLICATE`; a file that is no such list raises `RegionListUnreadable`. Whether a parent
    exists is for the caller to ask, who knows the regions of the table.
    """
    reader = csv.DictReader(io.StringIO(_decoded(source), newline=""), restval="")
    rows: list[RegionRow] = []
    errors: list[RowError] = []
    seen: set[str] = set()
    try:
        if not {"code", "name"} <= set(reader.fieldnames or ()):
            raise RegionListUnreadable
        for record in reader:
            try:
                row = _row(record["code"], record["name"].strip(), seen)
            except Invalid as refusal:
                errors.append(RowError(reader.line_num, refusal.code, refusal.zh, refusal.en))
            else:
                seen.add(row.code)
                rows.append(row)
    except csv.Error:
        raise RegionListUnreadable from None
    return RegionList(rows, errors)


def _row(code_text: str, name: str, seen: set[str]) -> RegionRow:
    code = fold_region_code(code_text)
    if not 1 <= len(name) <= _NAME_MAXIMUM:
        raise RegionNameInvalid
    if code in seen:
        raise RegionDuplicate
    return RegionRow(code, name, level_of(code), parent_of(code))


def _decoded(source: str | bytes) -> str:
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return source.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RegionListUnreadable
