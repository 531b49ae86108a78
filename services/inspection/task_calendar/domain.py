"""Due terms pinned to a month, ten days or a day, named persons, and the year's template (I-56)."""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.errors import IllegalMove, Invalid
from shared.regions import is_within, region_of


class Phase(StrEnum):
    """The phases of a year's work."""

    HARDWARE = "HARDWARE"  # 硬件建设
    FILES = "FILES"  # 软件(资料)建设
    GAPS = "GAPS"  # 补短板
    SELF_ACCEPTANCE = "SELF_ACCEPTANCE"  # 自查验收
    ACCEPTANCE = "ACCEPTANCE"  # 接受验收


class TaskState(StrEnum):
    """Whether a task is done."""

    OPEN = "OPEN"
    DONE = "DONE"


class TaskAction(StrEnum):
    """What can be done to a task."""

    COMPLETE = "COMPLETE"


MOVES: Mapping[TaskState, Mapping[TaskAction, TaskState]] = {
    TaskState.OPEN: {TaskAction.COMPLETE: TaskState.DONE},
    TaskState.DONE: {},
}


class Template(StrEnum):
    """A ready-made calendar."""

    SEED = "SEED"


@dataclass(frozen=True, slots=True)
class TemplateTask:
    """A phase of a template and the month it is done in."""

    phase: Phase
    title: str
    month: int


TEMPLATES: Mapping[Template, tuple[TemplateTask, ...]] = {
    Template.SEED: (
        TemplateTask(Phase.HARDWARE, "硬件建设（1—6月，同步抓软件）", 6),
        TemplateTask(Phase.FILES, "软件（资料）建设（7—8月，同步抓硬件）", 8),
        TemplateTask(Phase.GAPS, "全面补短板（9月）", 9),
        TemplateTask(Phase.SELF_ACCEPTANCE, "自查验收（10月）", 10),
        TemplateTask(Phase.ACCEPTANCE, "接受验收（11月）", 11),
    ),
}


class DueInvalid(Invalid):
    """The due term is no day, ten days or month."""

    code = "DUE_INVALID"
    zh = "时限应写到月、旬或日：2019-09、2019-09 上旬（中旬、下旬）、2019-09-15。"
    en = "A term is a month, ten days or a day: 2019-09, 2019-09 上旬 (中旬, 下旬), 2019-09-15."


class DueOutsideYear(Invalid):
    """The due term lies outside the calendar's year."""

    code = "DUE_OUTSIDE_YEAR"
    zh = "时限不在该倒排工期的年度内。"
    en = "The term lies outside the calendar's year."


class PersonRequired(Invalid):
    """Every task names the person who answers for it."""

    code = "PERSON_REQUIRED"
    zh = "每项任务须明确到具体责任人。"
    en = "Every task names the person who answers for it."


class UnitOutsideRegion(Invalid):
    """The unit lies outside the calendar's region."""

    code = "UNIT_OUTSIDE_REGION"
    zh = "责任单位不在该倒排工期的区域内。"
    en = "The unit lies outside the calendar's region."


class DoneInFuture(Invalid):
    """A task cannot have been done in the future."""

    code = "DONE_IN_FUTURE"
    zh = "完成日期不得晚于今天。"
    en = "The day of completion must not lie in the future."


@dataclass(frozen=True, slots=True)
class Due:
    """A term in normal form (`2019-09`, `2019-09 上旬`, `2019-09-15`) and its last day."""

    term: str
    last_day: date


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task as asked for; `prefix` leads to its fields in the request."""

    prefix: str
    title: str
    phase: Phase
    due: Due
    person: str | None
    org: str | None


_TERM = re.compile(
    r"(?P<year>20[0-9]{2})-(?P<month>0[1-9]|1[0-2])(-(?P<day>[0-9]{2})| ?(?P<part>[上中下]旬))?"
)
_LAST_DAYS = {"上旬": 10, "中旬": 20}


def parse_due(term: str) -> Due:
    """A term and its last day: of a month and of 下旬 the month's last, of 上旬 and 中旬 the 10th
    and 20th. Raises `DueInvalid`."""
    matched = _TERM.fullmatch(term)
    if matched is None:
        raise DueInvalid
    year, month = int(matched["year"]), int(matched["month"])
    month_end = monthrange(year, month)[1]
    day = int(matched["day"] or _LAST_DAYS.get(matched["part"], month_end))
    if not 1 <= day <= month_end:
        raise DueInvalid
    written = matched["part"]
    return Due(f"{term[:7]} {written}" if written else term, date(year, month, day))


def tasks_of(template: Template, year: int, persons: Mapping[Phase, str]) -> Sequence[PlannedTask]:
    """The tasks of a template in a year, each with the person of its phase; raises
    `PersonRequired`."""
    planned = []
    for task in TEMPLATES[template]:
        if task.phase not in persons:
            raise PersonRequired.about(f"persons.{task.phase}")
        due = parse_due(f"{year}-{task.month:02}")
        planned.append(PlannedTask("", task.title, task.phase, due, persons[task.phase], org=None))
    return planned


def check_task(task: PlannedTask, region: str, year: int) -> str:
    """The person a task names; raises `PersonRequired`, `DueOutsideYear`, `UnitOutsideRegion`."""
    if task.person is None:
        raise PersonRequired.about(f"{task.prefix}person")
    if task.due.last_day.year != year:
        raise DueOutsideYear.about(f"{task.prefix}due")
    if task.org is not None and not is_within(region_of(task.org), region):
        raise UnitOutsideRegion.about(f"{task.prefix}org")
    return task.person


def next_state(state: TaskState, action: TaskAction) -> TaskState:
    """Where `action` leads from `state`; raises `IllegalMove`."""
    if action not in MOVES[state]:
        raise IllegalMove(state=state, allowed=MOVES[state])
    return MOVES[state][action]


def check_done(done_on: date, today: date) -> None:
    """Raise `DoneInFuture`."""
    if done_on > today:
        raise DoneInFuture.about("done_on")


def is_overdue(due_on: date, done_on: date | None, as_of: date) -> bool:
    """Whether a task's last day had passed on `as_of` with the task not done by then."""
    return due_on < as_of and (done_on is None or done_on > as_of)
