"""Issuing digests by real time."""

from typing import cast

import structlog

from services.notify.digests.commands import issue_due
from shared.chores import Chore
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0


async def issue_digests(runtime: Runtime) -> None:
    """Issue what has fallen due."""
    done = cast("set[tuple[str, str]]", runtime.extras.setdefault("digests_done", set()))
    number = await issue_due(runtime, done)
    if number:
        _log.info("digests_issued", digests=number)


# Where time is simulated, the job `digests` does it.
CHORES = (
    Chore("issue_digests", issue_digests, LOOK_SECONDS, real_time_only=True, once_caught_up=True),
)
