"""Leaving stages over HTTP: what is asked of each, who may, and what is told (B.7)."""

import asyncio
from typing import Any

import pytest

from services.inspection.campaigns.domain import WHO, Action, CampaignState
from shared.events.inspection import CampaignClosed, CampaignStageChanged
from shared.security import Role
from tests.inspection.campaigns.test_domain import ALLOWED
from tests.inspection.conftest import Inspection, finding
from tests.inspection.stages.journeys import (
    CITY,
    HOUSING,
    LATER,
    LEADING_GROUP,
    NEIGHBOUR,
    advance,
    bring,
    check,
    look_back,
    name_poor_village,
    override,
    register,
    sign,
    state_of,
)


async def test_a_look_back_walks_its_five_stages_and_ends(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection)
    seen = []
    while (state := await state_of(inspection, campaign_id)) != "SAMPLE_SUMMARY":
        seen.append(state)
        answer = await advance(inspection, campaign_id)
        assert answer.status_code == 200, answer.text
    assert seen == ["DRAFT", "PREPARE", "SELF_CHECK", "CROSS_CHECK", "RECTIFY"]
    await sign(inspection, campaign_id, "leading_group", "secretary")
    await sign(inspection, campaign_id, "county_gov", "mayor")
    closed = (await advance(inspection, campaign_id)).json()
    assert (closed["state"], closed["version"]) == ("CLOSED", 7)
    assert [entry["stage"] for entry in closed["course"]] == [
        *seen[1:],
        "SAMPLE_SUMMARY",
        "CLOSED",
    ]
    again = await advance(inspection, campaign_id)
    assert (again.status_code, again.json()["code"]) == (409, "STATE_CONFLICT")
    assert again.json()["allowed"] == ["SEND_REPORT"]


async def test_other_campaigns_walk_three_stages(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign(type="SELF_ACCEPTANCE")
    states = [(await advance(inspection, campaign_id)).json()["state"] for _ in range(3)]
    assert states == ["PREPARE", "RECTIFY", "SUMMARY"]


async def test_every_stage_is_told_with_its_days_and_the_end_once_more(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SAMPLE_SUMMARY")
    await sign(inspection, campaign_id, "leading_group", "secretary")
    await sign(inspection, campaign_id, "county_gov", "mayor")
    await advance(inspection, campaign_id)
    told = [
        event
        for event in await inspection.app.events(CampaignStageChanged)
        if isinstance(event, CampaignStageChanged)
    ]
    assert [event.stage for event in told][:3] == ["DRAFT", "PREPARE", "SELF_CHECK"]
    assert told[-1].stage == "CLOSED"
    assert (str(told[2].starts_on), str(told[2].ends_on)) == ("2019-03-21", "2019-03-31")
    assert (told[-1].starts_on, told[-1].ends_on) == (None, None)
    (closed,) = await inspection.app.events(CampaignClosed)
    assert isinstance(closed, CampaignClosed)
    assert (str(closed.campaign_id), str(closed.closed_on)) == (campaign_id, "2019-09-16")


async def test_the_self_check_is_left_when_all_is_covered_and_every_ledger_stamped(
    inspection: Inspection,
) -> None:
    await name_poor_village(inspection)
    households = await register(inspection, 6)
    campaign_id = await look_back(inspection, "SELF_CHECK")
    await inspection.log(campaign_id=campaign_id, object={"type": "HOUSEHOLD", "id": households[0]})
    answer = await advance(inspection, campaign_id)
    body = answer.json()
    assert (answer.status_code, body["code"], body["stage"]) == (
        *(409, "STAGE_NOT_DONE", "SELF_CHECK"),
    )
    coverage, ledgers = body["missing"]
    assert coverage == {
        "condition": "COVERAGE",
        "count": 6,
        "first": ["511132201205", *households[1:5]],
        "listing": f"/api/v1/campaigns/{campaign_id}/coverage?stage=SELF_CHECK",
    }
    assert ledgers == {
        "condition": "LEDGERS",
        "count": 1,
        "first": ["HOUS"],
        "listing": f"/api/v1/campaigns/{campaign_id}/ledgers",
    }
    rows = [check(one) for one in households[1:]]
    village = {"object": {"type": "VILLAGE", "code": "511132201205"}}
    await inspection.post(
        f"/campaigns/{campaign_id}/checks:batch",
        {"rows": [*rows, check(households[0], **village)]},
    )
    stamp = {"found": 1, "open": 1, "stamp_no": "31", "signed_by": "局长"}
    path = f"/campaigns/{campaign_id}/ledgers/HOUS/confirm"
    assert (await inspection.post(path, stamp, **HOUSING)).status_code == 201
    assert (await advance(inspection, campaign_id)).json()["state"] == "CROSS_CHECK"


async def test_the_cross_check_covers_everything_once_more(inspection: Inspection) -> None:
    (household,) = await register(inspection)
    campaign_id = await look_back(inspection, "SELF_CHECK")
    await inspection.post(f"/campaigns/{campaign_id}/checks", check(household))
    inspection.now = LATER
    await bring(inspection, campaign_id, "CROSS_CHECK")
    answer = await advance(inspection, campaign_id)
    (missing,) = answer.json()["missing"]
    assert (missing["condition"], missing["first"]) == ("COVERAGE", [household])
    cross = check(household, checked_on="2019-09-17", team="乐都镇互查组")
    other: dict[str, Any] = {"org": "TOWN@511132202", "roles": ("township_reviewer",)}
    answer = await inspection.post(f"/campaigns/{campaign_id}/checks", cross, **other)
    assert answer.status_code == 201, answer.text
    assert (await advance(inspection, campaign_id)).json()["state"] == "RECTIFY"


async def test_rectifying_ends_when_only_systemic_problems_are_open(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "RECTIFY")
    systemic = await inspection.log(campaign_id=campaign_id, scope="SYSTEMIC")
    single = await inspection.log(campaign_id=campaign_id)
    await inspection.log(campaign_id=campaign_id, kind="CORRUPTION_BRIBERY")
    (missing,) = (await advance(inspection, campaign_id)).json()["missing"]
    # The office learns how many are left, but not which are matters of discipline (I-13).
    assert (missing["count"], missing["first"]) == (2, [single["problem_no"]])
    assert missing["listing"] == f"/api/v1/problems?campaign_id={campaign_id}"
    await inspection.fetch(
        "UPDATE problems SET state = 'WITHDRAWN', finished = true WHERE id <> $1", systemic["id"]
    )
    assert (await advance(inspection, campaign_id)).json()["state"] == "SAMPLE_SUMMARY"


async def test_the_leading_group_leaves_a_stage_undone_and_that_is_recorded(
    inspection: Inspection,
) -> None:
    (household,) = await register(inspection)
    campaign_id = await look_back(inspection, "SELF_CHECK")
    view = (await override(inspection, campaign_id)).json()
    assert view["state"] == "CROSS_CHECK"
    assert view["course"][-1]["override"] == {
        "reason": "领导小组会议决定",
        "missing": {"COVERAGE": 1},
    }
    audit = await inspection.fetch(
        "SELECT organisation, remark, change FROM audit WHERE action = 'OVERRIDE'"
        " AND object_id = $1",
        campaign_id,
    )
    assert [(row["organisation"], row["remark"]) for row in audit] == [
        ("LG@511132", "领导小组会议决定")
    ]
    assert household in str(audit[0]["change"])


async def test_nobody_overrides_where_nothing_can_be_overridden(inspection: Inspection) -> None:
    campaign_id = await look_back(inspection)
    for stage in ("DRAFT", "PREPARE", "SAMPLE_SUMMARY"):
        await bring(inspection, campaign_id, stage)
        answer = await override(inspection, campaign_id)
        assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")
    answer = await advance(inspection, campaign_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "REPORT_NOT_SIGNED")
    assert answer.json()["missing"] == ["SECRETARY", "MAYOR"]


async def test_only_the_office_advances_and_only_the_leading_group_overrides(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SELF_CHECK")
    path = f"/campaigns/{campaign_id}/advance"
    reason = {"override": {"reason": "赶进度"}}
    callers: list[tuple[Any, dict[str, Any], int]] = [
        (reason, {}, 403),
        (None, LEADING_GROUP, 403),
        (None, HOUSING, 403),
        (None, NEIGHBOUR, 404),
        (None, {"org": "TOWN@511132201"}, 404),
        ({"override": {"reason": ""}}, LEADING_GROUP, 422),
        ({"stray": 1}, {}, 422),
    ]
    for body, caller, status in callers:
        answer = await inspection.post(path, body, **caller)
        assert answer.status_code == status, answer.text
    assert await state_of(inspection, campaign_id) == "SELF_CHECK"


async def test_two_who_advance_at_once_enter_one_stage(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    path = f"/campaigns/{campaign_id}/advance"
    answers = await asyncio.gather(*(inspection.post(path, {"version": 1}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    late = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (late["code"], late["version"]) == ("VERSION_CONFLICT", 2)
    assert await state_of(inspection, campaign_id) == "PREPARE"


async def test_the_amnesty_ends_with_the_self_check_where_no_day_was_set(
    inspection: Inspection,
) -> None:
    unset = await look_back(inspection, "CROSS_CHECK")
    named = await look_back(inspection, "CROSS_CHECK", self_check_until="2019-03-31")
    ends = [
        (await inspection.get(f"/campaigns/{one}")).json()["self_check_until"]
        for one in (unset, named)
    ]
    assert ends == ["2019-09-16", "2019-03-31"]


async def test_a_campaign_closed_here_takes_no_new_problem_from_that_instant(
    inspection: Inspection,
) -> None:
    campaign_id = await look_back(inspection, "SAMPLE_SUMMARY")
    await inspection.log(campaign_id=campaign_id)  # its terms are remembered now
    await sign(inspection, campaign_id, "leading_group", "secretary")
    await sign(inspection, campaign_id, "county_gov", "mayor")
    assert (await advance(inspection, campaign_id)).status_code == 200
    answer = await inspection.post("/problems", finding(campaign_id=campaign_id))
    assert (answer.status_code, answer.json()["code"]) == (409, "CAMPAIGN_CLOSED")


_STAMP = {"found": 0, "open": 0, "stamp_no": "1", "signed_by": "局长"}
_DRAW = {"target_region": "511132", "zone_kind": "COUNTY", "households": 1, "villages": 1}
_CALLS: dict[Action, tuple[str, Any, str]] = {
    Action.ADVANCE: ("advance", None, "POV@511132"),
    Action.OVERRIDE: ("advance", {"override": {"reason": "r"}}, "LG@511132"),
    Action.CHECK: (
        "checks",
        check("01990000-0000-7000-8000-000000000001"),
        "POV@511132",
    ),
    Action.SUBMIT_DUTY: ("duties/HOUS/submit", {"text": "已核查"}, "HOUS@511132"),
    Action.CONFIRM_LEDGER: ("ledgers/HOUS/confirm", _STAMP, "HOUS@511132"),
    Action.DRAW_SAMPLE: ("samplings", _DRAW, "CITY@5111"),
    Action.DRAFT_REPORT: ("draft-report", None, "POV@511132"),
    Action.SIGN_REPORT: ("sign-report", {}, "LG@511132"),
    Action.SEND_REPORT: ("send-report", None, "POV@511132"),
}


@pytest.mark.parametrize("state", CampaignState)
async def test_every_action_in_every_state_by_every_role_is_allowed_or_refused(
    inspection: Inspection, state: CampaignState
) -> None:
    short = state is CampaignState.SUMMARY
    campaign_id = await inspection.campaign(type="SELF_ACCEPTANCE" if short else "LOOK_BACK")
    await advance(inspection, campaign_id)  # the duties are there
    entered = f'[{{"stage": "{state}", "entered_at": "{inspection.now}", "by": "t"}}]'
    for action, (path, body, org) in _CALLS.items():
        for role in Role:
            await inspection.fetch(
                "UPDATE campaigns SET state = $2, course = $3 WHERE id = $1",
                *(campaign_id, state, entered),
            )
            answer = await inspection.post(
                f"/campaigns/{campaign_id}/{path}", body, org=org, roles=(role,)
            )
            code = answer.json().get("code", "OK")
            if role not in WHO[action]:
                assert code == "FORBIDDEN", (action, role)
            elif action.value not in ALLOWED[state]:
                assert code == "STATE_CONFLICT", (action, role)
            else:
                assert code not in ("FORBIDDEN", "STATE_CONFLICT"), (action, role)


async def test_a_city_may_not_be_spoken_for_by_its_county(inspection: Inspection) -> None:
    answer = await inspection.post(
        "/campaigns",
        {"name": "全市", "type": "LOOK_BACK", "region_code": "5111", "year": 2019},
        **(CITY | {"roles": ("poverty_office",)}),
    )
    path = f"/campaigns/{answer.json()['id']}/advance"
    assert (await inspection.post(path)).status_code == 404
    assert (await inspection.post(path, org="POV@5111")).status_code == 200
