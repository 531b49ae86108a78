"""What the events of a problem are told as."""

from services.notify.queues.domain.notices import Purpose

PURPOSES = {
    "dispatched": Purpose.DISPATCH,
    "due_changed": Purpose.DUE_CHANGED,
    "reopened": Purpose.REOPENED,
    "source_added": Purpose.SOURCE_ADDED,
    "disputed": Purpose.DISPUTED,
    "dispute_rejected": Purpose.DISPUTE_REJECTED,
    "stalled": Purpose.STALLED,
    "no_policy_found": Purpose.NO_POLICY,
    "returned": Purpose.RETURNED,
    "false_rectification": Purpose.FALSE_RECTIFICATION,
}
