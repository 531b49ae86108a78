"""Events as CloudEvents 1.0: immutable classes, their registry, and the binary Kafka form.

Wire type `<service>.<subject>.<what happened>.v<N>`; topic = its first two parts; key = partition
key. A published field never changes its meaning; an incompatible change is a new class `…V2`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

_registry: dict[str, "type[Event]"] = {}


class _Parts(NamedTuple):
    publisher: str
    topic: str
    version: int


def topic_of(wire_type: str) -> str:
    """The first two parts of a wire type."""
    return ".".join(wire_type.split(".")[:2])


@cache
def _parts(wire_type: str) -> _Parts:
    """What a wire type says; remembered, because every recorded event asks."""
    publisher = wire_type.split(".", 1)[0]
    return _Parts(publisher, topic_of(wire_type), int(wire_type.rsplit(".v", 1)[1]))


class Event(BaseModel):
    """A fact of the past. Subclasses set `wire_type` and name the field that holds their subject.

    `latest_wins` marks snapshot topics: any newer version replaces the older, holes are no error.
    Data holds ids and changed facts, never an id number, phone, account or illness.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    wire_type: ClassVar[str] = ""
    subject_field: ClassVar[str] = ""
    partition_field: ClassVar[str | None] = None
    region_field: ClassVar[str | None] = None
    latest_wins: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.wire_type:
            return
        if cls.wire_type in _registry:
            raise ValueError(f"two event classes claim {cls.wire_type}")
        for field in (cls.subject_field, cls.partition_field, cls.region_field):
            if field is not None and field not in cls.model_fields:
                raise ValueError(f"{cls.__name__} has no field {field!r}")
        _registry[cls.wire_type] = cls

    @classmethod
    def publisher(cls) -> str:
        """The service that publishes it."""
        return _parts(cls.wire_type).publisher

    @classmethod
    def topic(cls) -> str:
        """`<service>.<subject>`; also the name of the aggregate's kind."""
        return _parts(cls.wire_type).topic

    @classmethod
    def schema_version(cls) -> int:
        """The N of `.v<N>`."""
        return _parts(cls.wire_type).version

    @property
    def subject(self) -> str:
        """The id of the aggregate it happened to."""
        return str(getattr(self, self.subject_field))

    @property
    def partition_key(self) -> str:
        """The Kafka key: events of one key keep their order."""
        return str(getattr(self, self.partition_field or self.subject_field))

    @property
    def region(self) -> str | None:
        """The region code it concerns, for routing and scope."""
        return None if self.region_field is None else str(getattr(self, self.region_field))


EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)


def event_types() -> Mapping[str, type[Event]]:
    """Every event class by its wire type. Import the publishers' modules first."""
    return dict(sorted(_registry.items()))


def find_event_type(wire_type: str) -> type[Event] | None:
    """The class of `wire_type`, None when this version of the code does not know it."""
    return _registry.get(wire_type)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The CloudEvents attributes of one event, and its data as JSON text."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    partition_key: str
    data: bytes
    region: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    simulated: bool = False
    trace: Mapping[str, str] | None = None

    @property
    def topic(self) -> str:
        """The topic, which is also the kind of aggregate."""
        return topic_of(self.type)

    def headers(self) -> list[tuple[str, bytes]]:
        """Kafka headers in CloudEvents binary mode, with Debezium's `id` beside them."""
        attributes: dict[str, str | None] = {
            "id": str(self.id),
            "ce_id": str(self.id),
            "ce_specversion": "1.0",
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_subject": self.subject,
            "ce_time": self.time.isoformat(),
            "ce_sequence": str(self.sequence),
            "ce_partitionkey": self.partition_key,
            "ce_schemaversion": self.type.rsplit(".v", 1)[-1],
            "ce_regioncode": self.region,
            "ce_correlationid": self.correlation_id,
            "ce_causationid": self.causation_id,
            "ce_simulated": "true" if self.simulated else None,
            "content-type": "application/json",
            **(self.trace or {}),
        }
        return [(name, value.encode()) for name, value in attributes.items() if value is not None]

    @classmethod
    def from_record(cls, headers: Sequence[tuple[str, bytes]], value: bytes) -> Self:
        """Read a Kafka record; raises `MalformedEvent` when an attribute is missing or wrong."""
        attributes = {name: raw.decode("utf-8", "replace") for name, raw in headers}
        try:
            time = datetime.fromisoformat(attributes["ce_time"])
            if time.tzinfo is None:
                raise ValueError("ce_time")
            return cls(
                id=UUID(attributes["ce_id"]),
                source=attributes["ce_source"],
                type=attributes["ce_type"],
                subject=attributes["ce_subject"],
                time=time,
                sequence=int(attributes["ce_sequence"]),
                partition_key=attributes["ce_partitionkey"],
                data=value,
                region=attributes.get("ce_regioncode"),
                correlation_id=attributes.get("ce_correlationid"),
                causation_id=attributes.get("ce_causationid"),
                simulated=attributes.get("ce_simulated") == "true",
                trace={
                    name: attributes[name]
                    for name in ("traceparent", "tracestate")
                    if name in attributes
                },
            )
        except KeyError as missing:
            raise MalformedEvent(f"attribute {missing} is missing") from None
        except ValueError:
            # The interpreter's message would quote the value, which may be anything.
            raise MalformedEvent("an attribute has a wrong form") from None

    def to_json(self) -> dict[str, Any]:
        """The envelope as JSON, for the parking table."""
        return {
            "headers": {name: raw.decode() for name, raw in self.headers()},
            "data": self.data.decode("utf-8", "replace"),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The reverse of `to_json`."""
        headers = [(name, value.encode()) for name, value in stored["headers"].items()]
        return cls.from_record(headers, stored["data"].encode())


class MalformedEvent(ValueError):
    """A record that is no CloudEvent of ours; the message names the attribute, never its value."""


@dataclass(frozen=True, slots=True)
class Received(Generic[EventT_co]):
    """An event as a reaction gets it: the typed data and the envelope it came in."""

    event: EventT_co
    envelope: Envelope


def decode(envelope: Envelope) -> Event:
    """The typed event of `envelope`.

    Raises `UnknownEventType` for a type or version this code does not know, and `MalformedEvent`
    (naming the fields, never their values) when the data do not fit the class.
    """
    event_type = find_event_type(envelope.type)
    if event_type is None:
        raise UnknownEventType(envelope.type)
    try:
        return event_type.model_validate_json(envelope.data)
    except ValueError as error:
        raise MalformedEvent(_places(error)) from None


class UnknownEventType(LookupError):
    """An event of a type or version that this code does not know yet."""


def _places(error: ValueError) -> str:
    details: Iterator[Any] = iter(getattr(error, "errors", lambda: ())())
    places = [f"{'.'.join(map(str, d['loc']))}: {d['type']}" for d in details]
    return "; ".join(places)[:500] or type(error).__name__


def data_of(event: Event) -> str:
    """The event's data as compact JSON text."""
    return event.model_dump_json()
