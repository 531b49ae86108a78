"""A fresh service knows the regions, and its interface is described in full."""

import asyncio

from services.inspection.main import prepare
from tests.inspection.conftest import Inspection


async def test_the_regions_are_seeded_once_however_many_processes_start(
    inspection: Inspection,
) -> None:
    await inspection.fetch("DELETE FROM regions")
    await asyncio.gather(*(prepare(inspection.runtime) for _ in range(3)))
    assert await inspection.count("regions") > 45_000


async def test_the_description_of_the_interface_has_bodies_answers_and_refusals(
    inspection: Inspection,
) -> None:
    described = (await inspection.app.client.get("/openapi.json")).json()
    log = described["paths"]["/api/v1/problems"]["post"]
    body = log["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/LogProblem"}
    answer = log["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/LoggedProblemView"}
    assert "DUE_TOO_LATE" in log["responses"]["422"]["description"]
    assert "CAMPAIGN_CLOSED" in log["responses"]["409"]["description"]
    assert "inspector" in log["x-roles"]
    rows = described["components"]["schemas"]["LogProblems"]["properties"]["rows"]
    assert rows["items"] == body
