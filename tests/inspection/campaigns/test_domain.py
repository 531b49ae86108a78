"""Stages and moves of campaigns (B.7), and who may report in which stage (I-50)."""

from datetime import date
from itertools import product

import pytest

from services.inspection.campaigns.domain import (
    STAGES,
    WHO,
    Action,
    CampaignState,
    CampaignTerms,
    CampaignType,
    OwnTownship,
    StagePlan,
    StagesInvalid,
    VillageOutsideSelfCheck,
    allowed_actions,
    check_stage,
    check_stages,
    next_state,
    reaches,
)
from shared.errors import IllegalMove
from shared.ids import new_id
from shared.security import Role

MARCH, APRIL, MAY = date(2020, 3, 15), date(2020, 4, 15), date(2020, 5, 30)


def test_a_look_back_has_five_stages_the_others_three() -> None:
    assert [stage.value for stage in STAGES[CampaignType.LOOK_BACK]] == [
        "PREPARE",
        "SELF_CHECK",
        "CROSS_CHECK",
        "RECTIFY",
        "SAMPLE_SUMMARY",
    ]
    for other in (CampaignType.INSPECTION_FEEDBACK, CampaignType.SELF_ACCEPTANCE):
        assert [stage.value for stage in STAGES[other]] == ["PREPARE", "RECTIFY", "SUMMARY"]


def test_stages_in_order_pass_and_some_may_be_left_out() -> None:
    check_stages(CampaignType.LOOK_BACK, [])
    check_stages(
        CampaignType.LOOK_BACK,
        [
            StagePlan(CampaignState.PREPARE, MARCH, APRIL),
            StagePlan(CampaignState.CROSS_CHECK, APRIL, APRIL),
            StagePlan(CampaignState.RECTIFY, APRIL, MAY),
        ],
    )


@pytest.mark.parametrize(
    "stages",
    [
        [StagePlan(CampaignState.SUMMARY, MARCH, APRIL)],
        [StagePlan(CampaignState.DRAFT, MARCH, APRIL)],
        [StagePlan(CampaignState.PREPARE, APRIL, MARCH)],
        [
            StagePlan(CampaignState.RECTIFY, MARCH, APRIL),
            StagePlan(CampaignState.PREPARE, APRIL, MAY),
        ],
        [
            StagePlan(CampaignState.PREPARE, MARCH, APRIL),
            StagePlan(CampaignState.PREPARE, APRIL, MAY),
        ],
        [
            StagePlan(CampaignState.PREPARE, APRIL, MAY),
            StagePlan(CampaignState.RECTIFY, MARCH, MAY),
        ],
    ],
)
def test_foreign_repeated_or_disordered_stages_are_refused(stages: list[StagePlan]) -> None:
    with pytest.raises(StagesInvalid):
        check_stages(CampaignType.LOOK_BACK, stages)


COURSES = {
    CampaignType.LOOK_BACK: (
        ["DRAFT", "PREPARE", "SELF_CHECK", "CROSS_CHECK", "RECTIFY", "SAMPLE_SUMMARY", "CLOSED"]
    ),
    CampaignType.INSPECTION_FEEDBACK: ["DRAFT", "PREPARE", "RECTIFY", "SUMMARY", "CLOSED"],
    CampaignType.SELF_ACCEPTANCE: ["DRAFT", "PREPARE", "RECTIFY", "SUMMARY", "CLOSED"],
}
# B.7 once more, state by state; an action that is not named is refused.
_ALWAYS = {"ADVANCE", "DRAW_SAMPLE"}
_WORK = _ALWAYS | {"SUBMIT_DUTY", "CONFIRM_LEDGER"}
_REPORT = _WORK | {"DRAFT_REPORT", "SIGN_REPORT", "SEND_REPORT"}
ALLOWED = {
    "DRAFT": _ALWAYS,
    "PREPARE": _WORK,
    "SELF_CHECK": _WORK | {"OVERRIDE", "CHECK"},
    "CROSS_CHECK": _WORK | {"OVERRIDE", "CHECK"},
    "RECTIFY": _WORK | {"OVERRIDE"},
    "SAMPLE_SUMMARY": _REPORT,
    "SUMMARY": _REPORT,
    "CLOSED": {"SEND_REPORT"},
}


@pytest.mark.parametrize(("kind", "action"), list(product(CampaignType, Action)))
def test_every_action_in_every_state_leads_on_stays_or_is_refused(
    kind: CampaignType, action: Action
) -> None:
    course = COURSES[kind]
    for place, state in enumerate(course):
        if action.value not in ALLOWED[state]:
            with pytest.raises(IllegalMove) as refusal:
                next_state(kind, CampaignState(state), action)
            assert set(refusal.value.members["allowed"]) == ALLOWED[state]
            continue
        moves = action in (Action.ADVANCE, Action.OVERRIDE)
        expected = course[place + 1] if moves else state
        assert next_state(kind, CampaignState(state), action) == expected


def test_each_action_names_roles_that_exist_and_the_table_the_actions_of_each_state() -> None:
    assert {role for who in WHO.values() for role in who} <= {role.value for role in Role}
    assert all(WHO[action] for action in Action)
    assert {state: set(allowed_actions(CampaignState(state))) for state in ALLOWED} == ALLOWED


def terms(state: CampaignState, kind: CampaignType = CampaignType.LOOK_BACK) -> CampaignTerms:
    """A campaign of the county in `state`."""
    return CampaignTerms(new_id(), 1, kind, "511132", state, None, None)


VILLAGE, TOWNSHIP = "511132201205", "511132201"


@pytest.mark.parametrize("state", CampaignState)
def test_a_village_reports_to_a_look_back_only_in_its_self_check(state: CampaignState) -> None:
    people = [
        ("VILLAGE", {"village_cadre"}, VILLAGE),
        ("VILLAGE", {"resident_team"}, VILLAGE),
        ("VILLAGE", {"inspector"}, VILLAGE),
        ("TOWN", {"village_cadre"}, TOWNSHIP),
    ]
    for unit, roles, region in people:
        if state is CampaignState.SELF_CHECK:
            check_stage(terms(state), unit, roles, region, VILLAGE)
            continue
        with pytest.raises(VillageOutsideSelfCheck) as refusal:
            check_stage(terms(state), unit, roles, region, VILLAGE)
        assert refusal.value.members == {"stage": state}


@pytest.mark.parametrize("state", CampaignState)
@pytest.mark.parametrize(
    ("unit", "roles", "region"),
    [
        ("POV", {"poverty_office"}, "511132"),
        ("INSP", {"inspector"}, "511132"),
        ("HOUS", {"dept_handler"}, "511132"),
        ("HOUS", {"village_cadre", "dept_handler"}, "511132"),
        ("OPS", {"ops"}, "5111"),
        ("TOWN", {"township_reviewer"}, "511132202"),
    ],
)
def test_others_report_in_every_stage(
    state: CampaignState, unit: str, roles: set[str], region: str
) -> None:
    check_stage(terms(state), unit, roles, region, VILLAGE)


@pytest.mark.parametrize("state", CampaignState)
def test_no_township_cross_checks_itself(state: CampaignState) -> None:
    for role in ("township_reviewer", "inspector"):
        if state is CampaignState.CROSS_CHECK:
            with pytest.raises(OwnTownship):
                check_stage(terms(state), "TOWN", {role}, TOWNSHIP, VILLAGE)
        else:
            check_stage(terms(state), "TOWN", {role}, TOWNSHIP, VILLAGE)


@pytest.mark.parametrize("kind", [CampaignType.INSPECTION_FEEDBACK, CampaignType.SELF_ACCEPTANCE])
@pytest.mark.parametrize("state", CampaignState)
def test_other_campaigns_take_reports_of_villages_in_every_stage(
    kind: CampaignType, state: CampaignState
) -> None:
    check_stage(terms(state, kind), "VILLAGE", {"village_cadre"}, VILLAGE, VILLAGE)
    check_stage(terms(state, kind), "TOWN", {"township_reviewer"}, TOWNSHIP, VILLAGE)


@pytest.mark.parametrize(
    ("state", "unit", "region", "village", "reached"),
    [
        ("SELF_CHECK", "TOWN", "511132201", "511132201205", True),
        ("SELF_CHECK", "TOWN", "511132202", "511132201205", False),
        ("CROSS_CHECK", "TOWN", "511132202", "511132201205", True),
        ("CROSS_CHECK", "TOWN", "511133201", "511132201205", False),
        ("CROSS_CHECK", "VILLAGE", "511132202201", "511132201205", False),
        ("CROSS_CHECK", "POV", "511132", "511132201205", True),
        ("SELF_CHECK", "CITY", "5111", "511132201205", True),
        ("SELF_CHECK", "CITY", "5111", "511133201205", False),
    ],
)
def test_townships_reach_each_other_only_in_the_cross_check(
    state: str, unit: str, region: str, village: str, reached: bool
) -> None:
    assert reaches(terms(CampaignState(state)), unit, region, village) is reached
