"""Home visits over HTTP (H-45)."""

from typing import Any

import pytest

from shared.events.households import VisitRecorded
from tests.households.conftest import Households, codes

LOOKS = {str(look): "YES" for look in range(1, 10)}


def visit(**changes: Any) -> dict[str, Any]:
    """A visit as callers send one."""
    return {
        "visited_on": "2019-09-10",
        "visitor": "helper-0007",
        "nine_looks": LOOKS,
        **changes,
    }


async def test_each_no_is_told_as_the_kind_of_problem_it_stands_for(
    households: Households,
) -> None:
    view = await households.register(archive_status="EXITED")
    answer = await households.call(
        "POST",
        f"/households/{view['id']}/visits",
        visit(nine_looks=LOOKS | {"2": "NO", "8": "NO"}, note="墙体有裂缝"),
        org="HOUS@511132",
        roles=("helper",),
    )
    assert answer.status_code == 201
    recorded = answer.json()
    failed = [{"look": 2, "kind": "HOUSING_UNSAFE"}, {"look": 8, "kind": "MEDICAL_UNINSURED"}]
    assert recorded["failed"] == failed
    assert recorded["nine_looks"]["2"] == "NO"
    assert recorded["recorded_by"] == "helper-1"
    (event,) = await households.app.events(VisitRecorded)
    assert event.model_dump(mode="json") == {
        "visit_id": recorded["id"],
        "household_id": view["id"],
        "household_no": view["household_no"],
        "village_code": view["village_code"],
        "cohort": "EXITED",
        "visited_on": "2019-09-10",
        "visitor": "helper-0007",
        "visitor_organisation": "HOUS@511132",
        "failed": failed,
    }
    assert event.partition_key == view["id"]
    (row,) = await households.rows("SELECT change FROM audit WHERE action = 'VISIT'")
    assert '"failed_looks": [2, 8]' in row["change"]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        (
            {"nine_looks": {k: v for k, v in LOOKS.items() if k != "3"}},
            {"nine_looks.3": "REQUIRED"},
        ),
        ({"nine_looks": LOOKS | {"10": "YES"}}, {"nine_looks.10": "UNKNOWN_FIELD"}),
        ({"nine_looks": LOOKS | {"grain": "YES"}}, {"nine_looks.grain": "UNKNOWN_FIELD"}),
        ({"nine_looks": LOOKS | {"4": "MAYBE"}}, {"nine_looks.4": "UNKNOWN_VALUE"}),
        ({"nine_looks": LOOKS | {"4": True}}, {"nine_looks.4": "UNKNOWN_VALUE"}),
        ({"nine_looks": {}}, {f"nine_looks.{look}": "REQUIRED" for look in range(1, 10)}),
        ({"visited_on": "2019-09-17"}, {"visited_on": "DATE_IN_FUTURE"}),
        ({"visited_on": "2019-02-30"}, {"visited_on": "DATE_INVALID"}),
        ({"visitor": ""}, {"visitor": "TOO_SHORT"}),
        ({"note": "x" * 2001}, {"note": "TOO_LONG"}),
        ({"note": "\x00"}, {"note": "FORMAT"}),
        ({"household_id": "x"}, {"household_id": "UNKNOWN_FIELD"}),
    ],
)
async def test_a_visit_answers_all_nine_looks_and_has_happened(
    one_service: Households, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    view = await one_service.register()
    before = len(await one_service.app.events(VisitRecorded))
    answer = await one_service.call("POST", f"/households/{view['id']}/visits", visit(**changes))
    assert (answer.status_code, codes(answer)) == (422, errors)
    assert len(await one_service.app.events(VisitRecorded)) == before


@pytest.mark.parametrize(
    ("org", "role", "status"),
    [
        ("VILLAGE@511132201205", "village_cadre", 201),
        ("VILLAGE@511132201205", "resident_team", 201),
        ("TOWN@511132201", "township_reviewer", 201),
        ("HOUS@511132", "helper", 201),
        ("HOUS@511132", "dept_handler", 201),
        ("LG@511132", "leading_group", 201),
        ("VILLAGE@511132201206", "village_cadre", 404),
        ("HOUS@620523", "helper", 404),
        ("POV@511132", "household", 403),
        ("FINOFF@511132", "finance", 403),
        ("PROV@51", "province_platform", 403),
    ],
)
async def test_who_may_visit(households: Households, org: str, role: str, status: int) -> None:
    view = await households.register()
    answer = await households.call(
        "POST", f"/households/{view['id']}/visits", visit(), org=org, roles=(role,)
    )
    assert answer.status_code == status


async def test_the_same_key_records_one_visit(households: Households) -> None:
    view = await households.register()
    path = f"/households/{view['id']}/visits"
    key = {"Idempotency-Key": "visit-1"}
    first = await households.call("POST", path, visit(), headers=key)
    second = await households.call("POST", path, visit(), headers=key)
    assert first.json() == second.json()
    assert second.json()["nine_looks"]["1"] == "YES"
    assert len(await households.rows("SELECT FROM visits")) == 1


async def test_visits_are_listed_by_day_page_by_page(households: Households) -> None:
    view = await households.register()
    path = f"/households/{view['id']}/visits"
    for day in ("2019-09-10", "2019-08-01", "2019-09-01"):
        await households.call("POST", path, visit(visited_on=day))
    first = (await households.call("GET", path, query={"limit": 2})).json()
    rest = (await households.call("GET", path, query={"cursor": first["next_cursor"]})).json()
    days = [one["visited_on"] for one in [*first["items"], *rest["items"]]]
    assert days == ["2019-08-01", "2019-09-01", "2019-09-10"]
    assert rest["next_cursor"] is None


async def test_an_unknown_household_is_not_visited(households: Households) -> None:
    path = "/households/01920000-0000-7000-8000-000000000000/visits"
    assert (await households.call("POST", path, visit())).status_code == 404
    assert (await households.call("GET", path)).status_code == 404
