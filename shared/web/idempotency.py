"""`Idempotency-Key` on creating POSTs (X-03), after the IETF httpapi draft.

Same key and body: the stored answer. Same key, other body: 422 `IDEMPOTENCY_CONFLICT`. Still
running: 409 `IDEMPOTENCY_IN_PROGRESS`. The key's row is written in the business transaction, so a
refused request leaves no key behind and may be repeated.
"""

import hashlib
import json
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared import clock
from shared.database import Session
from shared.errors import Conflict, DomainError, Invalid
from shared.web.dependencies import WriteSession, runtime_of

IDEMPOTENCY_DDL = """
CREATE TABLE idempotency (
  scope          text NOT NULL,
  key            text NOT NULL,
  request_sha256 bytea NOT NULL,
  status         smallint,
  body           jsonb,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at)
"""

HEADER = "Idempotency-Key"
_KEY_LIMIT = 255

ViewT = TypeVar("ViewT", bound=BaseModel)


class IdempotencyConflict(Invalid):
    """This Idempotency-Key was used with another body."""

    code = "IDEMPOTENCY_CONFLICT"
    zh = "此幂等键已用于内容不同的请求。"
    en = "This Idempotency-Key was used with another body."


class IdempotencyInProgress(Conflict):
    """A request with this Idempotency-Key is still running."""

    code = "IDEMPOTENCY_IN_PROGRESS"
    zh = "使用此幂等键的请求仍在处理中，请稍后重试。"
    en = "A request with this Idempotency-Key is still running; try again."


class IdempotencyKeyRequired(DomainError):
    """An Idempotency-Key is required where money moves."""

    status = 400
    code = "IDEMPOTENCY_KEY_REQUIRED"
    zh = "涉及资金的请求必须携带 Idempotency-Key。"
    en = "Requests that move money must carry an Idempotency-Key."


class IdempotencyKeyInvalid(DomainError):
    """The Idempotency-Key has a wrong form."""

    status = 400
    code = "IDEMPOTENCY_KEY_INVALID"
    zh = "Idempotency-Key 须为 1 至 255 个可见 ASCII 字符。"
    en = "An Idempotency-Key has 1 to 255 visible ASCII characters."


def key_parameter(*, required: bool) -> dict[str, Any]:
    """The header as an OpenAPI parameter; `once` reads it itself, for refusals of its own."""
    return {
        "name": HEADER,
        "in": "header",
        "required": required,
        "description": "幂等键：同一键、同一内容只执行一次，重复提交得到原来的答复",
        "schema": {"type": "string", "pattern": f"^[ -~]{{1,{_KEY_LIMIT}}}$"},
    }


class Replayed(Exception):
    """The answer given to this key before; no refusal, it is rendered as it was."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


async def replay(_request: Request, answer: Exception) -> JSONResponse:
    """The stored answer as it was, marked as a replay."""
    assert isinstance(answer, Replayed)
    return JSONResponse(answer.body, answer.status, headers={"Idempotency-Replayed": "true"})


def key_of(request: Request) -> str | None:
    """The request's Idempotency-Key, None without one; raises `IdempotencyKeyInvalid`."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 0 < len(key) <= _KEY_LIMIT or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyInvalid
    return key


async def scope_and_digest(request: Request) -> tuple[str, bytes]:
    """What a key is unique within (caller and route), and the SHA-256 of the request."""
    actor = await runtime_of(request).tokens.actor(request.headers.get("authorization"))
    scope = f"{actor.person}|{actor.organisation}|{request.method} {request.scope['path']}"
    return scope, hashlib.sha256(await request.body()).digest()


def replay_or_refuse(request_sha256: bytes, stored_sha256: bytes, status: int, body: Any) -> None:
    """Raise the outcome for a key that already has an answer."""
    if request_sha256 != stored_sha256:
        raise IdempotencyConflict
    raise Replayed(status, body)


class Once:
    """One request's hold on its Idempotency-Key; `keep` stores the answer to be replayed."""

    def __init__(self, session: Session, scope: str, key: str | None) -> None:
        self._session = session
        self._scope = scope
        self._key = key

    async def keep(self, view: ViewT, status: int = 201) -> ViewT:
        """Store `view` as the answer to this key, in the business transaction; returns it."""
        if self._key is not None:
            await self._session.execute(
                text(
                    "UPDATE idempotency SET status = :status, body = CAST(:body AS jsonb)"
                    " WHERE scope = :scope AND key = :key"
                ),
                {
                    "status": status,
                    "body": view.model_dump_json(),
                    "scope": self._scope,
                    "key": self._key,
                },
            )
        return view


async def _claim(session: Session, scope: str, key: str, digest: bytes) -> None:
    await session.execute(text("SET LOCAL lock_timeout = '2s'"))
    try:
        claimed = await session.execute(
            text(
                "INSERT INTO idempotency (scope, key, request_sha256, created_at)"
                " VALUES (:scope, :key, :digest, :at) ON CONFLICT DO NOTHING RETURNING 1"
            ),
            {"scope": scope, "key": key, "digest": digest, "at": clock.now()},
        )
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "55P03":  # lock_not_available
            raise IdempotencyInProgress from None
        raise
    if claimed.first() is None:
        stored = await session.execute(
            text(
                "SELECT request_sha256, status, body FROM idempotency"
                " WHERE scope = :scope AND key = :key"
            ),
            {"scope": scope, "key": key},
        )
        row = stored.one()
        body = json.loads(row.body) if isinstance(row.body, str) else row.body
        replay_or_refuse(digest, row.request_sha256, row.status, body)
    await session.execute(text("SET LOCAL lock_timeout = '5s'"))


async def once(request: Request, session: WriteSession) -> Once:
    """The request's hold on its key; raises what the key's earlier use calls for."""
    key = key_of(request)
    if key is None:
        return Once(session, "", None)
    scope, digest = await scope_and_digest(request)
    await _claim(session, scope, key, digest)
    return Once(session, scope, key)


async def once_for_money(request: Request, session: WriteSession) -> Once:
    """As `once`, but the key is required."""
    if key_of(request) is None:
        raise IdempotencyKeyRequired
    return await once(request, session)


OnceOnly = Annotated[Once, Depends(once)]
OnceOnlyForMoney = Annotated[Once, Depends(once_for_money)]
