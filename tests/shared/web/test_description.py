"""What the OpenAPI document says of every operation, and that refusals are sent as it says."""

from typing import Any

import pytest

from shared.testing import RunningApp

INSPECTOR = ("POV@511132", "inspector")
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}


async def _document(app: RunningApp) -> Any:
    return (await app.client.get("/openapi.json")).json()


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("post", "/api/v1/notes", {"400", "401", "403", "413", "422", "503"}),
        ("get", "/api/v1/now", {"401", "422", "503"}),  # for any role, and nothing is sent
        ("get", "/api/v1/ops/parked-events", {"401", "403", "422", "503"}),
        ("put", "/api/v1/config/{region}/{key}", {"400", "401", "403", "404", "413", "422", "503"}),
    ],
)
async def test_an_operation_names_every_refusal_as_a_problem(
    method: str, path: str, statuses: set[str], toy: RunningApp
) -> None:
    document = await _document(toy)
    responses = document["paths"][path][method]["responses"]
    assert {status for status in responses if status >= "400"} == statuses
    assert all(responses[status]["content"] == PROBLEM for status in statuses)
    assert {"ProblemDetails", "ProblemField"} <= document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.parametrize(("path", "required"), [("notes", False), ("payments", True)])
async def test_the_key_of_an_idempotent_call_is_described(
    path: str, required: bool, toy: RunningApp
) -> None:
    operation = (await _document(toy))["paths"][f"/api/v1/{path}"]["post"]
    headers = {one["name"]: one["required"] for one in operation["parameters"]}
    assert headers == {"Idempotency-Key": required}
    assert "IDEMPOTENCY_KEY_INVALID" in operation["responses"]["400"]["description"]


async def test_a_path_that_refuses_a_method_names_all_that_it_takes(toy: RunningApp) -> None:
    refused = await toy.client.delete("/api/v1/drafts")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/ops/parked-events/replay", b'{"aggregate_type": "\\ud800", "aggregate_id": "x"}'),
        ("/letters", b'{"text": "\\ud800"}'),
    ],
)
async def test_half_of_a_surrogate_pair_is_refused(
    toy: RunningApp, path: str, content: bytes
) -> None:
    answer = await toy.client.post(
        f"/api/v1{path}",
        content=content,
        headers={**toy.headers("OPS@511132", "ops"), "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "CHARACTER_INVALID")


async def test_an_instant_beyond_the_calendar_is_refused(toy: RunningApp) -> None:
    headers = {**toy.headers(*INSPECTOR), "X-Now": "0001-01-01T00:00:00+14:00"}
    answer = await toy.client.get("/api/v1/now", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "X_NOW_INVALID")


async def test_the_document_says_what_is_true_of_every_call_and_names_its_tags(
    toy: RunningApp,
) -> None:
    document = await _document(toy)
    assert "RFC 9457" in document["info"]["description"]
    assert document["servers"] == [{"url": "/"}]
    assert [tag["name"] for tag in document["tags"]] == ["operations"]
