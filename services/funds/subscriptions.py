"""What funds listens to."""

from services.funds.mirror.reactions import on_household_snapshot, on_region_stored
from services.funds.policy_gaps.reactions import on_no_policy_found, on_problem_moved
from shared.events.households import HouseholdSnapshot, RegionStored
from shared.events.inspection import (
    ProblemClosed,
    ProblemNoPolicyFound,
    ProblemReopened,
    ProblemRerouted,
    ProblemWithdrawn,
)
from shared.messaging.inbox import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    RegionStored: on_region_stored,
    HouseholdSnapshot: on_household_snapshot,
    ProblemNoPolicyFound: on_no_policy_found,
    ProblemRerouted: on_problem_moved,
    ProblemClosed: on_problem_moved,
    ProblemWithdrawn: on_problem_moved,
    ProblemReopened: on_problem_moved,
}
