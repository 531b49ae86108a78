"""A city draws what it spot-checks: enough, at random, and the same from the same seed (I-52)."""

from typing import Any

import httpx
import pytest

from tests.inspection.conftest import VILLAGE, Inspection
from tests.inspection.stages.journeys import CITY, LEADING_GROUP, look_back, register

SMALL = {"value": {"households": 3, "villages": 2}, "effective_from": "2019-01-01"}
OPS: dict[str, Any] = {"org": "OPS@51", "roles": ("ops",)}
OTHER_VILLAGE = "511132202201"


def draw(**changes: Any) -> dict[str, Any]:
    """The body of a draw."""
    return {
        "target_region": "511132",
        "zone_kind": "COUNTY",
        "households": 3,
        "villages": 2,
        "seed": "2019-09",
        **changes,
    }


async def ask(inspection: Inspection, campaign_id: str, **changes: Any) -> httpx.Response:
    """The city draws."""
    return await inspection.post(f"/campaigns/{campaign_id}/samplings", draw(**changes), **CITY)


@pytest.fixture
async def campaign_id(inspection: Inspection) -> str:
    """A look-back in a county with ten households, where a small sample is enough."""
    for key in ("sample_minimum_county", "sample_minimum_admin_zone"):
        answer = await inspection.put(f"/config/511132/{key}", SMALL, **OPS)
        assert answer.status_code == 200, answer.text
    await register(inspection, 6)
    await register(inspection, 3, village=OTHER_VILLAGE, cohort="EXITED")
    await register(inspection, 1, village=OTHER_VILLAGE, cohort="NON_ARCHIVED_SPECIAL")
    return await look_back(inspection)


async def test_a_sample_below_the_minimum_is_refused(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection)
    county, zone = {"households": 200, "villages": 10}, {"households": 100, "villages": 5}
    for kind, required in (("COUNTY", county), ("ADMIN_ZONE", zone)):
        for short in required:
            sizes = required | {short: required[short] - 1}
            answer = await ask(inspection, campaign_id, zone_kind=kind, **sizes)
            assert (answer.status_code, answer.json()["code"]) == (422, "SAMPLE_TOO_SMALL")
            assert answer.json()["required"] == required


async def test_the_minimum_of_a_county_is_drawn_from_its_households_and_villages(
    inspection: Inspection,
) -> None:
    registered = set(await register(inspection, 230))
    campaign_id = await look_back(inspection)
    answer = await ask(inspection, campaign_id, households=200, villages=10, seed=7)
    view = answer.json()
    assert (answer.status_code, view["seed"]) == (201, 7)
    assert len(set(view["households"])) == 200
    assert set(view["households"]) < registered
    assert len(set(view["villages"])) == 10
    assert all(code.startswith("511132") and len(code) == 12 for code in view["villages"])
    assert view["population"] == {"households": 230, "villages": 99}


async def test_the_same_seed_draws_the_same_from_the_same_population(
    inspection: Inspection, campaign_id: str
) -> None:
    first = (await ask(inspection, campaign_id)).json()
    again = (await ask(inspection, campaign_id)).json()
    drawn = ("households", "villages", "population")
    assert [first[name] for name in drawn] == [again[name] for name in drawn]
    assert first["id"] != again["id"]
    others = [(await ask(inspection, campaign_id, seed=seed)).json() for seed in range(8)]
    assert len({tuple(one["households"]) for one in others}) > 4
    path = f"/campaigns/{campaign_id}/samplings"
    assert (await inspection.get(f"{path}/{first['id']}", **CITY)).json() == first
    listed = (await inspection.get(path, **CITY)).json()["items"]
    assert [item["id"] for item in listed[:2]] == [first["id"], again["id"]]


async def test_a_seed_is_chosen_and_kept_where_none_is_given(
    inspection: Inspection, campaign_id: str
) -> None:
    body = draw()
    del body["seed"]
    path = f"/campaigns/{campaign_id}/samplings"
    first = (await inspection.post(path, body, key="k", **CITY)).json()
    assert (await inspection.post(path, body, key="k", **CITY)).json() == first
    repeated = (await ask(inspection, campaign_id, seed=first["seed"])).json()
    assert repeated["households"] == first["households"]


async def test_households_are_drawn_in_proportion_to_their_groups(
    inspection: Inspection, campaign_id: str
) -> None:
    by_cohort = (await ask(inspection, campaign_id, households=5, quotas="COHORT")).json()
    assert by_cohort["shares"] == [
        {"key": "EXITED", "population": 3, "drawn": 2},
        {"key": "NON_ARCHIVED_SPECIAL", "population": 1, "drawn": 0},
        {"key": "NOT_EXITED", "population": 6, "drawn": 3},
    ]
    assert len(by_cohort["households"]) == 5
    by_township = (await ask(inspection, campaign_id, households=5, quotas="TOWNSHIP")).json()
    assert by_township["shares"] == [
        {"key": "511132201", "population": 6, "drawn": 3},
        {"key": "511132202", "population": 4, "drawn": 2},
    ]
    rows = await inspection.fetch(
        "SELECT left(village_code, 9) AS township, count(*) AS number FROM household_mirror"
        " WHERE household_id = ANY($1::uuid[]) GROUP BY 1 ORDER BY 1",
        by_township["households"],
    )
    assert [tuple(row) for row in rows] == [("511132201", 3), ("511132202", 2)]
    plain = (await ask(inspection, campaign_id)).json()
    assert (plain["quotas"], plain["shares"]) == (None, [])


async def test_a_pool_smaller_than_the_sample_is_refused(
    inspection: Inspection, campaign_id: str
) -> None:
    few = (await ask(inspection, campaign_id, households=11)).json()
    assert (few["code"], few["role"], few["need"]) == ("POOL_TOO_SMALL", "HOUSEHOLD", 11)
    few = (await ask(inspection, campaign_id, villages=100)).json()
    assert (few["code"], few["role"], few["available"]) == ("POOL_TOO_SMALL", "VILLAGE", 99)
    assert await inspection.count("campaign_samplings") == 0


async def test_all_of_a_pool_may_be_drawn(inspection: Inspection, campaign_id: str) -> None:
    view = (await ask(inspection, campaign_id, households=10, villages=99)).json()
    assert (len(view["households"]), len(view["villages"])) == (10, 99)


REFUSED: list[tuple[dict[str, Any], int, str | None]] = [
    ({"target_region": "5111"}, 422, "SAMPLING_TARGET_INVALID"),
    ({"target_region": "511132201"}, 422, "SAMPLING_TARGET_INVALID"),
    ({"target_region": "511133"}, 422, "OUTSIDE_CAMPAIGN"),
    ({"target_region": "431132"}, 404, "NOT_FOUND"),
    ({"zone_kind": "CITY"}, 422, "UNKNOWN_VALUE"),
    ({"seed": -1}, 422, None),
    ({"seed": ""}, 422, None),
    ({"households": -1}, 422, "OUT_OF_RANGE"),
    ({"quotas": "NAME"}, 422, "UNKNOWN_VALUE"),
]


async def test_a_draw_that_cannot_be_is_refused(inspection: Inspection, campaign_id: str) -> None:
    for changes, status, code in REFUSED:
        answer = await ask(inspection, campaign_id, **changes)
        assert answer.status_code == status, changes
        assert code is None or answer.json()["code"] == code


async def test_a_zone_may_be_a_township(inspection: Inspection, campaign_id: str) -> None:
    zone = {"target_region": VILLAGE[:9], "zone_kind": "ADMIN_ZONE"}
    view = (await ask(inspection, campaign_id, **zone)).json()
    assert view["population"]["households"] == 6
    assert all(code.startswith(VILLAGE[:9]) for code in view["villages"])


async def test_a_county_neither_draws_nor_sees_what_it_will_be_visited_for(
    inspection: Inspection, campaign_id: str
) -> None:
    path = f"/campaigns/{campaign_id}/samplings"
    drawn = (await ask(inspection, campaign_id)).json()["id"]
    county: list[dict[str, Any]] = [{}, LEADING_GROUP, {"roles": ("inspector",)}]
    for caller in county:
        answer = await inspection.post(path, draw(), **caller)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
        assert (await inspection.get(path, **caller)).json()["items"] == []
        assert (await inspection.get(f"{path}/{drawn}", **caller)).status_code == 404
    neighbour: dict[str, Any] = {"org": "CITY@5113", "roles": ("inspector",)}
    for answer in (
        await inspection.post(path, draw(), **neighbour),
        await inspection.get(path, **neighbour),
        await inspection.get(f"{path}/{drawn}", **neighbour),
    ):
        assert answer.status_code == 404
    wrong = await inspection.post(path, draw(), org="CITY@5111", roles=("dept_head",))
    assert wrong.status_code == 403
    other = await look_back(inspection)
    mixed = await inspection.get(f"/campaigns/{other}/samplings/{drawn}", **CITY)
    assert mixed.status_code == 404
