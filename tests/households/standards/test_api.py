"""Standards over HTTP."""

from typing import Any

import pytest

from tests.households.conftest import VILLAGE, Households, codes


async def put(
    households: Households, region: str, body: dict[str, Any], year: int = 2019, **who: Any
) -> Any:
    """The stored row as answered."""
    answer = await households.call("PUT", f"/standards/{region}/{year}", body, **who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_county_answers_with_the_keys_of_its_province(households: Households) -> None:
    await put(
        households,
        "51",
        {"poverty_line": "3750.00", "income_basis": "STABLE"},
        org="PROV@51",
    )
    await put(households, "511132", {"household_profile": "SICHUAN"})
    answer = await households.call("GET", f"/standards/{VILLAGE}/2019", roles=("household",))
    assert answer.status_code == 200
    standard = answer.json()
    assert standard["poverty_line"] == "3750.00"
    assert standard["income_basis"] == "STABLE"
    assert standard["household_profile"] == "SICHUAN"
    assert standard["sudden_drop_pct"] == "30.00"
    assert (standard["period_start"], standard["period_end"]) == ("2018-10-01", "2019-09-30")
    assert standard["resolved_from"]["poverty_line"] == "51"
    assert standard["resolved_from"]["household_profile"] == "511132"
    assert standard["resolved_from"]["sudden_drop_pct"] == "DEFAULT"


async def test_a_second_put_sets_what_it_names_and_null_clears(households: Households) -> None:
    first = await put(households, "511132", {"poverty_line": "3750", "monitor_line": 5000})
    assert (first["poverty_line"], first["monitor_line"]) == ("3750.00", "5000.00")
    second = await put(households, "511132", {"income_basis": "STABLE", "monitor_line": None})
    assert second["poverty_line"] == "3750.00"
    assert second["income_basis"] == "STABLE"
    assert second["monitor_line"] is None
    assert second["version"] == 2


async def test_every_change_is_audited_from_and_to(households: Households) -> None:
    await put(households, "511132", {"poverty_line": "3750.00"})
    await put(households, "511132", {"poverty_line": "3800.00"})
    rows = await households.rows(
        "SELECT change->'poverty_line' AS line, person FROM audit"
        " WHERE object_type = 'standard' AND object_id = '511132/2019' ORDER BY id"
    )
    assert [row["line"] for row in rows] == ['[null, "3750.00"]', '["3750.00", "3800.00"]']
    assert rows[0]["person"] == "poverty_office-1"


async def test_without_a_standard_the_year_is_refused(households: Households) -> None:
    await put(households, "511132", {"poverty_line": "3750.00"}, year=2019)
    answer = await households.call("GET", "/standards/511132/2026")
    assert answer.status_code == 409
    assert answer.json()["code"] == "STANDARD_NOT_FOUND"
    assert (answer.json()["region"], answer.json()["year"]) == ("511132", 2026)


async def test_what_holds_for_the_country_is_set_by_operations(households: Households) -> None:
    refused = await households.call("PUT", "/standards/CN/2019", {"monitor_line": "6000"})
    assert refused.status_code == 404
    await put(households, "CN", {"monitor_line": "6000"}, org="OPS@51", roles=("ops",))
    answer = await households.call("GET", "/standards/430726/2019")
    assert answer.json()["monitor_line"] == "6000.00"
    assert answer.json()["resolved_from"]["monitor_line"] == "CN"


@pytest.mark.parametrize(
    ("body", "field", "refusal"),
    [
        ({"poverty_line": "-1"}, "poverty_line", "AMOUNT_NEGATIVE"),
        ({"poverty_line": 3750.5}, "poverty_line", "AMOUNT_INVALID"),
        ({"monitor_line": "1e30"}, "monitor_line", "AMOUNT_INVALID"),
        ({"sudden_drop_pct": "101"}, "sudden_drop_pct", "PERCENT_INVALID"),
        ({"income_basis": "SOME"}, "income_basis", "UNKNOWN_VALUE"),
        ({"period_start": "2018-02-30"}, "period_start", "DATE_INVALID"),
        ({"set_by": "me"}, "set_by", "UNKNOWN_FIELD"),
    ],
)
async def test_a_malformed_key_is_refused(
    households: Households, body: dict[str, Any], field: str, refusal: str
) -> None:
    answer = await households.call("PUT", "/standards/511132/2019", body)
    assert answer.status_code == 422
    assert codes(answer) == {field: refusal}


async def test_a_period_that_ends_before_it_begins_is_refused(households: Households) -> None:
    await put(households, "511132", {"period_start": "2018-10-01"})
    answer = await households.call("PUT", "/standards/511132/2019", {"period_end": "2018-09-30"})
    assert (answer.status_code, answer.json()["code"]) == (422, "PERIOD_INVALID")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("511199/2019", 404, "NOT_FOUND"),  # another county
        ("511132999/2019", 422, "REGION_UNKNOWN"),
        ("5/2019", 422, "REGION_CODE_INVALID"),
        ("511132/1999", 422, "OUT_OF_RANGE"),
    ],
)
async def test_a_region_or_year_that_does_not_fit_is_refused(
    households: Households, path: str, status: int, code: str
) -> None:
    answer = await households.call("PUT", f"/standards/{path}", {"poverty_line": "3750"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("role", ["village_cadre", "inspector", "finance"])
async def test_only_the_office_sets_standards(households: Households, role: str) -> None:
    answer = await households.call(
        "PUT", "/standards/511132/2019", {"poverty_line": "3750"}, roles=(role,)
    )
    assert answer.status_code == 403
