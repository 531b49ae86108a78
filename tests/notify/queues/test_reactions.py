"""What the events of problems and cases leave in the queues."""

from datetime import date
from typing import Any

import pytest

from services.notify.queues.reactions import on_accountability_opened
from shared.events.base import Received
from shared.events.inspection import (
    ProblemAccepted,
    ProblemConfirmed,
    ProblemDispatched,
    ProblemDisputeRejected,
    ProblemLogged,
    ProblemNoPolicyFound,
    ProblemPartnersChanged,
    ProblemPlanned,
    ProblemProgressed,
    ProblemSourceAdded,
    ProblemStalled,
    ProblemSubmitted,
    ProblemVerified,
    ProblemWithdrawn,
)
from shared.events.notify import NotificationAcked
from tests.notify.conftest import LEAD, TOWNSHIP, Notify, Story, case_of

OFFICE = ("POV@511132", "poverty_office")
GROUP = ("LG@511132", "leading_group")
GUARDIAN = ("DISC@511132", "discipline")
LATER = "2086-03-05T10:00:00+08:00"


def purposes(items: list[dict[str, Any]]) -> list[str]:
    """Why the messages were sent."""
    return [str(item["payload"]["purpose"]) for item in items]


async def test_a_historic_problem_logged_and_closed_is_told_to_nobody(notify: Notify) -> None:
    story = Story(state="LOGGED")
    logged = story.tell(ProblemLogged, found_on=story.facts["due_on"], source="IMPORT")
    await notify.hear(logged, story.close(LATER))
    for org in (LEAD, "FIN@511132", TOWNSHIP):
        assert await notify.queue(org).pull() == []
    assert await notify.reminders(story.problem_id) == []


async def test_an_event_delivered_twice_is_told_once(notify: Notify) -> None:
    story = Story()
    dispatched = story.tell()
    await notify.hear(dispatched)
    await notify.hear(dispatched)
    await notify.react([dispatched])  # even past the inbox
    assert len(await notify.queue().drain()) == 1


async def test_a_department_code_without_a_county_is_completed(notify: Notify) -> None:
    await notify.hear(Story(lead_dept="HOUS", co_depts=["FIN"]).tell())
    assert len(await notify.queue(LEAD).pull()) == 1
    assert len(await notify.queue("FIN@511132").pull()) == 1


async def test_a_withdrawn_problem_is_taken_back_from_all_who_were_told(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    (pulled,) = await notify.queue(TOWNSHIP).pull()
    await notify.hear(story.tell(ProblemWithdrawn, LATER, state="WITHDRAWN"))
    # Whether a queue was read or not: its messages are seen in the inbox and by other channels too.
    for org in (LEAD, "FIN@511132", TOWNSHIP):
        (notice,) = await notify.queue(org).drain()
        assert notice["payload"]["purpose"] == "WITHDRAWAL"
        assert "已撤销" in notice["payload"]["text"]
    # What was out under a lease may still be done with, and does not come again.
    assert (await notify.queue(TOWNSHIP).ack(pulled)).status_code == 204
    assert await notify.queue(TOWNSHIP).pull() == []


async def test_what_was_recalled_never_comes_back_when_its_lease_has_run_out(
    notify: Notify,
) -> None:
    story = Story()
    await notify.hear(story.tell())
    queue = notify.queue()
    (out,) = await queue.pull("2086-03-02T12:00:00+08:00", lease_seconds=1)
    (waiting,) = await notify.queue("FIN@511132").pull(max=1)
    await notify.hear(story.tell(ProblemWithdrawn, LATER, state="WITHDRAWN"))
    end = "2087-01-01T00:00:00+08:00"
    assert await queue.stats(end) == {"queued": 1, "leased": 0, "dead": 0}
    assert purposes(await queue.pull(end)) == ["WITHDRAWAL"]
    assert await queue.pull("2087-01-01T00:00:30+08:00") == []
    assert (await notify.ops("GET", "/dead-letters")).json()["items"] == []
    for org, message in ((LEAD, out), ("FIN@511132", waiting)):
        assert (await notify.queue(org).ack(message)).status_code == 204
        assert (await notify.queue(org).ack(message)).status_code == 204


async def test_what_was_recalled_before_anyone_had_it_cannot_be_acknowledged(
    notify: Notify,
) -> None:
    story = Story()
    await notify.hear(story.tell(), story.tell(ProblemWithdrawn, LATER, state="WITHDRAWN"))
    async with notify.app.database.statement() as connection:
        message_id = await connection.fetchval(
            "SELECT message_id FROM messages WHERE org = $1 AND state = 'CANCELLED'", LEAD
        )
    answer = await notify.queue().ack(str(message_id))
    assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")


async def test_who_was_told_of_a_problem_hears_of_its_closing(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.queue().drain()
    await notify.hear(story.close(LATER))
    for org in (LEAD, "FIN@511132"):  # one had acknowledged the dispatch, one had not
        (notice,) = await notify.queue(org).drain()
        assert (notice["event_type"], notice["payload"]["purpose"]) == (
            "inspection.problem.closed.v1",
            "CLOSED",
        )
    assert await notify.queue("EDU@511132").pull() == []


async def test_a_rerouted_problem_moves_from_queue_to_queue(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.tell(at=LATER, lead_dept="WATER@511132"))
    (old,) = await notify.queue(LEAD).drain()
    assert old["payload"]["purpose"] == "WITHDRAWAL"
    assert "改由水利部门牵头" in old["payload"]["text"]
    (new,) = await notify.queue("WATER@511132").drain()
    assert new["payload"]["purpose"] == "DISPATCH"
    assert new["payload"]["required_plan_fields"]
    await notify.hear(story.close("2086-03-06T10:00:00+08:00"))
    assert await notify.queue(LEAD).drain() == []  # no longer theirs
    assert purposes(await notify.queue("WATER@511132").drain()) == ["CLOSED"]


async def test_a_disputed_problem_is_the_poverty_offices_to_rule(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell(), story.dispute(LATER))
    (asked,) = await notify.queue(*OFFICE).drain()
    assert asked["payload"]["purpose"] == "DISPUTED"
    assert "建议由水利部门牵头" in asked["payload"]["text"]
    assert "三定方案" not in asked["payload"]["text"]  # free text is read in the record (N-12)
    assert purposes(await notify.queue().drain()) == ["DISPATCH"]
    await notify.hear(story.reroute("2086-03-06T10:00:00+08:00"))
    assert purposes(await notify.queue().drain()) == ["WITHDRAWAL"]
    assert purposes(await notify.queue("WATER@511132").drain()) == ["DISPATCH"]


async def test_a_rejected_dispute_is_told_to_the_lead_and_no_longer_asked_for(
    notify: Notify,
) -> None:
    story = Story()
    await notify.hear(story.tell(), story.dispute(LATER))
    await notify.queue().drain()
    rejected = story.tell(ProblemDisputeRejected, "2086-03-06T10:00:00+08:00", state="ACCEPTED")
    await notify.hear(rejected)
    assert purposes(await notify.queue().drain()) == ["DISPUTE_REJECTED"]
    assert await notify.queue(*OFFICE).drain() == []


async def test_a_suspicion_is_told_until_it_is_settled(notify: Notify) -> None:
    """I-03: nobody works on it yet, but somebody has to look."""
    story = Story(state="SUSPECTED")
    suspected = story.tell(
        ProblemLogged,
        found_on=story.facts["due_on"],
        source="COUNTY_INSPECTION",
        confirm_by=date(2086, 3, 6),
    )
    await notify.hear(suspected)
    (asked,) = await notify.queue().drain()
    assert asked["payload"]["purpose"] == "SUSPICION"
    assert "于2086-03-06前核实" in asked["payload"]["text"]
    confirmed = story.tell(ProblemConfirmed, LATER, state="LOGGED")
    await notify.hear(confirmed, story.tell(ProblemDispatched, LATER, state="DISPATCHED"))
    assert purposes(await notify.queue().drain()) == ["DISPATCH"]
    assert await notify.queue(*OFFICE).drain() == []  # not handed out, and settled meanwhile
    assert await notify.queue(TOWNSHIP).drain() != []


async def test_a_department_that_joins_hears_of_the_problem_and_one_that_leaves_no_more(
    notify: Notify,
) -> None:
    story = Story()
    changed = ["WATER"]
    await notify.hear(story.tell(), story.tell(ProblemPartnersChanged, LATER, co_depts=changed))
    (joined,) = await notify.queue("WATER@511132").drain()
    assert (joined["payload"]["purpose"], joined["payload"]["information"]) == ("DISPATCH", True)
    (left,) = await notify.queue("FIN@511132").drain()
    assert "你单位不再参与" in left["payload"]["text"]
    await notify.hear(story.close("2086-03-06T10:00:00+08:00"))
    assert purposes(await notify.queue("WATER@511132").drain()) == ["CLOSED"]
    assert await notify.queue("FIN@511132").drain() == []


async def test_a_stalled_problem_is_urged_until_there_is_progress(notify: Notify) -> None:
    story = Story(state="RECTIFYING")
    await notify.hear(story.tell(), story.tell(ProblemStalled, LATER, days=7))
    _, urged = await notify.queue().drain()
    assert (urged["payload"]["purpose"], urged["payload"]["information"]) == ("STALLED", False)
    assert "已7天没有报告整改进展" in urged["payload"]["text"]
    await notify.hear(story.tell(ProblemProgressed, "2086-03-06T10:00:00+08:00", progress_pct=40))
    assert purposes(await notify.queue(TOWNSHIP).drain()) == ["DISPATCH"]


async def test_a_need_without_policy_goes_to_the_poverty_office_and_finance(
    notify: Notify,
) -> None:
    story = Story(state="RECTIFYING", co_depts=[])
    dispatched = story.tell()
    need = story.tell(ProblemNoPolicyFound, LATER, need="后山水渠", amount="12000.00")
    await notify.hear(dispatched, need)
    for org, role in (OFFICE, ("FIN@511132", "finance")):
        (message,) = await notify.queue(org, role).drain()
        assert message["payload"]["purpose"] == "NO_POLICY"
        assert "需资金12000.00元" in message["payload"]["text"]
    assert purposes(await notify.queue().drain()) == ["DISPATCH"]


async def test_a_case_of_accountability_is_told_before_its_problem_is_known(
    notify: Notify,
) -> None:
    story = Story()
    opened = case_of(story, LATER)
    await notify.hear(opened)
    await notify.hear(opened)
    async with notify.app.database.transaction() as session:
        await on_accountability_opened(session, [opened])
    for org, role in (GUARDIAN, GROUP):
        (message,) = await notify.queue(org, role).drain()
        assert (message["problem_id"], message["due_on"]) == (None, None)
        assert message["payload"]["problem_ids"] == [str(story.problem_id)]
        assert "桐花村“住房安全无保障”问题经核实为虚假整改" in message["payload"]["text"]
    acked = await notify.app.events(NotificationAcked)
    assert {event.problem_id for event in acked if isinstance(event, NotificationAcked)} == {None}


async def test_a_case_of_corruption_is_told_to_discipline_alone(notify: Notify) -> None:
    opened = case_of(Story(kind="CORRUPTION_BRIBERY"), LATER)
    await notify.hear(opened)
    assert len(await notify.queue(*GUARDIAN).drain()) == 1
    assert await notify.queue(*GROUP).drain() == []


async def test_closing_the_problem_leaves_its_case_in_the_queue(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell(), case_of(story, LATER), story.close("2086-03-06T10:00:00+08:00"))
    assert purposes(await notify.queue(*GUARDIAN).drain()) == ["ACCOUNTABILITY"]


async def test_messages_of_no_problem_do_not_wait_for_each_other(notify: Notify) -> None:
    await notify.hear(*(case_of(Story(), LATER) for _ in range(3)))
    queue = notify.queue(*GUARDIAN)
    (first,) = await queue.pull(max=1)
    (second,) = await queue.pull(max=1)
    assert first["message_id"] != second["message_id"]


async def test_history_taken_over_as_closed_is_a_task_once_it_is_reopened(notify: Notify) -> None:
    story = Story(state="LOGGED")
    logged = story.tell(ProblemLogged, found_on=story.facts["due_on"], source="AUDIT")
    await notify.hear(logged, story.close(LATER))
    await notify.hear(story.reopen("2086-03-06T10:00:00+08:00"))
    assert purposes(await notify.queue().drain()) == ["REOPENED"]
    (copy,) = await notify.queue(TOWNSHIP).drain()
    assert copy["payload"]["information"] is True


def whole_life(story: Story) -> list[Received[Any]]:
    """Everything that can happen to a problem, once or more, in its order."""
    days = (f"2086-03-{day:02d}T10:00:00+08:00" for day in range(3, 32))
    return [
        story.tell(),
        story.dispute(next(days)),
        story.reroute(next(days)),
        story.tell(ProblemAccepted, next(days), state="ACCEPTED"),
        story.tell(ProblemNoPolicyFound, next(days), need="水渠", amount=None),
        story.tell(ProblemPlanned, next(days), state="PLANNED", plan_deadline=date(2086, 3, 30)),
        story.tell(ProblemStalled, next(days), state="RECTIFYING", days=7),
        story.tell(ProblemProgressed, next(days), progress_pct=40),
        story.submit(next(days)),
        story.tell(ProblemVerified, next(days), state="DEPT_VERIFIED", level=1),
        story.sent_back(at := next(days)),
        story.found_false(at),
        story.submit(next(days)),
        story.close(next(days)),
        story.reopen(next(days)),
        story.submit(next(days)),
        story.close(next(days)),
    ]


async def test_each_organisation_is_told_its_part_of_a_whole_life(notify: Notify) -> None:
    story = Story()
    told: dict[str, list[str]] = {}
    parts = {
        LEAD: "dept_handler",
        "WATER@511132": "dept_handler",
        "FIN@511132": "finance",
        TOWNSHIP: "township_reviewer",
        **dict((OFFICE, GROUP)),
    }
    for event in whole_life(story):
        await notify.hear(event)
        for org, role in parts.items():
            told.setdefault(org, []).extend(purposes(await notify.queue(org, role).drain()))
    assert told == {
        LEAD: ["DISPATCH", "WITHDRAWAL"],
        "WATER@511132": [
            *("DISPATCH", "STALLED", "RETURNED", "FALSE_RECTIFICATION", "CLOSED"),
            *("REOPENED", "CLOSED"),
        ],
        "FIN@511132": ["DISPATCH", "DISPATCH", "NO_POLICY", "CLOSED", "REOPENED", "CLOSED"],
        TOWNSHIP: ["DISPATCH", "DISPATCH", "STALLED", "RETURNED", "CLOSED", "REOPENED", "CLOSED"],
        "POV@511132": ["DISPUTED", "NO_POLICY", "FALSE_RECTIFICATION", "CLOSED", "CLOSED"],
        "LG@511132": ["FALSE_RECTIFICATION", "CLOSED", "CLOSED"],
    }


async def test_another_source_is_told_to_the_lead_for_information(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.tell(ProblemSourceAdded, LATER, source="VISIT"))
    dispatch, added = await notify.queue().drain()
    assert (dispatch["payload"]["purpose"], added["payload"]["purpose"]) == (
        "DISPATCH",
        "SOURCE_ADDED",
    )
    assert added["payload"]["information"] is True


async def test_the_departments_own_steps_are_not_told_to_it(notify: Notify) -> None:
    story = Story()
    await notify.hear(
        story.tell(),
        story.tell(ProblemAccepted, LATER, state="ACCEPTED"),
        story.tell(ProblemSubmitted, LATER, state="SUBMITTED"),
    )
    assert purposes(await notify.queue().drain()) == ["DISPATCH"]


async def test_an_older_event_does_not_change_what_is_known(notify: Notify) -> None:
    story = Story()
    dispatched, moved = story.tell(), story.move()
    await notify.react([moved])
    await notify.react([dispatched])
    async with notify.app.database.statement() as connection:
        row = await connection.fetchrow("SELECT due_on, version FROM problems")
    assert row is not None
    assert (row["due_on"], row["version"]) == (story.facts["due_on"], 2)


@pytest.mark.parametrize("size", [1, 7])
async def test_replaying_the_topic_into_an_empty_database_rebuilds_the_queues(
    notify: Notify, size: int
) -> None:
    events = []
    for number in range(12):
        story = Story(severity="PROMINENT" if number % 4 == 0 else "GENERAL")
        events.append(story.tell())
        if number % 2:
            events.append(story.move())
        if number % 3 == 0:
            events.append(story.tell(at=LATER, lead_dept="WATER@511132"))
        if number % 5 == 0:
            events.append(story.close("2086-04-20T10:00:00+08:00"))
            events.append(case_of(story, "2086-04-21T10:00:00+08:00"))
    events += whole_life(Story())
    await notify.hear(*events)
    before = await contents(notify)
    async with notify.app.database.driver_transaction() as connection:
        await connection.execute(
            "TRUNCATE problems, happenings, messages, reminders, timer, inbox, inbox_cursor, outbox"
        )
    for start in range(0, len(events), size):
        await notify.hear(*events[start : start + size])
    assert await contents(notify) == before


async def contents(notify: Notify) -> list[list[tuple[object, ...]]]:
    """What the queues and the reminders hold, positions as order only."""
    async with notify.app.database.statement() as connection:
        messages = await connection.fetch(
            """
            SELECT m.message_id, org, problem_id, purpose, priority, state, event_type, data::text,
                   rank() OVER (PARTITION BY org, problem_id ORDER BY position)
              FROM messages m JOIN happenings USING (event_id) ORDER BY 1
            """
        )
        reminders = await connection.fetch("SELECT * FROM reminders ORDER BY 1, 2, 3, 4")
        timers = await connection.fetch(
            "SELECT subject_id, due_at FROM timer WHERE state = 'armed' ORDER BY 1"
        )
    return [[tuple(row) for row in rows] for rows in (messages, reminders, timers)]
