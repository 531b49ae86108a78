"""Which deadline policy is in force: the campaign's, else the region's, else the relative one."""

from datetime import date

from services.inspection.deadlines.domain import (
    RELATIVE_POLICY,
    Classes,
    Deadline,
    DeadlinePolicy,
    decide_deadline,
)
from services.inspection.fields import TermDays
from shared.configuration import Configuration, Setting

POLICY = Setting("deadline_policy", RELATIVE_POLICY, DeadlinePolicy, rule="I-23")
LATE_DAYS = Setting("late_days", 7, TermDays, rule="I-23")
UNMATCHED_DAYS = Setting("unmatched_days", 30, TermDays, rule="I-23")

SETTINGS = (POLICY, LATE_DAYS, UNMATCHED_DAYS)


def deadline_in_force(
    configuration: Configuration,
    campaign_policy: DeadlinePolicy | None,
    classes: Classes,
    *,
    region: str,
    found_on: date,
    requested: date | None,
) -> Deadline:
    """The deadline of a problem found in `region` on `found_on`; see `decide_deadline`."""
    return decide_deadline(
        classes,
        found_on,
        campaign_policy or configuration.value(POLICY, region, found_on),
        late_days=configuration.value(LATE_DAYS, region, found_on),
        unmatched_days=configuration.value(UNMATCHED_DAYS, region, found_on),
        requested=requested,
    )
