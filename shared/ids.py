"""The only factory of identifiers: time-ordered UUID version 7 (RFC 9562)."""

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """A new UUIDv7: milliseconds in the high bits keep indexes compact; the rest is random."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10))
    value = (milliseconds << 80) | random_bits
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)
