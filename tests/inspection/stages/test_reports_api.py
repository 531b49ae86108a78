"""The final report: drafted, signed by two different persons, sent up (I-47)."""

from typing import Any

import pytest

from tests.inspection.conftest import PHOTO, Inspection
from tests.inspection.stages.journeys import (
    CITY,
    HOUSING,
    LEADING_GROUP,
    NEIGHBOUR,
    advance,
    look_back,
    sign,
)


@pytest.fixture
async def campaign_id(inspection: Inspection) -> str:
    """A look-back in its last stage, with problems of two departments in two townships."""
    campaign_id = await look_back(inspection, "SAMPLE_SUMMARY")
    elsewhere = {"village_code": "511132202201"}
    await inspection.log(campaign_id=campaign_id)
    await inspection.log(campaign_id=campaign_id, evidence=[PHOTO, PHOTO], **elsewhere)
    await inspection.log(campaign_id=campaign_id, kind="EDU_DROPOUT", evidence=[])
    await inspection.log(campaign_id=campaign_id, kind="CORRUPTION_BRIBERY")
    await inspection.log()
    return campaign_id


async def report(inspection: Inspection, campaign_id: str) -> dict[str, Any]:
    """The report as the poverty office sees it."""
    view: dict[str, Any] = (await inspection.get(f"/campaigns/{campaign_id}/report")).json()
    return view


async def test_the_report_counts_per_department_and_township_what_is_no_matter_of_discipline(
    inspection: Inspection, campaign_id: str
) -> None:
    view = await report(inspection, campaign_id)
    figures = {"closed": 0}
    assert view["departments"] == [
        {"unit": "EDU", "found": 1, "open": 1, "evidence": 0} | figures,
        {"unit": "HOUS", "found": 2, "open": 2, "evidence": 3} | figures,
    ]
    assert view["townships"] == [
        {"unit": "511132201", "found": 2, "open": 2, "evidence": 1} | figures,
        {"unit": "511132202", "found": 1, "open": 1, "evidence": 2} | figures,
    ]
    assert view["total"] == {"unit": "", "found": 3, "open": 3, "evidence": 3} | figures
    assert (view["drafted_at"], view["signatures"], view["sent_at"]) == (None, [], None)
    assert view["missing_signatures"] == ["SECRETARY", "MAYOR"]


async def test_a_drafted_report_stands_still_and_may_be_drafted_anew_until_signed(
    inspection: Inspection, campaign_id: str
) -> None:
    path = f"/campaigns/{campaign_id}/draft-report"
    drafted = (await inspection.post(path)).json()
    assert (drafted["total"]["found"], drafted["drafted_at"]) == (3, "2019-09-16T02:00:00Z")
    await inspection.log(campaign_id=campaign_id)
    assert await report(inspection, campaign_id) == drafted
    assert (await inspection.post(path)).json()["total"]["found"] == 4
    await sign(inspection, campaign_id, "leading_group", "secretary")
    answer = await inspection.post(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "REPORT_FIXED")


async def test_two_different_persons_sign_and_the_first_one_fixes_the_figures(
    inspection: Inspection, campaign_id: str
) -> None:
    first = await sign(inspection, campaign_id, "leading_group", "secretary", **{"as": "SECRETARY"})
    assert first.status_code == 200
    assert first.json()["missing_signatures"] == ["MAYOR"]
    await inspection.log(campaign_id=campaign_id)
    refused = [
        (await sign(inspection, campaign_id, "leading_group", "deputy"), "ALREADY_SIGNED"),
        (await sign(inspection, campaign_id, "county_gov", "secretary"), "SAME_SIGNER"),
    ]
    for answer, code in refused:
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    signed = (await sign(inspection, campaign_id, "county_gov", "mayor")).json()
    assert (signed["missing_signatures"], signed["total"]["found"]) == ([], 3)
    assert [(one["as"], one["person"], one["organisation"]) for one in signed["signatures"]] == [
        ("SECRETARY", "secretary", "LG@511132"),
        ("MAYOR", "mayor", "GOV@511132"),
    ]


async def test_nobody_signs_in_another_s_capacity_or_another_county(
    inspection: Inspection, campaign_id: str
) -> None:
    path = f"/campaigns/{campaign_id}/sign-report"
    callers: list[tuple[dict[str, Any], dict[str, Any], int]] = [
        ({"as": "MAYOR"}, LEADING_GROUP, 403),
        ({}, {}, 403),
        ({}, HOUSING, 403),
        ({}, LEADING_GROUP | {"org": "LG@5111"}, 403),
        ({}, LEADING_GROUP | {"org": "LG@511133"}, 404),
        ({"as": "CLERK"}, LEADING_GROUP, 422),
        ({"stray": 1}, LEADING_GROUP, 422),
    ]
    for body, caller, status in callers:
        assert (await inspection.post(path, body, **caller)).status_code == status
    assert await inspection.count("campaign_reports") == 0


async def test_an_unsigned_report_is_neither_sent_up_nor_the_end(
    inspection: Inspection, campaign_id: str
) -> None:
    path = f"/campaigns/{campaign_id}/send-report"
    signings = (("leading_group", "secretary"), ("county_gov", "mayor"))
    for missing, signing in zip((["SECRETARY", "MAYOR"], ["MAYOR"]), signings, strict=True):
        for answer in (await inspection.post(path), await advance(inspection, campaign_id)):
            assert (answer.status_code, answer.json()["code"]) == (409, "REPORT_NOT_SIGNED")
            assert answer.json()["missing"] == missing
        await sign(inspection, campaign_id, *signing)
    assert (await inspection.post(path)).json()["sent_at"] == "2019-09-16T02:00:00Z"
    again = await inspection.post(path)
    assert (again.status_code, again.json()["code"]) == (409, "REPORT_SENT")
    assert (await advance(inspection, campaign_id)).json()["state"] == "CLOSED"


async def test_a_signed_report_may_be_sent_up_after_the_end(
    inspection: Inspection, campaign_id: str
) -> None:
    await sign(inspection, campaign_id, "leading_group", "secretary")
    await sign(inspection, campaign_id, "county_gov", "mayor")
    await advance(inspection, campaign_id)
    answer = await inspection.post(f"/campaigns/{campaign_id}/send-report")
    assert answer.status_code == 200
    actions = await inspection.fetch(
        "SELECT action FROM audit WHERE object_id = $1 AND action LIKE '%REPORT' ORDER BY id",
        campaign_id,
    )
    assert [row["action"] for row in actions] == ["SIGN_REPORT", "SIGN_REPORT", "SEND_REPORT"]


async def test_the_report_is_for_those_who_see_the_whole_campaign(
    inspection: Inspection, campaign_id: str
) -> None:
    path = f"/campaigns/{campaign_id}"
    readers: list[tuple[dict[str, Any], int]] = [
        (LEADING_GROUP, 200),
        (CITY, 200),
        ({"org": "INSP@511132", "roles": ("inspector",)}, 200),
        (HOUSING, 404),
        (NEIGHBOUR, 404),
        ({"org": "TOWN@511132201"}, 404),
        ({"roles": ("household",)}, 403),
    ]
    for caller, status in readers:
        assert (await inspection.get(f"{path}/report", **caller)).status_code == status
    for call in ("draft-report", "send-report"):
        assert (await inspection.post(f"{path}/{call}", **NEIGHBOUR)).status_code == 404
        assert (await inspection.post(f"{path}/{call}", **LEADING_GROUP)).status_code == 403
