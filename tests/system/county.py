"""One county from outside: its people, what they find, and how they work off their queues."""

from datetime import timedelta
from typing import Any

from shared import clock
from shared.ids import new_id
from shared.synthetic import make_resident_id
from shared.validators import Sex
from tests.system.conftest import Stack, eventually

COUNTY = "511132"
VILLAGE = "511132201205"
HOUSING = (f"HOUS@{COUNTY}", ["dept_handler", "dept_head"])
WATER = (f"WATER@{COUNTY}", ["dept_handler"])
INSPECTOR = (f"POV@{COUNTY}", ["inspector", "poverty_office"])
CADRE = (f"VILLAGE@{VILLAGE}", ["village_cadre"])
TOWNSHIP = (f"TOWN@{VILLAGE[:9]}", ["township_reviewer"])
OPERATOR = (f"OPS@{COUNTY}", ["ops"])
GUARDIAN = (f"DISC@{COUNTY}", ["discipline"])
ARRIVAL_SECONDS = 5.0

_ordinals = iter(range(50))


def finding(**changes: Any) -> dict[str, Any]:
    """A problem as an inspection team logs it, about a household of its own."""
    return {
        "source": "COUNTY_INSPECTION",
        "found_on": clock.today().isoformat(),
        "kind": "HOUSING_UNSAFE",
        "tier": "GENERAL",
        "scope": "INDIVIDUAL",
        "severity": "PROMINENT",
        "cohort": "EXITED",
        "object": {"type": "HOUSEHOLD", "id": str(new_id())},
        "village_code": VILLAGE,
        "description": "墙体裂缝",
        "evidence": [],
        **changes,
    }


async def drain(stack: Stack, caller: tuple[str, list[str]], wait_seconds: int = 0) -> list[Any]:
    """Pull and acknowledge everything that stands in the caller's queue."""
    pulled: list[Any] = []
    while True:
        body = {"max": 100, "wait_seconds": wait_seconds, "lease_seconds": 60}
        answer = await stack.ok("notify", "POST", f"/queues/{caller[0]}/pull", caller, body)
        if not answer["items"]:
            return pulled
        for item in answer["items"]:
            path = f"/queues/{caller[0]}/messages/{item['message_id']}/ack"
            await stack.ok("notify", "POST", path, caller)
        pulled += answer["items"]


async def arrival(stack: Stack, caller: tuple[str, list[str]], problem_id: str) -> Any:
    """The dispatch message of `problem_id` in the caller's queue, and how it came alone."""

    async def find() -> Any:
        items = await drain(stack, caller)
        return next((item for item in items if item["problem_id"] == problem_id), None)

    return await eventually(find, seconds=ARRIVAL_SECONDS, what=f"{problem_id} in {caller[0]}")


async def warmed_up(stack: Stack) -> None:
    """Wait until consumers have joined their groups, which the arrival bound does not include."""
    problem = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding())

    async def find() -> Any:
        items = await drain(stack, HOUSING)
        return any(item["problem_id"] == problem["id"] for item in items)

    await eventually(find, seconds=60, what="first message")


async def register_household(stack: Stack) -> str:
    """A new household of the village; its id."""
    id_no = make_resident_id(
        COUNTY, clock.today() - timedelta(days=60 * 365), Sex.MALE, next(_ordinals)
    )
    body = {
        "village_code": VILLAGE,
        "group_name": "一组",
        "attribute": "GENERAL",
        "archive_status": "EXITED",
        "causes": {"main": "ILLNESS", "others": []},
        "phone": None,
        "members": [
            {
                "name": "测试户主",
                "sex": "M",
                "id_no": id_no,
                "relation": "HEAD",
                "nation": "汉族",
                "education": "PRIMARY",
                "student_status": "NOT_STUDENT",
                "health": "HEALTHY",
                "labour": "NORMAL",
            }
        ],
    }
    answer = await stack.ok("households", "POST", "/households", CADRE, body)
    return str(answer["id"])
