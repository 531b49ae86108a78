"""Refusals as RFC 9457 problem details: a stable `code`, Chinese or English, no input."""

import traceback
from collections.abc import Iterable, Mapping
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionInTime
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from shared.errors import DomainError, FieldError, Invalid, NotFound, TooMany, Unauthenticated
from shared.telemetry import correlation_id
from shared.web.field_errors import JSON_INVALID, field_errors

_log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class ServiceUnavailable(DomainError):
    """The service cannot reach its database at the moment."""

    status = 503
    code = "DATABASE_UNAVAILABLE"
    zh = "暂时无法访问数据库，请稍后重试。"
    en = "The database cannot be reached at the moment; try again."


class CharacterInvalid(Invalid):
    """The request holds a character that cannot be stored."""

    code = "CHARACTER_INVALID"
    zh = "内容含有无法保存的字符。"
    en = "It holds a character that cannot be stored."


class BodyUnreadable(DomainError):
    """The request body cannot be read."""

    code = "JSON_INVALID"
    zh = "无法读取请求内容：不是有效的 JSON。"
    en = "The request body cannot be read: it is not valid JSON."


class InternalFault(DomainError):
    """The service failed; nothing was changed."""

    status = 500
    code = "INTERNAL"
    zh = "服务内部错误，未作任何更改。"
    en = "The service failed; nothing was changed."


class HttpRefusal(DomainError):
    """The request does not fit this interface."""

    code = "HTTP_REFUSED"
    zh = "接口不支持此请求。"
    en = "This interface does not support the request."


def language_of(request: Request) -> str:
    """ "zh" unless the caller's first `Accept-Language` is English."""
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"


def render(request: Request, error: DomainError, status: int | None = None) -> JSONResponse:
    """`error` as a problem+json response in the caller's language."""
    language = language_of(request)
    codes = {field.code for field in error.errors}
    code = codes.pop() if isinstance(error, Invalid) and len(codes) == 1 else error.code
    body: dict[str, Any] = {
        "type": f"/errors/{code.lower().replace('_', '-')}",
        "title": error.title(),
        "status": status or error.status,
        "code": code,
        "detail": error.detail(language),
        "errors": [
            {"field": field.field, "code": field.code, "message": field.message(language)}
            for field in error.errors
        ],
        **{name: _plain(value) for name, value in error.members.items()},
    }
    if correlation_id():
        body["correlation_id"] = correlation_id()
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    if body["status"] == 503:
        headers["Retry-After"] = "2"
    elif isinstance(error, TooMany):
        headers["Retry-After"] = str(error.members["retry_after"])
    return JSONResponse(body, body["status"], headers=headers, media_type=MEDIA_TYPE)


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | bool | type(None)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Iterable):
        return [_plain(inner) for inner in value]
    return str(value)


async def _on_domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)
    return render(request, error)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return render(request, Invalid(errors=field_errors(error.errors(), body=error.body)))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, DomainError):  # raised while the body was being read
        return render(request, error.__cause__)
    if error.status_code == 404:
        return render(request, NotFound())
    if error.status_code == 400:
        return render(request, BodyUnreadable(errors=[FieldError("body", *JSON_INVALID)]))
    answer = render(request, HttpRefusal(), error.status_code)
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    return answer


def _methods_of(request: Request) -> set[str]:
    """What the path of a request can do; Starlette names the methods of its first route only."""
    path = request.scope["path"]
    return {
        method
        for route in iter_route_contexts(request.app.routes)
        if compile_path(route.path or "")[0].match(path)
        for method in route.methods or ()
    }


async def _on_database_error(request: Request, error: Exception) -> JSONResponse:
    cause = getattr(error, "orig", error)
    if _is_unstorable(error):
        return render(request, CharacterInvalid())
    _log.error(
        "database_error",
        error=type(cause).__name__,
        sqlstate=getattr(cause, "sqlstate", None),
        # Where, not what: PostgreSQL's texts quote values.
        frames=[f"{frame.filename}:{frame.lineno}" for frame in _own_frames(error)],
    )
    passing = (
        isinstance(error, OSError | NoConnectionInTime | asyncpg.InterfaceError)
        or (isinstance(error, DBAPIError) and error.connection_invalidated)
        or (getattr(cause, "sqlstate", None) or "") in _PASSING
    )
    return render(request, ServiceUnavailable() if passing else InternalFault())


def _is_unstorable(error: BaseException | None) -> bool:
    """Whether PostgreSQL or its driver met a character that no text holds."""
    if error is None or isinstance(error, UnicodeEncodeError):
        return error is not None
    sqlstate = getattr(error, "sqlstate", None)
    # What is sent as JSON is JSON: its reader can only stumble over such a character.
    is_in_json = sqlstate == "22P02" and str(
        getattr(error, "server_source_function", "")
    ).startswith("json")
    return is_in_json or sqlstate in _UNSTORABLE or _is_unstorable(error.__cause__)


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if "site-packages" not in frame.filename][-4:]


# lock_not_available, query_canceled, too_many_connections, admin_shutdown, crash_shutdown,
# cannot_connect_now, serialization_failure, deadlock_detected
_PASSING = {"55P03", "57014", "53300", "57P01", "57P02", "57P03", "40001", "40P01"}


# character_not_in_repertoire, untranslatable_character: U+0000, which no text of PostgreSQL holds.
# Half of a surrogate pair, which JSON can spell, is no character at all and fails before.
_UNSTORABLE = {"22021", "22P05"}


def answer_to(request: Request, error: Exception) -> JSONResponse:
    """The answer to a refusal, or to a fault that nobody foresaw: that is logged, and the answer
    tells nothing of the inside."""
    if isinstance(error, DomainError):
        return render(request, error)
    _log.error("unhandled", error=type(error).__name__, exc_info=error)
    return render(request, InternalFault())


def install_problem_details(app: FastAPI) -> None:
    """Answer every refusal and failure of the database as problem details."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    failures = (
        DBAPIError,
        NoConnectionInTime,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
    )
    for failure in failures:
        app.add_exception_handler(failure, _on_database_error)


class ProblemField(BaseModel):
    """One refused field."""

    field: str
    code: str
    message: str


class ProblemDetails(BaseModel):
    """RFC 9457 problem details, as every refusal is answered."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[ProblemField] = []
    correlation_id: str = Field("", description="本次请求的编号，可用于查询日志")


# Not `model`, which FastAPI would describe as of the media type of the route's own answer.
_REFERENCE = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
_HEADERS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
_HEADER = {"required": True, "schema": {"type": "string"}}


def refusals(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer with `errors`, with every code named."""
    by_status: dict[int, list[type[DomainError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {
        status: {
            "description": "; ".join(f"`{error.code}`: {error.title()}" for error in group),
            "content": {MEDIA_TYPE: {"schema": _REFERENCE}},
            **({"headers": {_HEADERS[status]: _HEADER}} if status in _HEADERS else {}),
        }
        for status, group in by_status.items()
    }
