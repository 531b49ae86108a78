"""What moving locked problems leaves to be written: collected first, then a few statements.

However many problems move in a transaction, each kind of thing they leave is one statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.inspection.deadlines.domain import Deadline
from services.inspection.ledger.commands import add_deltas
from services.inspection.ledger.domain import Entry, deltas_between
from services.inspection.problems.commands.events import prepare_next
from services.inspection.problems.commands.overdue import arm_overdue, disarm
from services.inspection.problems.domain.levels import DEFAULT_ORDER, Path
from services.inspection.problems.domain.states import IN_WORK, Action, State
from services.inspection.problems.tables import Problem
from shared import clock
from shared.audit import AuditEntry, record_audits
from shared.database import Connection, Session
from shared.events.inspection import ProblemDueChanged, ProblemEvent, ProblemOverdue
from shared.messaging.outbox import OutboxRow, record_many
from shared.security import Actor

_WORKED_ON = IN_WORK - {State.LOGGED}  # which is passed through

_ADD_STAYS = """
INSERT INTO problem_stays (problem_id, state, entered_at, left_at, county_code, village_code,
                           lead_dept, kind, campaign_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[],
                     $6::text[], $7::text[], $8::text[], $9::uuid[])
"""


@dataclass(frozen=True, slots=True)
class _Before:
    """What a problem was when it was first touched."""

    entry: Entry | None
    in_work: bool
    due_on: date | None
    lead_dept: str


class Changes:
    """The changes `actor` makes to locked problems in one transaction, in their order."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.at = clock.now()
        self.today = clock.civil_date(self.at)
        self._touched: dict[UUID, tuple[Problem, _Before]] = {}
        self._events: list[OutboxRow] = []
        self._audits: list[AuditEntry] = []
        self._stays: list[tuple[Any, ...]] = []

    def touch(self, problem: Problem) -> None:
        """Note what `problem` counts for now; to be called before a field of it is changed."""
        if problem.id not in self._touched:
            in_work = problem.state in IN_WORK
            before = _Before(problem.ledger_entry, in_work, problem.due_on, problem.lead_dept)
            self._touched[problem.id] = problem, before

    def move(
        self,
        problem: Problem,
        action: Action,
        event_class: type[ProblemEvent] | None = None,
        *,
        path: Path = DEFAULT_ORDER,
        remark: str | None = None,
        change: dict[str, Any] | None = None,
        **event_fields: Any,
    ) -> None:
        """Take a move with its event and audit row; raises `IllegalMove` and then changes nothing.

        A problem that comes into work, or back into it, after its deadline is overdue at once
        (B.6).
        """
        state, since = problem.state, problem.state_since
        self.touch(problem)
        problem.move(action, self.at, path)
        if state not in (problem.state, State.LOGGED):
            lead_dept = self._touched[problem.id][1].lead_dept
            self._stays.append(_stay(problem, lead_dept, state, since, self.at))
        if event_class is not None:
            self.tell(problem, event_class, **event_fields)
        changed: dict[str, Any] = {"state": [state, problem.state], **(change or {})}
        self._audits.append(AuditEntry(problem.id, action, remark, changed))
        comes_into_work = state not in _WORKED_ON and problem.state in _WORKED_ON
        if comes_into_work and problem.is_past_due(self.at):
            self._fall_overdue(problem)

    def tell(self, problem: Problem, event_class: type[ProblemEvent], **fields: Any) -> None:
        """Add an event of a touched problem that is no move of its own."""
        self._events.append(prepare_next(event_class, problem, **fields))

    def note(
        self, problem: Problem, action: str, *, remark: str | None = None, **change: Any
    ) -> None:
        """Add an audit row of a problem for what is no move."""
        self.touch(problem)
        self._audits.append(AuditEntry(problem.id, action, remark, change))

    def set_deadline(self, problem: Problem, deadline: Deadline, *, reason: str) -> None:
        """Replace the deadline (I-26); reminders follow the event."""
        before = problem.due_on
        self.touch(problem)
        problem.set_deadline(deadline, reason=reason, by=self.actor.person, at=self.at)
        self.tell(problem, ProblemDueChanged, previous_due_on=before)

    def _fall_overdue(self, problem: Problem) -> None:
        assert problem.due_on is not None
        problem.fall_overdue(1, self.at)
        self.tell(problem, ProblemOverdue, level=1, passed_at=clock.end_of_day(problem.due_on))
        self._audits.append(AuditEntry(problem.id, Action.FALL_OVERDUE, None, {"level": [0, 1]}))

    async def write(self, session: Session) -> None:
        """Write it all: rows, events, figures, times in states, audit rows, timers."""
        if not self._touched:
            return
        await session.flush()  # one batched UPDATE for all rows
        connection = await session.driver()
        if self._events:
            await record_many(connection, self._events)
            session.events_recorded()
        deltas = [
            delta
            for problem, before in self._touched.values()
            for delta in deltas_between(before.entry, problem.ledger_entry, self.today)
        ]
        await add_deltas(connection, deltas)
        await _add_stays(connection, self._stays)
        await record_audits(connection, self.actor, "problem", self._audits)
        await self._set_timers(session)

    async def _set_timers(self, session: Session) -> None:
        to_arm, to_disarm = [], []
        for problem, before in self._touched.values():
            if problem.state not in IN_WORK:
                to_disarm += [problem.id] if before.in_work else []
            elif not before.in_work or before.due_on != problem.due_on:
                to_arm.append(problem)
        await disarm(session, to_disarm)
        await arm_overdue(session, to_arm)


def _stay(
    problem: Problem, lead_dept: str, state: str, since: datetime, at: datetime
) -> tuple[Any, ...]:
    return (
        problem.id,
        state,
        since,
        at,
        problem.county_code,
        problem.village_code,
        lead_dept,
        problem.kind,
        problem.campaign_id,
    )


async def _add_stays(connection: Connection, stays: Sequence[tuple[Any, ...]]) -> None:
    if stays:
        await connection.execute(_ADD_STAYS, *map(list, zip(*stays, strict=True)))
