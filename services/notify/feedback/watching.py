"""Watching the sendings of answers to petitioners for their end."""

from datetime import timedelta

from services.notify.feedback.commands import ADDRESS_DAYS, erase_addresses, note_ended
from shared import clock
from shared.chores import HOUR, Chore
from shared.runtime import Runtime

LOOK_SECONDS = 2.0


async def watch_feedback(runtime: Runtime) -> None:
    """Note how answers ended; what was made in simulated time is left to the job."""
    async with runtime.database.transaction() as session:
        await note_ended(session, include_simulated=False)


async def forget_addresses(runtime: Runtime) -> None:
    """Erase addresses that are no longer needed."""
    days = runtime.configuration.value(ADDRESS_DAYS, "", clock.today())
    await erase_addresses(runtime.database, clock.now() - timedelta(days=days))


CHORES = (
    Chore("watch_feedback", watch_feedback, LOOK_SECONDS),
    Chore("forget_addresses", forget_addresses, HOUR),
)
