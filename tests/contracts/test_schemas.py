"""The committed contracts are those of the code, and no change to them breaks a reader."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import meta
from pydantic_asyncapi.v3 import AsyncAPI

from services.notify.feeds.api import subscribable_events
from shared.events import contracts
from shared.events.contracts import (
    ASYNCAPI,
    SCHEMAS,
    contract_files,
    is_compatible,
    main,
    published_events,
    refused_changes,
    schema_of,
    stale_files,
)
from shared.events.copies import topic_of
from shared.events.funds import AllocationReceived
from shared.events.inspection import ProblemLogged
from shared.messaging.topics import topic_of_copies

Change = Callable[[dict[str, Any]], object]


def test_the_committed_contracts_are_those_of_the_code() -> None:
    files = contract_files()
    assert [path.name for path in stale_files(files)] == [], "run `make contracts`"
    assert refused_changes(files) == []


@pytest.mark.parametrize("wire_type", published_events())
def test_a_schema_is_valid_and_names_what_is_required(wire_type: str) -> None:
    schema = json.loads((SCHEMAS / f"{wire_type}.json").read_text())
    meta.validate(schema)
    event = published_events()[wire_type]
    assert event.subject_field in schema["required"]
    assert schema["title"] == event.__name__
    assert schema["description"]


def _defined(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"]["ProblemObject"]
    return found


BREAKING: dict[str, Change] = {
    "a member is taken away": lambda schema: (
        schema["properties"].pop("year"),
        schema["required"].remove("year"),
    ),
    "a member is no longer sure to be there": lambda schema: schema["required"].remove("year"),
    "a new member is required, which older events lack": lambda schema: (
        schema["properties"].update(unit={"type": "string"}),
        schema["required"].append("unit"),
    ),
    "a text becomes a number": lambda schema: schema["properties"].update(
        amount={"type": "number"}
    ),
    "a member may now be null": lambda schema: schema["properties"].update(
        amount={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "a member may no longer be null, as older events are": lambda schema: schema[
        "properties"
    ].update(task={"type": "string"}),
    "a date becomes an instant": lambda schema: schema["properties"]["received_on"].update(
        format="date-time"
    ),
    "a member is renamed": lambda schema: (
        schema["properties"].update(value=schema["properties"].pop("amount")),
        schema["required"].remove("amount"),
        schema["required"].append("value"),
    ),
}
HARMLESS: dict[str, Change] = {
    "a new member has a default": lambda schema: schema["properties"].update(
        unit={"type": "string", "default": ""}
    ),
    "a description is put better": lambda schema: schema.update(description="Money came in."),
}


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_a_change_that_breaks_a_reader_is_incompatible(change: Change) -> None:
    schema = schema_of(AllocationReceived)
    changed = deepcopy(schema)
    change(changed)
    assert not is_compatible(schema, changed)


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_a_change_that_breaks_nobody_is_compatible(change: Change) -> None:
    schema = schema_of(AllocationReceived)
    changed = deepcopy(schema)
    change(changed)
    assert is_compatible(schema, changed)


def test_a_change_inside_a_nested_object_is_seen() -> None:
    schema = schema_of(ProblemLogged)
    changed = deepcopy(schema)
    _defined(changed)["properties"]["ref"] = {"type": "integer"}
    assert not is_compatible(schema, changed)


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The contract files in a folder of their own."""
    monkeypatch.setattr(contracts, "SCHEMAS", tmp_path / "schemas")
    monkeypatch.setattr(contracts, "ASYNCAPI", tmp_path / "asyncapi.json")
    assert main(["--write"]) == 0
    return tmp_path / "schemas"


def test_writing_again_changes_nothing(committed: Path) -> None:
    before = {path: path.read_text() for path in committed.iterdir()}
    assert main([]) == main(["--write"]) == 0
    assert {path: path.read_text() for path in committed.iterdir()} == before


def test_a_breaking_change_is_not_written(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The committed file says what readers rely on; the code no longer gives it."""
    path = committed / f"{AllocationReceived.wire_type}.json"
    promised = json.loads(path.read_text())
    promised["properties"]["officer"] = {"type": "string"}
    promised["required"].append("officer")
    path.write_text(json.dumps(promised))

    assert main(["--write"]) == 1
    assert AllocationReceived.wire_type in capsys.readouterr().err
    assert json.loads(path.read_text()) == promised


def test_an_event_is_not_dropped_while_its_schema_is_promised(committed: Path) -> None:
    gone = committed / "funds.allocation.lost.v1.json"
    gone.write_text("{}")
    assert main(["--write"]) == 1
    gone.unlink()
    assert main([]) == 0


def test_a_missing_file_is_noticed_and_written(committed: Path) -> None:
    path = committed / f"{AllocationReceived.wire_type}.json"
    path.unlink()
    assert main([]) == 1
    assert main(["--write"]) == 0
    assert path.exists()


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for inner in part:
            yield from _references(inner)
    elif isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)


def test_the_asyncapi_document_is_valid_and_every_reference_leads_somewhere() -> None:
    document = json.loads(ASYNCAPI.read_text())
    for reference in _references(document):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    for message in document["components"]["messages"].values():
        assert message["headers"]["type"] == "object"  # which the specification says it MUST be
        del message["bindings"]  # the model below knows none of Kafka's, the specification does
    assert AsyncAPI.model_validate(document).asyncapi == "3.0.0"


def test_the_asyncapi_document_has_every_topic_key_and_publisher() -> None:
    document = json.loads(ASYNCAPI.read_text())
    for wire_type, event in published_events().items():
        channel = document["channels"][event.topic()]
        assert wire_type in channel["messages"]
        policy = channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"]
        assert policy == ["compact" if event.latest_wins else "delete"]
        message = document["components"]["messages"][wire_type]
        key = message["bindings"]["kafka"]["key"]["description"]
        assert key == (event.partition_field or event.subject_field)
        [publisher] = document["operations"][f"publish.{event.topic()}"]["tags"]
        assert publisher["name"] == event.publisher()
    topics = {event.topic() for event in published_events().values()}
    assert set(document["operations"]) == {f"publish.{name}" for name in (*topics, "notify.queue")}


def test_the_asyncapi_document_has_the_topics_of_organisations_with_what_can_be_copied() -> None:
    document = json.loads(ASYNCAPI.read_text())
    channel = document["channels"]["notify.queue"]
    ((name, parameter),) = channel["parameters"].items()
    (organisation,) = parameter["examples"]
    topic = topic_of_copies(topic_of("HOUS@511132"))
    assert channel["address"].replace(f"{{{name}}}", organisation) == topic.name
    bound = channel["bindings"]["kafka"]
    assert bound["partitions"] == topic.partitions
    policy = "compact" if topic.compacted else "delete"
    assert bound["topicConfiguration"]["cleanup.policy"] == [policy]
    assert set(channel["messages"]) == subscribable_events()
    messages = document["components"]["messages"]
    for wire_type, reference in channel["messages"].items():
        copy, original = messages[reference["$ref"].rpartition("/")[2]], messages[wire_type]
        for member in ("name", "payload", "bindings"):
            assert copy[member] == original[member]
    operation = document["operations"]["publish.notify.queue"]
    assert (operation["action"], operation["tags"]) == ("send", [{"name": "notify"}])
    assert len(operation["messages"]) == len(channel["messages"])
