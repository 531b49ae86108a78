"""GET /analysis/ageing, /analysis/durations and /analysis/systemic-proposals (I-55, I-21)."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import openpyxl
import pytest

from tests.inspection.conftest import Inspection

TODAY = "2019-09-16"


async def log_aged(inspection: Inspection, days: int, left: int | None, **changes: Any) -> None:
    """Log a finding and make it so many days old, with so many days left."""
    view = await inspection.log(**changes)
    await inspection.fetch(
        "UPDATE problems SET found_on = $2::text::date - $3::int,"
        " due_on = $2::text::date + $4::int,"
        " scope = CASE WHEN $4 IS NULL THEN 'SYSTEMIC' ELSE scope END WHERE id = $1",
        view["id"],
        TODAY,
        days,
        left,
    )


async def ages(inspection: Inspection, **query: str) -> dict[str, Any]:
    """The answer of /analysis/ageing to the poverty office."""
    answer = await inspection.get("/analysis/ageing", query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_open_problems_are_classed_by_age_and_by_time_left(inspection: Inspection) -> None:
    for days, left in ((0, 7), (7, 0), (8, -1), (30, -90), (60, -91), (90, 91), (91, None)):
        await log_aged(inspection, days, left)
    whole = (await ages(inspection))["whole"]
    assert whole["open"] == 7
    assert whole["ages"] == {"0-7": 2, "8-15": 1, "16-30": 1, "31-60": 1, "61-90": 1, ">90": 1}
    assert {name: number for name, number in whole["dues"].items() if number} == {
        "over>90": 1,
        "over61-90": 1,
        "over1-7": 1,
        "left0-7": 2,
        "left>90": 1,
        "none": 1,
    }


async def test_what_is_closed_withdrawn_or_only_suspected_does_not_age(
    inspection: Inspection,
) -> None:
    for state in ("CLOSED", "WITHDRAWN", "SUSPECTED"):
        view = await inspection.log()
        await inspection.fetch(
            "UPDATE problems SET state = $2::text, finished = $2 <> 'SUSPECTED' WHERE id = $1",
            view["id"],
            state,
        )
    assert (await ages(inspection))["whole"]["open"] == 0


@pytest.mark.parametrize(
    "group_by",
    ["county", "township", "village", "kind", "lead_dept", "cohort", "severity", "source"],
)
async def test_groups_of_ages_add_up_to_the_whole(inspection: Inspection, group_by: str) -> None:
    village = {"type": "VILLAGE", "code": "511132206200"}
    await log_aged(inspection, 3, 5, object=village, village_code=None)
    await log_aged(inspection, 3, 5, kind="WATER_UNSAFE", severity="GENERAL")
    await log_aged(inspection, 40, -5)
    found = await ages(inspection, group_by=group_by)
    assert found["whole"]["open"] == 3
    for classes in ("ages", "dues"):
        for name, number in found["whole"][classes].items():
            assert sum(group[classes][name] for group in found["groups"]) == number
    assert all(group["name"] for group in found["groups"])


@pytest.mark.parametrize(
    "query",
    [
        *({"kind_prefix": "WATER"}, {"lead_dept": "WATER"}, {"severity": "PROMINENT"}),
        *({"region_prefix": "511132201"}, {"cohort": "EXITED"}, {"source": "AUDIT"}),
        *({"object_type": "HOUSEHOLD"},),
    ],
)
async def test_ages_can_be_narrowed_down(inspection: Inspection, query: dict[str, str]) -> None:
    village = {"type": "VILLAGE", "code": "511132206200"}
    other = {"object": village, "village_code": None, "cohort": None, "severity": "GENERAL"}
    await log_aged(inspection, 3, 5, kind="WATER_UNSAFE", source="AUDIT")
    await log_aged(inspection, 3, 5, **other)
    assert (await ages(inspection, **query))["whole"]["open"] == 1


async def test_ages_of_a_campaign_are_those_of_its_problems(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    await log_aged(inspection, 3, 5, campaign_id=campaign_id)
    await log_aged(inspection, 3, 5)
    assert (await ages(inspection, campaign_id=campaign_id))["whole"]["open"] == 1


@pytest.mark.parametrize(
    ("org", "seen"),
    [
        *(("POV@511132", 2), ("HOUS@511132", 1), ("EDU@511132", 0), ("POV@511133", 0)),
        *(("TOWN@511132201", 2), ("TOWN@511132206", 0), ("DISC@511132", 2), ("GOV@511132", 1)),
    ],
)
async def test_everybody_sees_the_own_problems_age(
    inspection: Inspection, org: str, seen: int
) -> None:
    await log_aged(inspection, 3, 5)
    await log_aged(inspection, 3, 5, kind="STYLE")
    if org.startswith("DISC"):
        await log_aged(inspection, 3, 5, kind="CORRUPTION_WASTE")
    if org.startswith("TOWN@511132201"):
        seen = 1  # style matters are not for townships
    answer = await inspection.get("/analysis/ageing", org=org)
    assert answer.json()["whole"]["open"] == seen


async def test_ages_are_also_a_file(inspection: Inspection) -> None:
    await log_aged(inspection, 3, 5)
    answer = await inspection.get("/analysis/ageing", {"group_by": "kind", "format": "csv"})
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines[0][:5] == ["问题类型代码", "问题类型", "未销号数", "0–7天", "8–15天"]
    assert lines[1][:5] == ["HOUSING_UNSAFE", "住房安全无保障", "1", "1", "0"]
    assert sum(map(int, lines[1][9:])) == 1


async def stay(
    inspection: Inspection, state: str, days: float, left_on: str = "2019-09-10", **changes: str
) -> None:
    """A problem left `state` at noon of a day, after so many days."""
    left = datetime.fromisoformat(f"{left_on}T12:00:00+08:00")
    place = changes.get("village_code", "511132201205")
    await inspection.fetch(
        "INSERT INTO problem_stays (problem_id, state, entered_at, left_at, county_code,"
        " village_code, lead_dept, kind, campaign_id)"
        " VALUES (uuidv7(), $1, $2, $3, $4, $5, $6, $7, $8)",
        state,
        left - timedelta(days=days),
        left,
        place[:6],
        place,
        changes.get("lead_dept", "HOUS"),
        changes.get("kind", "HOUSING_UNSAFE"),
        changes.get("campaign_id"),
    )


async def durations(inspection: Inspection, **query: str) -> dict[tuple[str | None, str], int]:
    """How many stays there are of each group and state."""
    answer = await inspection.get("/analysis/durations", query)
    assert answer.status_code == 200, answer.text
    return {(one["key"], one["state"]): one["number"] for one in answer.json()["durations"]}


async def test_time_in_a_state_has_a_mean_a_median_and_a_ninth_decile(
    inspection: Inspection,
) -> None:
    for days in (1, 2, 3, 4, 15):
        await stay(inspection, "DISPATCHED", days)
    answer = await inspection.get("/analysis/durations")
    assert answer.json()["durations"] == [
        {
            "key": None,
            "name": None,
            "state": "DISPATCHED",
            "number": 5,
            "mean_days": "5.00",
            "median_days": "3.00",
            "p90_days": "10.60",
        }
    ]


@pytest.mark.parametrize(
    ("group_by", "key", "name"),
    [
        ("kind", "WATER_UNSAFE", "饮水安全无保障"),
        ("lead_dept", "WATER", "水利部门"),
        ("county", "511132", "峨边彝族自治县"),
        ("township", "511132201", None),
    ],
)
async def test_time_in_a_state_is_shown_for_the_whole_and_each_group(
    inspection: Inspection, group_by: str, key: str, name: str | None
) -> None:
    await stay(inspection, "SUBMITTED", 2, kind="WATER_UNSAFE", lead_dept="WATER")
    await stay(inspection, "DISPATCHED", 1)
    found = await durations(inspection, group_by=group_by)
    assert found[None, "SUBMITTED"] == found[key, "SUBMITTED"] == 1
    states = ("SUBMITTED", "DISPATCHED")
    assert sum(number for (group, _), number in found.items() if group) == len(states)
    answer = await inspection.get("/analysis/durations", {"group_by": group_by})
    names = {one["key"]: one["name"] for one in answer.json()["durations"]}
    assert names[None] is None
    assert names[key] == name if name else names[key] != key


async def test_stays_count_on_the_day_they_ended(inspection: Inspection) -> None:
    await stay(inspection, "DISPATCHED", 1, "2019-09-10")
    await stay(inspection, "DISPATCHED", 1, "2018-09-15")
    assert await durations(inspection) == {(None, "DISPATCHED"): 1}
    for first, last, number in (("10", "10", 1), ("11", "16", 0), ("01", "09", 0)):
        query = {"from": f"2019-09-{first}", "to": f"2019-09-{last}"}
        assert sum((await durations(inspection, **query)).values()) == number
    await inspection.fetch("TRUNCATE problem_stays")
    assert await durations(inspection) == {}


@pytest.mark.parametrize(
    "query",
    [{"kind_prefix": "WATER"}, {"lead_dept": "WATER"}, {"region_prefix": "511132206"}],
)
async def test_stays_can_be_narrowed_down(inspection: Inspection, query: dict[str, str]) -> None:
    await stay(inspection, "DISPATCHED", 1)
    place = "511132206200"
    await stay(
        inspection, "DISPATCHED", 1, village_code=place, kind="WATER_UNSAFE", lead_dept="WATER"
    )
    assert await durations(inspection, **query) == {(None, "DISPATCHED"): 1}


async def test_stays_of_a_campaign_are_those_of_its_problems(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    await stay(inspection, "DISPATCHED", 1, campaign_id=campaign_id)
    await stay(inspection, "ACCEPTED", 1)
    assert await durations(inspection, campaign_id=campaign_id) == {(None, "DISPATCHED"): 1}


@pytest.mark.parametrize(
    ("org", "seen"),
    [("POV@511132", 2), ("HOUS@511132", 1), ("POV@511133", 0), ("GOV@511132", 1)],
)
async def test_everybody_sees_the_stays_of_own_problems(
    inspection: Inspection, org: str, seen: int
) -> None:
    await stay(inspection, "DISPATCHED", 1)
    await stay(inspection, "ACCEPTED", 1, kind="STYLE", lead_dept="POV")
    await stay(inspection, "PLANNED", 1, kind="CORRUPTION_WASTE", lead_dept="DISC")
    answer = await inspection.get("/analysis/durations", org=org)
    assert len(answer.json()["durations"]) == seen


async def test_durations_are_also_a_file(inspection: Inspection) -> None:
    await stay(inspection, "DISPATCHED", 1.5)
    query = {"group_by": "lead_dept", "format": "xlsx"}
    answer = await inspection.get("/analysis/durations", query)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert [list(row) for row in sheet.values] == [
        ["牵头部门代码", "牵头部门", "环节", "次数", "平均天数", "中位天数", "九成在多少天内"],
        ["全部", "全部", "已交办", 1, 1.5, 1.5, 1.5],
        ["HOUS", "住建部门", "已交办", 1, 1.5, 1.5, 1.5],
    ]


async def test_durations_of_an_empty_range_are_refused(inspection: Inspection) -> None:
    query = {"from": "2019-09-02", "to": "2019-09-01"}
    answer = await inspection.get("/analysis/durations", query)
    assert (answer.status_code, answer.json()["code"]) == (422, "RANGE_EMPTY")


async def log_in_villages(inspection: Inspection, number: int, **changes: Any) -> None:
    """One problem in each of so many villages."""
    query = "SELECT code FROM regions WHERE code LIKE '511132______' LIMIT $1"
    villages = [row["code"] for row in await inspection.fetch(query, number)]
    assert len(villages) == number
    for village in villages:
        await inspection.log(village_code=village, **changes)


async def proposals(inspection: Inspection, org: str = "POV@511132", **query: str) -> Any:
    """What is proposed."""
    answer = await inspection.get("/analysis/systemic-proposals", query, org=org)
    assert answer.status_code == 200, answer.text
    return answer.json()["proposals"]


async def test_a_kind_found_in_five_villages_of_a_county_is_proposed_as_systemic(
    inspection: Inspection,
) -> None:
    await log_in_villages(inspection, 5)
    await log_in_villages(inspection, 4, kind="WATER_UNSAFE")
    await log_in_villages(inspection, 2)
    assert await proposals(inspection) == [
        {
            "county_code": "511132",
            "county_name": "峨边彝族自治县",
            "kind": "HOUSING_UNSAFE",
            "kind_name": "住房安全无保障",
            "villages": 5,
            "found": 7,
            "open": 7,
        }
    ]


async def test_proposals_are_also_a_file(inspection: Inspection) -> None:
    await log_in_villages(inspection, 5)
    answer = await inspection.get("/analysis/systemic-proposals", {"format": "csv"})
    assert answer.content.decode("utf-8-sig").splitlines() == [
        "县代码,县,问题类型代码,问题类型,涉及村数,发现数,未销号数",
        "511132,峨边彝族自治县,HOUSING_UNSAFE,住房安全无保障,5,5,5",
    ]


async def test_what_is_handled_as_systemic_already_is_not_proposed(inspection: Inspection) -> None:
    await log_in_villages(inspection, 5)
    await inspection.log(scope="SYSTEMIC")
    assert await proposals(inspection) == []


async def test_suspected_and_withdrawn_problems_make_no_proposal(inspection: Inspection) -> None:
    await log_in_villages(inspection, 5)
    await inspection.fetch(
        "UPDATE problems SET state = 'SUSPECTED' WHERE id IN (SELECT id FROM problems LIMIT 1)"
    )
    assert await proposals(inspection) == []


async def test_how_many_villages_it_takes_is_configured_by_region(inspection: Inspection) -> None:
    await log_in_villages(inspection, 3)
    body = {"value": 3, "effective_from": "2019-01-01"}
    path = "/config/511132/systemic_villages"
    stored = await inspection.put(path, body, org="OPS@511132", roles=("ops",))
    assert stored.status_code == 200, stored.text
    assert [one["villages"] for one in await proposals(inspection)] == [3]


async def test_proposals_count_what_was_found_in_the_campaign_or_within_a_year(
    inspection: Inspection,
) -> None:
    campaign_id = await inspection.campaign()
    await log_in_villages(inspection, 5, campaign_id=campaign_id)
    await log_in_villages(inspection, 5, kind="WATER_UNSAFE")
    await inspection.fetch("UPDATE problems SET found_on = '2018-09-01'")
    assert await proposals(inspection) == []
    assert len(await proposals(inspection, **{"from": "2018-09-01"})) == 2
    found = await proposals(inspection, campaign_id=campaign_id)
    assert [one["kind"] for one in found] == ["HOUSING_UNSAFE"]


@pytest.mark.parametrize(
    ("org", "region", "kinds"),
    [
        ("POV@511132", "511132", 2),
        ("POV@511132", "5111", 2),
        ("PROV@51", "511132", 1),
        ("HOUS@511132", "511132", 1),
        ("WATER@511132", "511132", 0),
        ("POV@511133", "511132", 0),
        ("POV@511132", "511133", 0),
    ],
)
async def test_proposals_stay_within_the_callers_scope(
    inspection: Inspection, org: str, region: str, kinds: int
) -> None:
    await log_in_villages(inspection, 5)
    await log_in_villages(inspection, 5, kind="STYLE")
    assert len(await proposals(inspection, org, region_code=region)) == kinds
