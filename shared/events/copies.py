"""Copies of events, which notify puts on a topic of each organisation that asked for them."""

# The topics of organisations; what follows is the organisation.
TOPIC_PREFIX = "notify.queue."
COPIER = "notify"


def topic_of(organisation: str) -> str:
    """The topic an organisation's copies are on: `notify.queue.hous-511132` of HOUS@511132."""
    return TOPIC_PREFIX + organisation.lower().replace("@", "-")


def is_subscribable(event_type: str) -> bool:
    """Whether subscriptions are told of such events: those of problems, and new cases."""
    return (
        event_type.startswith("inspection.problem.")
        or event_type == "inspection.accountability.opened.v1"
    )
