"""Refusals as RFC 9457 problem details: a stable `code`, Chinese or English, no input."""

import traceback
from collections.abc import Iterable, Mapping
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from shared.errors import DomainError, FieldError, Invalid, NotFound, TooMany, Unauthenticated
from shared.telemetry import correlation_id

_log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

# Pydantic's error types to stable codes; a type in upper case is one of our own codes already.
_CODES = {
    "missing": ("REQUIRED", "必填。", "Required."),
    "extra_forbidden": ("UNKNOWN_FIELD", "没有此字段。", "There is no such field."),
    "unexpected_keyword_argument": ("UNKNOWN_FIELD", "没有此字段。", "There is no such field."),
    "json_invalid": ("JSON_INVALID", "不是有效的 JSON。", "Not valid JSON."),
    "enum": ("UNKNOWN_VALUE", "不在允许的取值之内。", "Not one of the allowed values."),
    "literal_error": ("UNKNOWN_VALUE", "不在允许的取值之内。", "Not one of the allowed values."),
    "string_too_long": ("TOO_LONG", "过长。", "Too long."),
    "string_too_short": ("TOO_SHORT", "过短。", "Too short."),
    "too_long": ("TOO_MANY", "条目过多。", "Too many items."),
    "too_short": ("TOO_FEW", "条目过少。", "Too few items."),
    "string_pattern_mismatch": ("FORMAT", "格式不符。", "It does not have the required form."),
}
_PREFIXES = (
    ("date", ("DATE_INVALID", "不是有效的日期。", "Not a valid date.")),
    ("time", ("DATE_INVALID", "不是有效的时间。", "Not a valid time.")),
    ("uuid", ("ID_INVALID", "不是有效的标识。", "Not a valid identifier.")),
    ("int", ("NUMBER_INVALID", "不是有效的整数。", "Not a valid whole number.")),
    ("decimal", ("NUMBER_INVALID", "不是有效的数值。", "Not a valid number.")),
    ("float", ("NUMBER_INVALID", "不是有效的数值。", "Not a valid number.")),
    ("greater", ("OUT_OF_RANGE", "超出允许范围。", "Outside the allowed range.")),
    ("less", ("OUT_OF_RANGE", "超出允许范围。", "Outside the allowed range.")),
    ("bool", ("TYPE_INVALID", "应为布尔值。", "A boolean is expected.")),
)
_OTHER = ("TYPE_INVALID", "类型或格式不符。", "It has a wrong type or form.")


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


def field_errors(details: Iterable[Mapping[str, Any]], *, skip: int = 1) -> list[FieldError]:
    """Pydantic's error details as field errors: place and code, never `input` or `ctx`.

    `skip` drops the leading parts of the place ("body", "query").
    """
    return [_field_error(detail, skip) for detail in details]


def _field_error(detail: Mapping[str, Any], skip: int) -> FieldError:
    parts = [str(part) for part in detail["loc"]]
    place = ".".join(parts[skip:] or parts) or "body"
    kind = detail["type"]
    if kind.isupper():  # one of our own codes, raised with a Chinese message
        message = detail["msg"]
        english = detail.get("ctx", {}).get("en", message)
        return FieldError(place, kind, message, english)
    code, zh, en = _CODES.get(kind) or next(
        (texts for prefix, texts in _PREFIXES if kind.startswith(prefix)), _OTHER
    )
    return FieldError(place, code, zh, en)


async def _on_domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)
    return render(request, error)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return render(request, Invalid(errors=field_errors(error.errors())))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, DomainError):  # raised while the body was being read
        return render(request, error.__cause__)
    if error.status_code == 404:
        return render(request, NotFound())
    if error.status_code == 400:
        return render(request, Invalid(errors=[FieldError("body", *_CODES["json_invalid"])]), 400)
    refusal = HttpRefusal()
    return render(request, refusal, error.status_code)


async def _on_database_error(request: Request, error: Exception) -> JSONResponse:
    cause = getattr(error, "orig", error)
    if getattr(cause, "sqlstate", None) in _UNSTORABLE:
        return render(request, CharacterInvalid())
    _log.error(
        "database_error",
        error=type(cause).__name__,
        sqlstate=getattr(cause, "sqlstate", None),
        # Where, not what: PostgreSQL's texts quote values.
        frames=[f"{frame.filename}:{frame.lineno}" for frame in _own_frames(error)],
    )
    passing = (
        isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError)
        or (isinstance(error, DBAPIError) and error.connection_invalidated)
        or (getattr(cause, "sqlstate", None) or "") in _PASSING
    )
    return render(request, ServiceUnavailable() if passing else InternalFault())


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if "site-packages" not in frame.filename][-4:]


# lock_not_available, query_canceled, too_many_connections, admin_shutdown, crash_shutdown,
# cannot_connect_now, serialization_failure, deadlock_detected
_PASSING = {"55P03", "57014", "53300", "57P01", "57P02", "57P03", "40001", "40P01"}


# character_not_in_repertoire, untranslatable_character: U+0000, which no text of PostgreSQL holds
_UNSTORABLE = {"22021", "22P05"}


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    _log.error("unhandled", error=type(error).__name__, exc_info=error)
    return render(request, InternalFault())


def install_problem_details(app: FastAPI) -> None:
    """Answer every refusal and fault of `app` as problem details."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for failure in (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        app.add_exception_handler(failure, _on_database_error)
    app.add_exception_handler(Exception, _on_fault)


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


def refusals(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer with `errors`, with every code named."""
    by_status: dict[int, list[type[DomainError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {
        status: {
            "model": ProblemDetails,
            "description": "; ".join(f"`{error.code}`: {error.title()}" for error in group),
            "content": {MEDIA_TYPE: {}},
        }
        for status, group in by_status.items()
    }
