"""Who may log in which stage of a look-back (I-50)."""

from typing import Any

from tests.inspection.conftest import Inspection, finding

VILLAGER: dict[str, Any] = {"org": "VILLAGE@511132201205", "roles": ("village_cadre",)}
TEAM: dict[str, Any] = {"org": "TOWN@511132202", "roles": ("township_reviewer",)}


async def look_back(inspection: Inspection, state: str) -> str:
    """The id of a look-back in a stage."""
    campaign = await inspection.campaign(type="LOOK_BACK", self_check_until="2019-08-31")
    await inspection.fetch("UPDATE campaigns SET state = $2 WHERE id = $1", campaign, state)
    return campaign


async def test_villages_log_in_the_self_check_only(inspection: Inspection) -> None:
    body = finding(campaign_id=await look_back(inspection, "SELF_CHECK"), source="SELF_CHECK")
    assert (await inspection.post("/problems", body, **VILLAGER)).status_code == 201
    body = finding(campaign_id=await look_back(inspection, "RECTIFY"), source="SELF_CHECK")
    answer = await inspection.post("/problems", body, **VILLAGER)
    assert (answer.status_code, answer.json()["code"]) == (409, "VILLAGE_OUTSIDE_SELF_CHECK")


async def test_townships_cross_check_each_other_and_not_themselves(inspection: Inspection) -> None:
    campaign = await look_back(inspection, "CROSS_CHECK")
    body = finding(campaign_id=campaign, source="CROSS_CHECK")
    assert (await inspection.post("/problems", body, **TEAM)).status_code == 201
    own = {**body, "village_code": "511132202200"}
    answer = await inspection.post("/problems", own, **TEAM)
    assert (answer.status_code, answer.json()["code"]) == (409, "OWN_TOWNSHIP")
    elsewhere = {**body, "village_code": "511133201205"}
    assert (await inspection.post("/problems", elsewhere, **TEAM)).status_code == 404
    outside = finding(source="CROSS_CHECK")  # without the campaign, another township is foreign
    assert (await inspection.post("/problems", outside, **TEAM)).status_code == 404
