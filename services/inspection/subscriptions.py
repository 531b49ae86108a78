"""What inspection listens to, and what it does about it: the only list."""

from collections.abc import Mapping

from services.inspection.problems.reactions import (
    on_household_snapshots,
    on_regions_stored,
    on_visits_recorded,
)
from shared.events.base import Event
from shared.events.households import HouseholdSnapshot, RegionStored, VisitRecorded
from shared.messaging.inbox import Reaction

SUBSCRIPTIONS: Mapping[type[Event], Reaction] = {
    RegionStored: on_regions_stored,
    HouseholdSnapshot: on_household_snapshots,
    VisitRecorded: on_visits_recorded,
}
