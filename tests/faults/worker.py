"""Child processes of the fault tests: what is killed, stopped or restarted runs here.

`python -m tests.faults.worker <what> <JSON of its arguments>`; CRASH_AT names the crash point.
"""

import asyncio
import importlib
import json
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.database import Connection, Database, Session
from shared.events.base import Received
from shared.messaging.consumer import Consumer
from shared.messaging.relay import PartitionBatch, Relay
from shared.messaging.settings import KafkaSettings
from tests.faults.toys import PUBLISHER, Counted, apply

CHILD_SECONDS = 60


def named(path: str) -> Any:
    """The object `module:name` stands for."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def crashing(kind: type[Relay], crash_at: str, batches_before: int) -> type[Relay]:
    """`kind`, killing itself at the crash point after it has sent so many batches safely."""

    class CrashingRelay(kind):  # type: ignore[valid-type,misc]
        left = batches_before

        async def _mark(self, connection: Connection, ids: list[int]) -> None:
            if crash_at == "after_publish":
                self._count_down()
            await super()._mark(connection, ids)

        async def _send(self, producer: AIOKafkaProducer, batch: PartitionBatch) -> None:
            if crash_at == "after_mark":
                self._count_down()
            await super()._send(producer, batch)

        def _count_down(self) -> None:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1

    return CrashingRelay


def relays(arguments: dict[str, Any]) -> None:
    """Run relays one after the other, each in a fork of its own that kills itself."""
    dice = random.Random(arguments["seed"])
    kind, crash_at = named(arguments["relay"]), os.environ["CRASH_AT"]
    for _ in range(arguments["kills"]):
        crashing_kind = crashing(kind, crash_at, dice.randrange(3))
        child = os.fork()
        if child == 0:
            signal.alarm(CHILD_SECONDS)
            run(crashing_kind, PUBLISHER, arguments)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"a relay did not reach its crash point: {status}")


def relay(arguments: dict[str, Any]) -> None:
    """Run a relay of the toys until SIGTERM."""
    run(named(arguments["relay"]), PUBLISHER, arguments)


def consumer(arguments: dict[str, Any]) -> None:
    """Run a consumer of tallies until SIGTERM, a slow one or one that is missed sooner if asked."""
    kind: type[Consumer] = named(arguments["consumer"])
    if "session_milliseconds" in arguments:
        kind = missed_within(kind, arguments["session_milliseconds"])

    async def react(session: Session, received: Sequence[Received[Counted]]) -> None:
        await apply(session, received)
        await asyncio.sleep(arguments.get("slow_seconds", 0))

    run(partial(kind, subscriptions={Counted: react}), "reader", arguments)


def missed_within(kind: type[Consumer], milliseconds: int) -> type[Consumer]:
    """`kind` with another session timeout: how soon the group notices that a member was killed."""

    class MissedSooner(kind):  # type: ignore[valid-type,misc]
        def _new_consumer(self, group: str) -> AIOKafkaConsumer:
            consumer = super()._new_consumer(group)
            consumer._session_timeout_ms = milliseconds
            consumer._heartbeat_interval_ms = milliseconds // 4
            return consumer

    return MissedSooner


def run(kind: Callable[..., Any], service: str, arguments: dict[str, Any]) -> None:
    """Run a relay or consumer on its database and broker until SIGTERM."""

    async def main() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        database = Database(arguments["database"], service=service)
        await database.open()
        name, kafka = arguments.get("group", service), KafkaSettings(**arguments["kafka"])
        try:
            await kind(database, name, settings=kafka).run(stop)
        finally:
            await database.close()

    asyncio.run(main())


if __name__ == "__main__":
    {"relays": relays, "relay": relay, "consumer": consumer}[sys.argv[1]](json.loads(sys.argv[2]))
