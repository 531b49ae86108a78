"""The events of a problem, filled from its row."""

from typing import Any, TypeVar

from services.inspection.problems.tables import ProblemFields
from shared.events.inspection import ProblemEvent, ProblemObject
from shared.messaging.outbox import OutboxRow, prepare

EventT = TypeVar("EventT", bound=ProblemEvent)


def event_of(event_class: type[EventT], problem: ProblemFields, **own: Any) -> EventT:
    """An event that happened to `problem`, whose row is in the state after it."""
    return event_class(
        problem_id=problem.id,
        problem_no=problem.problem_no,
        campaign_id=problem.campaign_id,
        kind=problem.kind,
        tier=problem.tier,
        scope=problem.scope,
        severity=problem.severity,
        cohort=problem.cohort,
        object=ProblemObject(type=problem.object_type, ref=problem.object_ref),
        village_code=problem.village_code,
        lead_dept=problem.lead_dept,
        co_depts=problem.co_depts,
        due_on=problem.due_on,
        due_rules=problem.due_rules,
        state=problem.state,
        flags=problem.flags,
        **own,
    )


def prepare_next(event_class: type[ProblemEvent], problem: ProblemFields, **own: Any) -> OutboxRow:
    """The outbox row of the next event of `problem`, which is new or locked; counts it."""
    problem.event_sequence += 1
    return prepare(event_of(event_class, problem, **own), problem.event_sequence)
