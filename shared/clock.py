"""The one source of time: instants in UTC, civil dates in China, a simulated "now" where asked for.

PostgreSQL's `clock_timestamp()` drives timers in production; this clock drives everything a person
does. With the simulation clock on, a request header or a simulated event replaces "now" for the
code that runs below it, and `is_simulated()` tells timers that real time must not fire them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_simulated_now: ContextVar[datetime | None] = ContextVar("simulated_now", default=None)


def now() -> datetime:
    """The present instant, in UTC: the simulated one where a simulation is in force."""
    return _simulated_now.get() or datetime.now(UTC)  # noqa: TID251 - the one reader of the clock


def today() -> date:
    """The present civil date in China."""
    return civil_date(now())


def is_simulated() -> bool:
    """Whether "now" is a simulated instant."""
    return _simulated_now.get() is not None


@contextmanager
def simulate(instant: datetime | None) -> Iterator[None]:
    """Make `instant` (with a zone) "now" inside the block; None leaves the clock real."""
    if instant is None:
        yield
        return
    token = _simulated_now.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _simulated_now.reset(token)


def civil_date(instant: datetime) -> date:
    """The date in China at `instant`."""
    return instant.astimezone(SHANGHAI).date()


def end_of_day(day: date) -> datetime:
    """The instant a deadline on `day` falls due: 23:59:59 in China, as UTC."""
    return datetime.combine(day, time(23, 59, 59), SHANGHAI).astimezone(UTC)


def start_of_day(day: date, hour: int = 0) -> datetime:
    """The instant `hour` o'clock of `day` in China, as UTC."""
    return datetime.combine(day, time(hour), SHANGHAI).astimezone(UTC)


def days_after(day: date, days: int) -> date:
    """The civil date `days` calendar days after `day`."""
    return day + timedelta(days=days)
