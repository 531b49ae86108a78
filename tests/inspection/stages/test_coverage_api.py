"""What a stage must cover, what covers it, and who may record checks (I-50, I-51)."""

from typing import Any

from shared.ids import new_id
from tests.inspection.conftest import VILLAGE, Inspection
from tests.inspection.stages.journeys import (
    HOUSING,
    LATER,
    NEIGHBOUR,
    bring,
    check,
    look_back,
    name_poor_village,
    register,
)

CADRE: dict[str, Any] = {"org": f"VILLAGE@{VILLAGE}", "roles": ("village_cadre",)}
TOWN: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_reviewer",)}
OTHER_TOWN: dict[str, Any] = {"org": "TOWN@511132202", "roles": ("township_reviewer",)}
OTHER_VILLAGE = "511132202201"


async def coverage(inspection: Inspection, campaign_id: str, **caller: Any) -> dict[str, Any]:
    """The first page of the present stage's coverage."""
    answer = await inspection.get(f"/campaigns/{campaign_id}/coverage", {"limit": 200}, **caller)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def refs(view: dict[str, Any]) -> list[str]:
    """What is not covered."""
    return [item["ref"] for item in view["items"]]


def counts(view: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Total and covered of each class."""
    return {one["object_class"]: (one["total"], one["covered"]) for one in view["counts"]}


async def test_poor_households_special_ones_and_poor_villages_must_be_covered(
    inspection: Inspection,
) -> None:
    await name_poor_village(inspection)
    wanted = [
        *await register(inspection, cohort="NOT_EXITED"),
        *await register(inspection, cohort="EXIT_THIS_YEAR"),
        *await register(inspection, cohort="EXITED", exit_year=2014),
        *await register(inspection, cohort="EXITED"),
        *await register(inspection, cohort="NON_ARCHIVED_SPECIAL"),
    ]
    await register(inspection, cohort="NON_ARCHIVED")
    await register(inspection, cohort="EXITED", exit_year=2013)  # before 2014 (I-53)
    await register(inspection, cohort="NOT_EXITED", active=False)
    await register(inspection, cohort="NOT_EXITED", village="511133201205")
    campaign_id = await look_back(inspection, "SELF_CHECK")
    view = await coverage(inspection, campaign_id)
    assert view["stage"] == "SELF_CHECK"
    assert refs(view) == [VILLAGE, *sorted(wanted)]
    assert counts(view) == {
        "POOR_VILLAGE": (1, 0),
        "POOR_HOUSEHOLD": (4, 0),
        "OUTSIDE_HOUSEHOLD": (1, 0),
    }
    special = next(item for item in view["items"] if item["ref"] == wanted[-1])
    assert special["object_class"] == "OUTSIDE_HOUSEHOLD"
    assert special["household_no"].startswith(VILLAGE)


async def test_a_check_covers_its_object_once_however_often_it_was_made(
    inspection: Inspection,
) -> None:
    await name_poor_village(inspection)
    first, second = await register(inspection, 2)
    campaign_id = await look_back(inspection, "SELF_CHECK")
    path = f"/campaigns/{campaign_id}/checks"
    answers = [
        await inspection.post(path, check(first), key="a"),
        await inspection.post(path, check(first), key="b"),
        await inspection.post(path, check(first, team="二组"), key="c"),
        await inspection.post(path, check(first, stage="SELF_CHECK"), key="d"),
    ]
    assert [(one.status_code, one.json()["recorded"]) for one in answers] == [
        *((201, True), (201, False), (201, True), (201, False)),
    ]
    view = await coverage(inspection, campaign_id)
    assert refs(view) == [VILLAGE, second]
    assert counts(view)["POOR_HOUSEHOLD"] == (2, 1)
    village = {"type": "VILLAGE", "code": VILLAGE}
    assert (await inspection.post(path, check(first, object=village))).status_code == 201
    assert refs(await coverage(inspection, campaign_id)) == [second]


async def test_a_problem_logged_in_the_stage_covers_its_object_also_where_it_was_merged(
    inspection: Inspection,
) -> None:
    first, second, third = await register(inspection, 3)
    known = await inspection.log(object={"type": "HOUSEHOLD", "id": second})
    campaign_id = await look_back(inspection, "SELF_CHECK")
    here = {"campaign_id": campaign_id, "source": "SELF_CHECK"}
    await inspection.log(object={"type": "HOUSEHOLD", "id": first}, **here)
    merged = await inspection.log(object={"type": "HOUSEHOLD", "id": second}, **here)
    assert (merged["id"], merged["merged"]) == (known["id"], True)
    view = await coverage(inspection, campaign_id)
    assert refs(view) == [third]
    assert counts(view)["POOR_HOUSEHOLD"] == (3, 2)
    inspection.now = LATER
    await bring(inspection, campaign_id, "CROSS_CHECK")
    assert refs(await coverage(inspection, campaign_id)) == [first, second, third]
    earlier = await inspection.get(f"/campaigns/{campaign_id}/coverage", {"stage": "SELF_CHECK"})
    assert refs(earlier.json()) == [third]


async def test_what_is_not_covered_comes_in_pages_with_the_counts_on_the_first(
    inspection: Inspection,
) -> None:
    for code in (VILLAGE, OTHER_VILLAGE):
        await name_poor_village(inspection, code)
    households = [
        *await register(inspection, 3),
        *await register(inspection, 2, village=OTHER_VILLAGE),
    ]
    campaign_id = await look_back(inspection, "SELF_CHECK")
    for limit in (1, 2, 3, 7):
        seen: list[str] = []
        query: dict[str, Any] = {"limit": limit}
        while True:
            answer = await inspection.get(f"/campaigns/{campaign_id}/coverage", query)
            view = answer.json()
            assert (view["counts"] is None) is bool(seen)
            seen += refs(view)
            if view["next_cursor"] is None:
                break
            query["cursor"] = view["next_cursor"]
        assert seen == [VILLAGE, OTHER_VILLAGE, *households]
    bad = await inspection.get(f"/campaigns/{campaign_id}/coverage", {"cursor": "WzFd"})
    assert (bad.status_code, bad.json()["code"]) == (422, "CURSOR_INVALID")


async def test_each_caller_sees_the_coverage_of_the_own_place(inspection: Inspection) -> None:
    (here,) = await register(inspection)
    (there,) = await register(inspection, village=OTHER_VILLAGE)
    campaign_id = await look_back(inspection, "SELF_CHECK")
    callers: list[tuple[dict[str, Any], list[str]]] = [
        (CADRE, [here]),
        (TOWN, [here]),
        (OTHER_TOWN, [there]),
        (HOUSING, [here, there]),
        ({"org": "PROV@51"}, [here, there]),
    ]
    for caller, seen in callers:
        view = await coverage(inspection, campaign_id, **caller)
        assert refs(view) == seen
        assert counts(view)["POOR_HOUSEHOLD"] == (len(seen), 0)
    path = f"/campaigns/{campaign_id}/coverage"
    assert (await inspection.get(path, **NEIGHBOUR)).status_code == 404


async def test_only_two_stages_of_a_look_back_have_something_to_cover(
    inspection: Inspection,
) -> None:
    short = await inspection.campaign(type="SELF_ACCEPTANCE")
    long = await look_back(inspection)
    for campaign_id, query in (
        (short, {"stage": "SELF_CHECK"}),
        (long, {"stage": "RECTIFY"}),
        (long, {}),
    ):
        answer = await inspection.get(f"/campaigns/{campaign_id}/coverage", query)
        assert (answer.status_code, answer.json()["code"]) == (422, "STAGE_WITHOUT_COVERAGE")
    ahead = await inspection.get(f"/campaigns/{long}/coverage", {"stage": "CROSS_CHECK"})
    assert ahead.status_code == 200


CHECKERS: list[tuple[str, dict[str, Any], str | None]] = [
    ("PREPARE", CADRE, "STATE_CONFLICT"),
    ("SELF_CHECK", CADRE, None),
    ("SELF_CHECK", TOWN, None),
    ("SELF_CHECK", OTHER_TOWN, "NOT_FOUND"),
    ("SELF_CHECK", NEIGHBOUR, "NOT_FOUND"),
    ("SELF_CHECK", {"org": f"VILLAGE@{OTHER_VILLAGE}"}, "NOT_FOUND"),
    ("SELF_CHECK", {"roles": ("finance",)}, "FORBIDDEN"),
    ("CROSS_CHECK", CADRE, "VILLAGE_OUTSIDE_SELF_CHECK"),
    ("CROSS_CHECK", TOWN, "OWN_TOWNSHIP"),
    ("CROSS_CHECK", OTHER_TOWN, None),
    ("CROSS_CHECK", {"org": "TOWN@511133201"}, "NOT_FOUND"),
    ("CROSS_CHECK", {"org": "CITY@5111", "roles": ("inspector",)}, None),
    ("RECTIFY", {}, "STATE_CONFLICT"),
]


async def test_who_may_check_in_which_stage(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection)
    for stage, caller, code in CHECKERS:
        await bring(inspection, campaign_id, stage)
        (household,) = await register(inspection)
        answer = await inspection.post(
            f"/campaigns/{campaign_id}/checks", check(household), **caller
        )
        assert answer.json().get("code") == code, (stage, caller)
        rows = await inspection.fetch(
            "SELECT FROM campaign_checks WHERE object_ref = $1", household
        )
        assert len(rows) == (1 if code is None else 0)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"checked_on": "2019-09-17"}, "CHECKED_OUT_OF_STAGE"),
    ({"checked_on": "2019-03-20"}, "CHECKED_OUT_OF_STAGE"),
    ({"village_code": "511132201206"}, "CHECK_OBJECT_ELSEWHERE"),
    ({"village_code": "511132201"}, "CHECK_OBJECT_INVALID"),
    ({"village_code": "511133201205"}, "OUTSIDE_CAMPAIGN"),
    ({"object": {"type": "PROJECT", "id": str(new_id())}}, "CHECK_OBJECT_INVALID"),
    ({"object": {"type": "HOUSEHOLD"}}, "OBJECT_INVALID"),
    ({"result": "PROBLEM"}, "CHECK_PROBLEM_MISMATCH"),
    ({"result": "PROBLEM", "problem_id": str(new_id())}, "CHECK_PROBLEM_MISMATCH"),
    ({"problem_id": str(new_id())}, "CHECK_PROBLEM_MISMATCH"),
    ({"stage": "CROSS_CHECK"}, "NOT_THIS_STAGE"),
    ({"team": " "}, "TOO_SHORT"),
    ({"stray": 1}, "UNKNOWN_FIELD"),
]


async def test_a_check_that_cannot_be_is_refused(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    (household,) = await register(inspection)
    for changes, code in REFUSED:
        body = check(household, **changes)
        answer = await inspection.post(f"/campaigns/{campaign_id}/checks", body, key="k")
        assert answer.json()["code"] == code
        assert answer.status_code == (409 if code == "NOT_THIS_STAGE" else 422)
    assert await inspection.count("campaign_checks") == 0


async def test_a_check_that_found_a_problem_names_the_problem_of_its_object(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    (household,) = await register(inspection)
    logged = await inspection.log(object={"type": "HOUSEHOLD", "id": household})
    gone = await inspection.log(object={"type": "HOUSEHOLD", "id": household}, kind="EDU_DROPOUT")
    await inspection.post(f"/problems/{gone['id']}/withdraw", {"reason": "误登"})
    other = await inspection.log()
    path = f"/campaigns/{campaign_id}/checks"
    found = check(household, result="PROBLEM")
    for problem in (other, gone):
        answer = await inspection.post(path, found | {"problem_id": problem["id"]})
        assert (answer.status_code, answer.json()["code"]) == (422, "CHECK_PROBLEM_MISMATCH")
    answer = await inspection.post(path, found | {"problem_id": logged["id"]})
    assert answer.status_code == 201


async def test_a_batch_stores_its_good_rows_and_reports_the_others(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    first, second = await register(inspection, 2)
    path = f"/campaigns/{campaign_id}/checks:batch"
    rows = [
        check(first),
        check(first),
        check(second, checked_on="2019-09-30"),
        {"team": "一组"},
        "row",
        check(second),
        check(second, object={"type": "HOUSEHOLD"}),
        check(second, stage="CROSS_CHECK"),
    ]
    answer = await inspection.post(path, {"rows": rows}, key="batch")
    body = answer.json()
    assert (answer.status_code, body["recorded"], body["repeated"], body["refused"]) == (
        *(201, 2, 1, 5),
    )
    assert [(one["index"], one["status"], one["code"]) for one in body["results"]] == [
        (0, 201, None),
        (1, 200, None),
        (2, 422, "CHECKED_OUT_OF_STAGE"),
        (3, 422, "REQUIRED"),
        (4, 422, "TYPE_INVALID"),
        (5, 201, None),
        (6, 422, "OBJECT_INVALID"),
        (7, 409, "NOT_THIS_STAGE"),
    ]
    again = await inspection.post(path, {"rows": rows}, key="batch")
    assert again.json() == body
    assert refs(await coverage(inspection, campaign_id)) == []
    assert (await inspection.post(path, {"rows": rows}, **NEIGHBOUR)).status_code == 404
    many = await inspection.post(path, {"rows": [check(first)] * 1001})
    assert (many.status_code, many.json()["code"]) == (422, "TOO_MANY")


async def test_a_household_the_register_has_not_told_of_may_be_checked_before(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    household = str(new_id())
    answer = await inspection.post(f"/campaigns/{campaign_id}/checks", check(household))
    assert answer.status_code == 201
    assert await inspection.count("campaign_checks") == 1


async def test_the_description_of_the_interface_shows_a_row_of_a_batch(
    inspection: Inspection,
) -> None:
    described = (await inspection.app.client.get("/openapi.json")).json()
    schemas = described["components"]["schemas"]
    rows = schemas["RecordChecks"]["properties"]["rows"]
    assert rows["items"] == {"$ref": "#/components/schemas/RecordCheck"}
    assert "team" in schemas["RecordCheck"]["properties"]
    assert (
        "STAGE_NOT_DONE"
        in (
            described["paths"]["/api/v1/campaigns/{campaign_id}/advance"]["post"]["responses"][
                "409"
            ]["description"]
        )
    )
