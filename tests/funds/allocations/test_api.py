"""Allocations over HTTP: every answer, every refusal, and nobody else's money."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from shared.events.funds import AllocationPublished, AllocationReceived
from shared.ids import new_id
from tests.funds.conftest import Funds

BODY: dict[str, Any] = {
    "region_code": "511132",
    "year": 2019,
    "source": "CENTRAL",
    "task": "CONSOLIDATE",
    "amount": "1000000.00",
    "doc_no": "川财农〔2019〕12号",
    "received_on": "2019-03-05",
}
PUBLISH = {"channel": "BULLETIN_BOARD", "on": "2019-03-11"}


async def test_an_allocation_is_received_then_made_public_and_both_are_told(funds: Funds) -> None:
    received = await funds.post("/allocations", BODY)
    assert received.status_code == 201
    allocation = received.json()
    path = f"/allocations/{allocation.pop('id')}"
    assert allocation == {
        **BODY,
        "paid": "0.00",
        "balance": "1000000.00",
        "state": "RECEIVED",
        "channel": None,
        "published_on": None,
        "version": 1,
    }

    published = await funds.post(f"{path}/publish", PUBLISH)
    assert published.status_code == 200
    expected = {
        **allocation,
        "state": "PUBLISHED",
        "channel": "BULLETIN_BOARD",
        "published_on": "2019-03-11",
        "version": 2,
    }
    assert (await funds.get(path)).json() == {**expected, "id": published.json()["id"]}

    events = await funds.app.events()
    assert [type(event) for event in events] == [AllocationReceived, AllocationPublished]
    assert all(
        isinstance(event, AllocationReceived | AllocationPublished)
        and (event.amount, event.region) == ("1000000.00", "511132")
        for event in events
    )


async def test_every_change_leaves_an_audit_row(funds: Funds) -> None:
    allocation = await funds.published_allocation()
    async with funds.app.database.reading() as session:
        rows = await session.execute(
            text("SELECT action, person FROM audit WHERE object_id = :id ORDER BY id"),
            {"id": allocation["id"]},
        )
        assert [tuple(row) for row in rows] == [("RECEIVE", "tester"), ("PUBLISH", "tester")]


async def test_publishing_twice_is_no_move(funds: Funds) -> None:
    allocation = await funds.published_allocation()
    again = await funds.post(f"/allocations/{allocation['id']}/publish", PUBLISH)
    assert (again.status_code, again.json()["code"]) == (409, "STATE_CONFLICT")
    assert again.json()["state"] == "PUBLISHED"


async def test_an_allocation_is_not_made_public_before_it_is_received(funds: Funds) -> None:
    allocation = await funds.allocation(received_on="2019-03-05")
    path = f"/allocations/{allocation['id']}/publish"
    early = await funds.post(path, {**PUBLISH, "on": "2019-03-04"})
    assert (early.status_code, early.json()["code"]) == (422, "PUBLISHED_BEFORE_RECEIVED")
    assert early.json()["errors"][0]["field"] == "on"
    assert (await funds.get(f"/allocations/{allocation['id']}")).json() == allocation


async def test_a_stale_version_publishes_nothing(funds: Funds) -> None:
    allocation = await funds.allocation()
    path = f"/allocations/{allocation['id']}/publish"
    stale = await funds.post(path, {**PUBLISH, "version": 7})
    assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT")
    assert stale.json()["version"] == 1
    assert (await funds.post(path, {**PUBLISH, "version": 1})).status_code == 200


async def test_an_amount_is_a_positive_decimal_string(funds: Funds) -> None:  # C9
    refused = [
        -1,
        0,
        "0.00",
        "0.001",
        1e30,
        "NaN",
        "１００",
        "92233720368547758.08",
        1.5,
        True,
        None,
    ]
    for amount in refused:
        answer = await funds.post("/allocations", {**BODY, "amount": amount})
        assert answer.status_code == 422, amount
        assert answer.json()["errors"][0]["field"] == "amount"
        assert answer.json()["code"] in ("AMOUNT_INVALID", "AMOUNT_NEGATIVE")
        assert str(amount) not in answer.json()["detail"]
    not_a_number = await funds.app.client.post(
        "/api/v1/allocations",
        content=b'{"amount": NaN}',
        headers={
            **funds.app.headers("FINOFF@511132", "finance"),
            "Idempotency-Key": "nan",
            "Content-Type": "application/json",
        },
    )
    assert not_a_number.status_code == 422
    assert await funds.app.events() == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"region_code": "51113"}, "region_code", "REGION_CODE_INVALID"),
        ({"region_code": "511132999"}, "region_code", "REGION_UNKNOWN"),
        ({"source": "NATIONAL"}, "source", "UNKNOWN_VALUE"),
        ({"task": "OTHER"}, "task", "UNKNOWN_VALUE"),
        ({"year": 1999}, "year", "OUT_OF_RANGE"),
        ({"doc_no": ""}, "doc_no", "TOO_SHORT"),
        ({"received_on": "2019-02-30"}, "received_on", "DATE_INVALID"),
        ({"state": "OPEN"}, "state", "UNKNOWN_FIELD"),
    ],
)
async def test_a_malformed_allocation_names_its_field(
    funds: Funds, change: dict[str, Any], field: str, code: str
) -> None:
    answer = await funds.post("/allocations", {**BODY, **change})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


async def test_the_same_line_of_a_document_is_entered_once(funds: Funds) -> None:
    assert (await funds.post("/allocations", BODY)).status_code == 201
    again = await funds.post("/allocations", BODY)
    assert (again.status_code, again.json()["code"]) == (409, "ALLOCATION_DUPLICATE")
    other = await funds.post("/allocations", {**BODY, "amount": "1000000.01"})
    assert other.status_code == 201


async def test_of_clerks_entering_the_same_line_at_once_one_succeeds(funds: Funds) -> None:
    body = {**BODY, "task": None, "source": "COUNTY"}
    answers = await asyncio.gather(*(funds.post("/allocations", body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_money_is_entered_only_with_an_idempotency_key(funds: Funds) -> None:
    headers = funds.app.headers("FINOFF@511132", "finance")
    without = await funds.app.client.post("/api/v1/allocations", json=BODY, headers=headers)
    assert (without.status_code, without.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")

    key = {"Idempotency-Key": "once"}
    first = await funds.post("/allocations", BODY, headers=key)
    again = await funds.post("/allocations", BODY, headers=key)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = await funds.post("/allocations", {**BODY, "year": 2020}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert len(await funds.app.events(AllocationReceived)) == 1


async def test_allocations_are_listed_in_pages_and_by_filters(funds: Funds) -> None:
    for source, year in (("CENTRAL", 2019), ("COUNTY", 2019), ("COUNTY", 2020)):
        await funds.allocation(source=source, task=None, year=year)
    await funds.allocation(region_code="511133")

    first = (await funds.get("/allocations", {"limit": 2})).json()
    rest = (await funds.get("/allocations", {"limit": 2, "cursor": first["next_cursor"]})).json()
    listed = [(one["source"], one["year"]) for one in first["items"] + rest["items"]]
    assert listed == [("CENTRAL", 2019), ("COUNTY", 2019), ("COUNTY", 2020)]
    assert rest["next_cursor"] is None

    async def count(**query: str | int) -> int:
        answer = await funds.get("/allocations", query, org="FINOFF@5111")
        return len(answer.json()["items"])

    assert await count() == 4
    assert await count(region_code="511133") == 1
    assert await count(year=2019) == 3
    assert await count(source="COUNTY", year=2020) == 1
    assert await count(state="PUBLISHED") == 0
    nonsense = await funds.get("/allocations", {"cursor": "nonsense"})
    assert nonsense.json()["code"] == "CURSOR_INVALID"


async def test_a_neighbours_allocation_does_not_exist(funds: Funds) -> None:
    foreign = (await funds.allocation(region_code="511133"))["id"]
    unknown = new_id()
    for allocation_id in (foreign, unknown):
        answers = [
            await funds.get(f"/allocations/{allocation_id}"),
            await funds.post(f"/allocations/{allocation_id}/publish", PUBLISH),
        ]
        assert [(one.status_code, one.json()["code"]) for one in answers] == [
            (404, "NOT_FOUND")
        ] * 2
    assert (await funds.get("/allocations")).json()["items"] == []
    assert (await funds.get("/allocations", {"region_code": "511133"})).status_code == 404
    entered = await funds.post("/allocations", {**BODY, "region_code": "511133"})
    assert entered.status_code == 404
    above = await funds.post("/allocations", {**BODY, "region_code": "5111"})
    assert above.status_code == 404


@pytest.mark.parametrize("role", ["village_cadre", "household", "dept_handler", "helper"])
async def test_who_neither_keeps_nor_oversees_money_is_refused(funds: Funds, role: str) -> None:
    allocation_id = (await funds.allocation())["id"]
    answers = [
        await funds.post("/allocations", BODY, roles=(role,)),
        await funds.post(f"/allocations/{allocation_id}/publish", PUBLISH, roles=(role,)),
        await funds.get(f"/allocations/{allocation_id}", roles=(role,)),
        await funds.get("/allocations", roles=(role,)),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "FORBIDDEN")] * 4


async def test_an_overseer_reads_and_changes_nothing(funds: Funds) -> None:
    allocation_id = (await funds.allocation())["id"]
    path = f"/allocations/{allocation_id}"
    read = await funds.get(path, org="DISC@511132", roles=("discipline",))
    publish = await funds.post(f"{path}/publish", PUBLISH, org="DISC@511132", roles=("discipline",))
    assert (read.status_code, publish.status_code) == (200, 403)


async def test_without_a_token_nothing_is_answered(funds: Funds) -> None:
    for path in ("/allocations", f"/allocations/{new_id()}"):
        answer = await funds.app.client.get(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
