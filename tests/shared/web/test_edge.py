"""What every service does at its edge: refusals, keys, tokens, clock and configured values."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import text

from deploy.embedded.issuer import ISSUER, TokenIssuer
from shared.housekeeping import forget_keys
from shared.ids import new_id
from shared.testing import RunningApp
from tests.conftest import Start
from tests.shared.web.conftest import DAYS, TOY

INSPECTOR = ("POV@511132", "inspector")
PERSONAL = "511132195603120010"


async def notes(toy: RunningApp) -> int:
    """How many notes are stored."""
    async with toy.database.reading() as session:
        return await session.scalar(text("SELECT count(*) FROM relay_lease")) or 0


async def test_a_refusal_is_problem_json_with_code_field_and_no_input(toy: RunningApp) -> None:
    response = await toy.client.post(
        "/api/v1/notes",
        json={"text": "x" * 21, "id_no": PERSONAL[:-1] + "9", "extra": 1},
        headers=toy.headers(*INSPECTOR),
    )
    body = response.json()
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert body["code"] == "INVALID"
    assert {(e["field"], e["code"]) for e in body["errors"]} == {
        ("text", "TOO_LONG"),
        ("id_no", "ID_CHECKSUM"),
        ("extra", "UNKNOWN_FIELD"),
    }
    assert PERSONAL[:-1] not in response.text
    assert "x" * 21 not in response.text


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en-GB", "No more notes."), ("zh-CN", "不再接受记录。"), ("", "不再接受记录。")],
)
async def test_details_are_chinese_first_and_english_on_request(
    toy: RunningApp, language: str, expected: str
) -> None:
    response = await toy.client.post(
        "/api/v1/notes",
        json={"text": "refused"},
        headers=toy.headers(*INSPECTOR) | {"Accept-Language": language},
    )
    assert response.json()["detail"] == expected
    assert response.status_code == 409


async def test_a_refused_request_leaves_nothing_behind(toy: RunningApp) -> None:
    headers = toy.headers(*INSPECTOR) | {"Idempotency-Key": "k"}
    await toy.client.post("/api/v1/notes", json={"text": "refused"}, headers=headers)
    assert await notes(toy) == 0
    again = await toy.client.post("/api/v1/notes", json={"text": "fine"}, headers=headers)
    assert again.status_code == 201


async def test_a_fault_tells_nothing_about_the_inside(toy: RunningApp) -> None:
    headers = toy.headers(*INSPECTOR) | {"X-Request-Id": "asked-1"}
    response = await toy.client.get("/api/v1/fault", headers=headers)
    assert response.status_code == 500
    assert response.json()["code"] == "INTERNAL"
    assert response.json()["correlation_id"] == response.headers["X-Request-Id"] == "asked-1"
    assert PERSONAL not in response.text
    assert "SELECT" not in response.text


async def test_a_character_no_database_stores_is_the_caller_s_mistake(toy: RunningApp) -> None:
    answer = await toy.client.post(
        "/api/v1/notes", json={"text": "a\x00b"}, headers=toy.headers(*INSPECTOR)
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "CHARACTER_INVALID")


async def test_a_failed_commit_is_no_success(toy: RunningApp) -> None:
    response = await toy.client.post("/api/v1/late-failure", headers=toy.headers(*INSPECTOR))
    assert response.status_code == 500


async def test_who_finds_every_connection_taken_is_told_to_come_again(
    toy: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy.database.engine.pool, "_timeout", 0.1)
    async with AsyncExitStack() as taken:
        for _ in range(toy.runtime.settings.database_pool_size):
            session = await taken.enter_async_context(toy.database.transaction())
            await session.execute(text("SELECT 1"))
        answer = await toy.client.post(
            "/api/v1/notes",
            json={"text": "a"},
            headers=toy.headers(*INSPECTOR) | {"Idempotency-Key": "later"},
        )
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "2"


async def test_the_same_key_and_body_get_the_same_answer(toy: RunningApp) -> None:
    headers = toy.headers(*INSPECTOR) | {"Idempotency-Key": "one"}
    answers = [
        await toy.client.post("/api/v1/notes", json={"text": "a"}, headers=headers)
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.text for answer in answers}) == 1
    assert await notes(toy) == 1


async def test_the_same_key_at_once_creates_once(toy: RunningApp) -> None:
    headers = toy.headers(*INSPECTOR) | {"Idempotency-Key": "at once"}
    answers = await asyncio.gather(
        *(toy.client.post("/api/v1/notes", json={"text": "b"}, headers=headers) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    assert 201 in {answer.status_code for answer in answers}
    assert await notes(toy) == 1


async def test_the_same_key_with_another_body_is_refused(toy: RunningApp) -> None:
    headers = toy.headers(*INSPECTOR) | {"Idempotency-Key": "two"}
    await toy.client.post("/api/v1/notes", json={"text": "a"}, headers=headers)
    other = await toy.client.post("/api/v1/notes", json={"text": "b"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")


async def test_a_key_belongs_to_its_caller(toy: RunningApp) -> None:
    for person, word in (("one", "a"), ("two", "b")):
        headers = toy.headers(*INSPECTOR, person=person) | {"Idempotency-Key": "three"}
        answer = await toy.client.post("/api/v1/notes", json={"text": word}, headers=headers)
        assert answer.status_code == 201


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "IDEMPOTENCY_KEY_REQUIRED"),
        ({"Idempotency-Key": "x" * 256}, "IDEMPOTENCY_KEY_INVALID"),
    ],
)
async def test_money_moves_only_with_a_key(
    toy: RunningApp, headers: dict[str, str], code: str
) -> None:
    response = await toy.client.post(
        "/api/v1/payments",
        json={"text": "a"},
        headers=toy.headers("FINOFF@511132", "finance") | headers,
    )
    assert (response.status_code, response.json()["code"]) == (400, code)


async def test_another_role_is_refused_and_no_token_is_unauthenticated(toy: RunningApp) -> None:
    forbidden = await toy.client.post(
        "/api/v1/notes", json={"text": "a"}, headers=toy.headers("HOUS@511132", "dept_head")
    )
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "FORBIDDEN")
    nobody = await toy.client.post("/api/v1/notes", json={"text": "a"})
    assert (nobody.status_code, nobody.json()["code"]) == (401, "UNAUTHENTICATED")
    assert nobody.headers["www-authenticate"] == "Bearer"


def forged(issuer: TokenIssuer) -> dict[str, str]:
    """Tokens that must not be believed, by what is wrong with them."""
    own = ECKey.generate_key("P-256")
    claims = {"iss": ISSUER, "aud": "bangfu", "sub": "p", "org": "POV@511132", "exp": 9_999_999_999}
    roles = {"roles": ["inspector"]}
    good = issuer.mint("p", "POV@511132", ["inspector"])
    header, _payload, signature = good.split(".")
    public = json.loads(issuer.jwks_file.read_text())["keys"][0]
    secret = OctKey.import_key(json.dumps(public).encode())
    return {
        "another key": jwt.encode({"alg": "ES256"}, claims | roles, own),
        "key in the header": jwt.encode(
            {"alg": "ES256", "jwk": own.as_dict(private=False)}, claims | roles, own
        ),
        "public key as secret": jwt.encode(
            {"alg": "HS256", "kid": public["kid"]}, claims | roles, secret
        ),
        "none": f"{header}.{_payload}.",
        "cut": good[:-4],
        "swapped signature": f"{header}.{_payload}.{signature[::-1]}",
        "huge": "x" * 100_000,
        "empty": "",
    }


async def test_a_doubtful_token_is_never_believed(toy: RunningApp, issuer: TokenIssuer) -> None:
    for fault, token in forged(issuer).items():
        response = await toy.client.get("/api/v1/now", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401, fault


@pytest.mark.parametrize(
    ("organisation", "lifetime"), [("POV@511132", -1), ("nonsense", 60), ("POV@5", 60), ("", 60)]
)
async def test_an_expired_token_or_a_malformed_organisation_is_refused(
    toy: RunningApp, issuer: TokenIssuer, organisation: str, lifetime: int
) -> None:
    token = issuer.mint("p", organisation, ["inspector"], lifetime)
    response = await toy.client.get("/api/v1/now", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401


async def test_the_simulated_clock_holds_for_the_request(toy: RunningApp) -> None:
    headers = toy.headers(*INSPECTOR)
    simulated = await toy.client.get(
        "/api/v1/now", headers=headers | {"X-Now": "2019-09-16T08:00:00+08:00"}
    )
    assert simulated.json()["now"] == "2019-09-16T00:00:00+00:00"
    real = await toy.client.get("/api/v1/now", headers=headers)
    assert real.json()["now"] > "2026"


async def test_without_the_simulation_clock_x_now_is_refused(start: Start) -> None:
    service = await start(TOY, simulation_clock=False)
    response = await service.client.get(
        "/api/v1/now", headers=service.headers(*INSPECTOR) | {"X-Now": "2019-09-16T08:00:00+08:00"}
    )
    assert (response.status_code, response.json()["code"]) == (400, "SIMULATION_CLOCK_OFF")


@pytest.mark.parametrize("value", ["yesterday", "2019-09-16", "2019-09-16T08:00:00"])
async def test_a_malformed_x_now_is_refused(toy: RunningApp, value: str) -> None:
    response = await toy.client.get(
        "/api/v1/now", headers=toy.headers(*INSPECTOR) | {"X-Now": value}
    )
    assert (response.status_code, response.json()["code"]) == (400, "X_NOW_INVALID")


async def test_a_body_over_the_limit_is_refused_even_when_streamed(start: Start) -> None:
    service = await start(TOY, request_body_limit_bytes=2048)

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    for content in (b"x" * 4096, stream()):
        response = await service.client.post(
            "/api/v1/notes",
            content=content,
            headers=service.headers(*INSPECTOR) | {"Content-Type": "application/json"},
        )
        assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_unknown_paths_and_methods_and_broken_json_have_codes(toy: RunningApp) -> None:
    headers = toy.headers(*INSPECTOR)
    missing = await toy.client.get("/api/v1/nothing", headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "NOT_FOUND")
    method = await toy.client.delete("/api/v1/now", headers=headers)
    assert (method.status_code, method.json()["code"]) == (405, "HTTP_REFUSED")
    broken = await toy.client.post(
        "/api/v1/notes", content=b"{", headers=headers | {"Content-Type": "application/json"}
    )
    assert (broken.status_code, broken.json()["code"]) == (422, "JSON_INVALID")


async def test_a_configured_value_holds_for_its_region_from_its_date_on(toy: RunningApp) -> None:
    headers = toy.headers("POV@511132", "poverty_office")
    response = await toy.client.put(
        "/api/v1/config/511132/reply_days",
        json={"value": 10, "effective_from": "2020-01-01"},
        headers=headers,
    )
    assert response.status_code == 200, response.text
    value = toy.runtime.configuration.value
    assert value(DAYS, "511132201205", date(2020, 1, 1)) == 10
    assert value(DAYS, "511132201205", date(2019, 12, 31)) == 30
    assert value(DAYS, "511133", date(2021, 1, 1)) == 30


@pytest.mark.parametrize(
    ("region", "key", "value", "status", "code"),
    [
        ("511132", "unknown", 1, 404, "CONFIG_KEY_UNKNOWN"),
        ("511132", "reply_days", "many", 422, "VALUE_INVALID"),
        ("511133", "reply_days", 1, 404, "NOT_FOUND"),
        ("51", "reply_days", 1, 404, "NOT_FOUND"),
        ("5x", "reply_days", 1, 422, "FORMAT"),
    ],
)
async def test_a_wrong_configured_value_is_refused(
    toy: RunningApp, region: str, key: str, value: object, status: int, code: str
) -> None:
    response = await toy.client.put(
        f"/api/v1/config/{region}/{key}",
        json={"value": value, "effective_from": "2020-01-01"},
        headers=toy.headers("POV@511132", "poverty_office"),
    )
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_probes_answer_without_a_token(toy: RunningApp) -> None:
    assert (await toy.client.get("/healthz")).status_code == 200
    assert (await toy.client.get("/readyz")).status_code == 200
    metrics = await toy.client.get("/metrics")
    assert "http_requests_total" in metrics.text


async def test_openapi_names_roles_and_bearer_security(toy: RunningApp) -> None:
    document = (await toy.client.get("/openapi.json")).json()
    operation = document["paths"]["/api/v1/notes"]["post"]
    assert operation["operationId"] == "write_note"
    assert operation["x-roles"] == ["inspector"]
    assert operation["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


async def test_an_unknown_job_is_refused(toy: RunningApp) -> None:
    response = await toy.client.post(
        "/api/v1/ops/run", json={"job": "dream"}, headers=toy.headers("OPS@51", "ops")
    )
    assert (response.status_code, response.json()["code"]) == (422, "JOB_UNKNOWN")


OPERATOR = ("OPS@511132", "ops")


async def test_an_operator_sees_and_skips_what_is_set_aside(toy: RunningApp) -> None:
    event_id = new_id()
    async with toy.database.driver_transaction() as connection:
        await connection.execute(
            "INSERT INTO inbox_parked (consumer, event_id, aggregate_type, aggregate_id, kind,"
            " envelope, error) VALUES ('households', $1, 'funds.payment', 'x', 'poison', '{}',"
            " 'y')",
            event_id,
        )
    headers = toy.headers(*OPERATOR)
    listed = (await toy.client.get("/api/v1/ops/parked-events", headers=headers)).json()
    assert [(item["event_id"], item["kind"]) for item in listed["items"]] == [
        (str(event_id), "poison")
    ]
    path = f"/api/v1/ops/parked-events/{event_id}/skip"
    reason = {"reason": "已人工处理"}
    assert (await toy.client.post(path, json=reason, headers=headers)).status_code == 204
    again = await toy.client.post(path, json=reason, headers=headers)
    assert (again.status_code, again.json()["code"]) == (404, "PARKED_EVENT_NOT_FOUND")
    empty = await toy.client.get("/api/v1/ops/parked-events", headers=headers)
    assert empty.json() == {"items": []}
    replay = await toy.client.post("/api/v1/ops/parked-events/replay", json={}, headers=headers)
    assert replay.json() == {"applied": 0}


async def test_an_operator_confirms_the_clock(toy: RunningApp) -> None:
    async with toy.database.driver_transaction() as connection:
        await connection.execute(
            "INSERT INTO clock_guard (last_seen, paused_at) VALUES (now(), now())"
            " ON CONFLICT (one) DO UPDATE SET paused_at = now()"
        )
    headers = toy.headers(*OPERATOR)
    response = await toy.client.post("/api/v1/ops/confirm-clock", headers=headers)
    assert response.status_code == 204
    async with toy.database.reading() as session:
        assert await session.scalar(text("SELECT paused_at FROM clock_guard")) is None


async def test_only_old_idempotency_keys_are_forgotten(toy: RunningApp) -> None:
    async with toy.database.driver_transaction() as connection:
        await connection.execute(
            "INSERT INTO idempotency (scope, key, request_sha256, created_at)"
            " VALUES ('s', 'old', '', now() - interval '31 days'), ('s', 'new', '', now())"
        )
    assert await forget_keys(toy.runtime) == 1
    async with toy.database.reading() as session:
        assert await session.scalar(text("SELECT key FROM idempotency")) == "new"


async def test_a_parameter_the_route_does_not_know_is_named_and_refused(toy: RunningApp) -> None:
    headers, path = toy.headers(*INSPECTOR), "/api/v1/drafts?limit=5"
    assert (await toy.client.get(path, headers=headers)).status_code == 200
    answer = await toy.client.get(f"{path}&cusror=x&state=OPEN", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "UNKNOWN_PARAMETER")
    assert [error["field"] for error in answer.json()["errors"]] == ["cusror", "state"]
    assert (await toy.client.get(f"{path}&state=OPEN")).status_code == 401
