"""What notify listens to."""

from collections.abc import Mapping

from services.notify.mirror.reactions import on_region_stored
from services.notify.queues.reactions import on_accountability_opened
from services.notify.reminders.reactions import on_problem_event
from shared.events.base import Event, event_types
from shared.events.households import RegionStored
from shared.events.inspection import AccountabilityOpened, ProblemEvent
from shared.messaging.consumer import Reaction

SUBSCRIPTIONS: Mapping[type[Event], Reaction] = {
    RegionStored: on_region_stored,
    AccountabilityOpened: on_accountability_opened,
    # All of them: the mirror needs each change of state, also of kinds of event yet to come.
    **{
        event_class: on_problem_event
        for event_class in event_types().values()
        if issubclass(event_class, ProblemEvent)
    },
}
