"""What endpoints ask for in their signatures: the session, the caller within declared roles."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Request

from shared.database import ReadSession, Session
from shared.errors import Forbidden
from shared.runtime import Runtime
from shared.security import Actor, Role
from shared.web.parameters import refuse_unknown_parameters


def runtime_of(request: Request) -> Runtime:
    """The running service behind a request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


async def _runtime(request: Request) -> Runtime:
    # A coroutine, because FastAPI sends plain functions to a thread.
    return runtime_of(request)


async def _session(request: Request) -> AsyncIterator[Session]:
    async with runtime_of(request).database.transaction() as session:
        yield session


async def _read_session(request: Request) -> AsyncIterator[ReadSession]:
    async with runtime_of(request).database.reading() as session:
        yield session


# scope="function": the transaction commits before the answer leaves, so a failed commit is no 2xx.
WriteSession = Annotated[Session, Depends(_session, scope="function")]
QuerySession = Annotated[ReadSession, Depends(_read_session, scope="function")]


class Allow:
    """The declared scope of a route: the roles that may call it. Every route has exactly one.

    Region and department are applied below, in every query; this is only the door.
    """

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    def declaration(self) -> dict[str, Any]:
        """What OpenAPI says of a route of this scope."""
        return {"x-roles": sorted(self.roles), "security": [{"bearer": []}]}

    async def __call__(self, request: Request) -> Actor:
        """The caller; raises `Unauthenticated`, `Forbidden`, or `Invalid` for a query parameter the
        route does not know."""
        actor = await runtime_of(request).tokens.actor(request.headers.get("authorization"))
        if self.roles and self.roles.isdisjoint(actor.roles):
            raise Forbidden
        if request.scope["query_string"]:
            refuse_unknown_parameters(request)
        return actor


class LinkScope:
    """Base of a dependency that is a route's declared scope in place of roles: it checks a signed,
    time-limited link, and whoever holds the link may call the route, without a token."""

    def declaration(self) -> dict[str, Any]:
        """What OpenAPI says of a route of this scope."""
        return {"x-roles": [], "security": []}


def allows(*roles: Role) -> Any:
    """`Depends` on a caller who holds one of `roles`; without roles, any authenticated caller."""
    return Depends(Allow(*roles))


AnyActor = Annotated[Actor, allows()]
RunningService = Annotated[Runtime, Depends(_runtime)]
