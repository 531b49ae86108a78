"""A running service as its parts see it: settings, database, configured values, tokens, timers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.configuration import Configuration
from shared.database import Database
from shared.messaging.inbox import Inbox
from shared.messaging.running import pause
from shared.security import TokenVerifier
from shared.settings import ServiceSettings
from shared.timers import Scheduler


@dataclass(frozen=True)
class Runtime:
    """What endpoints, jobs and background loops of one service share.

    `revision` is the schema its code expects, `extras` what a slice keeps for as long as it runs.
    `stopping` is set once the process is to stop, before the server waits for open answers: those
    that wait for something, or have no end, are to end now. `caught_up` is set unless the service
    hears its own topics and its new database has not yet received what the topics hold: what falls
    due by what is known so far may have been settled by what is not.
    """

    name: str
    revision: str
    settings: ServiceSettings
    database: Database
    configuration: Configuration
    tokens: TokenVerifier
    scheduler: Scheduler
    inbox: Inbox
    jobs: Mapping[str, "Job"] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_caught_up(self, stop: asyncio.Event) -> None:
        """Wait until `caught_up`, or `stop`, is set."""
        while not (self.caught_up.is_set() or stop.is_set()):
            await pause(self.caught_up, 1)


# A job brings the service to what it should be at an instant; answers figures.
Job = Callable[[Runtime, datetime], Awaitable[dict[str, int]]]
