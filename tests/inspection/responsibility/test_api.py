"""PUT and GET /responsibles: three persons behind an organisation, from a day on (I-12)."""

from datetime import date
from typing import Any

import pytest

from services.inspection.responsibility.domain import Responsible
from services.inspection.responsibility.queries import find_responsibles
from tests.inspection.conftest import Inspection

HOUSING = "/responsibles/HOUS@511132"
PERSONS: dict[str, Any] = {
    "unit_head": "张一把",
    "deputy": "李分管",
    "county_leader": "王县级",
    "effective_from": "2019-01-01",
}
LATER = PERSONS | {"deputy": "赵接任", "effective_from": "2019-10-01"}


async def test_an_organisation_names_its_three_persons(inspection: Inspection) -> None:
    answer = await inspection.put(HOUSING, PERSONS)
    assert (answer.status_code, answer.json()) == (200, {"org": "HOUS@511132", **PERSONS})
    assert (await inspection.get(HOUSING)).json() == answer.json()
    audited = await inspection.fetch("SELECT change FROM audit WHERE object_type = 'responsibles'")
    assert len(audited) == 1


async def test_who_answered_before_stays_on_record(inspection: Inspection) -> None:
    await inspection.put(HOUSING, PERSONS)
    await inspection.put(HOUSING, LATER)
    assert (await inspection.get(HOUSING)).json()["deputy"] == "李分管"
    later = await inspection.get(HOUSING, {"on": "2019-10-01"})
    assert later.json()["deputy"] == "赵接任"
    before = await inspection.get(HOUSING, {"on": "2018-12-31"})
    assert (before.status_code, before.json()["code"]) == (404, "NOT_FOUND")


async def test_the_persons_of_the_same_day_are_corrected(inspection: Inspection) -> None:
    await inspection.put(HOUSING, PERSONS)
    await inspection.put(HOUSING, PERSONS | {"unit_head": "钱更正"})
    assert (await inspection.get(HOUSING)).json()["unit_head"] == "钱更正"
    assert await inspection.count("responsibles") == 1


async def test_a_region_lists_who_answers_on_a_day_its_own_organisations_first(
    inspection: Inspection,
) -> None:
    for org in ("TOWN@511132201", "WATER@511132", "HOUS@511132"):
        assert (await inspection.put(f"/responsibles/{org}", PERSONS)).status_code == 200
    await inspection.put(HOUSING, LATER)
    first = (await inspection.get("/responsibles", {"limit": 2})).json()
    rest = (await inspection.get("/responsibles", {"cursor": first["next_cursor"]})).json()
    listed = [(item["org"], item["deputy"]) for item in first["items"] + rest["items"]]
    assert listed == [
        ("HOUS@511132", "李分管"),
        ("WATER@511132", "李分管"),
        ("TOWN@511132201", "李分管"),
    ]
    assert rest["next_cursor"] is None
    query = {"region_code": "511132", "on": "2019-12-31"}
    later = (await inspection.get("/responsibles", query)).json()["items"]
    assert [item["deputy"] for item in later] == ["赵接任", "李分管", "李分管"]
    township = (await inspection.get("/responsibles", {"region_code": "511132201"})).json()
    assert [item["org"] for item in township["items"]] == ["TOWN@511132201"]


async def test_many_organisations_are_looked_up_at_once(inspection: Inspection) -> None:
    await inspection.put(HOUSING, PERSONS)
    await inspection.put(HOUSING, LATER)
    await inspection.put("/responsibles/TOWN@511132201", PERSONS)
    orgs = ["HOUS@511132", "TOWN@511132201", "EDU@511132"]
    async with inspection.runtime.database.statement() as connection:
        found = await find_responsibles(connection, orgs, date(2019, 10, 1))
        assert await find_responsibles(connection, [], date(2019, 10, 1)) == {}
        assert await find_responsibles(connection, orgs, date(2018, 1, 1)) == {}
    assert found == {
        "HOUS@511132": Responsible("张一把", "赵接任", "王县级"),
        "TOWN@511132201": Responsible("张一把", "李分管", "王县级"),
    }


@pytest.mark.parametrize(
    ("path", "changes", "code"),
    [
        ("HOUS@511133", {}, "NOT_FOUND"),
        ("HOUS@51", {}, "NOT_FOUND"),
        ("HOUS", {}, "FORMAT"),
        ("hous@511132", {}, "FORMAT"),
        ("HOUS@51113", {}, "FORMAT"),
        ("HOUS@511132", {"unit_head": ""}, "NAME_INVALID"),
        ("HOUS@511132", {"deputy": None}, "NAME_INVALID"),
        ("HOUS@511132", {"effective_from": "2019-02-30"}, "DATE_INVALID"),
        ("HOUS@511132", {"stray": 1}, "UNKNOWN_FIELD"),
    ],
)
async def test_persons_out_of_order_are_refused(
    inspection: Inspection, path: str, changes: dict[str, Any], code: str
) -> None:
    answer = await inspection.put(f"/responsibles/{path}", PERSONS | changes)
    assert answer.json()["code"] == code
    assert answer.status_code == (404 if code == "NOT_FOUND" else 422)
    assert await inspection.count("responsibles") == 0


async def test_each_of_the_three_persons_is_named(inspection: Inspection) -> None:
    for name in ("unit_head", "deputy", "county_leader"):
        body = {key: value for key, value in PERSONS.items() if key != name}
        answer = await inspection.put(HOUSING, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "REQUIRED")


async def test_a_department_names_nobody(inspection: Inspection) -> None:
    answer = await inspection.put(HOUSING, PERSONS, org="HOUS@511132", roles=("dept_head",))
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


async def test_a_household_reads_nobody(inspection: Inspection) -> None:
    for path in (HOUSING, "/responsibles"):
        answer = await inspection.get(path, roles=("household",))
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


async def test_an_organisation_is_seen_up_and_down_the_line_but_not_beside_it(
    inspection: Inspection,
) -> None:
    await inspection.put(HOUSING, PERSONS)
    for org in ("TOWN@511132201", "WATER@511132", "CITY@5111"):
        assert (await inspection.get(HOUSING, org=org)).status_code == 200
    for org in ("POV@511133", "TOWN@511133201"):
        assert (await inspection.get(HOUSING, org=org)).status_code == 404
        beside = await inspection.get("/responsibles", {"region_code": "511132"}, org=org)
        assert (beside.status_code, beside.json()["code"]) == (404, "NOT_FOUND")
        assert (await inspection.get("/responsibles", org=org)).json()["items"] == []
