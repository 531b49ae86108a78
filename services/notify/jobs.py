"""The jobs of notify that an operator or a schedule runs for an instant (X-15)."""

from collections.abc import Mapping
from datetime import datetime

from services.notify.reminders.queries import TIMER
from shared.runtime import Job, Runtime


async def reminders(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """Send every reminder due: at `as_of` and of simulated problems too where time is simulated."""
    simulating = runtime.settings.simulation_clock
    fired = await runtime.scheduler.tick(
        as_of if simulating else None, include_simulated=simulating, kinds=[TIMER]
    )
    return {"problems": fired}


JOBS: Mapping[str, Job] = {"reminders": reminders}
