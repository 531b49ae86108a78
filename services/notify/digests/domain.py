"""When a digest is due, whose figures it holds, and what it says. Pure (N-06)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.notify.mirror.domain import Phase, derived_id, may_hear, phase_of
from shared.clock import civil_date, start_of_day
from shared.labels import department_name
from shared.workdays import WorkdayCalendar

# Of the open problems those whose deadline lies this near are counted apart.
SOON_DAYS = 7


class Kind(StrEnum):
    """Which figures a digest holds."""

    WEEKLY = "WEEKLY"  # 周调度


@dataclass(frozen=True, slots=True)
class Schedule:
    """The day of the week (1 is Monday) and the hour in China at which a digest is due."""

    weekday: int
    hour: int


@dataclass(frozen=True, slots=True)
class Period:
    """The week in which a digest is due, by its ISO name (`2086-W10`), when it is due, and the
    seven days before its nominal day, which it tells of: from `first` to `last`."""

    code: str
    due_at: datetime
    first: date
    last: date


def latest_period(now: datetime, schedule: Schedule, calendar: WorkdayCalendar) -> Period:
    """The last period whose digest is due by `now`: on its nominal day, or where that is a day off
    on the next workday."""
    today = civil_date(now)
    monday = today - timedelta(days=today.weekday())
    while (period := _period(monday, schedule, calendar)).due_at > now:
        monday -= timedelta(days=7)
    return period


def _period(monday: date, schedule: Schedule, calendar: WorkdayCalendar) -> Period:
    nominal = monday + timedelta(days=schedule.weekday - 1)
    on = nominal if calendar.is_workday(nominal) else calendar.add_workdays(nominal, 1)
    year, week, _ = monday.isocalendar()
    return Period(
        code=f"{year}-W{week:02d}",
        due_at=start_of_day(on, schedule.hour),
        first=nominal - timedelta(days=7),
        last=nominal - timedelta(days=1),
    )


def digest_id_of(organisation: str, kind: Kind, period: Period) -> UUID:
    """The id of the one digest of an organisation and period, whoever issues it and how often."""
    # Its time is that of the period: the earliest that an id holds is 1970.
    origin = UUID(int=max(int(period.due_at.timestamp() * 1000), 0) << 80)
    return derived_id(origin, organisation, kind, period.code)


@dataclass(frozen=True, slots=True)
class Figures:
    """How many problems are open; of these due within seven days, overdue, and waiting for
    verification; how many were new and were closed in the week."""

    open: int = 0
    due_soon: int = 0
    overdue: int = 0
    waiting: int = 0
    new: int = 0
    closed: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            *(getattr(self, one.name) + getattr(other, one.name) for one in fields(self))
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Problems of a county that have the lead, the place (a township, or the county), the state and
    the confinement (I-13: a kind that stands for all that are confined alike) in common, counted:
    all of them, those due within seven days, those past their deadline, those new in the week and
    those closed in it."""

    lead: str
    place: str
    state: str
    confinement: str
    count: int
    due_soon: int
    overdue: int
    new: int
    closed: int

    @property
    def figures(self) -> Figures:
        """What they add to a digest."""
        phase = phase_of(self.state)
        is_open, is_worked_on = phase is not Phase.ENDED, phase is Phase.OPEN
        return Figures(
            open=self.count if is_open else 0,
            due_soon=self.due_soon if is_worked_on else 0,
            overdue=self.overdue if is_worked_on else 0,
            waiting=self.count if phase is Phase.SUBMITTED else 0,
            new=self.new,
            closed=self.closed if self.state == "CLOSED" else 0,
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """What an organisation's digest holds; `departments` for who watches others."""

    organisation: str
    region: str
    figures: Figures
    departments: Mapping[str, Figures]


def drafts_of(county: str, groups: Iterable[Group], watchers: Sequence[str]) -> list[Draft]:
    """The digests of a county's organisations: of each that leads a problem its own figures, of
    each watcher (a unit of the county, `TOWN` for every township) those of all it may hear of, by
    department. Who has nothing to count gets none."""
    own: dict[str, Figures] = {}
    watched: dict[str, dict[str, Figures]] = {}
    for group in groups:
        own[group.lead] = own.get(group.lead, Figures()) + group.figures
        for organisation in _watching(county, group.place, watchers):
            if may_hear(organisation, group.confinement):
                of_watcher = watched.setdefault(organisation, {})
                of_watcher[group.lead] = of_watcher.get(group.lead, Figures()) + group.figures
    drafts = [
        Draft(organisation, organisation.partition("@")[2], figures, {})
        for organisation, figures in own.items()
        if organisation not in watched
    ]
    drafts += [
        Draft(
            organisation,
            organisation.partition("@")[2],
            sum(departments.values(), Figures()),
            {one: figures for one, figures in sorted(departments.items()) if figures != Figures()},
        )
        for organisation, departments in watched.items()
    ]
    return sorted(
        (draft for draft in drafts if draft.figures != Figures()),
        key=lambda draft: draft.organisation,
    )


def _watching(county: str, place: str, watchers: Sequence[str]) -> list[str]:
    units = [f"{unit}@{county}" for unit in watchers if unit != "TOWN"]
    return [*units, f"TOWN@{place}"] if "TOWN" in watchers and len(place) == 9 else units


_RECIPIENTS: Mapping[str, str] = {
    "POV": "poverty_office",
    "LG": "leading_group",
    "TOWN": "township_party_secretary",
    "DISC": "discipline",
}


def recipient_of(organisation: str) -> str:
    """Whom in the organisation its digest is meant for."""
    return _RECIPIENTS.get(organisation.partition("@")[0], "dept_head")


def title_of(period: Period) -> str:
    """周调度（9月28日至10月4日）."""
    return f"周调度（{_day(period.first)}至{_day(period.last)}）"


def text_of(draft: Draft, today: date) -> str:
    """What a digest says, in Chinese; of departments those that have something overdue."""
    figures = draft.figures
    whose = "" if draft.departments else "本单位牵头的"
    text = (
        f"截至{_day(today)}，{whose}未销号问题{figures.open}个，其中{SOON_DAYS}日内到期"
        f"{figures.due_soon}个、已逾期{figures.overdue}个、待核查{figures.waiting}个；"
        f"本期新增{figures.new}个，销号{figures.closed}个。"
    )
    late = sorted(
        ((one, each.overdue) for one, each in draft.departments.items() if each.overdue),
        key=lambda pair: (-pair[1], pair[0]),
    )
    if late:
        text += f"逾期：{'、'.join(f'{department_name(one)}{number}个' for one, number in late)}。"
    return text


def _day(day: date) -> str:
    return f"{day.month}月{day.day}日"
