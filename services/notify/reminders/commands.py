"""What can be done with reminders: plan, cancel, send what is due, escalate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.notify.mirror.domain import Change, derived_id
from services.notify.queues.commands import Happened, enqueue
from services.notify.queues.domain.notices import Notice, Priority, Purpose, priority_of
from services.notify.reminders.domain import (
    Kind,
    addressee_of,
    needs_cancelling,
    needs_planning,
    plan_reminders,
)
from services.notify.reminders.queries import SUBJECT, TIMER, Asked, next_timers, rhythms_in_force
from shared import clock
from shared.database import Session
from shared.events.notify import ReminderSent
from shared.messaging import outbox
from shared.runtime import Runtime
from shared.timers import (
    DueTimer,
    NewTimer,
    TimerKind,
    arm_many,
    arm_unnest_sql,
    cancel,
    columns_of,
)

# A row that was cancelled may be planned again; one that was sent stays what it is.
_PLAN = f"""
WITH planned AS (
INSERT INTO reminders (problem_id, due_on, kind, remind_on, level, remind_at, org, state)
SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::date[], $5::smallint[],
                     $6::timestamptz[], $7::text[], $8::text[])
ON CONFLICT (problem_id, due_on, kind, remind_on) DO UPDATE
   SET level = EXCLUDED.level, remind_at = EXCLUDED.remind_at, org = EXCLUDED.org,
       state = EXCLUDED.state
 WHERE reminders.state = 'CANCELLED')
{arm_unnest_sql(9)}
"""
_CANCEL = """
UPDATE reminders SET state = 'CANCELLED' WHERE problem_id = ANY($1) AND state = 'PLANNED'
"""
_TAKE_DUE = """
UPDATE reminders r SET state = 'SENT'
  FROM unnest($1::uuid[], $2::timestamptz[]) AS d(problem_id, as_of)
  JOIN problems p USING (problem_id)
 WHERE r.problem_id = d.problem_id AND r.state = 'PLANNED' AND r.remind_at <= d.as_of
RETURNING r.problem_id, r.due_on, r.kind, r.remind_on, r.org, d.as_of,
          p.problem_no, p.kind AS problem_kind, p.tier, p.severity, p.state, p.village_code
"""
_TAKE_ESCALATION = """
UPDATE reminders r SET state = 'SENT'
  FROM unnest($1::uuid[], $2::date[], $3::smallint[]) AS e(problem_id, due_on, level)
 WHERE r.problem_id = e.problem_id AND r.due_on = e.due_on AND r.level = e.level
   AND r.state = 'PLANNED'
RETURNING r.problem_id, r.due_on, r.kind, r.remind_on, r.org
"""
_LOCK = "SELECT problem_id FROM problems WHERE problem_id = ANY($1) ORDER BY 1 FOR UPDATE"


async def settle_reminders(session: Session, changes: Sequence[Change]) -> None:
    """Send what fell due before these events ended its deadline, should it not have been sent.

    Then what a replay of the events leaves behind does not depend on when the timers ran.
    """
    await _send_due(
        session,
        {change.problem.problem_id: change.at for change in changes if needs_cancelling(change)},
    )


async def replan_reminders(session: Session, changes: Sequence[Change]) -> None:
    """Cancel the reminders that no longer hold and plan those that now do (N-03, N-05)."""
    connection = await session.driver()
    cancelling = [one.problem.problem_id for one in changes if needs_cancelling(one)]
    if cancelling:
        await connection.execute(_CANCEL, cancelling)
        await cancel(session, SUBJECT, cancelling, [TIMER])
    planning = [change for change in changes if needs_planning(change)]
    if not planning:
        return
    asked = {change.event_id: _asked(change) for change in planning}
    rhythms = await rhythms_in_force(connection, set(asked.values()))
    rows: list[tuple[Any, ...]] = []
    timers: list[NewTimer] = []
    for change in planning:
        problem, due_on = change.problem, change.problem.due_on
        assert due_on is not None
        planned = plan_reminders(problem.tier, due_on, change.at, rhythms[asked[change.event_id]])
        for one in planned:
            org = addressee_of(one.level, problem.lead, problem.kind, problem.village_code)
            rows.append(
                (problem.problem_id, due_on, one.kind, one.on, one.level, one.at, org, one.state)
            )
        ahead = [one.at for one in planned if one.at is not None and one.at > change.at]
        if ahead:
            timers.append(NewTimer(SUBJECT, problem.problem_id, TIMER, min(ahead)))
    await connection.execute(_PLAN, *zip(*rows, strict=True), *columns_of(timers))


async def escalate(session: Session, changes: Sequence[Change]) -> None:
    """Tell who is next in line that a deadline has passed, each level once per deadline (N-04)."""
    overdue = {change.problem.problem_id: change for change in changes if change.level is not None}
    if not overdue:
        return
    connection = await session.driver()
    rows = await connection.fetch(
        _TAKE_ESCALATION,
        list(overdue),
        [change.problem.due_on for change in overdue.values()],
        [change.level for change in overdue.values()],
    )
    notices, happened = [], []
    for row in sorted(rows, key=lambda row: list(overdue).index(row["problem_id"])):
        change = overdue[row["problem_id"]]
        problem, org = change.problem, row["org"]
        # In the lead department's queue it must not overtake the dispatch.
        priority = (
            priority_of(problem.tier, problem.severity) if org == problem.lead else Priority.URGENT
        )
        notices.append(Notice(change.event_id, org, problem.problem_id, Purpose.OVERDUE, priority))
        happened.append(Happened(change.event_id, change.event_type, change.at, change.data))
    await enqueue(session, happened, notices)
    await _tell(session, rows)


async def fire_reminders(session: Session, due: Sequence[DueTimer]) -> None:
    """Send what is due of each problem as one message, and arm its next timer."""
    now = clock.now()
    await _send_due(session, {timer.subject_id: max(now, timer.due_at) for timer in due})
    connection = await session.driver()
    simulated = {timer.subject_id: timer.simulated for timer in due}
    await arm_many(connection, await next_timers(connection, simulated))


async def lock_problems(session: Session, problem_ids: Sequence[UUID]) -> list[UUID]:
    """Lock problems; those that are known."""
    rows = await (await session.driver()).fetch(_LOCK, problem_ids)
    return [row["problem_id"] for row in rows]


async def send_reminders(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """The job `reminders`: send every one that is due (X-15); at `as_of`, and of simulated problems
    too, where time is simulated."""
    simulating = runtime.settings.simulation_clock
    fired = await runtime.scheduler.tick(
        as_of if simulating else None, include_simulated=simulating, kinds=[TIMER]
    )
    return {"problems": fired}


REMINDER_TIMER = TimerKind(SUBJECT, TIMER, lock=lock_problems, fire=fire_reminders)


def _asked(change: Change) -> Asked:
    return Asked(change.problem.village_code[:6], clock.civil_date(change.at))


async def _send_due(session: Session, as_of: Mapping[UUID, datetime]) -> None:
    """Send the reminders due at an instant per problem, those of one problem as one message."""
    if not as_of:
        return
    connection = await session.driver()
    rows = await connection.fetch(_TAKE_DUE, list(as_of), list(as_of.values()))
    latest = {row["problem_id"]: row for row in sorted(rows, key=lambda row: row["remind_on"])}
    notices, happened = [], []
    for row in latest.values():
        event_id = _sent_event_id(row)
        priority = priority_of(row["tier"], row["severity"])
        notices.append(Notice(event_id, row["org"], row["problem_id"], Purpose.REMINDER, priority))
        happened.append(
            Happened(event_id, ReminderSent.wire_type, row["as_of"], _reminder_data(row))
        )
    await enqueue(session, happened, notices)
    await _tell(session, list(latest.values()))


def _reminder_data(row: Mapping[str, Any]) -> str:
    data = {
        "problem_id": str(row["problem_id"]),
        "problem_no": row["problem_no"],
        "kind": row["problem_kind"],
        "tier": row["tier"],
        "severity": row["severity"],
        "state": row["state"],
        "lead_dept": row["org"],
        "village_code": row["village_code"],
        "due_on": row["due_on"].isoformat(),
        "reminder": row["kind"],
        "days_left": (row["due_on"] - clock.civil_date(row["as_of"])).days,
    }
    return json.dumps(data, ensure_ascii=False)


async def _tell(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Publish that reminders were sent; a rebuilt store repeats the same events."""
    if not rows:
        return
    prepared = [
        replace(
            outbox.prepare(
                ReminderSent(
                    reminder_id=_reminder_id(row),
                    problem_id=row["problem_id"],
                    organisation=row["org"],
                    kind=Kind(row["kind"]),
                ),
                1,
            ),
            event_id=_sent_event_id(row),
        )
        for row in rows
    ]
    await outbox.record_many(await session.driver(), prepared)
    session.events_recorded()


def _reminder_id(row: Mapping[str, Any]) -> UUID:
    return derived_id(row["problem_id"], row["due_on"], row["kind"], row["remind_on"])


def _sent_event_id(row: Mapping[str, Any]) -> UUID:
    return derived_id(_reminder_id(row), "sent")
