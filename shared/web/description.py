"""The OpenAPI document as far as it is the same for every operation: what any call may be refused
with, the key of an idempotent call, and refusals as they are really sent."""

from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute

from shared.errors import DomainError, Forbidden, Invalid, Unauthenticated
from shared.web import idempotency
from shared.web.middleware import BodyTooLarge
from shared.web.problem_details import (
    BodyUnreadable,
    ProblemDetails,
    ServiceUnavailable,
    refusals,
)

DESCRIPTION = """\
收发均为 UTF-8 编码的 JSON。

- 身份：`Authorization: Bearer` 令牌；`x-roles` 列出可以调用的角色，数据限于本单位、本区划。
- 拒绝：RFC 9457 问题详情；`code` 固定不变，`errors` 指明字段，文字按 `Accept-Language` 用中英文。
- 列表：按 `limit` 和 `cursor` 翻页，`next_cursor` 为空即到末页；未说明的查询参数会被拒绝。
- 重试：带 `Idempotency-Key` 的请求只执行一次；修改时交回读取到的 `version`，他人改过则被拒绝。
- 追查：`X-Request-Id` 原样写入答复、日志和由此产生的事件。

事件另见 AsyncAPI 文档 `docs/asyncapi.json`。
"""

_METHODS = frozenset({"get", "put", "post", "patch", "delete"})
_REFERENCES = "#/components/schemas/{model}"


def header_parameters(route: APIRoute) -> dict[str, Any]:
    """What OpenAPI says of the headers that a route's dependencies read off the request."""
    calls = {dependant.call for dependant in route.dependant.dependencies}
    if idempotency.once_for_money in calls:
        return {"parameters": [idempotency.key_parameter(required=True)]}
    if idempotency.once in calls:
        return {"parameters": [idempotency.key_parameter(required=False)]}
    return {}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """`document`, changed in place: with what is true of every call, the bearer token, the form of
    refusals, and those that every operation shares."""
    document["info"]["description"] = DESCRIPTION
    document["servers"] = [{"url": "/"}]
    tags = {tag for operation in _operations(document) for tag in operation.get("tags", ())}
    document["tags"] = [{"name": tag} for tag in sorted(tags)]
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    schemas = components.setdefault("schemas", {})
    schemas.update(_problem_schemas())
    for operation in _operations(document):
        responses = operation["responses"]
        if "application/json" in responses.get("422", {}).get("content", {}):
            del responses["422"]  # FastAPI's own form of it, which is never sent
        for status, response in refusals(*_shared(operation)).items():
            _add(responses, str(status), response)
    for unsent in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unsent, None)
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (operation for method, operation in path.items() if method in _METHODS)


def _shared(operation: dict[str, Any]) -> Iterator[type[DomainError]]:
    parameters = operation.get("parameters", [])
    if operation.get("security"):
        yield Unauthenticated
    if operation.get("x-roles"):
        yield Forbidden
    if any(parameter["name"] == idempotency.HEADER for parameter in parameters):
        yield idempotency.IdempotencyKeyInvalid
    if "requestBody" in operation:
        yield from (BodyUnreadable, BodyTooLarge)
    if parameters or operation.get("security"):  # a parameter that is not known is refused
        yield Invalid
    yield ServiceUnavailable


def _add(responses: dict[str, Any], status: str, response: dict[str, Any]) -> None:
    """Add to the codes that the route itself names under `status`."""
    own = responses.get(status)
    if own is None:
        responses[status] = response
        return
    named = own["description"].split("; ")
    more = [code for code in response["description"].split("; ") if code not in named]
    own["description"] = "; ".join(named + more)


def _problem_schemas() -> dict[str, Any]:
    schema = ProblemDetails.model_json_schema(ref_template=_REFERENCES, mode="serialization")
    return {**schema.pop("$defs"), ProblemDetails.__name__: schema}
