"""Feedback as a county works with it: 甘谷县 takes in 9 aspects with 52 items for 18 units."""

from itertools import cycle
from typing import Any

import httpx
import pytest

from services.inspection.routing.domain import Department
from shared.ids import new_id
from tests.inspection.conftest import Inspection, finding

COUNTY = "620523"
OFFICE = "POV@620523"
VILLAGE = "620523100001"
UNITS = [unit for unit in Department if unit not in (Department.POV, Department.DISC)]
ITEMS_OF_ASPECTS = (7, 6, 6, 6, 6, 6, 5, 5, 5)


def tree(**changes: Any) -> dict[str, Any]:
    """The feedback of the central inspection: each unit is named at least once."""
    units = cycle(UNITS)
    body = {
        "name": "中央脱贫攻坚专项巡视反馈意见",
        "source": "CENTRAL_INSPECTION",
        "region_code": COUNTY,
        "received_on": "2019-09-01",
        "aspects": [
            {
                "no": no,
                "title": f"第{no}方面",
                "items": [
                    {"no": item, "text": f"第{no}方面第{item}条", "units": [next(units)]}
                    for item in range(1, items + 1)
                ],
            }
            for no, items in enumerate(ITEMS_OF_ASPECTS, 1)
        ],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


async def take_in(inspection: Inspection, **changes: Any) -> dict[str, Any]:
    answer = await inspection.post("/feedbacks", tree(**changes), org=OFFICE)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def read(inspection: Inspection, feedback_id: str, **who: Any) -> dict[str, Any]:
    answer = await inspection.get(f"/feedbacks/{feedback_id}", **({"org": OFFICE} | who))
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def problem(inspection: Inspection, kind: str = "HOUSING_UNSAFE", **changes: Any) -> str:
    org = str(changes.pop("org", OFFICE))
    body = finding(kind=kind, **{"village_code": VILLAGE, **changes})
    answer = await inspection.post("/problems", body, org=org)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def move(inspection: Inspection, problem_id: str, state: str) -> None:
    """Put a problem into a state, past the people whose work it is."""
    await inspection.fetch(
        "UPDATE problems SET state = $2::text, finished = $2::text IN ('CLOSED', 'WITHDRAWN')"
        " WHERE id = $1",
        problem_id,
        state,
    )


async def link(
    inspection: Inspection, item_id: str, *problem_ids: str, **who: Any
) -> httpx.Response:
    body = {"problem_ids": list(problem_ids)}
    path = f"/feedback-items/{item_id}/problems"
    return await inspection.post(path, body, **({"org": OFFICE} | who))


async def claim(inspection: Inspection, item_id: str, unit: str) -> httpx.Response:
    return await inspection.post(
        f"/feedback-items/{item_id}/claim", org=f"{unit}@{COUNTY}", roles=("dept_head",)
    )


def items_of(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for aspect in view["aspects"] for item in aspect["items"]]


# -- the tree ------------------------------------------------------------------------------------


async def test_gangu_claims_52_items_of_9_aspects_by_18_units(inspection: Inspection) -> None:
    view = await take_in(inspection)
    totals = view["totals"]
    assert (totals["aspects"], totals["items"], totals["units"]) == (9, 52, 18)
    assert (totals["claimed_units"], totals["claimed_items"], totals["closed_items"]) == (0, 0, 0)
    for item in items_of(view):
        for unit in item["units"]:
            assert (await claim(inspection, item["id"], unit)).status_code == 200
    claimed = await read(inspection, view["id"])
    totals = claimed["totals"]
    assert (totals["claimed_units"], totals["claimed_items"], totals["units"]) == (18, 52, 18)
    assert [aspect["no"] for aspect in claimed["aspects"]] == list(range(1, 10))
    assert [len(aspect["items"]) for aspect in claimed["aspects"]] == list(ITEMS_OF_ASPECTS)
    assert not any(item["awaited"] for item in items_of(claimed))


async def test_an_item_closes_with_its_last_problem_and_reopens_with_any(
    inspection: Inspection,
) -> None:
    view = await take_in(inspection)
    item = items_of(view)[0]["id"]
    first, second, mistaken = [await problem(inspection) for _ in range(3)]
    linked = (await link(inspection, item, first, second, mistaken)).json()
    assert (linked["problems"], linked["closed"], linked["open"]) == (3, 0, 3)
    await move(inspection, mistaken, "WITHDRAWN")
    for state, closed, expected in (
        ("CLOSED", 1, "OPEN"),
        ("OFFICE_CHECKED", 0, "OPEN"),
        ("CLOSED", 1, "OPEN"),
    ):
        await move(inspection, first, state)
        shown = items_of(await read(inspection, view["id"]))[0]
        assert (shown["problems"], shown["closed"], shown["state"]) == (2, closed, expected)
    await move(inspection, second, "CLOSED")
    closed_view = await read(inspection, view["id"])
    assert items_of(closed_view)[0]["state"] == "CLOSED"
    aspect = closed_view["aspects"][0]
    assert (aspect["problems"], aspect["closed"], aspect["open"]) == (2, 2, 0)
    assert (aspect["closed_items"], closed_view["totals"]["closed_items"]) == (1, 1)
    await move(inspection, first, "RECTIFYING")
    assert items_of(await read(inspection, view["id"]))[0]["state"] == "OPEN"


async def test_an_item_with_withdrawn_problems_only_is_open(inspection: Inspection) -> None:
    view = await take_in(inspection)
    item = items_of(view)[0]["id"]
    mistaken = await problem(inspection)
    await link(inspection, item, mistaken)
    await move(inspection, mistaken, "WITHDRAWN")
    shown = items_of(await read(inspection, view["id"]))[0]
    assert (shown["problems"], shown["state"]) == (0, "OPEN")


async def test_an_item_cascades_to_a_thousand_problems_in_one_call(inspection: Inspection) -> None:
    view = await take_in(inspection)
    await problem(inspection)
    await inspection.fetch(
        """
        INSERT INTO problems
        SELECT copy.* FROM problems p, generate_series(1, 999) AS g,
          jsonb_populate_record(p, jsonb_build_object(
            'id', uuidv7(), 'object_ref', uuidv7()::text, 'problem_no', 'G' || g)) AS copy
        """
    )
    ids = [str(row["id"]) for row in await inspection.fetch("SELECT id FROM problems")]
    answer = await link(inspection, items_of(view)[0]["id"], *ids)
    assert (answer.status_code, answer.json()["problems"]) == (200, 1000)
    answer = await link(inspection, items_of(view)[0]["id"], *ids, str(new_id()))
    assert (answer.status_code, answer.json()["code"]) == (422, "TOO_MANY")


async def test_feedback_is_listed_with_its_figures_page_by_page(inspection: Inspection) -> None:
    campaign_id = await campaign(inspection)
    first = await take_in(inspection, campaign_id=campaign_id)
    second = await take_in(inspection, name="省级考核反馈", source="NATIONAL_ASSESSMENT")
    page = (await inspection.get("/feedbacks", {"limit": 1}, org=OFFICE)).json()
    assert [row["id"] for row in page["items"]] == [first["id"]]
    assert page["items"][0]["totals"] == first["totals"]
    assert "aspects" not in page["items"][0]
    query = {"limit": 1, "cursor": page["next_cursor"]}
    rest = (await inspection.get("/feedbacks", query, org=OFFICE)).json()
    assert ([row["id"] for row in rest["items"]], rest["next_cursor"]) == ([second["id"]], None)
    narrowed = await inspection.get("/feedbacks", {"campaign_id": campaign_id}, org=OFFICE)
    assert [row["id"] for row in narrowed.json()["items"]] == [first["id"]]


async def campaign(inspection: Inspection, region: str = COUNTY) -> str:
    body = {"name": "反馈整改", "type": "INSPECTION_FEEDBACK", "region_code": region, "year": 2019}
    org = f"POV@{region}"
    return str((await inspection.post("/campaigns", body, org=org)).json()["id"])


# -- claiming ------------------------------------------------------------------------------------


async def test_items_nobody_claimed_are_listed(inspection: Inspection) -> None:
    view = await take_in(inspection)
    items = items_of(view)
    await claim(inspection, items[0]["id"], items[0]["units"][0])
    answer = await inspection.get(f"/feedbacks/{view['id']}/unclaimed", org=OFFICE)
    assert [item["id"] for item in answer.json()["items"]] == [item["id"] for item in items[1:]]


async def test_several_units_claim_an_item_named_or_not_each_once(inspection: Inspection) -> None:
    view = await take_in(inspection)
    item = items_of(view)[0]  # names the organisation department
    for unit in ("EDU", "DISC", "EDU"):
        shown = (await claim(inspection, item["id"], unit)).json()
    assert shown["claimed_by"] == ["DISC", "EDU"]
    assert shown["awaited"] == item["units"]
    office = await inspection.post(f"/feedback-items/{item['id']}/claim", org=OFFICE)
    assert office.json()["claimed_by"] == ["DISC", "EDU", "POV"]
    audits = await inspection.fetch("SELECT 1 FROM audit WHERE action = 'CLAIM'")
    assert len(audits) == 3


@pytest.mark.parametrize("org", ["HOUS@6205", "PROV@62", "CITY@6205", "INSP@620523"])
async def test_only_a_department_of_the_county_claims(inspection: Inspection, org: str) -> None:
    item = items_of(await take_in(inspection))[0]["id"]
    answer = await inspection.post(
        f"/feedback-items/{item}/claim", org=org, roles=("dept_head", "inspector")
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_OF_THE_COUNTY")


# -- linking -------------------------------------------------------------------------------------


async def test_a_problem_belongs_to_one_item_of_a_feedback_but_to_several_feedbacks(
    inspection: Inspection,
) -> None:
    view, other = await take_in(inspection), await take_in(inspection, name="省级考核反馈")
    first, second = (item["id"] for item in items_of(view)[:2])
    one, two = await problem(inspection), await problem(inspection)
    assert (await link(inspection, first, one)).json()["problems"] == 1
    assert (await link(inspection, first, one)).json()["problems"] == 1
    refused = await link(inspection, second, one, two)
    assert (refused.status_code, refused.json()["code"]) == (409, "LINKED_ELSEWHERE")
    assert refused.json()["problem_ids"] == [one]
    assert items_of(await read(inspection, view["id"]))[1]["problems"] == 0  # nor `two`
    assert (await link(inspection, items_of(other)[0]["id"], one)).json()["problems"] == 1
    path = f"/api/v1/feedback-items/{first}/problems/{one}"
    headers = {**inspection.app.headers(OFFICE, "poverty_office"), "X-Now": inspection.now}
    taken_out = await inspection.app.client.delete(path, headers=headers)
    assert (taken_out.status_code, taken_out.json()["problems"]) == (200, 0)
    again = await inspection.app.client.delete(path, headers=headers)
    assert (again.status_code, again.json()["code"]) == (404, "NOT_FOUND")
    assert (await link(inspection, second, one, two)).json()["problems"] == 2


async def test_a_department_links_and_counts_its_own_problems_but_sees_the_true_state(
    inspection: Inspection,
) -> None:
    view = await take_in(inspection)
    item = items_of(view)[0]["id"]
    houses, schools = await problem(inspection), await problem(inspection, "EDU_DROPOUT")
    who: dict[str, Any] = {"org": "HOUS@620523", "roles": ("dept_handler",)}
    foreign = await link(inspection, item, houses, schools, **who)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "NOT_FOUND")
    assert (await link(inspection, item, houses, **who)).json()["problems"] == 1
    assert (await link(inspection, item, schools)).json()["problems"] == 2
    await move(inspection, houses, "CLOSED")
    shown = items_of(await read(inspection, view["id"], **who))[0]
    assert (shown["problems"], shown["closed"], shown["state"]) == (1, 1, "OPEN")
    await move(inspection, schools, "CLOSED")
    assert items_of(await read(inspection, view["id"], **who))[0]["state"] == "CLOSED"


async def test_style_and_corruption_count_for_their_leaders_alone(inspection: Inspection) -> None:
    view = await take_in(inspection)
    item = items_of(view)[0]["id"]
    closed, style = await problem(inspection), await problem(inspection, "STYLE")
    corruption = await problem(inspection, "CORRUPTION_BRIBERY")
    discipline: dict[str, Any] = {"org": "DISC@620523", "roles": ("discipline",)}
    await move(inspection, closed, "CLOSED")
    assert (await link(inspection, item, closed, style)).status_code == 200
    assert (await link(inspection, item, corruption)).status_code == 404
    assert (await link(inspection, item, corruption, **discipline)).status_code == 200
    for who, problems, state in (
        ({}, 2, "OPEN"),
        (discipline, 2, "OPEN"),
        ({"org": "HOUS@620523", "roles": ("dept_head",)}, 1, "CLOSED"),
        ({"org": "GOV@620523", "roles": ("county_gov",)}, 1, "CLOSED"),
    ):
        shown = items_of(await read(inspection, view["id"], **who))[0]
        assert (shown["problems"], shown["state"]) == (problems, state), who


async def test_problems_of_another_county_are_not_linked(inspection: Inspection) -> None:
    item = items_of(await take_in(inspection))[0]["id"]
    foreign = str((await inspection.log())["id"])
    hidden = await link(inspection, item, foreign)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "NOT_FOUND")
    county = {"type": "COUNTY", "code": "620522"}
    foreign = await problem(inspection, org="POV@620522", village_code="620522", object=county)
    refused = await link(inspection, item, foreign, org="POV@62", roles=("leading_group",))
    assert (refused.status_code, refused.json()["code"]) == (422, "OUTSIDE_FEEDBACK")


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "org", "status", "code"),
    [
        ({"region_code": "620523100"}, OFFICE, 422, "COUNTY_REQUIRED"),
        ({"region_code": "629999"}, "POV@62", 422, "REGION_UNKNOWN"),
        ({"received_on": "2019-09-17"}, OFFICE, 422, "RECEIVED_IN_FUTURE"),
        ({"campaign_id": str(new_id())}, OFFICE, 422, "CAMPAIGN_UNKNOWN"),
        ({"source": "NOBODY"}, OFFICE, 422, "UNKNOWN_VALUE"),
        ({"aspects": []}, OFFICE, 422, "TOO_FEW"),
        ({"name": " "}, OFFICE, 422, "TOO_SHORT"),
        ({}, "POV@511132", 404, "NOT_FOUND"),
    ],
)
async def test_feedback_that_cannot_be_taken_in(
    inspection: Inspection, changes: dict[str, Any], org: str, status: int, code: str
) -> None:
    answer = await inspection.post("/feedbacks", tree(**changes), org=org)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_numbers_repeated_are_named(inspection: Inspection) -> None:
    item = {"no": 1, "text": "条目", "units": []}
    aspects = [{"no": 1, "title": "方面", "items": [item, item]}]
    answer = await inspection.post("/feedbacks", tree(aspects=aspects), org=OFFICE)
    assert (answer.status_code, answer.json()["code"]) == (422, "NUMBER_REPEATED")
    assert [error["field"] for error in answer.json()["errors"]] == ["aspects.0.items.1.no"]


async def test_the_county_must_lie_in_the_campaign(inspection: Inspection) -> None:
    campaign_id = await campaign(inspection, "620522")
    body = tree(campaign_id=campaign_id)
    answer = await inspection.post("/feedbacks", body, org="POV@62")
    assert (answer.status_code, answer.json()["code"]) == (422, "OUTSIDE_CAMPAIGN")


async def test_feedback_is_taken_in_once_per_key(inspection: Inspection) -> None:
    first = await inspection.post("/feedbacks", tree(), org=OFFICE, key="feedback-1")
    again = await inspection.post("/feedbacks", tree(), org=OFFICE, key="feedback-1")
    assert first.json() == again.json()
    assert await inspection.count("feedbacks") == 1
    other = await inspection.post("/feedbacks", tree(name="另一份"), org=OFFICE, key="feedback-1")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize("org", ["POV@620522", "HOUS@620522", "TOWN@620523100"])
async def test_who_does_not_cover_the_county_finds_nothing_of_it(
    inspection: Inspection, org: str
) -> None:
    view = await take_in(inspection)
    item = items_of(view)[0]["id"]
    roles = ("poverty_office", "dept_head")
    assert (await inspection.get("/feedbacks", org=org, roles=roles)).json()["items"] == []
    own = await problem(inspection)
    for answer in (
        await inspection.get(f"/feedbacks/{view['id']}", org=org, roles=roles),
        await inspection.get(f"/feedbacks/{view['id']}/unclaimed", org=org, roles=roles),
        await inspection.post(f"/feedback-items/{item}/claim", org=org, roles=roles),
        await link(inspection, item, own, org=org, roles=roles),
        await inspection.app.client.delete(
            f"/api/v1/feedback-items/{item}/problems/{own}",
            headers=inspection.app.headers(org, *roles),
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_each_call_needs_its_role(inspection: Inspection) -> None:
    view = await take_in(inspection)
    item = items_of(view)[0]["id"]
    villager: dict[str, Any] = {"org": OFFICE, "roles": ("household",)}
    cadre: dict[str, Any] = {"org": OFFICE, "roles": ("village_cadre",)}
    for answer in (
        await inspection.post("/feedbacks", tree(), **cadre),
        await inspection.get("/feedbacks", **villager),
        await inspection.get(f"/feedbacks/{view['id']}", **villager),
        await inspection.get(f"/feedbacks/{view['id']}/unclaimed", **villager),
        await inspection.post(f"/feedback-items/{item}/claim", **cadre),
        await link(inspection, item, str(new_id()), **cadre),
        await inspection.app.client.delete(
            f"/api/v1/feedback-items/{item}/problems/{new_id()}",
            headers=inspection.app.headers(OFFICE, "village_cadre"),
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
