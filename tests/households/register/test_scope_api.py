"""Nobody sees or changes a neighbour's households, on any route (X-05, E1)."""

from typing import Any

import pytest

from tests.households.conftest import VILLAGE, Households, member

LOOKS = {str(look): "YES" for look in range(1, 10)}

# Who may see the village, and who lies beside, above-but-elsewhere, or in another county.
INSIDE = [
    ("VILLAGE@511132201205", "village_cadre"),
    ("TOWN@511132201", "township_reviewer"),
    ("POV@511132", "poverty_office"),
    ("CITY@5111", "poverty_office"),
    ("PROV@51", "poverty_office"),
]
OUTSIDE = [
    ("VILLAGE@511132201206", "village_cadre"),
    ("TOWN@511132202", "township_reviewer"),
    ("POV@620523", "poverty_office"),
    ("POV@511133", "poverty_office"),
    ("PROV@62", "poverty_office"),
]


def routes(view: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Every route that names a household, with a body that would be accepted."""
    path = f"/households/{view['id']}"
    person = f"{path}/members/{view['members'][0]['id']}"
    joining = {**member(relation="OTHER"), "joining": "MOVE_IN", "effective_on": "2019-09-01"}
    visit = {"visited_on": "2019-09-10", "visitor": "x", "nine_looks": LOOKS}
    return [
        ("GET", path, None),
        ("GET", f"{path}?as_of=2019-09-16", None),
        ("GET", f"{path}/changes", None),
        ("GET", f"{path}/visits", None),
        ("PATCH", path, {"group_name": "五组"}),
        ("PATCH", person, {"health": "HEALTHY"}),
        ("POST", f"{path}/members", joining),
        ("POST", f"{path}/visits", visit),
        ("POST", f"{path}/reveal", {"reason": "核对"}),
        ("POST", f"{person}/reveal", {"reason": "核对"}),
        ("POST", f"{person}/leave", {"leaving": "DEATH", "effective_on": "2019-09-01"}),
    ]


@pytest.mark.parametrize(("org", "role"), OUTSIDE)
async def test_a_neighbour_finds_nothing_on_any_route(
    households: Households, org: str, role: str
) -> None:
    view = await households.register()
    for method, path, body in routes(view):
        if path.endswith("reveal") and role != "poverty_office":
            continue
        answer = await households.call(method, path, body, org=org, roles=(role,))
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND"), path
        assert view["household_no"] not in answer.text
    listed = await households.call("GET", "/households", org=org, roles=(role,))
    assert listed.json() == {"items": [], "next_cursor": None}
    named = await households.call(
        "GET", "/households", query={"village_code": VILLAGE}, org=org, roles=(role,)
    )
    assert named.status_code == 404
    found = await households.call(
        "GET", "/households", query={"q": view["household_no"]}, org=org, roles=(role,)
    )
    assert found.json()["items"] == []
    (kept,) = await households.rows("SELECT version FROM households")
    assert kept["version"] == 1


@pytest.mark.parametrize(("org", "role"), INSIDE)
async def test_whoever_is_in_charge_sees_and_keeps_the_household(
    households: Households, org: str, role: str
) -> None:
    view = await households.register()
    for method, path, body in routes(view):
        if path.endswith("reveal") and role != "poverty_office":
            continue
        answer = await households.call(method, path, body, org=org, roles=(role,))
        expected = {200, 201} if "leave" not in path else {422}  # the head named no successor
        assert answer.status_code in expected, (path, answer.text)


@pytest.mark.parametrize("role", ["dept_handler", "dept_head", "inspector", "province_platform"])
async def test_departments_and_inspectors_read_masked_rows_and_keep_none(
    households: Households, role: str
) -> None:
    view = await households.register()
    for method, path, body in routes(view):
        answer = await households.call(method, path, body, org="HOUS@511132", roles=(role,))
        visiting = path.endswith("visits") and role != "province_platform"
        reads = method == "GET"
        assert answer.status_code == (200 if reads else 201 if visiting else 403), path
    seen = await households.call(
        "GET", f"/households/{view['id']}", org="HOUS@511132", roles=(role,)
    )
    assert "****" in seen.json()["members"][0]["id_no"]


@pytest.mark.parametrize("role", ["household", "ops"])
async def test_who_has_no_business_with_households_reads_none(
    households: Households, role: str
) -> None:
    view = await households.register()
    for method, path, body in routes(view):
        answer = await households.call(method, path, body, roles=(role,))
        assert answer.status_code == 403, path


async def test_a_member_is_found_only_below_the_own_household(households: Households) -> None:
    view, other = await households.register(), await households.register()
    path = f"/households/{view['id']}/members/{other['members'][0]['id']}"
    for method, tail, body in (
        ("PATCH", "", {"health": "HEALTHY"}),
        ("POST", "/leave", {"leaving": "DEATH", "effective_on": "2019-09-01"}),
        ("POST", "/reveal", {"reason": "核对"}),
    ):
        answer = await households.call(method, path + tail, body)
        assert answer.status_code == 404
