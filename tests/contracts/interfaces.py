"""What reads a service's OpenAPI document and calls the service in every way that it describes."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.testing import RunningApp

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
STREAM = "text/event-stream"
EXAMPLES = 3  # of what fits an operation, and as many of what does not

Document = dict[str, Any]
Caller = dict[str, str]


def _cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


_UNFIT = (1 << 63, "\ud800", "\0", "0001-01-01T00:00:00+14:00", "2019-09-16", "NaN", "1e999")
EXTREMES = {"cursor": [_cursor(*[unfit] * length) for unfit in _UNFIT for length in (1, 2, 3)]}
"""Cursors that were never handed out."""


@dataclass
class Known:
    """Values that a service knows, by the names that its document gives them."""

    values: dict[str, list[Any]] = field(default_factory=dict)

    def learn(self, document: Document, path: str, answer: Any) -> None:
        """Take the ids out of what a path answered."""
        child = next((other for other in document["paths"] if other.startswith(f"{path}/{{")), "")
        own = child.removeprefix(f"{path}/{{").partition("}")[0]
        self._take(answer, own)

    def _take(self, answer: Any, own: str) -> None:
        if isinstance(answer, list):
            for item in answer:
                self._take(item, own)
        elif isinstance(answer, dict):
            for name, value in answer.items():
                if name == "id" or name.endswith("_id"):
                    self._add(own if name == "id" else name, value)
                else:  # "members" holds what paths call `member_id`
                    self._take(value, own if name == "items" else f"{name.removesuffix('s')}_id")

    def _add(self, name: str, value: Any) -> None:
        known = self.values.setdefault(name, [])
        if name and isinstance(value, str) and value not in known:
            known.append(value)

    def in_place(self, document: Document) -> Document:
        """`document` with its parameters and fields allowing what is known first of all."""
        for operation in operations(document):
            operation.pop("security", None)  # every call has its token
            for parameter in operation.get("parameters", []):
                parameter["schema"] = self._first(parameter["name"], parameter["schema"])
        for schema in document["components"]["schemas"].values():
            for name, part in schema.get("properties", {}).items():
                schema["properties"][name] = self._first(name, part)
        return document

    def _first(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        known = self.values.get(name)
        return {"anyOf": [{"enum": known}, schema]} if known else schema


def operations(document: Document) -> Iterator[dict[str, Any]]:
    """Every operation of a document."""
    for path in document["paths"].values():
        yield from path.values()


async def described(app: RunningApp) -> Document:
    """A fresh copy of a service's document."""
    document: Document = (await app.client.get("/openapi.json")).json()
    return document


async def explore(app: RunningApp, callers: Sequence[Caller], known: Known) -> None:
    """Learn ids from every list of the service, then from what hangs below them."""
    document = await described(app)
    for depth in (0, 1):
        for path, operation in document["paths"].items():
            names = [part.partition("}")[0] for part in path.split("{")[1:]]
            listed = "get" in operation and STREAM not in str(operation["get"]["responses"])
            if not listed or len(names) != depth or not all(map(known.values.get, names)):
                continue
            values = {name: known.values[name][0] for name in names}
            for caller in callers:
                answer = await app.client.get(path.format(**values), headers=caller)
                if answer.status_code == 200 and "json" in answer.headers["content-type"]:
                    known.learn(document, path, answer.json())


async def fuzz(app: RunningApp, callers: Sequence[Caller], known: Known) -> list[str]:
    """What the service answered in another way than its document says, operation by operation."""
    document = known.in_place(await described(app))
    schema = schemathesis.openapi.from_dict(document)
    loop = asyncio.get_running_loop()

    def send(case: Case[Any], caller: Caller) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(_send(app, case, caller), loop).result()

    def run() -> list[str]:
        failures = []
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            if STREAM in str(operation.definition.raw["responses"]):
                continue  # it answers for as long as it is listened to
            for mode in GenerationMode:
                try:
                    _try_out(operation.as_strategy(mode), callers, send)
                except Unsatisfiable:
                    continue  # it takes nothing that could be wrong
                except BaseException as failure:  # noqa: BLE001 - the next operation is tried, too
                    failures.append(f"{operation.label}: {_told(failure)}")
        return failures

    return await asyncio.to_thread(run)


def _told(failure: BaseException) -> str:
    parts = getattr(failure, "exceptions", None)
    return "; ".join(map(_told, parts)) if parts else f"{type(failure).__name__}: {failure}"


def _try_out(
    cases: st.SearchStrategy[Case[Any]],
    callers: Sequence[Caller],
    send: Callable[[Case[Any], Caller], httpx.Response],
) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases, st.sampled_from(callers))
    def conforms(case: Case[Any], caller: Caller) -> None:
        # A batch is answered row by row.
        checks = [*CHECKS, *([] if case.path.endswith(":batch") else [negative_data_rejection])]
        case.validate_response(send(case, caller), checks=checks)

    conforms()


async def _send(app: RunningApp, case: Case[Any], caller: Caller) -> httpx.Response:
    if isinstance(case.body, dict) and "wait_seconds" in case.body:
        case.body["wait_seconds"] = 0
    kwargs = case.as_transport_kwargs(base_url=str(app.client.base_url))
    prepared = requests.Request(**kwargs).prepare()
    return await app.client.request(
        str(prepared.method),
        str(prepared.url),
        content=cast("bytes | str | None", prepared.body),
        headers=cast("dict[str, str]", {**prepared.headers, **caller}),
    )
