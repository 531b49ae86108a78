"""What funds listens to."""

from services.funds.mirror.reactions import on_household_snapshot, on_region_stored
from shared.events.households import HouseholdSnapshot, RegionStored
from shared.messaging.inbox import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    RegionStored: on_region_stored,
    HouseholdSnapshot: on_household_snapshot,
}
