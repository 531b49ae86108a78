"""People who work on problems, and the steps that lead to each state."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
from sqlalchemy import event

from shared.database import Database
from tests.inspection.conftest import PHOTO, Inspection

HOUS: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_handler",)}
HEAD: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_head",)}
TOWN: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_reviewer",)}
VILLAGE: dict[str, Any] = {"org": "VILLAGE@511132201205", "roles": ("village_cadre",)}

AFTER = PHOTO | {"ref": "photos/2.jpg", "phase": "AFTER"}
PLAN: dict[str, Any] = {
    "target": "东墙加固至 B 级",
    "responsible_person": "阿尔木果",
    "measures": [
        {"text": "拆除重砌东墙", "object": "东墙", "quantity": "1 面", "due": "2019-09-18"}
    ],
    "progress_steps": [
        {"text": "拆除", "on": "2019-09-17"},
        {"text": "完工", "on": "2019-09-19"},
    ],
    "deadline": "2019-09-19",
}
PROGRESS: dict[str, Any] = {"pct": 40, "text": "已拆除东墙", "evidence": []}
CHECK: dict[str, Any] = {"by": "阿尔木果", "on": "2019-09-16", "text": "实地查看，墙体已加固"}
DONE: dict[str, Any] = {"done_text": "拆除重砌东墙并加设圈梁", "evidence": [AFTER]}


async def move(
    inspection: Inspection, problem_id: str, verb: str, body: Any = None, **who: Any
) -> dict[str, Any]:
    """Take a move that must succeed; the problem after it."""
    answer = await inspection.post(f"/problems/{problem_id}/{verb}", body, **(who or HOUS))
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def refusal(
    inspection: Inspection, problem_id: str, verb: str, body: Any = None, **who: Any
) -> tuple[int, str]:
    """The status and code with which a move is refused."""
    answer = await inspection.post(f"/problems/{problem_id}/{verb}", body, **(who or HOUS))
    return answer.status_code, answer.json()["code"]


async def accepted(inspection: Inspection, **changes: Any) -> str:
    """The id of a new problem that its lead department, HOUS, has accepted."""
    problem_id = str((await inspection.log(**changes))["id"])
    await move(inspection, problem_id, "accept")
    return problem_id


async def planned(inspection: Inspection, **changes: Any) -> str:
    """The id of a new problem with a plan."""
    problem_id = await accepted(inspection, **changes)
    await move(inspection, problem_id, "plan", PLAN)
    return problem_id


async def started(inspection: Inspection, **changes: Any) -> str:
    """The id of a new problem in work."""
    problem_id = await planned(inspection, **changes)
    await move(inspection, problem_id, "start")
    return problem_id


async def submitted(inspection: Inspection, **changes: Any) -> str:
    """The id of a new problem that its department has checked itself and reported done."""
    problem_id = await started(inspection, **changes)
    await move(inspection, problem_id, "own-check", CHECK)
    await move(inspection, problem_id, "submit", DONE)
    return problem_id


async def set_value(inspection: Inspection, key: str, value: Any) -> None:
    """Configure a value for the county."""
    answer = await inspection.put(
        f"/config/511132/{key}", {"value": value, "effective_from": "2019-01-01"}
    )
    assert answer.status_code == 200, answer.text


@contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    """The statements that the sessions of `database` send inside the block: those of SQLAlchemy,
    and those given to the driver itself (which also sees some of the former again)."""
    sent: list[str] = []
    engine = database.engine.sync_engine

    def note(query: asyncpg.connection.LoggedQuery) -> None:
        sent.append(query.query)

    def on_checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.driver_connection.add_query_logger(note)

    def on_checkin(connection: Any, _record: Any) -> None:
        connection.driver_connection.remove_query_logger(note)

    def on_execute(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    listeners: list[tuple[Any, str, Any]] = [
        (engine.pool, "checkout", on_checkout),
        (engine.pool, "checkin", on_checkin),
        (engine, "before_cursor_execute", on_execute),
    ]
    for listener in listeners:
        event.listen(*listener)
    try:
        yield sent
    finally:
        for listener in listeners:
            event.remove(*listener)
