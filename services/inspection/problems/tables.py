"""The row of a problem; `state` changes through one gate."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, TextClause, UniqueConstraint, text
from sqlmodel import Field

from services.inspection.deadlines.domain import Deadline, Scope
from services.inspection.ledger.domain import Dimensions, Entry
from services.inspection.problems.domain.levels import DEFAULT_ORDER, Path
from services.inspection.problems.domain.states import FINISHED, REPORTED, Action, State, next_state
from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, TEXTS, InspectionTable
from shared.clock import end_of_day
from shared.events.inspection import ProblemFlags

# Object type, object, kind and county: codes of funds are a county's own.
Subject = tuple[str, str, str, str]


class ProblemFields(InspectionTable):
    """A found defect and its rectification task: what a row holds and how it changes.

    `sources` holds one record per report of the same finding (I-04), the first one first;
    `due_history` one per change of the deadline (I-26). `finished` follows `state`: lists show
    open problems first, and one object has at most one open problem of a kind.
    """

    id: UUID = Field(primary_key=True)
    problem_no: str
    campaign_id: UUID | None
    kind: str
    tier: str
    scope: str
    severity: str
    cohort: str
    object_type: str
    object_ref: str
    county_code: str = Field(sa_type=REGION_CODE)
    village_code: str = Field(sa_type=REGION_CODE)
    lead_dept: str
    co_depts: list[str] = Field(sa_type=TEXTS)
    source: str
    found_on: date
    sources: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    due_on: date | None
    due_rules: list[str] = Field(sa_type=TEXTS)
    due_history: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    extended: bool
    state: str
    state_since: datetime = Field(sa_type=INSTANT)
    finished: bool
    confirm_by: date | None
    closed_on: date | None
    overdue_level: int
    false_rectification: bool
    late_found: bool
    object_unverified: bool
    unrouted: bool
    no_policy: bool
    accountable: bool
    recurrence: int
    recurs: UUID | None
    executing_org: str | None
    responsible_person: str | None
    plan_deadline: date | None
    attempt: int
    progress_pct: int | None
    progressed_on: date | None
    logged_at: datetime = Field(sa_type=INSTANT)
    logged_by: str
    version: int
    event_sequence: int = Field(sa_type=BigInteger)

    def move(self, action: Action, at: datetime, path: Path = DEFAULT_ORDER) -> None:
        """Take the move `action`; raises `IllegalMove`. A new row has the state ""."""
        state = next_state(State(self.state) if self.state else None, action, path)
        if state != self.state:
            self.state_since = at
        self.state = state
        self.finished = state in FINISHED
        self.version += 1

    def fall_overdue(self, level: int, at: datetime) -> None:
        """Note that the deadline has passed, for the `level`-th time told; raises `IllegalMove`
        once the problem was submitted."""
        self.move(Action.FALL_OVERDUE, at)
        self.overdue_level = level

    def set_deadline(self, deadline: Deadline, *, reason: str, by: str, at: datetime) -> None:
        """Replace the deadline and keep the one before it in the history (I-26)."""
        change = {
            "previous_due_on": self.due_on and self.due_on.isoformat(),
            "due_on": deadline.due_on and deadline.due_on.isoformat(),
            "reason": reason,
            "by": by,
            "at": at.isoformat(),
        }
        self.due_history = [*self.due_history, change]
        if self.due_on and deadline.due_on and deadline.due_on > self.due_on:
            self.overdue_level = 0  # an extended deadline can pass again
        self.due_on = deadline.due_on
        self.due_rules = list(deadline.rules)
        self.late_found = deadline.late_found
        self.version += 1

    def is_past_due(self, at: datetime) -> bool:
        """Whether the deadline had passed at `at` without anybody having been told."""
        return self.due_on is not None and not self.overdue_level and end_of_day(self.due_on) < at

    @property
    def subject(self) -> Subject:
        """What findings must share to be one problem (I-04)."""
        return self.object_type, self.object_ref, self.kind, self.county_code

    @property
    def deadline(self) -> Deadline:
        """The present deadline with its reasons."""
        return Deadline(self.due_on, tuple(self.due_rules), self.late_found)

    @property
    def flags(self) -> ProblemFlags:
        """The flags of B.6."""
        return ProblemFlags(
            overdue=self.overdue_level > 0,
            false_rectification=self.false_rectification,
            late_found=self.late_found,
            object_unverified=self.object_unverified,
            unrouted=self.unrouted,
            no_policy=self.no_policy,
            accountable=self.accountable,
            systemic=self.scope == Scope.SYSTEMIC,
        )

    @property
    def ledger_entry(self) -> Entry | None:
        """What it counts for: nothing while suspected or once withdrawn (I-54)."""
        if self.state in (State.SUSPECTED, State.WITHDRAWN):
            return None
        return Entry(
            Dimensions(
                self.campaign_id,
                self.village_code,
                self.kind,
                self.lead_dept,
                self.cohort,
                self.severity,
                self.source,
                self.object_type,
            ),
            reported=self.state in REPORTED,
            closed=self.state == State.CLOSED,
        )


# Lists run by deadline, problems without one last; each index begins with what its callers see.
DUE = text("COALESCE(due_on, '9999-12-31'::date)")


def _page_index(name: str, *seen: str, where: TextClause | None = None) -> Index:
    return Index(f"ix_problems_{name}", *seen, "finished", DUE, "id", postgresql_where=where)


_PROMINENT = text("severity = 'PROMINENT'")


class Problem(ProblemFields, table=True):
    """A stored problem."""

    __tablename__ = "problems"
    __table_args__ = (
        UniqueConstraint("problem_no"),
        Index(
            "uq_problems_open_finding",
            *("object_type", "object_ref", "kind", "county_code"),
            unique=True,
            postgresql_where=text("NOT finished"),
        ),
        _page_index("county", "county_code"),
        _page_index("department", "county_code", "lead_dept"),
        _page_index("village", "village_code"),
        _page_index("campaign", "campaign_id"),
        _page_index("due"),
        Index(
            "ix_problems_closed_finding",
            *("object_type", "object_ref", "kind", "county_code", "closed_on"),
            postgresql_where=text("state = 'CLOSED'"),
        ),
        _page_index("state", "county_code", "state", where=text("NOT finished")),
        _page_index("prominent", "county_code", where=_PROMINENT),
        _page_index("prominent_department", "county_code", "lead_dept", where=_PROMINENT),
        Index("ix_problems_unverified", "object_ref", postgresql_where=text("object_unverified")),
    )


class ProblemStay(InspectionTable, table=True):
    """A state a problem has left: the time it stood there (I-55)."""

    __tablename__ = "problem_stays"
    __table_args__ = (
        Index("ix_problem_stays_problem_id", "problem_id"),
        Index("ix_problem_stays_county_code", "county_code", "left_at"),
    )

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": True}
    )
    problem_id: UUID
    state: str
    entered_at: datetime = Field(sa_type=INSTANT)
    left_at: datetime = Field(sa_type=INSTANT)
    county_code: str = Field(sa_type=REGION_CODE)
    village_code: str = Field(sa_type=REGION_CODE)
    lead_dept: str
    kind: str
    campaign_id: UUID | None


class NewProblem(ProblemFields):
    """A problem about to be logged. It is no mapped row: a request that only inserts does not pay
    for change tracking."""


PROBLEMS = InspectionTable.metadata.tables["problems"]
