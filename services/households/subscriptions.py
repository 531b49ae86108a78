"""What households listens to: everything that happens to a problem."""

from services.households.mirror.reactions import on_problem_events
from shared.events import inspection
from shared.events.base import event_types
from shared.messaging.inbox import Subscriptions

# Each event of a problem says its state, so one reaction takes over all of them.
SUBSCRIPTIONS: Subscriptions = {
    event_type: on_problem_events
    for event_type in event_types().values()
    if issubclass(event_type, inspection.ProblemEvent)
}
