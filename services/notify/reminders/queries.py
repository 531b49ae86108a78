"""Reading reminders within the caller's scope, and the rhythm that is configured for them."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, any_, false, literal, true
from sqlmodel import col, or_, select

from services.notify.mirror.domain import CORRUPTION_PREFIX, STYLE, may_hear
from services.notify.mirror.tables import MirroredProblem
from services.notify.reminders.domain import LEVELS, Rhythm
from services.notify.reminders.tables import Reminder
from shared.configuration import Setting
from shared.database import Connection, ReadSession
from shared.errors import FieldError, Invalid
from shared.regions import prefix_range
from shared.security import Actor, Role
from shared.timers import NewTimer

LONGEST_DAYS = 365


def _check_days(days: Sequence[int]) -> None:
    if len(set(days)) < len(days) or not all(0 <= one <= LONGEST_DAYS for one in days):
        raise Invalid(errors=[_DAYS_REFUSED])


def _check_escalations(days: Sequence[int]) -> None:
    _check_days(days)
    # One for each level, each later than the one before.
    if len(days) != LEVELS or sorted(days) != list(days) or days[0] == 0:
        raise Invalid(errors=[_ESCALATIONS_REFUSED])


_DAYS_REFUSED = FieldError(
    "value",
    "DAYS_INVALID",
    f"天数须各不相同，在0至{LONGEST_DAYS}之间。",
    f"The days must differ from each other and lie between 0 and {LONGEST_DAYS}.",
)
_ESCALATIONS_REFUSED = FieldError(
    "value",
    "DAYS_INVALID",
    f"须依次填写{LEVELS}级逾期通报的天数，自1起逐级递增。",
    f"The days of the {LEVELS} levels are wanted, from 1 on, each later than the one before.",
)

REMINDER_DAYS = Setting(
    "reminder_days", (7, 3, 1, 0), tuple[int, ...], rule="N-03", check=_check_days
)
# Nothing is sent at night.
REMINDER_HOUR = Setting("reminder_hour", 9, Annotated[int, Field(ge=7, le=21)], rule="N-03")
ESCALATION_DAYS = Setting(
    "escalation_days", (1, 7, 15), tuple[int, ...], rule="N-04", check=_check_escalations
)

SUBJECT = "problem"
TIMER = "reminder"

# A reaction has its transaction only, so it asks the table itself for the values in force.
_IN_FORCE = """
SELECT asked.region, asked.on_day, c.key, c.value
  FROM unnest($1::text[], $2::date[]) AS asked(region, on_day)
 CROSS JOIN unnest($3::text[]) AS wanted(key)
 CROSS JOIN LATERAL (
       SELECT key, value::text FROM configuration s
        WHERE s.key = wanted.key AND s.effective_from <= asked.on_day
          AND starts_with(asked.region, s.region)
        ORDER BY length(s.region) DESC, s.effective_from DESC LIMIT 1) AS c
"""

_NEXT = """
SELECT problem_id, min(remind_at) AS at FROM reminders
 WHERE problem_id = ANY($1) AND state = 'PLANNED' AND remind_at IS NOT NULL AND sent_at IS NULL
 GROUP BY 1
"""


class Asked(NamedTuple):
    """A county and the day for which its rhythm is asked."""

    county: str
    on: date


async def rhythms_in_force(
    connection: Connection, asked: Collection[Asked]
) -> Mapping[Asked, Rhythm]:
    """The rhythm of each county on each day asked for."""
    settings: Sequence[Setting[Any]] = (REMINDER_DAYS, REMINDER_HOUR, ESCALATION_DAYS)
    by_key = {setting.key: setting for setting in settings}
    rows = await connection.fetch(
        _IN_FORCE, [one.county for one in asked], [one.on for one in asked], list(by_key)
    )
    stored = {
        (row["region"], row["on_day"], row["key"]): by_key[row["key"]].parse(
            json.loads(row["value"])
        )
        for row in rows
    }
    return {
        one: Rhythm(*(stored.get((*one, setting.key), setting.default) for setting in settings))
        for one in asked
    }


async def next_timers(connection: Connection, simulated: Mapping[UUID, bool]) -> list[NewTimer]:
    """The timer of each problem's next reminder; `simulated` by problem, none without reminder."""
    rows = await connection.fetch(_NEXT, list(simulated))
    return [
        NewTimer(SUBJECT, row["problem_id"], TIMER, row["at"], simulated[row["problem_id"]])
        for row in rows
    ]


async def list_reminders(
    session: ReadSession, actor: Actor, problem_id: UUID
) -> Sequence[Reminder]:
    """The reminders of a problem by their day, as far as the actor may know of it (X-05)."""
    low, high = prefix_range(actor.region)
    problem = MirroredProblem
    statement = (
        select(Reminder)
        .join(problem, col(problem.problem_id) == col(Reminder.problem_id))
        .where(
            col(Reminder.problem_id) == problem_id,
            col(problem.village_code) >= low,
            col(problem.village_code) < high,
            _is_seen_by(actor),
        )
        .order_by(col(Reminder.remind_on), col(Reminder.level).nulls_first())
    )
    return (await session.scalars(statement)).all()


def _is_seen_by(actor: Actor) -> ColumnElement[bool]:
    """Departments see what they lead or take part in; style and corruption are confined (I-13)."""
    problem = MirroredProblem
    kind, organisation = col(problem.kind), actor.organisation
    leads = col(problem.lead) == organisation
    limited = actor.is_department and not actor.has(Role.INSPECTOR, Role.OPS)
    concerned = literal(organisation) == any_(col(problem.partners)) if limited else true()
    hidden = [
        condition
        for one, condition in (
            (STYLE, kind == STYLE),
            (CORRUPTION_PREFIX, kind.startswith(CORRUPTION_PREFIX)),
        )
        if not may_hear(organisation, one)
    ]
    return or_(leads, and_(concerned, ~or_(false(), *hidden)))
