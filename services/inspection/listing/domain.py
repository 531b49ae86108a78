"""The three lists as views of the same problems (I-06), and whom they are delivered to (I-07)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from services.inspection.responsibility.domain import Responsible
from shared.errors import Forbidden, Invalid
from shared.labels import department_name, kind_name
from shared.regions import Level, county_of, is_within, level_of, township_of


class ListName(StrEnum):
    """Which of the three lists."""

    PROBLEM = "problem"  # 问题清单
    RESPONSIBILITY = "responsibility"  # 责任清单
    DEADLINE = "deadline"  # 时限清单


@dataclass(frozen=True, slots=True)
class Listed:
    """What the lists say of a problem. Names are None where nobody knows them; `executing_org`
    is an organisation (`TOWN@511132201`); `overdue` as in all lists, for open problems only."""

    id: UUID
    problem_no: str
    kind: str
    object_type: str
    object_ref: str
    object_no: str | None
    village_code: str
    description: str
    found_on: date
    source: str
    severity: str
    state: str
    finished: bool
    lead_dept: str
    co_depts: tuple[str, ...]
    executing_org: str | None
    responsible_person: str | None
    tier: str
    due_on: date | None
    due_rules: tuple[str, ...]
    plan_deadline: date | None
    progress_pct: int | None
    overdue: bool
    leaders: Responsible | None  # of the lead department
    names: Mapping[str, str]  # of the regions that are spoken of, by their codes

    @property
    def key(self) -> tuple[bool, date, UUID]:
        """The sort key, which all lists of problems share."""
        return self.finished, self.due_on or date(9999, 12, 31), self.id

    @property
    def county(self) -> str | None:
        """The name of the county."""
        return self._name(county_of(self.village_code))

    @property
    def township(self) -> str | None:
        """The name of the township, None for a county's own problem."""
        return self._name(township_of(self.village_code))

    @property
    def village(self) -> str | None:
        """The name of the village, None for a problem of a higher place."""
        in_village = level_of(self.village_code) is Level.VILLAGE
        return self._name(self.village_code) if in_village else None

    @property
    def object_name(self) -> str:
        """What people call the object: a household's number, a place's name, else its id."""
        return self.object_no or self.names.get(self.object_ref) or self.object_ref

    @property
    def executing_unit(self) -> str | None:
        """The name of who does the work: a place's, or a department's."""
        if self.executing_org is None:
            return None
        unit, _, region = self.executing_org.partition("@")
        if unit in ("TOWN", "VILLAGE"):
            return self.names.get(region, self.executing_org)
        return department_name(unit)

    def _name(self, code: str | None) -> str | None:
        return None if code is None else self.names.get(code)


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """A line of the problem list: what is wrong, with whom, where."""

    id: UUID
    problem_no: str
    kind: str
    kind_name: str
    object_type: str
    object_ref: str
    object_name: str
    village_code: str
    county: str | None
    township: str | None
    village: str | None
    description: str
    found_on: date
    source: str
    severity: str
    state: str

    @classmethod
    def of(cls, listed: Listed, _today: date) -> "ProblemLine":
        """The line of a problem."""
        return cls(
            id=listed.id,
            problem_no=listed.problem_no,
            kind=listed.kind,
            kind_name=kind_name(listed.kind),
            object_type=listed.object_type,
            object_ref=listed.object_ref,
            object_name=listed.object_name,
            village_code=listed.village_code,
            county=listed.county,
            township=listed.township,
            village=listed.village,
            description=listed.description,
            found_on=listed.found_on,
            source=listed.source,
            severity=listed.severity,
            state=listed.state,
        )


@dataclass(frozen=True, slots=True)
class ResponsibilityLine:
    """A line of the responsibility list: who answers (I-12). The three leaders are those of the
    lead department on the day of the list; `responsible_person` is the plan's."""

    id: UUID
    problem_no: str
    kind: str
    kind_name: str
    village_code: str
    township: str | None
    village: str | None
    lead_dept: str
    lead_dept_name: str
    co_depts: tuple[str, ...]
    executing_org: str | None
    executing_unit: str | None
    unit_head: str | None
    deputy: str | None
    county_leader: str | None
    responsible_person: str | None

    @classmethod
    def of(cls, listed: Listed, _today: date) -> "ResponsibilityLine":
        """The line of a problem."""
        leaders = listed.leaders
        return cls(
            id=listed.id,
            problem_no=listed.problem_no,
            kind=listed.kind,
            kind_name=kind_name(listed.kind),
            village_code=listed.village_code,
            township=listed.township,
            village=listed.village,
            lead_dept=listed.lead_dept,
            lead_dept_name=department_name(listed.lead_dept),
            co_depts=listed.co_depts,
            executing_org=listed.executing_org,
            executing_unit=listed.executing_unit,
            unit_head=leaders.unit_head if leaders else None,
            deputy=leaders.deputy if leaders else None,
            county_leader=leaders.county_leader if leaders else None,
            responsible_person=listed.responsible_person,
        )


@dataclass(frozen=True, slots=True)
class DeadlineLine:
    """A line of the deadline list: until when. `due_on` is None for systemic problems; `days_left`
    is negative past the deadline, None where there is none or nothing is left to do."""

    id: UUID
    problem_no: str
    kind: str
    kind_name: str
    village_code: str
    township: str | None
    village: str | None
    tier: str
    due_on: date | None
    due_rules: tuple[str, ...]
    plan_deadline: date | None
    progress_pct: int | None
    state: str
    overdue: bool
    days_left: int | None

    @classmethod
    def of(cls, listed: Listed, today: date) -> "DeadlineLine":
        """The line of a problem on the day `today`."""
        due_on = None if listed.finished else listed.due_on
        return cls(
            id=listed.id,
            problem_no=listed.problem_no,
            kind=listed.kind,
            kind_name=kind_name(listed.kind),
            village_code=listed.village_code,
            township=listed.township,
            village=listed.village,
            tier=listed.tier,
            due_on=listed.due_on,
            due_rules=listed.due_rules,
            plan_deadline=listed.plan_deadline,
            progress_pct=listed.progress_pct,
            state=listed.state,
            overdue=listed.overdue,
            days_left=(due_on - today).days if due_on else None,
        )


Line: TypeAlias = ProblemLine | ResponsibilityLine | DeadlineLine

LINES: Mapping[ListName, type[ProblemLine] | type[ResponsibilityLine] | type[DeadlineLine]] = {
    ListName.PROBLEM: ProblemLine,
    ListName.RESPONSIBILITY: ResponsibilityLine,
    ListName.DEADLINE: DeadlineLine,
}


def canonical(line: Line) -> bytes:
    """A line as JSON that is the same wherever it is written: members by name, no blanks, UTF-8."""
    members = json.dumps(
        asdict(line), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str
    )
    return members.encode()


class DeliveryPlaceTooWide(Invalid):
    """A list for a township and the poverty office is about a township or a village."""

    code = "DELIVERY_PLACE_TOO_WIDE"
    zh = "未指定收件单位时，清单须以乡镇或村为范围。"
    en = "Without named addressees the list must be about a township or a village."


class AddresseeInvalid(Invalid):
    """A list goes to those who see all of its place."""

    code = "ADDRESSEE_INVALID"
    zh = "收件单位须为该区划或其上级的乡镇、扶贫办、领导小组、政府等综合单位。"
    en = "An addressee is an office of the place or of one above it, no line department."


class OnlyAddressee(Forbidden):
    """Only the addressee gives the receipt."""

    code = "ONLY_ADDRESSEE"
    zh = "只有收件单位可以签收。"
    en = "Only the addressee gives the receipt."


_OFFICES = frozenset({"TOWN", "POV", "LG", "GOV", "CITY", "PROV"})


def addressees(region_code: str, named: Sequence[str]) -> list[str]:
    """Whom a list about `region_code` goes to, each once: those named, or the township and the
    poverty office of its county (I-07). Raises `DeliveryPlaceTooWide`, `AddresseeInvalid`."""
    township = township_of(region_code)
    if not named:
        if township is None:
            raise DeliveryPlaceTooWide.about("region_code")
        return [f"TOWN@{township}", f"POV@{county_of(region_code)}"]
    refused = [
        f"to.{place}"
        for place, addressee in enumerate(named)
        if not _oversees(addressee, region_code)
    ]
    if refused:
        raise AddresseeInvalid.about(*refused)
    return list(dict.fromkeys(named))


def _oversees(organisation: str, region_code: str) -> bool:
    unit, _, region = organisation.partition("@")
    return unit in _OFFICES and is_within(region_code, region)
