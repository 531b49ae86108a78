"""Treasury statements, progress and ranking over HTTP; the figures of the seeds."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import ARRAY, Text, bindparam, text

from shared.events.funds import ProgressComputed
from tests.funds.conftest import Funds

BODY: dict[str, Any] = {
    "region_code": "511132",
    "year": 2019,
    "as_of": "2019-09-07",
    "available": "100000000.00",
    "paid": "65110000.00",
}
SEQUENCES = text(
    "SELECT aggregate_id, aggregate_seq FROM outbox WHERE aggregate_id = ANY(:ids)"
    " ORDER BY aggregate_id, id"
).bindparams(bindparam("ids", type_=ARRAY(Text)))
# The eleven counties of 乐山市 in the first week of September 2019; only 511132 is from the seed.
CITY = {
    "511102": "60",
    "511111": "61.5",
    "511112": "58",
    "511113": "70.25",
    "511123": "64",
    "511124": "64",
    "511126": "40",
    "511129": "65.10",
    "511132": "65.11",
    "511133": "55",
    "511181": "50",
}


async def report_the_city(funds: Funds) -> None:
    for code, percentage in CITY.items():
        paid = f"{round(float(percentage) * 1_000_000)}.00"
        answer = await funds.statement(code, "100000000.00", paid)
        assert answer.status_code == 201, answer.text


async def test_the_seed_stands_at_65_11_second_of_eleven_29_89_points_short_of_95(
    funds: Funds,
) -> None:
    await report_the_city(funds)
    answer = await funds.get(
        "/stats/progress",
        {"region_code": "511132", "year": 2019, "as_of": "2019-12-31", "target_pct": "95"},
    )
    assert answer.status_code == 200
    progress = answer.json()
    explanation = progress.pop("explanation")
    assert progress == {
        "region_code": "511132",
        "year": 2019,
        "as_of": "2019-12-31",
        "basis": "TREASURY",
        "available": "100000000.00",
        "paid": "65110000.00",
        "progress_pct": "65.11",
        "balance": "34890000.00",
        "balance_rate_pct": "34.89",
        "target_pct": "95.00",
        "gap_amount": "29890000.00",
        "gap_points": "29.89",
        "difference": "65110000.00",
        "rank": 2,
        "ranked": 11,
    }
    del explanation["statement_id"]
    assert explanation == {
        "rules": ["F-19", "F-31"],
        "statement_as_of": "2019-09-07",
        "statement_version": 1,
        "ledger_paid": "0.00",
    }


async def test_the_ranking_shares_ranks_skips_the_next_and_ends_with_the_silent(
    funds: Funds,
) -> None:
    for code in ("511102", "511111", "511112", "511113"):
        paid = {"511102": "90.00", "511113": "70.00"}.get(code, "80.00")
        await funds.statement(code, "100.00", paid)
    await funds.statement("511123", "0.00", "0.00")
    answer = await funds.get(
        "/stats/progress-ranking",
        {"city": "5111", "year": 2019, "as_of": "2019-09-16"},
        org="CITY@5111",
    )
    assert answer.status_code == 200
    items = answer.json()["items"]
    ranks = [(one["rank"], one["region_code"], one["progress_pct"]) for one in items]
    assert ranks[:6] == [
        (1, "511102", "90.00"),
        (2, "511111", "80.00"),
        (2, "511112", "80.00"),
        (4, "511113", "70.00"),
        (None, "511123", None),
        (None, "511124", None),
    ]
    assert len(items) == 11
    assert items[0]["name"] == "市中区"


async def test_the_ledger_counts_what_is_public_by_then_and_what_was_paid_of_it(
    funds: Funds,
) -> None:
    await funds.published_allocation(amount="600000.00", on="2019-03-11")
    await funds.published_allocation(amount="400000.00", on="2019-06-01")
    await funds.allocation(amount="5000000.00")  # not yet public: F-22
    await funds.published_allocation(amount="7000000.00", region_code="511132201")
    await funds.published_allocation(amount="7000000.00", year=2020)

    async def ledger(as_of: str) -> dict[str, Any]:
        query: dict[str, str | int] = {
            "region_code": "511132",
            "year": 2019,
            "as_of": as_of,
            "basis": "LEDGER",
        }
        answer: dict[str, Any] = (await funds.get("/stats/progress", query)).json()
        return answer

    assert (await ledger("2019-03-10"))["available"] == "0.00"
    assert (await ledger("2019-03-10"))["progress_pct"] is None
    assert (await ledger("2019-03-11"))["available"] == "600000.00"
    june = await ledger("2019-06-01")
    assert (june["available"], june["paid"], june["progress_pct"]) == ("1000000.00", "0.00", "0.00")
    assert (june["rank"], june["ranked"]) == (1, 1)
    assert june["difference"] is None


async def test_the_nearest_statement_up_to_the_day_counts(funds: Funds) -> None:
    await funds.statement("511132", "100.00", "50.00", as_of="2019-08-31")
    await funds.statement("511132", "100.00", "65.00", as_of="2019-09-07")

    async def paid(as_of: str) -> Any:
        query: dict[str, str | int] = {"region_code": "511132", "year": 2019, "as_of": as_of}
        return (await funds.get("/stats/progress", query)).json().get("paid")

    assert [
        await paid(day) for day in ("2019-08-31", "2019-09-06", "2019-09-07", "2019-12-31")
    ] == [
        "50.00",
        "50.00",
        "65.00",
        "65.00",
    ]
    before = await funds.get(
        "/stats/progress", {"region_code": "511132", "year": 2019, "as_of": "2019-08-30"}
    )
    assert (before.status_code, before.json()["code"]) == (404, "STATEMENT_MISSING")


async def test_without_a_day_the_progress_is_that_of_today(funds: Funds) -> None:
    await funds.statement("511132", "100.00", "65.00", as_of="2019-09-07")
    answer = await funds.app.client.get(
        "/api/v1/stats/progress?region_code=511132&year=2019",
        headers={
            **funds.app.headers("FINOFF@511132", "finance"),
            "X-Now": "2019-09-15T23:30:00+00:00",  # the 16th in China
        },
    )
    assert answer.json()["as_of"] == "2019-09-16"


async def test_more_paid_than_available_is_refused(funds: Funds) -> None:
    answer = await funds.statement("511132", "100.00", "100.01")
    assert (answer.status_code, answer.json()["code"]) == (422, "PAID_EXCEEDS_AVAILABLE")
    assert answer.json()["errors"][0]["field"] == "paid"
    assert (await funds.statement("511132", "100.00", "100.00")).status_code == 201


async def test_a_day_is_reported_once_and_changed_only_by_a_correction(funds: Funds) -> None:
    first = await funds.post("/treasury-statements", BODY)
    again = await funds.post("/treasury-statements", BODY)
    assert (again.status_code, again.json()) == (201, first.json())

    differs = await funds.post("/treasury-statements", {**BODY, "paid": "65000000.00"})
    assert (differs.status_code, differs.json()["code"]) == (409, "STATEMENT_DIFFERS")
    assert differs.json()["version"] == 1

    correction = {"version": 1, "reason": "国库更正"}
    changed = {**BODY, "paid": "65000000.00", "correction": correction}
    corrected = await funds.post("/treasury-statements", changed)
    assert (corrected.status_code, corrected.json()["version"]) == (201, 2)
    stale = await funds.post("/treasury-statements", changed)
    assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT")
    assert stale.json()["version"] == 2

    progress = await funds.get(
        "/stats/progress", {"region_code": "511132", "year": 2019, "as_of": "2019-09-07"}
    )
    assert progress.json()["paid"] == "65000000.00"
    listed = (await funds.get("/treasury-statements", {"year": 2019})).json()["items"]
    assert [(one["version"], one["paid"], one["reason"]) for one in listed] == [
        (1, "65110000.00", None),
        (2, "65000000.00", "国库更正"),
    ]


async def test_of_two_reports_for_a_day_at_once_one_stands(funds: Funds) -> None:
    answers = await asyncio.gather(
        *(funds.statement("511132", "100.00", f"{paid}.00") for paid in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_statement_is_recorded_only_with_an_idempotency_key(funds: Funds) -> None:
    headers = funds.app.headers("FINOFF@511132", "finance")
    answer = await funds.app.client.post("/api/v1/treasury-statements", json=BODY, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"available": "1e3"}, "available", "AMOUNT_INVALID"),
        ({"paid": "-1.00"}, "paid", "AMOUNT_NEGATIVE"),
        ({"region_code": "519999"}, "region_code", "REGION_UNKNOWN"),
        ({"as_of": "7 September"}, "as_of", "DATE_INVALID"),
        ({"correction": {"version": 1}}, "correction.reason", "REQUIRED"),
        ({"correction": {"version": 0, "reason": "错"}}, "correction.version", "OUT_OF_RANGE"),
    ],
)
async def test_a_malformed_statement_names_its_field(
    funds: Funds, change: dict[str, Any], field: str, code: str
) -> None:
    answer = await funds.post("/treasury-statements", {**BODY, **change}, org="FINOFF@51")
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"region_code": "51113"}, "region_code", "REGION_CODE_INVALID"),
        ({"year": "first"}, "year", "NUMBER_INVALID"),
        ({"basis": "BANK"}, "basis", "UNKNOWN_VALUE"),
        ({"target_pct": "101"}, "target_pct", "PERCENT_INVALID"),
        ({"as_of": "2019-13-01"}, "as_of", "DATE_INVALID"),
    ],
)
async def test_a_malformed_question_names_its_parameter(
    funds: Funds, query: dict[str, str], field: str, code: str
) -> None:
    answer = await funds.get("/stats/progress", {"region_code": "511132", "year": 2019, **query})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


async def test_a_neighbours_figures_do_not_exist(funds: Funds) -> None:
    await funds.statement("511133", "100.00", "50.00")
    query: dict[str, str | int] = {"region_code": "511133", "year": 2019}
    answers = [
        await funds.get("/stats/progress", query),
        await funds.get("/treasury-statements", query),
        await funds.post("/treasury-statements", {**BODY, "region_code": "511133"}),
        await funds.get("/stats/progress", {"region_code": "5111", "year": 2019}),
        await funds.get("/stats/progress-ranking", {"city": "5101", "year": 2019}),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "NOT_FOUND")] * 5
    assert (await funds.get("/treasury-statements")).json()["items"] == []


async def test_a_county_sees_the_ranking_it_stands_in(funds: Funds) -> None:
    answer = await funds.get("/stats/progress-ranking", {"city": "5111", "year": 2019})
    assert answer.status_code == 200


async def test_who_has_no_part_in_money_is_refused(funds: Funds) -> None:
    roles = ("helper",)
    answers = [
        await funds.post("/treasury-statements", BODY, roles=roles),
        await funds.get("/treasury-statements", roles=roles),
        await funds.get("/stats/progress", {"region_code": "511132", "year": 2019}, roles=roles),
        await funds.get("/stats/progress-ranking", {"city": "5111", "year": 2019}, roles=roles),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "FORBIDDEN")] * 4


async def test_the_target_of_the_date_is_configured_by_region(funds: Funds) -> None:
    await funds.statement("511132", "100.00", "65.00")
    configured = await funds.app.client.put(
        "/api/v1/config/5111/progress_target_pct",
        json={"value": "95.00", "effective_from": "2019-12-01"},
        headers=funds.app.headers("POV@5111", "poverty_office"),
    )
    assert configured.status_code == 200, configured.text

    async def target(as_of: str) -> tuple[Any, Any]:
        query: dict[str, str | int] = {"region_code": "511132", "year": 2019, "as_of": as_of}
        answer = (await funds.get("/stats/progress", query)).json()
        return answer["target_pct"], answer["gap_points"]

    assert await target("2019-11-30") == (None, None)
    assert await target("2019-12-31") == ("95.00", "30.00")


async def run_progress(funds: Funds, as_of: str) -> int:
    answer = await funds.post(
        "/ops/run", {"job": "progress", "as_of": as_of}, org="OPS@51", roles=("ops",)
    )
    assert answer.status_code == 200, answer.text
    told: int = answer.json()["figures"]["counties_changed"]
    return told


async def test_the_job_tells_each_county_s_progress_once_until_it_changes(funds: Funds) -> None:
    await report_the_city(funds)
    assert await run_progress(funds, "2019-09-16T08:00:00+08:00") == 11
    assert await run_progress(funds, "2019-09-17T08:00:00+08:00") == 0

    told = {
        event.region_code: event
        for event in await funds.app.events(ProgressComputed)
        if isinstance(event, ProgressComputed)
    }
    assert told["511132"].model_dump(mode="json") == {
        "region_year": "511132:2019",
        "region_code": "511132",
        "year": 2019,
        "as_of": "2019-09-16",
        "available": "100000000.00",
        "paid": "65110000.00",
        "progress_pct": "65.11",
        "target_pct": None,
        "rank": 2,
    }

    # One county passes another: both ranks change, and both are told, in sequence.
    await funds.statement("511129", "100000000.00", "66000000.00", as_of="2019-09-14")
    assert await run_progress(funds, "2019-09-18T08:00:00+08:00") == 2
    async with funds.app.database.reading() as session:
        pairs = await session.execute(
            SEQUENCES.bindparams(ids=["511129:2019", "511132:2019", "511102:2019"])
        )
        assert [tuple(pair) for pair in pairs] == [
            ("511102:2019", 1),
            ("511129:2019", 1),
            ("511129:2019", 2),
            ("511132:2019", 1),
            ("511132:2019", 2),
        ]


async def test_a_run_for_an_earlier_day_takes_nothing_back(funds: Funds) -> None:
    await funds.statement("511132", "100.00", "50.00", as_of="2019-08-31")
    await funds.statement("511132", "100.00", "65.00", as_of="2019-09-07")
    assert await run_progress(funds, "2019-09-16T08:00:00+08:00") == 1
    assert await run_progress(funds, "2019-09-01T08:00:00+08:00") == 0


async def test_after_the_year_its_figures_are_still_told(funds: Funds) -> None:
    await funds.statement("511132", "100.00", "99.00", as_of="2019-12-31")
    assert await run_progress(funds, "2020-01-05T08:00:00+08:00") == 1
