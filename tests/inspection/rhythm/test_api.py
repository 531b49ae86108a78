"""Rhythm records over HTTP: recorded by units, counted per unit and week, within scope (I-35)."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection

STUDY: dict[str, Any] = {
    "kind": "STUDY",
    "on": "2019-09-10",
    "person": "张一把",
    "text": "研判危房改造整改进度",
}
PATROL: dict[str, Any] = {
    "kind": "PATROL",
    "on": "2019-09-11",
    "person": "李分管",
    "place": "511132201205",
    "text": "巡回督促三户",
}
HOUSING: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_head",)}
TOWNSHIP: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_reviewer",)}
WEEK = "2019-W37"


async def weeks(inspection: Inspection, region: str = "511132", **who: Any) -> dict[str, Any]:
    """The week of each unit, by organisation."""
    answer = await inspection.get("/rhythm", {"region_code": region, "week": WEEK}, **who)
    assert answer.status_code == 200, answer.text
    return {item["org"]: item for item in answer.json()["items"]}


async def test_a_department_records_its_leaders_work(inspection: Inspection) -> None:
    problem = (await inspection.log())["id"]
    answer = await inspection.post(
        "/rhythm-records", PATROL | {"problem_ids": [problem]}, key="r", **HOUSING
    )
    view = answer.json()
    assert answer.status_code == 201, answer.text
    assert view == {
        "id": view["id"],
        "org": "HOUS@511132",
        "recorded_by": "tester",
        "problem_ids": [problem],
        **PATROL,
    }
    again = await inspection.post(
        "/rhythm-records", PATROL | {"problem_ids": [problem]}, key="r", **HOUSING
    )
    assert (again.status_code, again.json()) == (201, view)
    assert await inspection.count("rhythm_records") == 1
    assert len(await inspection.fetch("SELECT FROM audit WHERE object_type = 'rhythm'")) == 1


async def test_the_records_of_a_week_are_listed_by_day(inspection: Inspection) -> None:
    for body in (PATROL, STUDY, STUDY | {"on": "2019-09-16"}):
        assert (await inspection.post("/rhythm-records", body, **HOUSING)).status_code == 201
    first = (await inspection.get("/rhythm-records", {"week": WEEK, "limit": 1})).json()
    query = {"week": WEEK, "cursor": first["next_cursor"]}
    rest = (await inspection.get("/rhythm-records", query)).json()
    assert [item["on"] for item in first["items"] + rest["items"]] == ["2019-09-10", "2019-09-11"]


async def test_a_county_s_week_names_every_unit_and_what_it_misses(
    inspection: Inspection,
) -> None:
    for body in (STUDY, PATROL, PATROL | {"person": "钱副手"}):
        assert (await inspection.post("/rhythm-records", body, **HOUSING)).status_code == 201
    found = await weeks(inspection)
    assert len([org for org in found if org.endswith("@511132")]) == 18
    towns = [org for org in found if org.startswith("TOWN@511132")]
    assert "TOWN@511132201" in towns
    assert len(found) == 18 + len(towns)
    housing = found["HOUS@511132"]
    counts = ("study_days", "study_required", "patrol_days", "patrol_required")
    assert [housing[name] for name in counts] == [1, 1, 1, 4]
    assert housing["missing"] == [
        {"kind": "PATROL", "on": f"2019-09-{day}"} for day in ("09", "10", "12")
    ]
    assert len(found["WATER@511132"]["missing"]) == 5


async def test_a_unit_with_a_record_is_shown_though_nobody_expected_it(
    inspection: Inspection,
) -> None:
    answer = await inspection.post("/rhythm-records", STUDY)
    assert answer.json()["org"] == "POV@511132"
    assert (await weeks(inspection))["POV@511132"]["study_days"] == 1


async def test_the_norms_and_the_units_are_a_county_s_own(inspection: Inspection) -> None:
    values = {
        "rhythm_studies_per_week": 2,
        "rhythm_patrols_per_week": 1,
        "rhythm_departments": ["HOUS"],
    }
    for key, value in values.items():
        body = {"value": value, "effective_from": "2019-01-01"}
        answer = await inspection.put(f"/config/511132/{key}", body)
        assert answer.status_code == 200, answer.text
    await inspection.post("/rhythm-records", PATROL, **HOUSING)
    found = await weeks(inspection)
    assert [org for org in found if not org.startswith("TOWN@")] == ["HOUS@511132"]
    assert found["HOUS@511132"]["missing"] == [{"kind": "STUDY", "on": None}] * 2
    body = {"value": 9, "effective_from": "2019-01-01"}
    refused = await inspection.put("/config/511132/rhythm_studies_per_week", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "VALUE_INVALID")


async def test_a_department_sees_its_own_week_a_township_its_own_the_county_all(
    inspection: Inspection,
) -> None:
    await inspection.post("/rhythm-records", STUDY, **HOUSING)
    await inspection.post("/rhythm-records", STUDY, **TOWNSHIP)
    assert list(await weeks(inspection, **HOUSING)) == ["HOUS@511132"]
    assert list(await weeks(inspection, "511132201", **TOWNSHIP)) == ["TOWN@511132201"]
    outside = await inspection.get("/rhythm", {"week": WEEK, "region_code": "511132"}, **TOWNSHIP)
    assert outside.status_code == 404

    async def orgs(**who: Any) -> list[str]:
        listed = await inspection.get("/rhythm-records", {"week": WEEK}, **who)
        return sorted(item["org"] for item in listed.json()["items"])

    assert await orgs(**HOUSING) == ["HOUS@511132"]
    assert await orgs(**TOWNSHIP) == ["TOWN@511132201"]
    assert await orgs() == ["HOUS@511132", "TOWN@511132201"]
    assert await orgs(org="WATER@511132", roles=("dept_head",)) == []


async def test_a_neighbour_sees_and_records_nothing_here(inspection: Inspection) -> None:
    await inspection.post("/rhythm-records", STUDY, **HOUSING)
    beside: dict[str, Any] = {"org": "POV@511133"}
    for path in ("/rhythm", "/rhythm-records"):
        answer = await inspection.get(path, {"week": WEEK, "region_code": "511132"}, **beside)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert "HOUS@511132" not in await weeks(inspection, "511133", **beside)
    answer = await inspection.post("/rhythm-records", STUDY | {"org": "HOUS@511132"}, **beside)
    assert answer.status_code == 404


async def test_a_place_records_for_units_in_it_a_department_for_itself(
    inspection: Inspection,
) -> None:
    body = STUDY | {"org": "TOWN@511132201"}
    assert (await inspection.post("/rhythm-records", body)).status_code == 201
    other = await inspection.post("/rhythm-records", body, **HOUSING)
    assert (other.status_code, other.json()["code"]) == (404, "NOT_FOUND")
    upwards = await inspection.post("/rhythm-records", STUDY | {"org": "HOUS@511132"}, **TOWNSHIP)
    assert upwards.status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (STUDY | {"on": "2019-09-17"}, "RECORD_IN_FUTURE"),
        (PATROL | {"place": None}, "PATROL_PLACE_REQUIRED"),
        (PATROL | {"place": "511133201"}, "PLACE_OUTSIDE_UNIT"),
        (STUDY | {"kind": "REST"}, "UNKNOWN_VALUE"),
        (STUDY | {"person": ""}, "NAME_INVALID"),
        (STUDY | {"text": " "}, "TOO_SHORT"),
        (STUDY | {"text": "研判\x00"}, "FORMAT"),
        (STUDY | {"org": "HOUS"}, "FORMAT"),
        (STUDY | {"stray": 1}, "UNKNOWN_FIELD"),
    ],
)
async def test_a_record_out_of_order_is_refused(
    inspection: Inspection, body: dict[str, Any], code: str
) -> None:
    answer = await inspection.post("/rhythm-records", body, **HOUSING)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await inspection.count("rhythm_records") == 0


@pytest.mark.parametrize("path", ["/rhythm", "/rhythm-records"])
async def test_what_is_no_week_is_refused(inspection: Inspection, path: str) -> None:
    answer = await inspection.get(path, {"week": "2019-W60"})
    assert (answer.status_code, answer.json()["code"]) == (422, "WEEK_INVALID")


async def test_a_province_asks_county_by_county(inspection: Inspection) -> None:
    province: dict[str, Any] = {"org": "PROV@51", "roles": ("province_platform",)}
    wide = await inspection.get("/rhythm", {"week": WEEK}, **province)
    assert (wide.status_code, wide.json()["code"]) == (422, "REGION_TOO_WIDE")
    assert len(await weeks(inspection, **province)) > 18


async def test_a_village_cadre_records_no_rhythm_and_a_household_reads_none(
    inspection: Inspection,
) -> None:
    cadre = await inspection.post("/rhythm-records", STUDY, roles=("village_cadre",))
    assert (cadre.status_code, cadre.json()["code"]) == (403, "FORBIDDEN")
    for path in ("/rhythm", "/rhythm-records"):
        answer = await inspection.get(path, {"week": WEEK}, roles=("household",))
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
