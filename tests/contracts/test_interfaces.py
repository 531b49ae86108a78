"""What each service answers is what its OpenAPI document says, whatever it is asked."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from services.notify.main import SERVICE as NOTIFY
from shared.events.inspection import ProblemDispatched
from shared.ids import new_id
from shared.messaging.inbox import Delivery, Inbox
from shared.security import Role
from shared.testing import RunningApp
from tests.conftest import Start
from tests.contracts.interfaces import EXTREMES, Caller, Known, explore, fuzz
from tests.funds.conftest import Funds
from tests.households.conftest import Households
from tests.inspection.conftest import Inspection
from tests.notify.conftest import Story

VILLAGE = "511132201205"
HEAD = "POV@511132"
DEPARTMENT = "HOUS@511132"
PLACES = [VILLAGE, "511132201", "511132", "5111", "51"]
KNOWN: dict[str, list[Any]] = {
    **dict.fromkeys(("region", "region_code", "parent", "code", "city"), PLACES),
    "village_code": [VILLAGE],
    "org": [DEPARTMENT, HEAD, "TOWN@511132201"],
    "year": [2019],
    "position": [1],
    **EXTREMES,
}
ROLES = tuple(Role)


async def _send(app: RunningApp, organisation: str, path: str, body: object) -> None:
    headers = {**app.headers(organisation, *ROLES), "Idempotency-Key": str(new_id())}
    answer = await app.client.post(f"/api/v1{path}", json=body, headers=headers)
    assert answer.is_success, answer.text


async def _some_households(app: RunningApp) -> None:
    await Households(app).register()


async def _some_money(app: RunningApp) -> None:
    funds = Funds(app)
    await funds.published_allocation()
    assert (await funds.statement("511132", "100000000", "65110000")).is_success


async def _some_messages(app: RunningApp) -> None:
    dispatched = Story().tell(ProblemDispatched)
    inbox = Inbox(NOTIFY.name, NOTIFY.subscriptions)
    async with app.database.transaction() as session:
        delivery = Delivery(dispatched.envelope.topic, 0, 0, dispatched.envelope)
        plan, _filled = await inbox.receive(session, [delivery])
        assert not plan.parked
    for organisation in (HEAD, DEPARTMENT):
        robot = {"org": organisation, "label": "工作群", "address": {"channel": "DRY_RUN"}}
        person = {**robot, "person": "tester", "roles": ["dept_handler"]}
        await _send(app, organisation, "/contacts", robot)
        await _send(app, organisation, "/contacts", person)
        await _send(app, organisation, "/subscriptions", {"channel": "QUEUE"})
    letter = {"region_code": "511132", "roles": ["dept_handler"], "title": "信", "text": "请入户。"}
    await _send(app, HEAD, "/broadcasts", {**letter, "read_within_days": 7})
    answer = {"petition_no": "XF-1", "result": "RESOLVED", "contact": robot["address"]}
    await _send(app, DEPARTMENT, "/petition-feedback", answer)


async def _some_problems(app: RunningApp) -> None:
    inspection = Inspection(app)
    campaign = await inspection.campaign()
    await inspection.log(campaign_id=campaign)
    await inspection.submit((await inspection.log())["id"])


SEEDS: dict[str, Callable[[RunningApp], Awaitable[None]]] = {
    "households": _some_households,
    "funds": _some_money,
    "inspection": _some_problems,
    "notify": _some_messages,
}


@pytest.mark.parametrize("name", SEEDS)
async def test_every_answer_is_as_described(
    name: str, start: Start, field_key_file: Path, tmp_path: Path
) -> None:
    service = import_module(f"services.{name}.main").SERVICE
    app = await start(service, field_key_file=field_key_file, object_store_url=tmp_path.as_uri())
    await SEEDS[name](app)
    callers: list[Caller] = [app.headers(one, *ROLES) for one in (HEAD, DEPARTMENT)]
    known = Known(dict(KNOWN))
    await explore(app, callers, known)
    departures = await fuzz(app, callers, known)
    assert not departures, "\n\n".join(departures)
