"""Telling the database's troubles, which pass, from a reaction's faults, which do not."""

import traceback
from collections.abc import Iterator

import asyncpg
from sqlalchemy import exc

from shared.errors import DomainError
from shared.events.base import MalformedEvent
from shared.messaging.inbox import CursorMoved

# Connections, resources, shutdown and start-up, serialization, deadlock, lock and idle timeouts.
_PASSING_STATES = ("08", "53", "57P", "40", "55P", "25P03")


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it is tried again a little later."""
    return any(_is_passing(cause) for cause in _chain(error))


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, OSError | exc.TimeoutError | CursorMoved):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)  # its other causes are wrong arguments and wrong use
    return str(getattr(error, "sqlstate", None) or "").startswith(_PASSING_STATES)


def describe(error: BaseException) -> str:
    """A failure in a form that cannot hold personal data: types, codes, places; no values."""
    if isinstance(error, MalformedEvent):
        return str(error)
    if isinstance(error, DomainError):
        return error.code
    names = [
        f"{type(cause).__name__}({getattr(cause, 'sqlstate', None) or ''})".replace("()", "")
        for cause in _chain(error)
    ]
    places = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return f"{' < '.join(names)} at {' > '.join(places[-4:])}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or getattr(seen, "orig", None)
