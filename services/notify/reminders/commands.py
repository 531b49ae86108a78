"""What can be done with reminders: plan, cancel, send what is due, escalate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.notify.mirror.domain import Change, derived_id
from services.notify.queues.commands.telling import Happened, enqueue
from services.notify.queues.domain.notices import Notice, Priority, Purpose, priority_of
from services.notify.queues.domain.words import ReminderData
from services.notify.reminders.domain import (
    Kind,
    State,
    addressee_of,
    needs_cancelling,
    needs_planning,
    plan_reminders,
    role_of,
)
from services.notify.reminders.queries import SUBJECT, TIMER, Asked, next_timers, rhythms_in_force
from shared import clock
from shared.database import Connection, Session
from shared.events.notify import AbsorbedReminder, ReminderSent
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
from shared.workdays import official_calendar

# A row that was cancelled may be planned again; one that was sent stays what it is.
_PLAN = f"""
WITH planned AS (
INSERT INTO reminders (problem_id, due_on, kind, remind_on, level, remind_at, org, state, sent_at)
SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::date[], $5::smallint[],
                     $6::timestamptz[], $7::text[], $8::text[], $9::timestamptz[])
ON CONFLICT (problem_id, due_on, kind, remind_on) DO UPDATE
   SET level = EXCLUDED.level, remind_at = EXCLUDED.remind_at, org = EXCLUDED.org,
       state = EXCLUDED.state, sent_at = EXCLUDED.sent_at
 WHERE reminders.state = 'CANCELLED')
{arm_unnest_sql(10)}
"""
_CANCEL = """
UPDATE reminders SET state = 'CANCELLED'
 WHERE problem_id = ANY($1) AND state = 'PLANNED' AND sent_at IS NULL
"""
_RESTORED = "r.sent_at IS NOT NULL AND r.sent_version <= p.version - d.ahead"
_TAKE = """
UPDATE reminders r
   SET state = 'SENT', sent_at = coalesce(r.sent_at, d.as_of),
       sent_version = coalesce(r.sent_version, p.version - d.ahead)
  FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::text[], $5::text[])
       AS d(problem_id, as_of, ahead, tier, state)
  JOIN problems p USING (problem_id)
 WHERE r.problem_id = d.problem_id AND r.state = 'PLANNED' AND ({which})
RETURNING r.problem_id, r.due_on, r.kind, r.remind_on, r.remind_at, r.level, r.org, r.sent_at,
          r.sent_version, old.sent_at IS NOT NULL AS restored, p.problem_no,
          p.kind AS problem_kind, coalesce(d.tier, p.tier) AS tier, p.severity,
          coalesce(d.state, p.state) AS state, p.village_code
"""
_TAKE_DUE = _TAKE.format(which=f"r.sent_at IS NULL AND r.remind_at <= d.as_of OR {_RESTORED}")
# Of everyday life, in which there is none, one look is enough.
_TAKE_RESTORED = _TAKE.format(
    which=f"""{_RESTORED})
   AND EXISTS (SELECT FROM reminders WHERE state = 'PLANNED' AND sent_at IS NOT NULL"""
)
_TAKE_ESCALATION = """
UPDATE reminders r SET state = 'SENT', sent_at = e.at
  FROM unnest($1::uuid[], $2::date[], $3::smallint[], $4::timestamptz[])
       AS e(problem_id, due_on, level, at)
 WHERE r.problem_id = e.problem_id AND r.due_on = e.due_on AND r.level = e.level
   AND r.state = 'PLANNED'
RETURNING r.problem_id, r.due_on, r.kind, r.remind_on, r.remind_at, r.level, r.org, r.sent_at,
          r.sent_version
"""
_ABSORBED = """
SELECT problem_id, sent_at, sent_version, kind, remind_on, remind_at FROM reminders
 WHERE problem_id = ANY($1) AND state = 'SENT' AND sent_version IS NOT NULL ORDER BY remind_on
"""
# In normal life each is sent. One that a restored backup knows as not sent yet was sent as told.
_RESTORE = """
INSERT INTO reminders (problem_id, due_on, kind, remind_on, remind_at, org, state, sent_at,
                       sent_version)
SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::date[], $5::timestamptz[],
                     $6::text[], $7::text[], $8::timestamptz[], $9::bigint[])
ON CONFLICT (problem_id, due_on, kind, remind_on) DO UPDATE
   SET state = EXCLUDED.state, sent_at = EXCLUDED.sent_at, sent_version = EXCLUDED.sent_version
 WHERE reminders.state <> 'SENT' AND reminders.sent_at IS NULL
"""
_LOCK = "SELECT problem_id FROM problems WHERE problem_id = ANY($1) ORDER BY 1 FOR UPDATE"


async def settle_reminders(session: Session, changes: Sequence[Change]) -> None:
    """Send what fell due before these events ended its deadline, should it not have been sent.

    Then what a replay of the events leaves behind does not depend on when the timers ran.
    """
    dues = [
        _Due(change.problem.problem_id, change.at, 1, change.before.tier, change.before.state)
        for change in changes
        if change.before is not None and needs_cancelling(change)
    ]
    await _send(session, _TAKE_DUE, dues)


async def repeat_reminders(session: Session, changes: Sequence[Change]) -> None:
    """Tell again, in a store being rebuilt, what had been sent after just these events."""
    dues = [_Due(one.problem.problem_id) for one in changes if one.problem.dispatched]
    await _send(session, _TAKE_RESTORED, dues)


async def restore_reminders(session: Session, sent: Sequence[ReminderSent]) -> None:
    """Keep which reminders were sent, when and after which event, until that event comes again.

    Escalations are left to inspection's events, which repeat them.
    """
    rows: list[tuple[Any, ...]] = []
    for one in sent:
        if one.kind == Kind.OVERDUE or one.remind_on is None:
            continue
        told = (one.organisation, State.PLANNED, one.at, one.version)
        rows.append((one.problem_id, one.due_on, one.kind, one.remind_on, one.remind_at, *told))
        absorbed = (one.organisation, State.SENT, one.at, one.version)
        rows += [
            (one.problem_id, one.due_on, other.kind, other.remind_on, other.remind_at, *absorbed)
            for other in one.absorbed
        ]
    if rows:
        await (await session.driver()).execute(_RESTORE, *zip(*rows, strict=True))


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
        rhythm = rhythms[asked[change.event_id]]
        planned = plan_reminders(
            problem.tier, problem.severity, due_on, change.at, rhythm, official_calendar()
        )
        for one in planned:
            org = addressee_of(one.level, problem.lead, problem.kind, problem.village_code)
            sent_at = one.at if one.state is State.SENT else None
            key = (problem.problem_id, due_on, one.kind, one.on)
            rows.append((*key, one.level, one.at, org, one.state, sent_at))
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
        [change.at for change in overdue.values()],
    )
    notices, happened = [], []
    for row in sorted(rows, key=lambda row: list(overdue).index(row["problem_id"])):
        change = overdue[row["problem_id"]]
        problem, org = change.problem, row["org"]
        # In the lead department's queue it must not overtake the dispatch.
        priority = (
            priority_of(problem.tier, problem.severity) if org == problem.lead else Priority.URGENT
        )
        notices.append(
            Notice(
                *(change.event_id, org, problem.problem_id, Purpose.OVERDUE, priority),
                role=role_of(change.level, org),
            )
        )
        happened.append(Happened(change.event_id, change.event_type, change.at, change.data))
    await enqueue(session, happened, notices)
    await _tell(session, [(row, []) for row in rows])


async def fire_reminders(session: Session, due: Sequence[DueTimer]) -> None:
    """Send what is due of each problem as one message, and arm its next timer."""
    now = clock.now()
    dues = [_Due(timer.subject_id, max(now, timer.due_at)) for timer in due]
    await _send(session, _TAKE_DUE, dues)
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


class _Due(NamedTuple):
    """A problem whose reminders due at `as_of` are sent (None: those sent before alone), as they
    stood `ahead` of its last event, when it had another `tier` and `state`."""

    problem_id: UUID
    as_of: datetime | None = None
    ahead: int = 0
    tier: str | None = None
    state: str | None = None


_Told = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""A reminder that is told, and those that are not told on their own beside it."""


async def _send(session: Session, take: str, dues: Sequence[_Due]) -> None:
    """Send what `take` finds of each problem: what is due now as one message, what had been sent
    before the store was rebuilt each as it was."""
    if not dues:
        return
    connection = await session.driver()
    rows = await connection.fetch(take, *zip(*dues, strict=True))
    told = await _repeated(connection, [row for row in rows if row["restored"]])
    told += _coalesced([row for row in rows if not row["restored"]])
    notices, happened = [], []
    for row, _ in told:
        event_id = _sent_event_id(row)
        priority = priority_of(row["tier"], row["severity"])
        notices.append(Notice(event_id, row["org"], row["problem_id"], Purpose.REMINDER, priority))
        happened.append(
            Happened(event_id, ReminderSent.wire_type, row["sent_at"], _reminder_data(row))
        )
    await enqueue(session, happened, notices)
    await _tell(session, told)


def _coalesced(rows: Sequence[Mapping[str, Any]]) -> list[_Told]:
    """The latest of each problem's reminders with those it makes needless."""
    by_problem: dict[UUID, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["remind_on"], row["kind"])):
        by_problem.setdefault(row["problem_id"], []).append(row)
    return [(one[-1], one[:-1]) for one in by_problem.values()]


async def _repeated(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[_Told]:
    """Reminders told again, in their order, each with those it once made needless."""
    if not rows:
        return []
    again = {_reminder_id(row) for row in rows}
    sent = await connection.fetch(_ABSORBED, [row["problem_id"] for row in rows])
    return [
        (
            row,
            [
                one
                for one in sent
                if _sending(one) == _sending(row)
                and _reminder_id({**one, "due_on": row["due_on"]}) not in again
            ],
        )
        for row in sorted(rows, key=lambda row: (row["sent_at"], row["remind_on"]))
    ]


def _sending(row: Mapping[str, Any]) -> tuple[object, ...]:
    return row["problem_id"], row["sent_at"], row["sent_version"]


def _reminder_data(row: Mapping[str, Any]) -> str:
    data = ReminderData(
        problem_id=str(row["problem_id"]),
        problem_no=row["problem_no"],
        kind=row["problem_kind"],
        tier=row["tier"],
        severity=row["severity"],
        state=row["state"],
        lead_dept=row["org"],
        village_code=row["village_code"],
        due_on=row["due_on"].isoformat(),
        reminder=row["kind"],
        days_left=(row["due_on"] - clock.civil_date(row["sent_at"])).days,
    )
    return json.dumps(data, ensure_ascii=False)


async def _tell(session: Session, told: Sequence[_Told]) -> None:
    """Publish that reminders were sent; a rebuilt store repeats the same events."""
    if not told:
        return
    prepared = [
        replace(outbox.prepare(_sent_event(row, absorbed), 1), event_id=_sent_event_id(row))
        for row, absorbed in told
    ]
    await outbox.record_many(await session.driver(), prepared)
    session.events_recorded()


def _sent_event(row: Mapping[str, Any], absorbed: Sequence[Mapping[str, Any]]) -> ReminderSent:
    return ReminderSent(
        reminder_id=_reminder_id(row),
        problem_id=row["problem_id"],
        organisation=row["org"],
        kind=row["kind"],
        due_on=row["due_on"],
        remind_on=row["remind_on"],
        remind_at=row["remind_at"],
        level=row["level"],
        at=row["sent_at"],
        version=row["sent_version"],
        absorbed=[
            AbsorbedReminder(
                kind=one["kind"], remind_on=one["remind_on"], remind_at=one["remind_at"]
            )
            for one in absorbed
        ],
    )


def _reminder_id(row: Mapping[str, Any]) -> UUID:
    return derived_id(row["problem_id"], row["due_on"], row["kind"], row["remind_on"])


def _sent_event_id(row: Mapping[str, Any]) -> UUID:
    return derived_id(_reminder_id(row), "sent")
