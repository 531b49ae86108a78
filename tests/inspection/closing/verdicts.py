"""Verdicts that bodies give, what they see of them, and problems that wait for one."""

from typing import Any

from tests.inspection.conftest import PHOTO_AFTER, VERIFIERS, Inspection

FAIL = {"result": "FAIL", "text": "裂缝仍在，只刷了外墙", "evidence": [PHOTO_AFTER]}
FALSE = {**FAIL, "false": True}
INSPECTOR: dict[str, Any] = {"org": "DPC@511132", "roles": ("inspector",), "person": "吴督查"}
CRACKS = {"text": "复查发现新的裂缝", "evidence": [PHOTO_AFTER]}


async def figures(inspection: Inspection, basis: str = "CLOSED") -> tuple[int, int, int]:
    """Found, done and open."""
    answer = await inspection.get("/stats/problems", {"done_basis": basis})
    view = answer.json()
    return view["found"], view["done"], view["open"]


async def refusal(
    inspection: Inspection, problem_id: str, level: int, **changes: Any
) -> tuple[int, dict[str, Any]]:
    """The refusal of a verdict by the level's own body."""
    body = {"level": level, "result": "PASS", **changes}
    answer = await inspection.post(f"/problems/{problem_id}/verify", body, **VERIFIERS[level])
    return answer.status_code, answer.json()


async def waiting_for_the_office(inspection: Inspection, number: int) -> list[str]:
    """Problems of one department in one township that two levels have passed."""
    ids = [(await inspection.log())["id"] for _ in range(number)]
    for problem_id in ids:
        await inspection.submit(problem_id)
    for level in (1, 2):
        body = {"problem_ids": ids, "level": level, "result": "PASS"}
        answer = await inspection.post("/problems:verify", body, **VERIFIERS[level])
        assert answer.json()["moved"] == number, answer.text
    return ids
