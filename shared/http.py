"""HTTP to others: clients without surprises, and one that reaches no address it must not.

The client of `guarded_client` checks every URL, and resolves a name once for each connection: all
its addresses are checked and the connection goes to a checked one itself, so that a name which
answers differently the next time gains nothing.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from time import monotonic
from typing import Any

import httpcore
import httpx

from shared.egress import Address, Egress, Resolve, check_target, look_up, resolve_checked

# A kept connection was checked when it was opened: older ones are not used again.
CONNECTION_SECONDS = 60.0
# Whatever an answer is made of: headers, interim answers without end, a body nobody reads.
ANSWER_LIMIT_BYTES = 256 * 1024
_IDLE_SECONDS = 20.0
_IDLE_CONNECTIONS = 100
_CONNECTING_SECONDS = 5.0
_ADDRESSES_TRIED = 4


class _Names:
    """Looks up a name once at a time, for however many connections wait for its addresses: one that
    is never answered takes one thread, not one for each attempt."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._asked: dict[tuple[str, int], asyncio.Task[Sequence[str]]] = {}

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """A `Resolve`."""
        place = host, port
        if place not in self._asked:
            task = asyncio.create_task(self._ask(host, port))
            self._asked[place] = task
            task.add_done_callback(lambda _done: self._asked.pop(place))
        # Who loses patience does not take the answer from the others.
        return await asyncio.shield(self._asked[place])

    async def _ask(self, host: str, port: int) -> Sequence[str]:
        return await self._resolve(host, port)

    def forget(self) -> None:
        """Wait for no answer any more."""
        for task in self._asked.values():
            task.cancel()


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only; name and certificate stay the URL's."""

    def __init__(self, egress: Egress, resolve: Resolve) -> None:
        self._egress = egress
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await resolve_checked(host, port, self._egress, resolve=self._resolve)
        except OSError as error:
            raise httpcore.ConnectError("the name has no address") from error
        addresses = found[:_ADDRESSES_TRIED]
        patience = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._connect(address, port, patience)
        return await self._connect(addresses[-1], port, patience)

    async def _connect(
        self, address: Address, port: int, patience: float | None
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._network.connect_tcp(str(address), port, timeout=patience)
        return _BoundedStream(stream)


class _BoundedStream(httpcore.AsyncNetworkStream):
    """A connection on which no answer goes on for ever."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = ANSWER_LIMIT_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._left <= 0:
            raise httpcore.ReadError("the answer is too long")
        received = await self._stream.read(max_bytes, timeout)
        self._left -= len(received)
        return received

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._left = ANSWER_LIMIT_BYTES
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Connection(httpcore.AsyncHTTPConnection):
    """A connection that expires by its age, not only by standing idle."""

    def __init__(
        self, origin: httpcore.Origin, certificates: ssl.SSLContext, backend: _CheckedBackend
    ) -> None:
        super().__init__(
            origin,
            ssl_context=certificates,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=backend,
        )
        self.end = monotonic() + CONNECTION_SECONDS

    def has_expired(self) -> bool:
        return monotonic() > self.end or super().has_expired()


class _GuardedTransport(httpx.AsyncBaseTransport):
    """Checks every URL, and keeps connections for the next request to the same origin.

    httpcore's own pool lets waiting requests overtake each other without end: under load one of
    them can wait for many seconds while others are served.
    """

    def __init__(
        self,
        egress: Egress,
        connections: int,
        certificates: ssl.SSLContext,
        resolve: Resolve | None,
    ) -> None:
        self._egress = egress
        self._certificates = certificates
        self._names = _Names(resolve or look_up)
        self._backend = _CheckedBackend(egress, self._names.addresses)
        self._free = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []  # longest idle first
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        check_target(str(request.url), self._egress)
        asked = _as_httpcore(request)
        await self._free.acquire()
        connection, spent = self._pick(asked.url.origin)
        try:
            for old in spent:
                await old.aclose()
            answer = await connection.handle_async_request(asked)
        except BaseException as failure:
            await self._give_back(connection)
            _raise_as_httpx(failure)
            raise
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer, partial(self._give_back, connection)),
            extensions=answer.extensions,
        )

    def _pick(self, origin: httpcore.Origin) -> tuple[_Connection, Sequence[_Connection]]:
        """A connection to `origin`, the one used last or a new one; and some to be closed."""
        idle, spent = self._idle, []
        while idle and (len(idle) > _IDLE_CONNECTIONS or idle[0].has_expired()):
            spent.append(idle.pop(0))
        for place in reversed(range(len(idle))):
            if idle[place].can_handle_request(origin):
                connection = idle.pop(place)
                if not connection.has_expired():
                    return connection, spent
                spent.append(connection)
        return _Connection(origin, self._certificates, self._backend), spent

    async def _give_back(self, connection: _Connection) -> None:
        self._free.release()
        if connection.is_available() and not self._is_closed:
            self._idle.append(connection)
        else:
            await connection.aclose()

    async def aclose(self) -> None:
        self._is_closed = True
        while self._idle:
            await self._idle.pop().aclose()
        self._names.forget()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response, give_back: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self._give_back = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.aiter_stream():
                yield part
        except Exception as failure:
            _raise_as_httpx(failure)
            raise

    async def aclose(self) -> None:
        try:
            await self._answer.aclose()
        finally:
            await self._give_back()


_FAILURES: Mapping[type[BaseException], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


def _raise_as_httpx(failure: BaseException) -> None:
    meant = _FAILURES.get(type(failure))
    if meant is not None:
        raise meant(str(failure)) from failure


def _as_httpcore(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def guarded_client(
    egress: Egress,
    *,
    connections: int = 100,
    seconds: float = 60.0,
    ca_file: Path | None = None,
    resolve: Resolve | None = None,
) -> httpx.AsyncClient:
    """A client for targets that people enter: raises `TargetRefused` where `egress` forbids.

    HTTP/1.1, no redirects, no proxies or settings from the environment, no cookies, no compressed
    bodies; up to `connections` at once, kept for 20 idle seconds and 60 in all; answers up to
    256 KiB. `seconds` bounds each step; `exchange` bounds the whole, the wait for a connection too.
    `ca_file` names authorities (PEM) trusted beside the public ones, `resolve` takes the place of
    the system's resolver. Close it with `aclose`.
    """
    transport = _GuardedTransport(
        egress,
        connections,
        _authorities(ca_file),
        resolve,
    )
    return _mannered(transport, seconds)


def plain_client(
    *,
    connections: int = 20,
    seconds: float = 60.0,
    ca_file: Path | None = None,
) -> httpx.AsyncClient:
    """A client for base URLs the operator configures: as `guarded_client`, to any address."""
    transport = httpx.AsyncHTTPTransport(
        verify=_authorities(ca_file),
        trust_env=False,
        limits=httpx.Limits(max_connections=connections, keepalive_expiry=_IDLE_SECONDS),
    )
    return _mannered(transport, seconds)


def _authorities(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _mannered(transport: httpx.AsyncBaseTransport, seconds: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECTING_SECONDS)),
        # Read as they come: what a body would inflate to is nobody's concern here.
        headers={"Accept-Encoding": "identity", "User-Agent": "bangfu"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, and the beginning of the body as it was sent."""

    status: int
    headers: httpx.Headers
    excerpt: bytes


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request, *, seconds: float = 15.0, limit: int = 2048
) -> Answer:
    """Send `request` and read at most `limit` bytes of the answer, in `seconds` altogether.

    Raises `httpx.HTTPError` (a time-out too) where no status came, `TargetRefused` where the client
    must not go. Once the status is there the rest of the body is taken as far as it comes.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(deadline):
            response = await client.send(request, stream=True)
    except TimeoutError:
        raise httpx.ReadTimeout("no answer in time", request=request) from None
    excerpt = await read_excerpt(response, limit, deadline)
    return Answer(response.status_code, response.headers, excerpt)


async def read_excerpt(response: httpx.Response, limit: int, deadline: float) -> bytes:
    """Up to `limit` bytes of a streamed body, not decoded, until `deadline` of the loop's clock.

    A body read to its end leaves the connection in use; any other closes it.
    """
    excerpt = bytearray()
    try:
        with suppress(httpx.HTTPError, TimeoutError):
            async with asyncio.timeout_at(deadline):
                async for part in response.aiter_raw():
                    excerpt += part
                    if len(excerpt) > limit:
                        break
    finally:
        await response.aclose()
    return bytes(excerpt[:limit])
