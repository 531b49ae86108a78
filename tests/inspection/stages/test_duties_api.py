"""Departments submit their checks (I-15) and stamp their ledgers (I-54)."""

import asyncio
from typing import Any

from tests.inspection.conftest import PHOTO, Inspection
from tests.inspection.stages.journeys import (
    CITY,
    HOUSING,
    advance,
    bring,
    look_back,
)

STAMP = {"found": 2, "open": 2, "stamp_no": "峨住建〔2019〕31号", "signed_by": "局长"}
PLAN = {"stages": [{"stage": "SELF_CHECK", "start": "2019-09-10", "end": "2019-09-20"}]}


async def test_the_duties_are_there_as_soon_as_the_campaign_leaves_its_draft(
    inspection: Inspection,
) -> None:
    campaign_id = await inspection.campaign()
    path = f"/campaigns/{campaign_id}/duties"
    assert (await inspection.get(path)).json()["items"] == []
    await advance(inspection, campaign_id)
    view = (await inspection.get(path)).json()
    assert len(view["items"]) == 19
    assert [item["department"] for item in view["items"]][:2] == ["AGRI", "BANK"]
    housing = next(item for item in view["items"] if item["department"] == "HOUS")
    assert "危房改造" in housing["text"]
    assert (view["stage"], view["until"], view["missing"]) == ("RECTIFY", None, [])


async def test_a_department_submits_what_it_verified_and_may_add_to_it(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    path = f"/campaigns/{campaign_id}/duties/HOUS/submit"
    body = {"text": "已逐户核查", "figures": {"鉴定户数": 1203}, "evidence": [PHOTO]}
    answer = await inspection.post(path, body, **HOUSING)
    assert (answer.status_code, answer.json()["figures"]) == (200, {"鉴定户数": 1203})
    assert answer.json()["evidence"][0]["ref"] == PHOTO["ref"]
    await inspection.post(path, {"text": "补充两户"}, **HOUSING)
    (own,) = (await inspection.get(f"/campaigns/{campaign_id}/duties", **HOUSING)).json()["items"]
    assert [one["text"] for one in own["submissions"]] == ["已逐户核查", "补充两户"]


async def test_departments_without_a_submission_by_the_stage_s_end_are_listed(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK", **PLAN)
    path = f"/campaigns/{campaign_id}/duties"
    await inspection.post(f"{path}/HOUS/submit", {"text": "已核查"}, **HOUSING)
    inspection.now = "2019-09-20T23:00:00+08:00"
    view = (await inspection.get(path)).json()
    assert (view["until"], view["missing"]) == ("2019-09-20", [])
    inspection.now = "2019-09-21T00:00:00+08:00"
    late: dict[str, Any] = {"org": "EDU@511132", "roles": ("dept_head",)}
    await inspection.post(f"{path}/EDU/submit", {"text": "已核查"}, **late)
    missing = (await inspection.get(path)).json()["missing"]
    assert len(missing) == 18
    assert "EDU" in missing
    assert "HOUS" not in missing


async def test_only_the_department_itself_submits_and_stamps(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    duty, stamp = {"text": "已核查"}, STAMP | {"found": 0, "open": 0}
    for call, body in (("duties/{}/submit", duty), ("ledgers/{}/confirm", stamp)):
        path = f"/campaigns/{campaign_id}/{call}"
        callers: list[tuple[str, dict[str, Any], int]] = [
            ("HOUS", {}, 403),
            ("EDU", HOUSING, 403),
            ("HOUS", HOUSING | {"roles": ("dept_handler",)}, 403),
            ("HOUS", HOUSING | {"org": "HOUS@511133"}, 404),
            ("HOUS", HOUSING | {"org": "HOUS@511132201"}, 404),
            ("NONE", HOUSING, 422),
            ("HOUS", HOUSING, 201 if call.startswith("ledgers") else 200),
            ("POV", {}, 201 if call.startswith("ledgers") else 200),
        ]
        for department, caller, status in callers:
            answer = await inspection.post(path.format(department), body, **caller)
            assert answer.status_code == status, (department, caller, answer.text)
    unit: dict[str, Any] = {"org": "DISC@511132", "roles": ("dept_head",)}
    path = f"/campaigns/{campaign_id}/duties/DISC/submit"
    assert (await inspection.post(path, duty, **unit)).status_code == 404


async def test_a_stamp_must_carry_the_figures_of_the_instant(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    for _ in range(2):
        await inspection.log(campaign_id=campaign_id)
    await inspection.log(campaign_id=campaign_id, kind="EDU_DROPOUT")
    path = f"/campaigns/{campaign_id}/ledgers"
    answer = await inspection.post(f"{path}/HOUS/confirm", STAMP | {"open": 1}, **HOUSING)
    assert (answer.status_code, answer.json()["code"]) == (409, "LEDGER_DIFFERS")
    assert answer.json()["given"] == {"found": 2, "open": 1}
    assert answer.json()["ledger"] == {"found": 2, "open": 2}
    stamped = await inspection.post(f"{path}/HOUS/confirm", STAMP, key="s", **HOUSING)
    assert stamped.status_code == 201
    assert stamped.json()["confirmed_at"] == "2019-09-16T02:00:00Z"
    again = await inspection.post(f"{path}/HOUS/confirm", STAMP, key="s", **HOUSING)
    assert again.json() == stamped.json()
    view = (await inspection.get(path)).json()
    assert view["unconfirmed"] == ["EDU"]
    education, housing = view["items"]
    assert (education["confirmed"], education["stamp"]) == (False, None)
    assert (housing["found"], housing["open"], housing["confirmed"]) == (2, 2, True)
    assert housing["stamp"] == stamped.json()


async def test_what_was_found_after_the_stamp_asks_for_a_new_one(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    logged = [await inspection.log(campaign_id=campaign_id) for _ in range(2)]
    path = f"/campaigns/{campaign_id}/ledgers"
    await inspection.post(f"{path}/HOUS/confirm", STAMP, **HOUSING)
    withdraw = f"/problems/{logged[0]['id']}/withdraw"
    assert (await inspection.post(withdraw, {"reason": "误登"})).status_code == 200
    assert (await inspection.get(path)).json()["unconfirmed"] == ["HOUS"]
    body = STAMP | {"found": 1, "open": 1}
    assert (await inspection.post(f"{path}/HOUS/confirm", body, **HOUSING)).status_code == 201
    assert (await inspection.get(path)).json()["unconfirmed"] == []


async def test_a_stamp_over_style_matters_counts_for_all_and_is_shown_to_few(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    for kind in ("STYLE", "KIND_WITHOUT_ROUTE"):
        await inspection.log(campaign_id=campaign_id, kind=kind)
    path = f"/campaigns/{campaign_id}/ledgers"
    assert (await inspection.post(f"{path}/POV/confirm", STAMP)).status_code == 201
    government: dict[str, Any] = {"org": "GOV@511132", "roles": ("county_gov",)}
    for caller, found, shown in (({}, 2, True), (government, 1, False)):
        view = (await inspection.get(path, **caller)).json()
        (ledger,) = view["items"]
        assert (ledger["found"], ledger["confirmed"], view["unconfirmed"]) == (found, True, [])
        assert (ledger["stamp"] is not None) is shown


async def test_a_department_sees_its_own_and_a_neighbour_nothing(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    for kind in ("HOUSING_UNSAFE", "EDU_DROPOUT", "CORRUPTION_BRIBERY"):
        await inspection.log(campaign_id=campaign_id, kind=kind)
    path = f"/campaigns/{campaign_id}"
    seen: list[tuple[dict[str, Any], list[str], int]] = [
        (HOUSING, ["HOUS"], 1),
        ({}, ["EDU", "HOUS"], 19),
        (CITY, ["EDU", "HOUS"], 19),
        ({"org": "DISC@511132", "roles": ("discipline",)}, ["DISC"], 0),
    ]
    for caller, ledgers, duties in seen:
        view = (await inspection.get(f"{path}/ledgers", **caller)).json()
        assert [item["department"] for item in view["items"]] == ledgers
        view = (await inspection.get(f"{path}/duties", **caller)).json()
        assert len(view["items"]) == duties
    for call in ("ledgers", "duties"):
        for org in ("POV@511133", "TOWN@511132201", "HOUS@511133"):
            answer = await inspection.get(f"{path}/{call}", org=org)
            assert answer.status_code == 404
    answer = await inspection.get(f"{path}/ledgers", roles=("household",))
    assert answer.status_code == 403


async def test_two_submissions_at_once_are_both_kept(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    path = f"/campaigns/{campaign_id}/duties"
    await asyncio.gather(
        *(
            inspection.post(f"{path}/HOUS/submit", {"text": text}, **HOUSING)
            for text in ("上半", "下半")
        )
    )
    (own,) = (await inspection.get(path, **HOUSING)).json()["items"]
    assert {one["text"] for one in own["submissions"]} == {"上半", "下半"}


async def test_after_the_end_nothing_is_submitted_or_stamped(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection)
    await bring(inspection, campaign_id, "PREPARE")
    await inspection.fetch("UPDATE campaigns SET state = 'CLOSED' WHERE id = $1", campaign_id)
    for path, body in (("duties/HOUS/submit", {"text": "迟"}), ("ledgers/HOUS/confirm", STAMP)):
        answer = await inspection.post(f"/campaigns/{campaign_id}/{path}", body, **HOUSING)
        assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")
