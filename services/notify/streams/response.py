"""A stream as a response: frames as they come, heartbeats between them, a farewell at the end."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import asyncpg
import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.notify.feeds.domain import State
from services.notify.streams.domain import HEARTBEAT, Ending, end_frame, opening
from services.notify.streams.tails import RECONNECT_SECONDS, Client, Tails
from shared.database import Database
from shared.messaging.running import pause
from shared.web.connections import cutter_of

_log = structlog.get_logger(__name__)

# What reading may meet while the database is away.
_DATABASE_AWAY = (
    *(OSError, asyncpg.PostgresError),
    *(asyncpg.InterfaceError, asyncpg.InternalClientError),
)
# What a client that reads slowly has to take the rest in, once its stream has ended.
GRACE_SECONDS = 5.0
_ENDINGS = {State.DELETED: Ending.DELETED, State.SUSPENDED: Ending.SUSPENDED}


class EventStream(StreamingResponse):
    """What a client is sent as text/event-stream, for at most `lasting_seconds`, which end with
    `ending`; a heartbeat goes out whenever nothing else has for `heartbeat_seconds`.

    An idle client is two suspended tasks, without a connection to the database. None is cancelled
    when it goes: the server lets go of what waits to be sent, and the stream sees that it is alone.
    A client that has not taken everything soon after the end is cut off, and so has gone as well.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        database: Database,
        tails: Tails,
        client: Client,
        *,
        lasting_seconds: float,
        ending: Ending,
        heartbeat_seconds: float,
    ) -> None:
        self._database, self._tails, self._client = database, tails, client
        self._ends_at, self._ends_with = monotonic() + lasting_seconds, ending
        self._heartbeat_seconds = heartbeat_seconds
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Connection": "close"}
        super().__init__(self._chunks(), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the client until it goes or the stream ends."""
        cut_off, call_later = cutter_of(scope), asyncio.get_running_loop().call_later
        # Sending waits for as long as the client reads nothing.
        late = call_later(self._ends_at - monotonic() + GRACE_SECONDS, cut_off)
        with self._tails.joined(self._client):
            watching = asyncio.create_task(self._see_off(receive))
            try:
                await self.stream_response(send)
            finally:
                watching.cancel()
                late.cancel()
                if not self._client.gone:  # the end may have been written, and not taken
                    call_later(GRACE_SECONDS, cut_off)

    async def _see_off(self, receive: Receive) -> None:
        await self.listen_for_disconnect(receive)
        self._client.leave()

    async def _chunks(self) -> AsyncIterator[bytes]:
        client = self._client
        yield opening(client.position)
        while not client.gone:
            client.woken.clear()
            ending = self._ending()
            if ending is not None:
                yield end_frame(ending)
                return
            chunk = await self._take() or await self._heartbeat()
            if chunk:
                yield chunk

    def _ending(self) -> Ending | None:
        if self._tails.stopping:
            return Ending.STOPPING
        if monotonic() >= self._ends_at:
            return self._ends_with
        return _ENDINGS.get(self._client.tail.subscription_state)

    async def _take(self) -> bytes:
        try:
            return await self._client.take(self._database)
        except _DATABASE_AWAY as error:
            _log.warning("stream_not_read", error=type(error).__name__)
            await pause(self._client.woken, RECONNECT_SECONDS)
            return b""

    async def _heartbeat(self) -> bytes:
        """A comment once nothing has come for long enough; empty when something has."""
        left = self._ends_at - monotonic()
        await pause(self._client.woken, min(self._heartbeat_seconds, left))
        return b"" if self._client.woken.is_set() else HEARTBEAT
