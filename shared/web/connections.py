"""The connection behind a request, for an answer that must not wait for its reader for ever."""

from collections.abc import Callable
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "bangfu.connection"


class Connection(HttpToolsProtocol):
    """A connection of the server; what it serves can cut it off (`cutter_of`)."""

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of a request."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"cut_off": self.transport.abort}}


def _nothing() -> None:
    """Another server than `shared.serve` runs the application, and lets nobody cut it off."""


def cutter_of(scope: Scope) -> Callable[[], None]:
    """What cuts off the connection of a request, with all that was written and not yet taken; on
    one that is closed, or of another server, it does nothing.

    Ending the answer is not enough: a connection closes once the last byte was taken, and a client
    that never reads takes none.
    """
    extensions: dict[str, Any] = scope.get("extensions", {})
    cut_off: Callable[[], None] = extensions.get(_EXTENSION, {}).get("cut_off", _nothing)
    return cut_off
