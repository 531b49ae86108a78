"""Kafka records from outbox rows: CloudEvents headers, and the partition Kafka would choose."""

import json
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

# Headers that are Kafka headers by themselves; every other one is a CloudEvents attribute.
_TRACE = {"traceparent", "tracestate"}


def headers_of(row: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """The headers `Envelope.headers` defines, from an outbox row, without parsing its values."""
    event_id = str(row["event_id"]).encode()
    return [
        ("id", event_id),
        ("ce_id", event_id),
        *_headers_of_type(row["event_type"], row["schema_version"]),
        ("ce_subject", row["aggregate_id"].encode()),
        ("ce_sequence", b"%d" % row["aggregate_seq"]),
        ("ce_partitionkey", row["msg_key"].encode()),
        *[
            (name if name in _TRACE else f"ce_{name}", value.encode())
            for name, value in json.loads(row["headers"]).items()
        ],
    ]


@cache
def _headers_of_type(event_type: str, schema_version: int) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", event_type.encode()),
        ("ce_schemaversion", b"%d" % schema_version),
        ("content-type", b"application/json"),
    )


def partition_of(key: bytes, partitions: int) -> int:
    """The partition Kafka's default partitioner chooses: murmur2 of the key, made positive."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2 with Kafka's seed, 32 bits; by whole words, because every record is hashed."""
    length = len(data)
    words = length // 4
    state = 0x9747B28C ^ length
    for word in struct.unpack_from(f"<{words}I", data):
        mixed = word * 0x5BD1E995 & 0xFFFFFFFF
        mixed = (mixed ^ mixed >> 24) * 0x5BD1E995 & 0xFFFFFFFF
        state = (state * 0x5BD1E995 ^ mixed) & 0xFFFFFFFF
    if length % 4:
        rest = int.from_bytes(data[words * 4 :], "little")
        state = (state ^ rest) * 0x5BD1E995 & 0xFFFFFFFF
    state = (state ^ state >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return state ^ state >> 15
