"""What we put on Kafka is a CloudEvent to everybody, and where it goes follows from its type."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from shared import clock
from shared.events.base import Envelope, Event, decode
from shared.events.contracts import asyncapi_document, published_events, schema_of
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.records import headers_of
from shared.telemetry import caused_by

EVENTS = published_events()
WIRE_TYPE = re.compile(r"(households|funds|inspection|notify)\.[a-z]+\.[a-z]+(_[a-z]+)*\.v[1-9]\d*")
# Words of data that no event may hold (E); an id of ours may, as in `household_id`.
PERSONAL = re.compile(r"(^|_)(id_no|id_number|phone|mobile|account_no|bank|card|illness|disease)")


def examples(event_class: type[Event]) -> st.SearchStrategy[Event]:
    """Events of a class, with subjects that are not empty and instants that have a zone."""
    kinds: dict[str, st.SearchStrategy[object]] = {}
    for name, field in event_class.model_fields.items():
        if field.annotation is datetime:
            kinds[name] = st.datetimes(timezones=st.just(UTC))
        elif field.annotation is str:
            kinds[name] = st.text(min_size=1)
    return st.builds(event_class, **kinds)


each_event = pytest.mark.parametrize("event_class", EVENTS.values(), ids=EVENTS)


def as_row(prepared: outbox.OutboxRow) -> dict[str, Any]:
    """The row as the relay reads it."""
    return {column: getattr(prepared, column) for column in outbox.OUTBOX_COLUMNS}


@each_event
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), sequence=st.integers(1, 10**9))
def test_a_record_is_a_cloud_event_to_the_cloudevents_library(
    event_class: type[Event], data: st.DataObject, sequence: int
) -> None:
    event = data.draw(examples(event_class))
    with caused_by("correlation-1"):
        prepared = outbox.prepare(event, sequence)
    headers = headers_of(as_row(prepared))
    assert len(dict(headers)) == len(headers)
    message = KafkaMessage(dict(headers), prepared.msg_key, prepared.payload.encode())

    read = from_binary_event(message)
    assert read.get_specversion() == "1.0"
    assert read.get_id() == str(prepared.event_id)
    assert read.get_type() == event.wire_type
    assert read.get_source() == f"/{event.publisher()}"
    assert read.get_subject() == event.subject
    assert read.get_datacontenttype() == "application/json"
    assert isinstance(read.get_time(), datetime)
    assert read.get_extension("partitionkey") == event.partition_key == prepared.msg_key
    assert read.get_extension("sequence") == str(sequence)
    assert read.get_extension("correlationid") == "correlation-1"
    assert read.get_data() == event.model_dump(mode="json")

    envelope = Envelope.from_record(headers, message.value)
    assert decode(envelope) == event
    assert dict(envelope.headers()) == dict(headers)


@each_event
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_data_of_an_event_fit_its_schema(event_class: type[Event], data: st.DataObject) -> None:
    event = data.draw(examples(event_class))
    schema = Draft202012Validator(schema_of(event_class), validate_formats=True)
    schema.validate(event.model_dump(mode="json"))


@each_event
def test_the_headers_of_a_record_are_those_the_contract_names(event_class: type[Event]) -> None:
    named = asyncapi_document(EVENTS)["components"]["schemas"]["CloudEventHeaders"]
    envelope = Envelope(
        id=new_id(),
        source=f"/{event_class.publisher()}",
        type=event_class.wire_type,
        subject="1",
        time=clock.now(),
        sequence=1,
        partition_key="1",
        data=b"{}",
        region="511132",
        correlation_id="1",
        causation_id="1",
        simulated=True,
        trace={"traceparent": "00-1-1-01", "tracestate": "a=b"},
    )
    full = {name: value.decode() for name, value in envelope.headers()}
    assert set(full) == set(named["properties"])
    Draft202012Validator(named).validate(full)


@each_event
def test_topic_and_key_follow_from_the_type(event_class: type[Event]) -> None:
    assert WIRE_TYPE.fullmatch(event_class.wire_type)
    assert event_class.wire_type.startswith(f"{event_class.topic()}.")
    assert event_class.topic().count(".") == 1
    assert "_" not in event_class.topic()  # dots and underscores clash in metrics
    sisters = [one for one in EVENTS.values() if one.topic() == event_class.topic()]
    assert len({one.partition_field or one.subject_field for one in sisters}) == 1
    assert len({one.region_field for one in sisters}) == 1
    assert len({one.latest_wins for one in sisters}) == 1


@each_event
def test_an_event_stands_in_its_publisher_s_file(event_class: type[Event]) -> None:
    assert event_class.__module__ == f"shared.events.{event_class.publisher()}"
    assert event_class.model_config.get("frozen") is True


@each_event
def test_an_event_names_no_personal_data(event_class: type[Event]) -> None:
    schema = schema_of(event_class)
    parts = [schema, *schema.get("$defs", {}).values()]
    names = [name for part in parts for name in part.get("properties", {})]
    assert [name for name in names if PERSONAL.search(name)] == []


def test_the_search_for_personal_data_finds_it() -> None:
    found = ["id_no", "members_id_no", "phone", "bank_account", "illness"]
    assert all(PERSONAL.search(name) for name in found)
    assert not any(PERSONAL.search(name) for name in ("household_id", "event_id", "scorecard"))
