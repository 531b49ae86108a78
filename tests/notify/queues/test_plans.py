"""Plans made while there was little, and kept: they must not read everything once there is much."""

from services.notify.queues.commands.handing import PULL
from services.notify.queues.queries import _dead_letters
from tests.conftest import kept_plan
from tests.notify.conftest import Notify


async def test_the_plan_made_while_a_queue_is_short_serves_a_long_one(notify: Notify) -> None:
    plan = await kept_plan(notify.app.database, PULL)
    # What holds a message back is looked for among those of its problem, in each of three places.
    assert plan.count("Index Scan using messages_of_problem") == 3
    assert "messages_of_org" not in plan
    assert "Seq Scan on messages" not in plan


async def test_dead_letters_are_found_by_their_index(notify: Notify) -> None:
    assert "messages_dead" in await kept_plan(notify.app.database, _dead_letters("511132"))
