"""PUT /routing/{region}/{kind}: a region's own lead department, from a day on."""

import pytest

from tests.inspection.conftest import Inspection

RULE = {"dept": "CIVIL", "effective_from": "2019-09-01"}


async def test_a_region_s_rule_routes_the_next_problem(inspection: Inspection) -> None:
    assert (await inspection.log())["lead_dept"] == "HOUS"
    answer = await inspection.put("/routing/511132/HOUSING_UNSAFE", RULE)
    assert (answer.status_code, answer.json()) == (
        200,
        {"region": "511132", "kind": "HOUSING_UNSAFE", **RULE},
    )
    assert (await inspection.log())["lead_dept"] == "CIVIL"
    assert (await inspection.log(kind="WATER_UNSAFE"))["lead_dept"] == "WATER"


async def test_a_rule_waits_for_its_day_and_may_be_replaced(inspection: Inspection) -> None:
    later = {"dept": "CIVIL", "effective_from": "2019-10-01"}
    await inspection.put("/routing/511132/HOUSING_UNSAFE", later)
    assert (await inspection.log())["lead_dept"] == "HOUS"
    await inspection.put("/routing/511132/HOUSING_UNSAFE", later | {"dept": "NDRC"})
    inspection.now = "2019-10-01T08:00:00+08:00"
    assert (await inspection.log())["lead_dept"] == "NDRC"


async def test_a_rule_survives_a_restart(inspection: Inspection) -> None:
    await inspection.put("/routing/511132/HOUSING_UNSAFE", RULE)
    table = inspection.runtime.extras["routing"]
    await table.load(inspection.runtime.database)
    assert (await inspection.log())["lead_dept"] == "CIVIL"


async def test_a_kind_of_the_region_s_own_can_be_routed(inspection: Inspection) -> None:
    await inspection.put("/routing/511132/LOCAL_MATTER", RULE)
    view = await inspection.log(kind="LOCAL_MATTER")
    assert (view["lead_dept"], view["flags"]["unrouted"]) == ("CIVIL", False)


@pytest.mark.parametrize("kind", ["STYLE", "CORRUPTION_BRIBERY", "CORRUPTION_ANYTHING"])
async def test_style_and_corruption_cannot_be_routed_elsewhere(
    inspection: Inspection, kind: str
) -> None:
    answer = await inspection.put(f"/routing/511132/{kind}", RULE)
    assert (answer.status_code, answer.json()["code"]) == (422, "ROUTE_FIXED")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("511133/HOUSING_UNSAFE", RULE, 404),
        ("511132/housing", RULE, 422),
        ("5111321/HOUSING_UNSAFE", RULE, 422),
        ("511132/HOUSING_UNSAFE", RULE | {"dept": "NASA"}, 422),
        ("511132/HOUSING_UNSAFE", RULE | {"effective_from": "2019-02-30"}, 422),
        ("511132/HOUSING_UNSAFE", RULE | {"stray": 1}, 422),
    ],
)
async def test_a_rule_out_of_order_is_refused(
    inspection: Inspection, path: str, body: dict[str, object], status: int
) -> None:
    assert (await inspection.put(f"/routing/{path}", body)).status_code == status
    assert await inspection.count("routing_rules") == 0


async def test_a_department_does_not_route(inspection: Inspection) -> None:
    answer = await inspection.put(
        "/routing/511132/HOUSING_UNSAFE", RULE, org="HOUS@511132", roles=("dept_head",)
    )
    assert answer.status_code == 403
