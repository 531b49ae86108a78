"""What to do with each received event: apply it, drop it or set it aside. Pure decisions.

Events of one aggregate carry the numbers 1, 2, 3 …; only the next one may be applied.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from shared.events.base import (
    Envelope,
    Event,
    MalformedEvent,
    Received,
    decode,
    find_event_type,
)


class ParkedKind(StrEnum):
    """Why an event is set aside."""

    POISON = "poison"  # no reaction succeeds
    HELD = "held"  # an earlier event of its aggregate is set aside
    GAP = "gap"  # an earlier event of its aggregate has not arrived
    CONFLICT = "conflict"  # another event has its number
    UNKNOWN_VERSION = "unknown_version"  # this release does not know its type


class Aggregate(NamedTuple):
    """The subject of a sequence of events; its type is the topic."""

    type: str
    id: str


class Cursor(NamedTuple):
    """The last event applied to an aggregate; 0 and None before the first."""

    last_seq: int = 0
    last_event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """An event to be set aside."""

    envelope: Envelope
    kind: ParkedKind
    error: str | None = None
    attempts: int = 0


@dataclass(slots=True)
class Plan:
    """The decisions on a batch; `cursors` holds the moved ones only."""

    apply: list[Received[Any]] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    cursors: dict[Aggregate, Cursor] = field(default_factory=dict)
    dropped: int = 0


def aggregate_of(envelope: Envelope) -> Aggregate:
    """The aggregate an event happened to."""
    return Aggregate(envelope.topic, envelope.subject)


class Ordering:
    """Decides on the events of a batch one after the other.

    `cursors` are the stored ones of the batch's aggregates, `waiting` the numbers of their events
    set aside earlier, `reacts` the classes that have a reaction.
    """

    def __init__(
        self,
        cursors: Mapping[Aggregate, Cursor],
        waiting: Mapping[Aggregate, Collection[int]],
        reacts: Collection[type[Event]],
    ) -> None:
        self._cursors = dict(cursors)
        self._waiting = {aggregate: set(numbers) for aggregate, numbers in waiting.items()}
        self._reacts = reacts
        self.plan = Plan()

    def decide(self, envelope: Envelope, poison: Parked | None = None) -> None:
        """Decide on the next event; `poison` is how to park it, should its turn have come."""
        aggregate = aggregate_of(envelope)
        cursor = self._cursors.get(aggregate, Cursor())
        event_class = find_event_type(envelope.type)
        if event_class is not None and event_class.latest_wins:
            if envelope.sequence <= cursor.last_seq:
                self.plan.dropped += 1
            else:
                self._take(aggregate, envelope, event_class, poison)
            return
        waiting = self._waiting.get(aggregate, ())
        following = cursor.last_seq + 1
        if envelope.sequence < cursor.last_seq or envelope.id == cursor.last_event_id:
            self.plan.dropped += 1
        elif envelope.sequence == cursor.last_seq or envelope.sequence in waiting:
            self._park(Parked(envelope, ParkedKind.CONFLICT))
        elif envelope.sequence > following:
            kind = ParkedKind.HELD if following in waiting else ParkedKind.GAP
            self._park(Parked(envelope, kind))
        else:
            self._take(aggregate, envelope, event_class, poison)

    def filled(self) -> list[Aggregate]:
        """The aggregates of which an event set aside earlier is now the next."""
        return [
            aggregate
            for aggregate, cursor in self.plan.cursors.items()
            if cursor.last_seq + 1 in self._waiting.get(aggregate, ())
        ]

    def _take(
        self,
        aggregate: Aggregate,
        envelope: Envelope,
        event_class: type[Event] | None,
        poison: Parked | None,
    ) -> None:
        if poison is not None:
            self._park(poison)
            return
        if event_class is None:
            self._park(Parked(envelope, ParkedKind.UNKNOWN_VERSION))
            return
        if event_class in self._reacts:
            try:
                self.plan.apply.append(Received(decode(envelope), envelope))
            except MalformedEvent as error:
                self._park(Parked(envelope, ParkedKind.POISON, str(error), attempts=1))
                return
        moved = Cursor(envelope.sequence, envelope.id)
        self._cursors[aggregate] = self.plan.cursors[aggregate] = moved

    def _park(self, parked: Parked) -> None:
        self.plan.parked.append(parked)
        if parked.kind is not ParkedKind.CONFLICT:
            aggregate = aggregate_of(parked.envelope)
            self._waiting.setdefault(aggregate, set()).add(parked.envelope.sequence)
