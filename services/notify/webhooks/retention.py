"""Deleting the log of attempts once it is old."""

from datetime import timedelta

from services.notify.settings import NotifySettings
from services.notify.webhooks.commands import forget_attempts
from shared import clock
from shared.chores import HOUR, Chore
from shared.runtime import Runtime


async def tidy_attempts(runtime: Runtime) -> None:
    """Delete attempts that are older than the configured days."""
    assert isinstance(runtime.settings, NotifySettings)
    kept = timedelta(days=runtime.settings.webhook_log_days)
    await forget_attempts(runtime.database, clock.now() - kept)


# In simulated time what was tried months ahead or ago is not old.
CHORES = (Chore("tidy_attempts", tidy_attempts, HOUR, real_time_only=True),)
