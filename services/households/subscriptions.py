"""What households listens to: everything that happens to a problem."""

from collections.abc import Mapping

from services.households.mirror.reactions import on_problem_events
from shared.events import inspection
from shared.events.base import Event, event_types
from shared.messaging.consumer import Reaction

# Each event of a problem says its state, so one reaction takes over all of them.
SUBSCRIPTIONS: Mapping[type[Event], Reaction] = {
    event_type: on_problem_events
    for event_type in event_types().values()
    if issubclass(event_type, inspection.ProblemEvent)
}
