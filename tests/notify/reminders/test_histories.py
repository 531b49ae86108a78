"""A rebuilt store equals the one before after histories of everything that can happen at once:
events heard late and in batches, people at their queues, timers, subscriptions, digests.
"""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.notify.queues.commands.handing import acknowledge, bury_failed, pull
from shared import clock
from shared.events.base import Received, decode
from shared.events.inspection import (
    ProblemConfirmed,
    ProblemDispatched,
    ProblemDisputeRejected,
    ProblemLogged,
    ProblemPartnersChanged,
    ProblemProgressed,
    ProblemRerouted,
    ProblemStalled,
    ProblemVerified,
    ProblemWithdrawn,
)
from shared.security import Actor, Role
from shared.testing import recorded_envelopes
from tests.notify.conftest import FOUND, LEAD, TOWNSHIP, NewNotify, Notify, Story
from tests.notify.feeds.conftest import Subscriber

_STEPS = 70
_QUEUES = {
    LEAD: Role.DEPT_HANDLER,
    "WATER@511132": Role.DEPT_HANDLER,
    "FIN@511132": Role.FINANCE,
    "POV@511132": Role.POVERTY_OFFICE,
    TOWNSHIP: Role.TOWNSHIP_REVIEWER,
}
_STORED = (
    "SELECT * FROM reminders ORDER BY problem_id, due_on, kind, remind_on",
    # Leases aside.
    """SELECT m.message_id, m.org, m.problem_id, m.purpose, m.information, m.priority, m.role,
              CASE m.state WHEN 'LEASED' THEN 'QUEUED' ELSE m.state END AS state, m.event_sequence,
              h.event_type, h.at, h.data::jsonb AS data
         FROM messages m LEFT JOIN happenings h USING (event_id) ORDER BY 1""",
    """SELECT problem_id, org, array_agg(message_id ORDER BY position) FROM messages
        WHERE problem_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2""",
    """SELECT event_id, payload FROM outbox WHERE event_type = 'notify.reminder.sent.v1'
        ORDER BY event_id""",
    "SELECT * FROM digests ORDER BY digest_id",
    "SELECT * FROM problems ORDER BY problem_id",
)


async def stored(notify: Notify) -> list[list[dict[str, Any]]]:
    """Reminders, messages, their order, the reminders' events, digests, problems."""
    async with notify.app.database.statement() as connection:
        return [[dict(row) for row in await connection.fetch(query)] for query in _STORED]


class History:
    """What happens, drawn at random; several things may happen at the very same instant."""

    def __init__(self, notify: Notify, seed: int) -> None:
        self.notify = notify
        self.dice = random.Random(seed)
        self.at = FOUND
        self.stories: list[tuple[Story, list[Received[Any]]]] = []
        self.unheard: list[Received[Any]] = []
        self.subscriptions: list[tuple[Subscriber, dict[str, Any]]] = []

    async def live(self) -> None:
        """Some weeks."""
        steps: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (3, self.begin),
            (12, self.go_on),
            (8, self.hear),
            (8, self.work),
            (3, self.bury),
            (3, self.replay),
            (4, self.remind),
            (1, self.subscribe),
            (1, self.end_subscription),
            (1, self.digest),
        ]
        await self.begin()
        await self.hear()
        weights = [weight for weight, _ in steps]
        for _ in range(_STEPS):
            (step,) = self.dice.choices([step for _, step in steps], weights)
            await step()
            if self.dice.random() < 0.5:
                self.at += timedelta(hours=self.dice.choice([1, 5, 23, 24, 49, 100]))
        await self.hear()

    async def begin(self) -> None:
        """One more problem, perhaps a suspected one."""
        story = Story(
            tier=self.dice.choice(["GENERAL", "GENERAL", "COMPLEX", "IMMEDIATE"]),
            severity=self.dice.choice(["GENERAL", "PROMINENT"]),
            due_on=(self.at + timedelta(days=self.dice.randint(0, 25))).date(),
            kind=self.dice.choice(["HOUSING_UNSAFE", "HOUSING_UNSAFE", "STYLE"]),
            co_depts=self.dice.choice([[], ["FIN@511132"], ["WATER@511132", "FIN@511132"]]),
        )
        self.stories.append((story, []))
        if self.dice.random() < 0.3:
            self._happened(
                story.tell(
                    ProblemLogged,
                    self.at,
                    state="SUSPECTED",
                    found_on=self.at.date(),
                    source="AUDIT",
                    confirm_by=self.at.date(),
                )
            )
        else:
            self._happened(story.tell(at=self.at))

    async def go_on(self) -> None:
        """Something happens to one of the problems."""
        story, events = self.dice.choice(self.stories)
        self._happened(self._next(story, max(self.at, events[-1].envelope.time).isoformat()))

    def _next(self, story: Story, at: str) -> Received[Any]:
        choose = self.dice.choice
        if story.facts["state"] == "SUSPECTED":
            end, state = choose([(ProblemWithdrawn, "WITHDRAWN"), (ProblemConfirmed, "LOGGED")])
            return story.tell(end, at, state=state)
        if story.facts["state"] == "LOGGED":
            return story.tell(ProblemDispatched, at, state="DISPATCHED")
        if story.facts["state"] in ("CLOSED", "WITHDRAWN"):
            return story.reopen(at)
        if story.facts["state"] in ("SUBMITTED", "DEPT_VERIFIED"):
            if choose([True, False, False]):
                return story.tell(
                    ProblemVerified, at, state="DEPT_VERIFIED", level=1, next_org=TOWNSHIP
                )
            return choose([story.sent_back, story.close])(at)
        return self._worked_on(story, at)

    def _worked_on(self, story: Story, at: str) -> Received[Any]:
        choose = self.dice.choice
        other = "HOUS@511132" if story.facts["lead_dept"] != LEAD else "WATER@511132"
        partners = choose([[], ["FIN@511132"], ["AGRI@511132", "FIN@511132"], ["WATER@511132"]])
        happenings: list[Callable[[], Received[Any]]] = [
            lambda: story.move(self.dice.randint(-5, 12), at),
            lambda: story.move(0, at),
            lambda: story.tell(
                ProblemRerouted, at, state="DISPATCHED", lead_dept=other, previous_dept="HOUS"
            ),
            lambda: story.dispute(at),
            lambda: story.tell(ProblemDisputeRejected, at, state="ACCEPTED"),
            lambda: story.tell(ProblemPartnersChanged, at, co_depts=partners),
            lambda: story.tell(ProblemProgressed, at, state="RECTIFYING", progress_pct=10),
            lambda: story.tell(ProblemStalled, at, days=30),
            lambda: story.found_false(at),
            lambda: story.overdue(self.dice.randint(1, 3), at),
            lambda: story.overdue(self.dice.randint(1, 3), at),
            lambda: story.tell(at=at, tier=choose(["GENERAL", "IMMEDIATE"])),
            lambda: story.submit(at),
            lambda: story.submit(at),
            lambda: story.close(at),
            lambda: story.tell(ProblemWithdrawn, at, state="WITHDRAWN"),
        ]
        return choose(happenings)()

    def _happened(self, event: Received[Any]) -> None:
        next(
            events for story, events in self.stories if story.problem_id == event.event.problem_id
        ).append(event)
        self.unheard.append(event)

    async def hear(self) -> None:
        """What has happened until now comes in, as one batch."""
        if self.unheard:
            await self.notify.hear(*self.unheard)
            self.unheard.clear()

    async def work(self) -> None:
        """Somebody takes messages and is done with some, or with what he took before."""
        org = self.dice.choice(list(_QUEUES))
        actor = Actor("p", org, frozenset({_QUEUES[org]}))
        app = self.notify.app
        with clock.simulate(self.at):
            await pull(
                app.database,
                app.runtime.configuration,
                org,
                maximum=self.dice.randint(1, 4),
                lease_seconds=3600,
                delivery_limit=self.dice.choice([1, 10]),
            )
            async with app.database.statement() as connection:
                had = await connection.fetch(
                    "SELECT message_id FROM messages WHERE org = $1 AND (state = 'LEASED'"
                    " OR state = 'CANCELLED' AND delivery_count > 0) ORDER BY message_id",
                    org,
                )
            for row in had:
                if self.dice.random() < 0.4:
                    await acknowledge(app.database, actor, row["message_id"])

    async def bury(self) -> None:
        """What failed too often is declared dead."""
        with clock.simulate(self.at):
            async with self.notify.app.database.transaction() as session:
                for org in _QUEUES:
                    await bury_failed(session, self.at, org)

    async def replay(self) -> None:
        """An operator puts dead messages back, by any clock."""
        letters = (await self.notify.ops("GET", "/dead-letters")).json()["items"]
        for letter in letters[:2]:
            headers = self.notify.app.headers("OPS@51", "ops")
            if self.dice.random() < 0.7:
                headers |= {"X-Now": self.at.isoformat()}
            answer = await self.notify.app.client.post(
                f"/api/v1/ops/dead-letters/{letter['id']}/replay", headers=headers
            )
            assert answer.status_code == 200, answer.text

    async def remind(self) -> None:
        """The timers run."""
        await self.notify.run_reminders(self.at.isoformat())

    async def subscribe(self) -> None:
        """An office wants copies."""
        self._let_be_later()
        org, role = self.dice.choice(list(_QUEUES.items()))
        subscriber = Subscriber(self.notify, org, role)
        states = self.dice.choice([[], ["CLOSED", "RECTIFYING"]])
        view = await subscriber.subscribe(at=self.at.isoformat(), states=states)
        self.subscriptions.append((subscriber, view))

    async def end_subscription(self) -> None:
        """An office has enough of them."""
        if self.subscriptions:
            self._let_be_later()
            subscriber, view = self.subscriptions.pop()
            await subscriber.end(view, self.at.isoformat())

    def _let_be_later(self) -> None:
        # Of what happens at the instant of a subscription's change, the instant alone does not say
        # whether it was heard before.
        self.at += timedelta(minutes=1)

    async def digest(self) -> None:
        """It is Monday somewhere."""
        body = {"job": "digests", "as_of": self.at.isoformat()}
        assert (await self.notify.ops("POST", "/run", body)).status_code == 200

    async def tell_anew(self, rebuilt: Notify) -> None:
        """notify's own events first, then the problems', each subject's in its order."""
        heard = [
            Received(decode(one), one) for one in await recorded_envelopes(self.notify.app.database)
        ]
        by_subject: dict[str, list[Received[Any]]] = {}
        for one in heard:
            by_subject.setdefault(one.envelope.subject, []).append(one)
        for lists in (list(by_subject.values()), [list(events) for _, events in self.stories]):
            mixed = []
            while left := [events for events in lists if events]:
                mixed.append(self.dice.choice(left).pop(0))
            while mixed:
                number = self.dice.randint(1, 30)
                await rebuilt.hear(*mixed[:number])
                mixed = mixed[number:]


@pytest.mark.parametrize("seed", range(5))
async def test_a_rebuilt_store_equals_the_one_before(
    notify: Notify, new_notify: NewNotify, seed: int
) -> None:
    history = History(notify, seed)
    await history.live()
    rebuilt = await new_notify()
    await history.tell_anew(rebuilt)
    before = await stored(notify)
    assert {row["purpose"] for row in before[1]} >= {"DISPATCH", "REMINDER"}
    for one, other in zip(await stored(rebuilt), before, strict=True):
        assert one == other
