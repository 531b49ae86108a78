"""Leaders' surveys over HTTP: recorded, listed, counted per leader within scope (I-58)."""

from typing import Any

import pytest

from tests.inspection.conftest import VILLAGE, Inspection

SURVEY: dict[str, Any] = {
    "leader": "王县长",
    "level": "COUNTY",
    "on": "2019-09-11",
    "village_codes": [VILLAGE],
    "unannounced": True,
    "found_text": "两户饮水管道冬季断流",
}
BESIDE = "511133201205"
CITY: dict[str, Any] = {"org": "CITY@5111"}


async def survey(inspection: Inspection, who: dict[str, Any] | None = None, **changes: Any) -> str:
    """Record a survey, which must succeed; its id."""
    answer = await inspection.post("/leader-surveys", SURVEY | changes, **(who or {}))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def counted(inspection: Inspection, **query: Any) -> list[dict[str, Any]]:
    """Each leader's year as the county's poverty office sees it."""
    answer = await inspection.get("/stats/leader-surveys", {"year": 2019, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_survey_is_recorded_once(inspection: Inspection) -> None:
    problem = (await inspection.log())["id"]
    body = SURVEY | {"problem_ids": [problem]}
    answer = await inspection.post("/leader-surveys", body, key="s")
    view = answer.json()
    assert (answer.status_code, view) == (201, {"id": view["id"], "area_code": "511132", **body})
    again = await inspection.post("/leader-surveys", body, key="s")
    assert (again.status_code, again.json()) == (201, view)
    listed = await inspection.get("/leader-surveys", {"year": 2019})
    assert listed.json()["items"] == [view]
    assert await inspection.count("leader_surveys") == 1


async def test_the_surveys_of_a_year_are_listed_by_day(inspection: Inspection) -> None:
    ids = [await survey(inspection, on=day) for day in ("2019-05-02", "2019-03-01", "2018-12-31")]
    first = (await inspection.get("/leader-surveys", {"year": 2019, "limit": 1})).json()
    query = {"year": 2019, "cursor": first["next_cursor"]}
    rest = (await inspection.get("/leader-surveys", query)).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == [ids[1], ids[0]]


async def test_a_county_leader_s_year_counts_the_unannounced_ones(inspection: Inspection) -> None:
    for month in (3, 5, 7):
        await survey(inspection, on=f"2019-{month:02}-01")
    await survey(inspection, on="2019-08-01", unannounced=False)
    await survey(inspection, on="2018-12-31")
    leader = {"leader": "王县长", "level": "COUNTY", "area_code": "511132", "required": 4}
    assert await counted(inspection) == [leader | {"surveys": 4, "count": 3, "met": False}]
    await survey(inspection, on="2019-09-01")
    assert await counted(inspection) == [leader | {"surveys": 5, "count": 4, "met": True}]


async def test_leaders_of_every_level_stand_from_the_top(inspection: Inspection) -> None:
    await survey(inspection, leader="县甲")
    await survey(inspection, leader="市甲", level="CITY", unannounced=False)
    for day in ("2019-04-01", "2019-06-01"):
        await survey(inspection, leader="省甲", level="PROVINCE", unannounced=False, on=day)
    years = await counted(inspection)
    names = ("leader", "area_code", "count", "required", "met")
    assert [[year[name] for name in names] for year in years] == [
        ["省甲", "51", 2, 2, True],
        ["市甲", "5111", 1, 3, None],
        ["县甲", "511132", 1, 4, False],
    ]


async def test_the_required_numbers_are_a_region_s_own(inspection: Inspection) -> None:
    await survey(inspection)
    body = {"value": {"county": 1}, "effective_from": "2019-06-01"}
    path = "/config/511132/leader_surveys_per_year"
    assert (await inspection.put(path, body)).status_code == 200
    (year,) = await counted(inspection)
    assert (year["required"], year["met"]) == (1, True)
    refused = await inspection.put(path, body | {"value": {"town": 1}})
    assert (refused.status_code, refused.json()["code"]) == (422, "VALUE_INVALID")


async def test_each_region_counts_the_surveys_of_its_villages(inspection: Inspection) -> None:
    await survey(inspection, CITY, leader="市甲", level="CITY", village_codes=[VILLAGE, BESIDE])
    await survey(inspection, CITY, leader="市甲", level="CITY", village_codes=[BESIDE])
    (own,) = await counted(inspection)
    assert own["surveys"] == 1
    listed = (await inspection.get("/leader-surveys", {"year": 2019})).json()["items"]
    assert [item["village_codes"] for item in listed] == [[VILLAGE]]
    city = await inspection.get("/stats/leader-surveys", {"year": 2019}, **CITY)
    assert [item["surveys"] for item in city.json()["items"]] == [2]
    assert await counted(inspection, region_code="511132202") == []


async def test_a_neighbour_sees_and_records_nothing_here(inspection: Inspection) -> None:
    await survey(inspection)
    beside: dict[str, Any] = {"org": "POV@511133"}
    answer = await inspection.post("/leader-surveys", SURVEY, **beside)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    for path in ("/leader-surveys", "/stats/leader-surveys"):
        own = await inspection.get(path, {"year": 2019}, **beside)
        assert own.json()["items"] == []
        answer = await inspection.get(path, {"year": 2019, "region_code": "511132"}, **beside)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"on": "2019-09-17"}, "SURVEY_IN_FUTURE"),
        ({"village_codes": [VILLAGE, BESIDE]}, "SURVEY_OUTSIDE_AREA"),
        ({"village_codes": []}, "TOO_FEW"),
        ({"village_codes": ["511132201"]}, "FORMAT"),
        ({"level": "TOWN"}, "UNKNOWN_VALUE"),
        ({"leader": ""}, "NAME_INVALID"),
        ({"found_text": ""}, "TOO_SHORT"),
        ({"found_text": "\x00"}, "FORMAT"),
        ({"unannounced": "perhaps"}, "TYPE_INVALID"),
        ({"stray": 1}, "UNKNOWN_FIELD"),
    ],
)
async def test_a_survey_out_of_order_is_refused(
    inspection: Inspection, changes: dict[str, Any], code: str
) -> None:
    answer = await inspection.post("/leader-surveys", SURVEY | changes, **CITY)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await inspection.count("leader_surveys") == 0


async def test_a_department_records_no_survey_and_a_household_reads_none(
    inspection: Inspection,
) -> None:
    answer = await inspection.post("/leader-surveys", SURVEY, roles=("dept_head",))
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    for path in ("/leader-surveys", "/stats/leader-surveys"):
        answer = await inspection.get(path, {"year": 2019}, roles=("household",))
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
