"""Every state with every call in every role, through HTTP, against the table of B.6."""

from collections.abc import Iterator
from typing import Any

from services.inspection.problems.domain.levels import DEFAULT_ORDER
from services.inspection.problems.domain.states import (
    FINISHED,
    VERIFIERS,
    WHO,
    Action,
    State,
    allowed_calls,
    next_state,
)
from shared.errors import IllegalMove
from shared.ids import new_id
from shared.security import Role
from tests.inspection.conftest import PHOTO, PHOTO_AFTER, PLAN, Inspection

# For whom each role acts on a housing problem in the village.
ORGANISATIONS = {
    **dict.fromkeys((Role.DEPT_HANDLER, Role.DEPT_HEAD, Role.DISCIPLINE), "HOUS@511132"),
    **dict.fromkeys((Role.TOWNSHIP_REVIEWER, Role.TOWNSHIP_PARTY_SECRETARY), "TOWN@511132201"),
    **dict.fromkeys(
        (Role.VILLAGE_CADRE, Role.RESIDENT_TEAM, Role.HELPER, Role.HOUSEHOLD),
        "VILLAGE@511132201205",
    ),
    Role.POVERTY_OFFICE: "POV@511132",
    Role.LEADING_GROUP: "LG@511132",
    Role.COUNTY_GOV: "GOV@511132",
    Role.INSPECTOR: "DPC@511132",
    Role.FINANCE: "FINOFF@511132",
    Role.PROVINCE_PLATFORM: "PROV@51",
    Role.OPS: "OPS@511132",
}
# What the poverty office's people do for what their office leads, they do here for the lead.
LEADING = frozenset(
    {
        *(Action.ACCEPT, Action.DISPUTE, Action.PLAN),
        *(Action.START, Action.PROGRESS, Action.SUBMIT),
    }
)
PROOF = [PHOTO, PHOTO_AFTER]
CALLS: dict[Action, tuple[str, dict[str, Any] | None]] = {
    Action.CONFIRM: ("confirm", {"evidence": PROOF}),
    Action.REFUTE: ("refute", {"evidence": PROOF, "reason": "经核实不存在"}),
    Action.ACCEPT: ("accept", None),
    Action.DISPUTE: ("dispute", {"proposed_dept": "CIVIL", "clause": "职责清单第七条"}),
    Action.REROUTE: ("rule", {"dept": "CIVIL"}),
    Action.REJECT_DISPUTE: ("rule", {"dept": "HOUS"}),
    Action.PLAN: ("plan", PLAN),
    Action.START: ("start", None),
    Action.PROGRESS: ("progress", {"pct": 60, "text": "已完成钢筋网铺设", "evidence": []}),
    Action.SUBMIT: ("submit", {"done_text": "已加固", "evidence": PROOF}),
    **{
        Action[f"VERIFY_{body}"]: ("verify", {"level": level, "result": "PASS"})
        for level, body in enumerate(VERIFIERS, 1)
    },
    Action.REOPEN: ("reopen", {"text": "又现裂缝", "evidence": PROOF}),
    Action.EXTEND: ("extend", {"due_on": "2019-10-31", "reason": "雨季无法施工"}),
    Action.SET_PARTNERS: ("co-departments", {"departments": ["CIVIL", "FIN"]}),
    Action.WITHDRAW: ("withdraw", {"reason": "重复录入"}),
}


def triples() -> Iterator[tuple[State, Action, Role]]:
    """Everything there is to try."""
    return ((state, action, role) for state in State for action in CALLS for role in Role)


async def test_every_call_in_every_state_by_every_role_follows_the_table(
    inspection: Inspection,
) -> None:
    standing = {state: await problem_in(inspection, state) for state in State}
    moved = 0
    for state, action, role in triples():
        expected = outcome(state, action, role)
        problem_id = standing[state]
        if expected == 200:
            problem_id = await problem_in(inspection, state)
            await prepare(inspection, problem_id, action, role)
        verb, body = CALLS[action]
        send = inspection.put if action is Action.SET_PARTNERS else inspection.post
        org = organisation_of(action, role)
        who: dict[str, Any] = {"org": org, "roles": (role,), "person": f"某{role}"}
        answer = await send(f"/problems/{problem_id}/{verb}", body, **who)
        where = (state, action, role, answer.text)
        assert answer.status_code == expected, where
        if expected == 200:
            moved += 1
            after = next_state(state, action)
            if action is Action.CONFIRM:  # what is confirmed is dispatched at once
                after = next_state(after, Action.DISPATCH)
            assert answer.json()["state"] == after, where
        elif expected == 409 and answer.json()["code"] == "STATE_CONFLICT":
            assert answer.json()["state"] == state, where
            assert answer.json()["allowed"] == sorted(allowed_calls(state)), where
    assert moved > 50
    for state, problem_id in standing.items():
        rows = await inspection.fetch("SELECT state FROM problems WHERE id = $1", problem_id)
        assert rows[0]["state"] == state


def organisation_of(action: Action, role: Role) -> str:
    """For whom somebody in `role` acts."""
    leads = role is Role.POVERTY_OFFICE and action in LEADING
    return "HOUS@511132" if leads else ORGANISATIONS[role]


def outcome(state: State, action: Action, role: Role) -> int:
    """The status the table says: 403 for another role, 409 for another state."""
    if role not in WHO[action]:
        return 403
    try:
        next_state(state, action)
    except IllegalMove:
        return 409  # CLOSE_ORDER where another level is next
    return 200


async def problem_in(inspection: Inspection, state: State) -> str:
    """A housing problem that stands in `state`."""
    problem_id = str((await inspection.log())["id"])
    await inspection.fetch(
        "UPDATE problems SET state = $2, finished = $3, attempt = 1 WHERE id = $1",
        problem_id,
        state,
        state in FINISHED,
    )
    if state is State.OFFICE_CHECKED:  # closing asks who has passed it
        await inspection.fetch(
            """
            INSERT INTO verifications (id, problem_id, attempt, level, body, passed, false_report,
                                       evidence, person, organisation, at)
            SELECT gen_random_uuid(), $1, 1, level, body, true, false, '[]', body, body, now()
            FROM unnest($2::text[]) WITH ORDINALITY AS passed (body, level)
            """,
            problem_id,
            DEFAULT_ORDER[:-1],
        )
    if state is State.DISPUTED:
        await inspection.fetch(
            """
            INSERT INTO disputes (id, problem_id, county_code, department, proposed_dept, clause,
                                  raised_by, raised_at)
            VALUES ($1, $2, '511132', 'HOUS', 'CIVIL', '职责清单', '某人', now())
            """,
            new_id(),
            problem_id,
        )
    return problem_id


async def prepare(inspection: Inspection, problem_id: str, action: Action, role: Role) -> None:
    """Whoever submits has looked for himself (I-14)."""
    if action is Action.SUBMIT:
        check = {"by": "李检查", "on": "2019-09-16", "text": "现场查看"}
        org = organisation_of(action, role)
        await inspection.move(problem_id, "own-check", check, org=org, roles=(role,))
