"""Operating the outbox and inbox of a service: `python -m shared.messaging <command> …`.

    republish <database-url> --since <instant> [--topic <topic> …]
    release   <database-url>
    purge     <database-url>
    reconcile <publisher-url> <subscriber-url> --consumer <group> --since <instant>
              --until <instant> --topic <topic> …

Instants are RFC 3339 with an offset. Answers JSON; `reconcile` ends with 1 when something differs.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from shared.database import Connection, Database
from shared.messaging.reconciliation import Window, differences
from shared.messaging.republish import purge, release, republish


def main() -> int:
    """Run one command; answers the exit status."""
    arguments = _parser().parse_args()
    answer = asyncio.run(arguments.command(arguments))
    sys.stdout.write(json.dumps(answer, default=str, ensure_ascii=False) + "\n")
    return 1 if answer.get("differences") else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.messaging")
    commands = parser.add_subparsers(required=True)

    resend = commands.add_parser("republish", help="queue again what was sent since an instant")
    resend.add_argument("database_url")
    resend.add_argument("--since", type=_instant, required=True)
    resend.add_argument("--topic", action="append")
    resend.set_defaults(command=_republish)

    unpark = commands.add_parser("release", help="let the relay try parked rows again")
    unpark.add_argument("database_url")
    unpark.set_defaults(command=_release)

    clean = commands.add_parser("purge", help="delete what is older than its retention")
    clean.add_argument("database_url")
    clean.set_defaults(command=_purge)

    compare = commands.add_parser("reconcile", help="compare what was sent with what was received")
    compare.add_argument("database_url")
    compare.add_argument("subscriber_url")
    compare.add_argument("--consumer", required=True)
    compare.add_argument("--since", type=_instant, required=True)
    compare.add_argument("--until", type=_instant, required=True)
    compare.add_argument("--topic", action="append", required=True)
    compare.set_defaults(command=_reconcile)
    return parser


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant needs an offset, as in 2026-05-01T00:00+08:00")
    return instant


async def _republish(arguments: argparse.Namespace) -> dict[str, Any]:
    async with _connected(arguments.database_url) as connection:
        return {"queued": await republish(connection, arguments.since, arguments.topic)}


async def _release(arguments: argparse.Namespace) -> dict[str, Any]:
    async with _connected(arguments.database_url) as connection:
        return {"released": await release(connection)}


async def _purge(arguments: argparse.Namespace) -> dict[str, Any]:
    async with _connected(arguments.database_url) as connection:
        return {"deleted": asdict(await purge(connection))}


async def _reconcile(arguments: argparse.Namespace) -> dict[str, Any]:
    window = Window(arguments.since, arguments.until, arguments.topic)
    async with (
        _connected(arguments.database_url) as publisher,
        _connected(arguments.subscriber_url) as subscriber,
    ):
        found = await differences(publisher, subscriber, arguments.consumer, window)
    return {"differences": [asdict(difference) for difference in found]}


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    connection = await Database(url, service="messaging-operator").connect()
    try:
        yield connection
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())
