"""When people are written to, what goes out together, and why something does not. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from shared.clock import civil_date, start_of_day
from shared.errors import TooMany

URGENT = 9  # from this priority on nothing waits for the morning
# The number of a piece of a text: "（12/34）" and some.
_NUMBER_BYTES = 32


class Reason(StrEnum):
    """Why a sending was skipped or given up; a provider's refusal is `REFUSED_` and its code."""

    RECALLED = "RECALLED"  # the message was withdrawn before it went out
    STALE = "STALE"  # it could not be sent for so long that it is no news any more
    CONTACT_REMOVED = "CONTACT_REMOVED"
    CHANNEL_NOT_CONFIGURED = "CHANNEL_NOT_CONFIGURED"
    CHANNEL_NOT_INSTALLED = "CHANNEL_NOT_INSTALLED"
    NO_TEMPLATE = "NO_TEMPLATE"  # the SMS gateway has no registered text for it
    SIMULATED = "SIMULATED"  # left behind by simulated time
    ADDRESS_UNREADABLE = "ADDRESS_UNREADABLE"  # sealed with a key that is lost
    UNSAYABLE = "UNSAYABLE"  # what it tells of lacks what its text needs
    NO_CONTACT = "NO_CONTACT"  # the organisation has entered nobody
    NOBODY_MINDS = "NOBODY_MINDS"  # none of its contacts minds messages of this kind


class TooManyTexts(TooMany):
    """The contact, or its robot, takes no further text just now.

    Members: `retry_after`, in how many seconds at most it does again.
    """

    code = "TOO_MANY_TEXTS"
    zh = "正在向该联系人或其机器人发送消息，或一分钟内的消息已达上限，请 {retry_after} 秒后再试。"
    en = "The contact or its robot is being written to, or has had its texts of this minute; try"
    " again in {retry_after} seconds."


class Verdict(StrEnum):
    """What became of one request to a provider."""

    SENT = "SENT"
    REFUSED = "REFUSED"  # for good
    TEMPORARY = "TEMPORARY"  # to be tried again
    LIMITED = "LIMITED"  # nothing wrong with it, but too many
    IMPOSSIBLE = "IMPOSSIBLE"  # it could not even be asked


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request. `code` says why not, `wait_seconds` when to ask again, `kept`
    what the dry run would have sent."""

    verdict: Verdict
    code: str = ""
    wait_seconds: float = 0.0
    kept: str | None = None


SENT = Outcome(Verdict.SENT)


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said: `template` names the registered text that `variables` fill (SMS)."""

    template: str
    title: str
    text: str
    link: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> str:
        """All of it as one text."""
        return "\n".join(line for line in (f"【{self.title}】", self.text, self.link) if line)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one request to a provider carries: parts of the sayings at the places `carries`, of
    which those at `completes` end with it."""

    saying: Saying
    text: str
    carries: tuple[int, ...]
    completes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """The hours of a workday, in China, in which people are written to: from, and up to."""

    opens: int
    closes: int


def next_window(at: datetime, hours: WorkingHours, is_workday: Callable[[date], bool]) -> datetime:
    """`at` within working hours, otherwise the start of the next ones."""
    day = civil_date(at)
    if is_workday(day):
        opens = start_of_day(day, hours.opens)
        if at < opens:
            return opens
        if at < opens + timedelta(hours=hours.closes - hours.opens):
            return at
    day += timedelta(days=1)
    while not is_workday(day):
        day += timedelta(days=1)
    return start_of_day(day, hours.opens)


def pieces(text: str, limit: int) -> list[str]:
    """`text` in numbered pieces of at most `limit` bytes of UTF-8, cut between characters; a text
    that fits is one piece without a number."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return [text]
    room = limit - _NUMBER_BYTES
    parts = []
    while encoded:
        end = min(room, len(encoded))
        # A byte 10xxxxxx continues a character.
        while end < len(encoded) and encoded[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(encoded[:end].decode())
        encoded = encoded[end:]
    return [f"（{place}/{len(parts)}）{part}" for place, part in enumerate(parts, 1)]


def packed(sayings: Sequence[Saying], limit: int) -> list[Parcel]:
    """The sayings in as few texts of at most `limit` bytes as their order allows."""
    parcels: list[Parcel] = []
    for place, saying in enumerate(sayings):
        parts = pieces(saying.whole, limit)
        last = parcels[-1] if parcels else None
        if len(parts) == 1 and last is not None and last.carries == last.completes:
            together = f"{last.text}\n\n{parts[0]}"
            if len(together.encode()) <= limit:
                places = (*last.carries, place)
                parcels[-1] = Parcel(last.saying, together, places, places)
                continue
        for number, part in enumerate(parts, 1):
            completes = (place,) if number == len(parts) else ()
            parcels.append(Parcel(saying, part, (place,), completes))
    return parcels


def one_letter(sayings: Sequence[Saying]) -> list[Parcel]:
    """All the sayings in one letter, headed by the first or by their number."""
    places = tuple(range(len(sayings)))
    text = "\n\n".join(saying.whole for saying in sayings)
    return [Parcel(_headed(sayings), text, places, places)]


def short_messages(sayings: Sequence[Saying], most: int) -> list[Parcel]:
    """A short message for each, or for more than `most` a single one that tells how many."""
    if len(sayings) > most:
        places = tuple(range(len(sayings)))
        counted = _headed(sayings)
        return [Parcel(counted, counted.text, places, places)]
    return [
        Parcel(saying, saying.whole, (place,), (place,)) for place, saying in enumerate(sayings)
    ]


def affordable(parcels: Sequence[Parcel], budget: int) -> Sequence[Parcel]:
    """The first of `parcels`, at most `budget`, that leave no saying in the middle."""
    end = min(max(budget, 0), len(parcels))
    while end > 0 and not parcels[end - 1].completes:
        end -= 1
    return parcels[:end]


def retry_at(now: datetime, attempts: int, minutes: Sequence[int]) -> datetime | None:
    """When to try again after the `attempts`-th failure; None when it is given up."""
    if attempts > len(minutes):
        return None
    return now + timedelta(minutes=minutes[attempts - 1])


def _headed(sayings: Sequence[Saying]) -> Saying:
    if len(sayings) == 1:
        return sayings[0]
    count = str(len(sayings))
    title = f"您有{count}条新消息"
    text = f"您有{count}条新消息，请登录系统查看。"
    return Saying("COUNT", title, text, variables={"title": title, "count": count})
