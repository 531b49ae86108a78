"""Stages of campaigns (B.7)."""

from datetime import date

import pytest

from services.inspection.campaigns.domain import (
    STAGES,
    CampaignState,
    CampaignType,
    StagePlan,
    StagesInvalid,
    check_stages,
)

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
