"""How partitions and their groups are called in answers and in files."""

from collections.abc import Collection, Mapping, Sequence

from pydantic import BaseModel

from services.inspection import labels
from services.inspection.ledger.domain import GroupBy
from services.inspection.ledger.queries import PLACE_DIGITS
from services.inspection.mirror.queries import find_region_names
from shared.database import Connection
from shared.labels import DEPARTMENTS, KINDS
from shared.spreadsheets import Column

_TITLES = {
    GroupBy.COUNTY: "县",
    GroupBy.TOWNSHIP: "乡镇",
    GroupBy.VILLAGE: "村",
    GroupBy.KIND: "问题类型",
    GroupBy.LEAD_DEPT: "牵头部门",
    GroupBy.COHORT: "农户类别",
    GroupBy.SEVERITY: "问题程度",
    GroupBy.SOURCE: "问题来源",
    GroupBy.OBJECT_TYPE: "对象类型",
}
_LABELS: Mapping[str, Mapping[str, str]] = {
    GroupBy.KIND: KINDS,
    GroupBy.LEAD_DEPT: DEPARTMENTS,
    GroupBy.COHORT: labels.COHORTS,
    GroupBy.SEVERITY: labels.SEVERITIES,
    GroupBy.SOURCE: labels.SOURCES,
    GroupBy.OBJECT_TYPE: labels.OBJECT_TYPES,
}


class HeadingView(BaseModel):
    """A row or column: its code, its Chinese name, and its total."""

    key: str
    name: str
    total: int


async def find_names(
    connection: Connection, axis: GroupBy | None, keys: Collection[str]
) -> Mapping[str, str]:
    """The Chinese name of each group; its code where it has none."""
    known: Mapping[str, str] = {}
    if axis in PLACE_DIGITS:
        known = await find_region_names(connection, keys)
    elif axis is not None:
        known = _LABELS[axis]
    return {key: known.get(key, key) for key in keys}


def key_columns(axis: GroupBy | None) -> list[Column]:
    """The columns that name a row of a file: code and name; none for the whole."""
    if axis is None:
        return []
    title = _TITLES[axis]
    return [Column(f"{title}代码", width=22), Column(title, width=24)]


def key_cells(axis: GroupBy | None, key: str, names: Mapping[str, str]) -> Sequence[str]:
    """The cells of `key_columns`."""
    return [] if axis is None else [key, names.get(key, key)]
