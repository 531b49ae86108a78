"""The events as contracts for other systems: a JSON Schema per event class, and AsyncAPI for all.

`python -m shared.events.contracts` says whether the committed files are those of the code;
`--write` writes them, unless a change would break a reader. Such a change is a new class `…V2`.
"""

import json
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import jsoncompat
from pydantic.json_schema import models_json_schema

import shared.events
from shared.events.base import Event, event_types
from shared.events.copies import COPIER, TOPIC_PREFIX, is_subscribable, topic_of

SCHEMAS = Path(__file__).parent / "schemas"
ASYNCAPI = Path(__file__).parents[2] / "docs" / "asyncapi.json"

_COMPONENTS = "#/components"
_INFO: dict[str, Any] = {
    "title": "Bangfu events",
    "version": "1",
    "description": (
        "CloudEvents 1.0 in binary mode on Kafka. A subject's events keep their order. "
        "Members that a schema does not name must be ignored."
    ),
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
}
# What every record carries (CloudEvents 1.0, binary mode); `id` repeats `ce_id` for readers of
# Debezium's outbox format.
_HEADERS: dict[str, Any] = {
    "type": "object",
    "required": [
        *("id", "content-type", "ce_id", "ce_specversion", "ce_source", "ce_type", "ce_subject"),
        *("ce_time", "ce_sequence", "ce_partitionkey", "ce_schemaversion"),
    ],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "content-type": {"const": "application/json"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_specversion": {"const": "1.0"},
        "ce_source": {"type": "string", "examples": ["/inspection"]},
        "ce_type": {"type": "string"},
        "ce_subject": {"type": "string", "description": "Id of what it happened to."},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_sequence": {
            "type": "string",
            "pattern": "^[1-9][0-9]*$",
            "description": "Counts the events of one subject without holes, from 1.",
        },
        "ce_partitionkey": {"type": "string", "description": "The key of the record."},
        "ce_schemaversion": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "ce_regioncode": {"type": "string", "examples": ["511132201205"]},
        "ce_correlationid": {"type": "string", "description": "Shared by all effects of a cause."},
        "ce_causationid": {"type": "string", "description": "Id of the event reacted to."},
        "ce_simulated": {"const": "true", "description": "It happened in simulated time."},
        "traceparent": {"type": "string"},
        "tracestate": {"type": "string"},
    },
}

# What a copy carries on the topic of an organisation.
_COPY_HEADERS: dict[str, Any] = {
    "type": "object",
    "allOf": [
        {"$ref": f"{_COMPONENTS}/schemas/CloudEventHeaders"},
        {
            "required": ["ce_causationid"],
            "properties": {
                "ce_id": {
                    "description": "The copy's own, always the same for the same event and topic."
                },
                "ce_causationid": {"format": "uuid", "description": "Id of the original."},
                "ce_sequence": {
                    "description": "The original's: rising per subject, with holes where filters"
                    " let nothing through."
                },
            },
        },
    ],
}
_COPIES = TOPIC_PREFIX.rstrip(".")


def published_events() -> Mapping[str, type[Event]]:
    """Every event class of every publisher, by its wire type."""
    for module in pkgutil.iter_modules(shared.events.__path__):
        if module.name != Path(__file__).stem:
            import_module(f"{shared.events.__name__}.{module.name}")
    # Tests register classes of their own; those are nobody's contract.
    package = f"{shared.events.__name__}."
    return {
        name: event for name, event in event_types().items() if event.__module__.startswith(package)
    }


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of the data of `event`. Readers must ignore members it does not name."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **event.model_json_schema(mode="serialization"),
    }


def is_compatible(committed: Mapping[str, Any], changed: Mapping[str, Any]) -> bool:
    """Whether readers of the committed schema can read what the changed one describes, and
    readers of the changed one what was written before and is still kept."""
    old_readers = jsoncompat.check_compat(
        json.dumps(_comparable(committed)), json.dumps(_comparable(changed)), "serializer"
    )
    # Closed, because an optional member that is new would otherwise count as breaking: nothing
    # forbids an older event to have had one of that name, except that its class did not.
    new_readers = jsoncompat.check_compat(
        json.dumps(_comparable(committed, closed=True)),
        json.dumps(_comparable(changed, closed=True)),
        "deserializer",
    )
    return bool(old_readers and new_readers)


def asyncapi_document(events: Mapping[str, type[Event]]) -> dict[str, Any]:
    """The AsyncAPI 3.0 document of `events`: a channel per topic, an operation per publisher, and
    one of each for the topics of all organisations."""
    _references, schemas = models_json_schema(
        [(event, "serialization") for event in events.values()],
        ref_template=f"{_COMPONENTS}/schemas/{{model}}",
    )
    topics: dict[str, list[type[Event]]] = {}
    for event in events.values():
        topics.setdefault(event.topic(), []).append(event)
    copied = [event for wire_type, event in events.items() if is_subscribable(wire_type)]
    return {
        "asyncapi": "3.0.0",
        "info": _INFO,
        "defaultContentType": "application/json",
        "channels": {
            **{topic: _channel(topic, members) for topic, members in topics.items()},
            _COPIES: _channel_of_copies(copied),
        },
        "operations": {
            **{f"publish.{topic}": _operation(topic, members) for topic, members in topics.items()},
            f"publish.{_COPIES}": _operation_of_copies(copied),
        },
        "components": {
            "messages": {
                **{wire_type: _message(event) for wire_type, event in events.items()},
                **{_copy_name(event): _message_of_copy(event) for event in copied},
            },
            "schemas": {
                "CloudEventHeaders": _HEADERS,
                "CopyHeaders": _COPY_HEADERS,
                **schemas["$defs"],
            },
        },
    }


def contract_files() -> dict[Path, str]:
    """What the committed files must hold, by path."""
    events = published_events()
    files = {SCHEMAS / f"{name}.json": schema_of(event) for name, event in events.items()}
    files[ASYNCAPI] = asyncapi_document(events)
    return {
        path: json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        for path, content in files.items()
    }


def refused_changes(files: Mapping[Path, str]) -> list[str]:
    """The committed schemas that `files` would break or drop, each with what to do instead."""
    refused = []
    for path in sorted(SCHEMAS.glob("*.json")):
        if path not in files:
            refused.append(f"{path.stem} has no class: readers may still need it")
        elif not is_compatible(json.loads(path.read_text()), json.loads(files[path])):
            refused.append(f"{path.stem} would break its readers: add a new version beside it")
    return refused


def stale_files(files: Mapping[Path, str]) -> list[Path]:
    """The files whose committed content, if any, is not that of `files`."""
    return [path for path, text in files.items() if not path.exists() or path.read_text() != text]


def _channel(topic: str, members: Sequence[type[Event]]) -> dict[str, Any]:
    first = members[0]
    key = first.partition_field or first.subject_field
    policy = "compact" if first.latest_wins else "delete"
    return {
        "address": topic,
        "description": f"Published by {first.publisher()}. Key: {key}.",
        "messages": {
            event.wire_type: {"$ref": f"{_COMPONENTS}/messages/{event.wire_type}"}
            for event in members
        },
        "bindings": {
            "kafka": {
                "topic": topic,
                "topicConfiguration": {"cleanup.policy": [policy]},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _channel_of_copies(copied: Sequence[type[Event]]) -> dict[str, Any]:
    example = "HOUS@511132"
    return {
        "address": f"{TOPIC_PREFIX}{{organisation}}",
        "description": (
            f"Copies of events, published by {COPIER} to an organisation that has a subscription of"
            " channel KAFKA, as its filters say. Key: the original's. Everything keeps its order:"
            " there is one partition."
        ),
        "parameters": {
            "organisation": {
                "description": "Unit and region in lower case, a hyphen between them.",
                "examples": [topic_of(example).removeprefix(TOPIC_PREFIX)],
            }
        },
        "messages": {
            event.wire_type: {"$ref": f"{_COMPONENTS}/messages/{_copy_name(event)}"}
            for event in copied
        },
        "bindings": {
            "kafka": {
                "partitions": 1,
                "topicConfiguration": {"cleanup.policy": ["delete"]},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(topic: str, members: Sequence[type[Event]]) -> dict[str, Any]:
    publisher = members[0].publisher()
    return _sending(topic, members, publisher, f"{publisher} publishes {topic}")


def _operation_of_copies(copied: Sequence[type[Event]]) -> dict[str, Any]:
    return _sending(_COPIES, copied, COPIER, f"{COPIER} copies events to an organisation")


def _sending(
    channel: str, members: Sequence[type[Event]], sender: str, title: str
) -> dict[str, Any]:
    return {
        "action": "send",
        "title": title,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [
            {"$ref": f"#/channels/{channel}/messages/{event.wire_type}"} for event in members
        ],
        "tags": [{"name": sender}],
    }


def _copy_name(event: type[Event]) -> str:
    return f"{event.wire_type}.copy"


def _message_of_copy(event: type[Event]) -> dict[str, Any]:
    return {
        **_message(event),
        "title": f"Copy of {event.__name__}",
        "headers": _headers("CopyHeaders", event, COPIER),
    }


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.wire_type,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": _headers("CloudEventHeaders", event, event.publisher()),
        "payload": {"$ref": f"{_COMPONENTS}/schemas/{event.__name__}"},
        "bindings": {
            "kafka": {
                "key": {
                    "type": "string",
                    "description": event.partition_field or event.subject_field,
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _headers(schema: str, event: type[Event], sender: str) -> dict[str, Any]:
    return {
        "type": "object",  # AsyncAPI looks for it here, not behind the references
        "allOf": [
            {"$ref": f"{_COMPONENTS}/schemas/{schema}"},
            {
                "properties": {
                    "ce_type": {"const": event.wire_type},
                    "ce_source": {"const": f"/{sender}"},
                }
            },
        ],
    }


def _comparable(schema: Any, *, closed: bool = False) -> Any:
    """`schema` for the comparison, which ignores formats: each becomes a value of its own. Closed,
    every object refuses members it does not name."""
    if isinstance(schema, list):
        return [_comparable(part, closed=closed) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    if isinstance(schema.get("format"), str):
        return {"const": f"<{schema['format']}>"}
    compared = {name: _comparable(part, closed=closed) for name, part in schema.items()}
    if closed and "properties" in schema:
        compared["additionalProperties"] = False
    return compared


def main(arguments: Sequence[str]) -> int:
    """Write or check the files; the exit code."""
    files = contract_files()
    refused = refused_changes(files)
    stale = stale_files(files)
    if refused or "--write" not in arguments:
        problems = refused + [f"{path.name} is not what the code says" for path in stale]
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return bool(problems)
    SCHEMAS.mkdir(exist_ok=True)
    for path in stale:
        path.write_text(files[path])
    sys.stdout.write(f"{len(stale)} of {len(files)} contract files written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
