"""Every service publishes from its own events file, and reacts to the others' only."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.funds.main import SERVICE
from shared.events.notify import ReminderSent
from shared.ids import new_id
from shared.messaging import outbox
from tests.conftest import Start

ROOT = Path(__file__).parents[2]
PUBLISHERS = ("households", "funds", "inspection", "notify")
READERS = {"reactions.py", "subscriptions.py"}


@dataclass
class Row:
    """A row that counts its events."""

    event_sequence: int = 0


def foreign_events(service: str) -> list[str]:
    """Where `service` imports another publisher's events, but for its reactions and mirror."""
    found = []
    for path in sorted((ROOT / "services" / service).rglob("*.py")):
        if path.name in READERS or "mirror" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                package, _, publisher = node.module.rpartition(".")
                if package == "shared.events" and publisher in {*PUBLISHERS} - {service}:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


@pytest.mark.parametrize("service", PUBLISHERS)
def test_a_service_uses_foreign_events_only_to_react_to_them(service: str) -> None:
    assert foreign_events(service) == []


async def test_the_outbox_refuses_another_service_s_event(start: Start) -> None:
    app = await start(SERVICE)
    foreign = ReminderSent(
        reminder_id=new_id(), problem_id=new_id(), organisation="HOUS@511132", kind="T_MINUS_3"
    )
    with pytest.raises(RuntimeError, match=r"funds must not publish notify\.reminder"):
        async with app.database.transaction() as session:
            await outbox.record(session, Row(), foreign)
    assert await app.events() == []
