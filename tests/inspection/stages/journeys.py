"""A look-back under way: what the tests of its stages start from."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx

from services.inspection.mirror.reactions import on_household_snapshots, on_regions_stored
from shared.events.base import Received
from shared.events.households import HouseholdSnapshot, RegionStored
from shared.ids import new_id
from shared.testing import received
from tests.inspection.conftest import VILLAGE, Inspection

LEADING_GROUP: dict[str, Any] = {"org": "LG@511132", "roles": ("leading_group",)}
HOUSING: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_head",)}
CITY: dict[str, Any] = {"org": "CITY@5111", "roles": ("inspector",)}
NEIGHBOUR: dict[str, Any] = {"org": "POV@511133"}

LATER = "2019-09-17T10:00:00+08:00"


async def look_back(inspection: Inspection, stage: str = "DRAFT", **changes: Any) -> str:
    """The id of a look-back in `stage`, entered by override where it has conditions."""
    body = {"type": "LOOK_BACK", "name": "回头看", **changes}
    campaign_id = await inspection.campaign(**body)
    await bring(inspection, campaign_id, stage)
    return campaign_id


async def bring(inspection: Inspection, campaign_id: str, stage: str) -> None:
    """Lead a campaign to `stage`, over whatever is not done."""
    while (state := await state_of(inspection, campaign_id)) != stage:
        overridden = state in ("SELF_CHECK", "CROSS_CHECK", "RECTIFY")
        answer = await (override if overridden else advance)(inspection, campaign_id)
        assert answer.status_code == 200, answer.text


async def state_of(inspection: Inspection, campaign_id: str) -> str:
    """The present stage."""
    return str((await inspection.get(f"/campaigns/{campaign_id}")).json()["state"])


async def advance(inspection: Inspection, campaign_id: str) -> httpx.Response:
    """The poverty office asks for the next stage."""
    return await inspection.post(f"/campaigns/{campaign_id}/advance")


async def override(inspection: Inspection, campaign_id: str) -> httpx.Response:
    """The leading group leaves the stage undone."""
    body = {"override": {"reason": "领导小组会议决定"}}
    return await inspection.post(f"/campaigns/{campaign_id}/advance", body, **LEADING_GROUP)


async def sign(
    inspection: Inspection, campaign_id: str, role: str, person: str, **body: Any
) -> httpx.Response:
    """A person signs the final report in a role of the county."""
    organisation = "GOV@511132" if role == "county_gov" else "LG@511132"
    headers = inspection.app.headers(organisation, role, person=person)
    return await inspection.app.client.post(
        f"/api/v1/campaigns/{campaign_id}/sign-report",
        json=body,
        headers={**headers, "X-Now": inspection.now},
    )


async def register(
    inspection: Inspection,
    number: int = 1,
    *,
    village: str = VILLAGE,
    cohort: str = "NOT_EXITED",
    **changes: Any,
) -> list[str]:
    """The ids of households the register now tells of, in their order."""
    ids = sorted(new_id() for _ in range(number))
    await store(inspection, [_snapshot(one, village, cohort, **changes) for one in ids])
    return [str(one) for one in ids]


async def store(inspection: Inspection, snapshots: Sequence[HouseholdSnapshot]) -> None:
    """React to the register's snapshots."""
    items: list[Received[Any]] = [received(one, sequence=one.version) for one in snapshots]
    async with inspection.runtime.database.transaction() as session:
        await on_household_snapshots(session, items)


def _snapshot(household_id: UUID, village: str, cohort: str, **changes: Any) -> HouseholdSnapshot:
    facts: dict[str, Any] = {"archive_status": "POOR", "household_class": None, "version": 1}
    return HouseholdSnapshot(
        household_id=household_id,
        household_no=f"{village}9{household_id.int % 100000:05d}",
        village_code=village,
        cohort=cohort,
        **(facts | changes),
    )


async def name_poor_village(inspection: Inspection, code: str = VILLAGE) -> None:
    """The register tells that a village is a poor one."""
    event = RegionStored.model_validate(
        {
            "code": code,
            "name": "桐花村",
            "level": "VILLAGE",
            "parent": code[:9],
            "kind": "POOR_VILLAGE",
            "valid_from": "1949-10-01",
        }
    )
    item: Received[Any] = received(event, sequence=1)
    async with inspection.runtime.database.transaction() as session:
        await on_regions_stored(session, [item])


def check(household_id: str, **changes: Any) -> dict[str, Any]:
    """The body of a check of a household on the day the clock stands at."""
    return {
        "object": {"type": "HOUSEHOLD", "id": household_id},
        "village_code": VILLAGE,
        "checked_on": "2019-09-16",
        "team": "沙坪镇排查一组",
        "result": "OK",
        **changes,
    }
