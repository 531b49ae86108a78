"""The three lists as tables for people: titles, typed columns, Chinese names of codes."""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from services.inspection.labels import (
    OBJECT_TYPES,
    SEVERITIES,
    SOURCES,
    STATES,
    TIERS,
    rule_name,
)
from services.inspection.listing.domain import (
    DeadlineLine,
    Line,
    Listed,
    ProblemLine,
    ResponsibilityLine,
)
from shared.labels import department_name
from shared.spreadsheets import Cell, Column, Kind, Row

LineT = TypeVar("LineT", bound=Line)


@dataclass(frozen=True, slots=True)
class Sheet(Generic[LineT]):
    """One of the three lists: its title, the line of a problem on a day, and the cells of a line
    in the order of the columns."""

    title: str
    line: Callable[[Listed, date], LineT]
    columns: tuple[Column, ...]
    cells: Callable[[LineT], Row]

    async def rows(self, listed: AsyncIterable[Listed], today: date) -> AsyncIterator[Row]:
        """The rows of the table."""
        async for one in listed:
            yield self.cells(self.line(one, today))


_NUMBER = Column("问题编号", width=20)
_KIND = Column("问题类型", width=22)
_TOWNSHIP = Column("乡镇", width=12)
_VILLAGE = Column("村（社区）", width=22)


def _problem_cells(line: ProblemLine) -> tuple[Cell, ...]:
    return (
        line.problem_no,
        line.kind_name,
        OBJECT_TYPES[line.object_type],
        line.object_name,
        line.county,
        line.township,
        line.village,
        line.description,
        line.found_on,
        SOURCES[line.source],
        SEVERITIES[line.severity],
        STATES[line.state],
    )


PROBLEM_SHEET = Sheet(
    "问题清单",
    ProblemLine.of,
    (
        _NUMBER,
        _KIND,
        Column("对象类型", width=10),
        Column("对象", width=22),
        Column("县（市、区）", width=16),
        _TOWNSHIP,
        _VILLAGE,
        Column("问题描述", width=48),
        Column("发现日期", Kind.DATE),
        Column("来源渠道", width=14),
        Column("严重程度", width=10),
        Column("状态"),
    ),
    _problem_cells,
)


def _responsibility_cells(line: ResponsibilityLine) -> tuple[Cell, ...]:
    return (
        line.problem_no,
        line.kind_name,
        line.township,
        line.village,
        line.lead_dept_name,
        "、".join(map(department_name, line.co_depts)) or None,
        line.executing_unit,
        line.unit_head,
        line.deputy,
        line.county_leader,
        line.responsible_person,
    )


RESPONSIBILITY_SHEET = Sheet(
    "责任清单",
    ResponsibilityLine.of,
    (
        _NUMBER,
        _KIND,
        _TOWNSHIP,
        _VILLAGE,
        Column("牵头部门", width=14),
        Column("配合部门", width=20),
        Column("整改实施单位", width=16),
        Column("第一责任人（一把手）", width=20),
        Column("具体责任人（分管领导）", width=22),
        Column("县级责任领导", width=14),
        Column("整改责任人", width=14),
    ),
    _responsibility_cells,
)


def _deadline_cells(line: DeadlineLine) -> tuple[Cell, ...]:
    return (
        line.problem_no,
        line.kind_name,
        line.township,
        line.village,
        TIERS[line.tier],
        line.due_on,
        "、".join(map(rule_name, line.due_rules)) or None,
        line.plan_deadline,
        line.progress_pct,
        STATES[line.state],
        "是" if line.overdue else "否",
        line.days_left,
    )


DEADLINE_SHEET = Sheet(
    "时限清单",
    DeadlineLine.of,
    (
        _NUMBER,
        _KIND,
        _TOWNSHIP,
        _VILLAGE,
        Column("整改类别", width=10),
        Column("整改时限", Kind.DATE),
        Column("时限依据", width=20),
        Column("方案时限", Kind.DATE),
        Column("整改进度", Kind.PERCENT, 10),
        Column("状态"),
        Column("是否超期", width=10),
        Column("剩余天数", Kind.INTEGER, 10),
    ),
    _deadline_cells,
)
