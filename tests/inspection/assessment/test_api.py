"""Assessment sheets over HTTP: drawn up, scored, judged, seen within scope (I-59)."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection

RATE: dict[str, Any] = {
    "item": "RECTIFICATION_RATE",
    "title": "督查暗访问题整改率",
    "content": "RECTIFICATION",
    "weight": "10",
    "direction": "AT_LEAST",
    "standards": {"CITY": "95", "PROVINCE": "100"},
}
MISSED: dict[str, Any] = {
    "item": "MISSED_RATE",
    "title": "漏评率",
    "content": "IDENTIFICATION",
    "weight": "20.5",
    "direction": "AT_MOST",
    "standards": {"NATIONAL": "2", "PROVINCE": "1"},
}
SHEET: dict[str, Any] = {
    "region_code": "511132",
    "year": 2019,
    "name": "2019年自查",
    "items": [RATE, MISSED],
}
KEYS = [
    "POPULATION_REDUCED",
    "INCOME_GROWTH",
    "IDENTIFICATION_ACCURACY",
    "EXIT_ACCURACY",
    "HELP_SATISFACTION",
    "FUND_PERFORMANCE",
]
BESIDE: dict[str, Any] = {"org": "POV@511133"}


async def drawn(inspection: Inspection, **changes: Any) -> dict[str, Any]:
    """Draw up a sheet, which must succeed; the answer."""
    answer = await inspection.post("/assessment-sheets", SHEET | changes)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def scored(inspection: Inspection, sheet: dict[str, Any], **scores: Any) -> dict[str, Any]:
    """Enter scores, which must succeed; the answer."""
    answer = await inspection.put(f"/assessment-sheets/{sheet['id']}/scores", {"scores": scores})
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def configured(inspection: Inspection, key: str, value: Any) -> None:
    """Set a value of the county."""
    body = {"value": value, "effective_from": "2019-01-01"}
    answer = await inspection.put(f"/config/511132/{key}", body)
    assert answer.status_code == 200, answer.text


async def test_a_sheet_is_drawn_up_once(inspection: Inspection) -> None:
    answer = await inspection.post("/assessment-sheets", SHEET, key="a")
    view = answer.json()
    assert answer.status_code == 201, answer.text
    assert [item["area"] for item in view["items"]] == ["PROCESS", "RESULT"]
    assert [item["passed"] for item in view["items"]] == [None, None]
    assert (view["key_failing"], view["passed"]) == (KEYS, False)
    again = await inspection.post("/assessment-sheets", SHEET, key="a")
    assert (again.status_code, again.json()) == (201, view)
    assert (await inspection.get(f"/assessment-sheets/{view['id']}")).json() == view
    listed = await inspection.get("/assessment-sheets", {"year": 2019, "region_code": "511132"})
    assert listed.json()["items"] == [view]
    assert (await inspection.get("/assessment-sheets", {"year": 2020})).json()["items"] == []


async def test_scores_are_judged_by_the_stricter_rule_which_is_explained(
    inspection: Inspection,
) -> None:
    sheet = await drawn(inspection)
    view = await scored(inspection, sheet, RECTIFICATION_RATE="97.5", MISSED_RATE="0")
    rate, missed = view["items"]
    names = ("score", "rule_used", "threshold", "passed", "points", "why")
    assert [rate[name] for name in names] == [
        "97.5",
        "PROVINCE",
        "100",
        False,
        "0",
        "适用标准：省定不低于100、市定不低于95；就高不就低，按省定标准自查",
    ]
    assert [missed[name] for name in names[:5]] == ["0", "PROVINCE", "1", True, "20.5"]
    assert view["parts"] == {
        "PROCESS": {"weight": "10", "points": "0"},
        "RESULT": {"weight": "20.5", "points": "20.5"},
    }
    assert view["total"] == {"weight": "30.5", "points": "20.5"}
    assert (await inspection.get(f"/assessment-sheets/{sheet['id']}")).json() == view


async def test_figures_are_answered_without_an_exponent(inspection: Inspection) -> None:
    sheet = await drawn(inspection, items=[{**RATE, "weight": "1E+1"}])
    view = await scored(inspection, sheet, RECTIFICATION_RATE="1e2")
    (item,) = view["items"]
    assert (item["weight"], item["score"], item["points"]) == ("10", "100", "10")


async def test_scores_are_entered_bit_by_bit_and_taken_back(inspection: Inspection) -> None:
    sheet = await drawn(inspection)
    await scored(inspection, sheet, RECTIFICATION_RATE="100")
    view = await scored(inspection, sheet, MISSED_RATE=0.5)
    assert [item["passed"] for item in view["items"]] == [True, True]
    view = await scored(inspection, sheet, RECTIFICATION_RATE=None)
    assert [item["passed"] for item in view["items"]] == [None, True]
    changes = await inspection.fetch("SELECT change::text FROM audit WHERE action = 'SCORE'")
    assert len(changes) == 3


async def test_a_sheet_passes_with_the_county_s_key_indicators(inspection: Inspection) -> None:
    await configured(inspection, "assessment_key_indicators", ["MISSED_RATE"])
    await configured(inspection, "assessment_pass_pct", 60)
    sheet = await drawn(inspection)
    assert [item["key"] for item in sheet["items"]] == [False, True]
    view = await scored(inspection, sheet, RECTIFICATION_RATE="0", MISSED_RATE="1")
    assert (view["pass_pct"], view["key_failing"], view["passed"]) == (60, [], True)
    view = await scored(inspection, sheet, RECTIFICATION_RATE="100", MISSED_RATE="1.01")
    assert (view["key_failing"], view["passed"]) == (["MISSED_RATE"], False)


async def test_a_sheet_keeps_the_values_it_was_drawn_up_with(inspection: Inspection) -> None:
    sheet = await drawn(inspection)
    await configured(inspection, "assessment_key_indicators", [])
    await configured(inspection, "assessment_pass_pct", 0)
    view = (await inspection.get(f"/assessment-sheets/{sheet['id']}")).json()
    assert (view["pass_pct"], view["key_failing"]) == (100, KEYS)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"items": [RATE, RATE]}, "ITEM_DUPLICATE"),
        ({"items": []}, "TOO_FEW"),
        ({"items": [RATE | {"standards": {}}]}, "TOO_FEW"),
        ({"items": [RATE | {"standards": {"TOWN": "1"}}]}, "UNKNOWN_VALUE"),
        ({"items": [RATE | {"content": "LOOKS"}]}, "UNKNOWN_VALUE"),
        ({"items": [RATE | {"weight": "0"}]}, "OUT_OF_RANGE"),
        ({"items": [RATE | {"weight": "ten"}]}, "NUMBER_INVALID"),
        ({"items": [RATE | {"item": "rate"}]}, "FORMAT"),
        ({"items": [RATE | {"stray": 1}]}, "UNKNOWN_FIELD"),
        ({"region_code": "x"}, "REGION_CODE_INVALID"),
        ({"year": 1999}, "OUT_OF_RANGE"),
        ({"name": "\x00"}, "FORMAT"),
        ({"items": [RATE | {"title": ""}]}, "TOO_SHORT"),
        ({"region_code": "511133"}, "NOT_FOUND"),
    ],
)
async def test_a_sheet_out_of_order_is_refused(
    inspection: Inspection, changes: dict[str, Any], code: str
) -> None:
    answer = await inspection.post("/assessment-sheets", SHEET | changes)
    assert answer.json()["code"] == code
    assert answer.status_code == (404 if code == "NOT_FOUND" else 422)
    assert await inspection.count("assessment_sheets") == 0


@pytest.mark.parametrize(
    ("scores", "code"),
    [
        ({"BEAUTY": "1"}, "ITEM_UNKNOWN"),
        ({}, "TOO_FEW"),
        ({"MISSED_RATE": "low"}, "NUMBER_INVALID"),
        ({"MISSED_RATE": "NaN"}, "TYPE_INVALID"),
        ({"MISSED_RATE": "0.00001"}, "NUMBER_INVALID"),
    ],
)
async def test_scores_out_of_order_are_refused(
    inspection: Inspection, scores: dict[str, Any], code: str
) -> None:
    sheet = await drawn(inspection)
    path = f"/assessment-sheets/{sheet['id']}/scores"
    answer = await inspection.put(path, {"scores": scores})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_township_has_sheets_of_its_own_and_the_county_sees_them(
    inspection: Inspection,
) -> None:
    county = await drawn(inspection)
    own = await drawn(inspection, region_code="511132201")
    township: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_reviewer",)}
    listed = (await inspection.get("/assessment-sheets", **township)).json()["items"]
    assert [item["id"] for item in listed] == [own["id"]]
    above = await inspection.get(f"/assessment-sheets/{county['id']}", **township)
    assert above.status_code == 404
    first = (await inspection.get("/assessment-sheets", {"limit": 1})).json()
    rest = (await inspection.get("/assessment-sheets", {"cursor": first["next_cursor"]})).json()
    ids = [item["id"] for item in first["items"] + rest["items"]]
    assert ids == [county["id"], own["id"]]


async def test_a_neighbour_sees_and_scores_nothing_here(inspection: Inspection) -> None:
    sheet = await drawn(inspection)
    path = f"/assessment-sheets/{sheet['id']}"
    answers = [
        await inspection.get(path, **BESIDE),
        await inspection.put(f"{path}/scores", {"scores": {"MISSED_RATE": "1"}}, **BESIDE),
        await inspection.get("/assessment-sheets", {"region_code": "511132"}, **BESIDE),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "NOT_FOUND")] * 3
    assert (await inspection.get("/assessment-sheets", **BESIDE)).json()["items"] == []


async def test_a_department_scores_nothing_and_a_household_reads_nothing(
    inspection: Inspection,
) -> None:
    sheet = await drawn(inspection)
    path = f"/assessment-sheets/{sheet['id']}"
    department: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_head",)}
    answers = [
        await inspection.post("/assessment-sheets", SHEET, **department),
        await inspection.put(f"{path}/scores", {"scores": {"MISSED_RATE": "1"}}, **department),
        await inspection.get(path, roles=("household",)),
        await inspection.get("/assessment-sheets", roles=("household",)),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "FORBIDDEN")] * 4
