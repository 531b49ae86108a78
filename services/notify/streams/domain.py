"""The frames of a stream as the WHATWG standard has them, and where a stream begins. Pure."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shared.errors import Conflict, Invalid

RETRY_MILLISECONDS = 2000
HEARTBEAT = b":\n\n"
_POSITION_DIGITS = 18


class Ending(StrEnum):
    """Why a stream ends. After EXPIRED and STOPPING the client is meant to come back, after
    TOKEN_EXPIRED with a new token."""

    DELETED = "DELETED"
    SUSPENDED = "SUSPENDED"
    EXPIRED = "EXPIRED"  # open for as long as a stream may be
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - a reason; the token it was opened with
    STOPPING = "STOPPING"  # the process ends


class LastEventIdInvalid(Invalid):
    """The last event id is not a position."""

    code = "LAST_EVENT_ID_INVALID"
    zh = "Last-Event-ID 须为本订阅事件流给出的编号。"
    en = "Last-Event-ID must be an id this subscription's stream has given."


class PositionAhead(Conflict):
    """The last event id lies beyond what was recorded.

    Members: `last_position`, the newest position there is.
    """

    code = "POSITION_AHEAD"
    zh = "Last-Event-ID 超出已记录的最后编号 {last_position}。"
    en = "Last-Event-ID lies beyond the last position recorded, {last_position}."


class NotAStream(Conflict):
    """The subscription has another channel."""

    code = "CHANNEL_NOT_SSE"
    zh = "该订阅的渠道不是 SSE。"
    en = "The channel of this subscription is not SSE."


class StreamSuspended(Conflict):
    """The subscription is suspended."""

    code = "SUBSCRIPTION_SUSPENDED"
    zh = "该订阅已被停用。"
    en = "The subscription is suspended."


def position_of(last_event_id: str) -> int:
    """The position a client has seen last; raises `LastEventIdInvalid`."""
    plain = last_event_id.isascii() and last_event_id.isdecimal()
    if not plain or len(last_event_id) > _POSITION_DIGITS:
        raise LastEventIdInvalid.about("Last-Event-ID")
    return int(last_event_id)


def opening(position: int) -> bytes:
    """What a stream begins with: when to come back, and where it stands. An id without data is no
    event, but whoever is cut off before the first event resumes from it."""
    return f"retry: {RETRY_MILLISECONDS}\nid: {position}\n\n".encode()


def event_frame(position: int, event_type: str, data: Mapping[str, Any]) -> bytes:
    """An event recorded at `position`."""
    return f"id: {position}\nevent: {event_type}\ndata: {_json(data)}\n\n".encode()


def gap_frame(after: int, oldest: int) -> bytes:
    """The events after `after` up to the `oldest` available are no longer kept."""
    return event_frame(oldest - 1, "gap", {"after": after, "oldest": oldest})


def end_frame(reason: Ending) -> bytes:
    """The last event of a stream; it has no id, so that the client resumes where it was."""
    return f"event: end\ndata: {_json({'reason': reason})}\n\n".encode()


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
