"""What subscribers get of events, through each channel."""

import asyncio
import json

import pytest
from jsonschema_rs import Draft202012Validator

from services.notify.mirror.domain import derived_id
from shared.events.contracts import asyncapi_document, published_events
from shared.events.inspection import ProblemLogged
from tests.notify.conftest import VILLAGE, Notify, Story, case_of
from tests.notify.feeds.conftest import OFFICE, Subscriber, kept

LATER = "2086-03-05T10:00:00+08:00"
EARLIER = "2086-02-01T10:00:00+08:00"


def described(event_type: str, part: str) -> Draft202012Validator:
    """What the contract says of the headers or the data of a copy."""
    document = asyncapi_document(published_events())
    message = document["channels"]["notify.queue"]["messages"][event_type]["$ref"].split("/")[-1]
    components = document["components"]
    return Draft202012Validator({"components": components, **components["messages"][message][part]})


async def test_a_subscriber_gets_copies_of_what_its_filters_let_through_in_order(
    notify: Notify, office: Subscriber
) -> None:
    await office.subscribe(severities=["PROMINENT"])
    prominent, other = Story(severity="PROMINENT"), Story()
    await notify.hear(prominent.tell(), other.tell(), prominent.move(), other.move())
    items = await notify.queue(OFFICE, "poverty_office").pull()
    assert [(item["problem_id"], item["event_type"]) for item in items] == [
        (str(prominent.problem_id), "inspection.problem.dispatched.v1"),
        (str(prominent.problem_id), "inspection.problem.due_changed.v1"),
    ]
    assert items[0]["payload"]["purpose"] == "SUBSCRIBED"
    assert (items[0]["priority"], items[0]["payload"]["information"]) == (1, True)
    assert items[0]["payload"]["title"].startswith("订阅信息：住房安全无保障")


async def test_who_is_told_of_an_event_anyway_gets_no_copy_of_it(
    notify: Notify, office: Subscriber
) -> None:
    await office.subscribe()
    story = Story()
    dispute = [story.tell(), story.dispute(LATER)]
    await notify.hear(*dispute)
    assert sorted(await office.told()) == [("DISPUTED", "disputed"), ("SUBSCRIBED", "dispatched")]


async def test_an_escalation_is_told_as_such_to_a_subscriber(
    notify: Notify, office: Subscriber
) -> None:
    await office.subscribe(event_types=["inspection.problem.overdue.v1"])
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.overdue(2, "2086-04-08T00:00:00+08:00"))
    assert await office.told() == [("OVERDUE", "overdue")]


async def test_two_subscriptions_to_the_same_event_make_one_copy(
    notify: Notify, office: Subscriber
) -> None:
    for channel in ("QUEUE", "QUEUE", "KAFKA", "KAFKA"):
        await office.subscribe(channel)
    await notify.hear(Story().tell())
    assert await office.told() == [("SUBSCRIBED", "dispatched")]
    assert len(await office.copies()) == 1


async def test_a_copy_does_not_hold_back_the_messages_of_who_leads_the_problem(
    notify: Notify, housing: Subscriber
) -> None:
    await housing.subscribe(event_types=["inspection.problem.logged.v1"])
    story = Story(state="LOGGED", due_on=None)
    logged = story.tell(ProblemLogged, found_on="2086-03-01", source="VISIT")
    await notify.hear(logged, story.tell(state="DISPATCHED"))
    items = await notify.queue().pull()
    assert [item["event_type"].split(".")[2] for item in items] == ["logged", "dispatched"]


async def test_the_version_in_force_when_the_event_happened_decides(
    notify: Notify, office: Subscriber
) -> None:
    first = await office.subscribe()
    changed = await office.change(
        first, "2086-03-03T09:00:00+08:00", filters={"kinds": ["WATER_UNSAFE"]}
    )
    paused = await office.change(changed, "2086-03-06T09:00:00+08:00", state="PAUSED")
    await office.end(paused, "2086-03-08T09:00:00+08:00")
    for day, kind, told in (
        ("2086-02-28", "HOUSING_UNSAFE", False),  # not subscribed yet
        ("2086-03-02", "HOUSING_UNSAFE", True),
        ("2086-03-04", "HOUSING_UNSAFE", False),  # other filters
        ("2086-03-04", "WATER_UNSAFE", True),
        ("2086-03-07", "WATER_UNSAFE", False),  # paused
        ("2086-03-09", "WATER_UNSAFE", False),  # ended
    ):
        await notify.hear(Story(kind=kind).tell(at=f"{day}T12:00:00+08:00"))
        assert bool(await office.told()) is told, (day, kind)


async def test_events_of_one_batch_are_judged_each_by_its_own_time(
    notify: Notify, office: Subscriber
) -> None:
    await office.subscribe()
    stories = [Story(), Story(), Story()]
    times = (EARLIER, "2086-03-02T09:00:00+08:00", LATER)
    await notify.hear(*(story.tell(at=at) for story, at in zip(stories, times, strict=True)))
    items = await notify.queue(OFFICE, "poverty_office").drain()
    assert [item["problem_id"] for item in items] == [str(one.problem_id) for one in stories[1:]]


async def test_streams_and_webhooks_are_numbered_without_a_gap_also_while_paused(
    notify: Notify, office: Subscriber
) -> None:
    stream = await office.subscribe("SSE")
    stories = [Story() for _ in range(5)]
    events = [story.tell() for story in stories]
    await notify.hear(*events[:3])
    stream = await office.change(stream, "2086-03-02T09:00:00+08:00", state="PAUSED")
    await notify.hear(*events[3:])
    assert await kept(notify, stream) == [
        (place, one.envelope.id, "RECORDED") for place, one in enumerate(events, 1)
    ]
    view = (await office.call("GET", f"/{stream['id']}")).json()
    assert (view["state"], view["recorded"]) == ("PAUSED", 5)


async def test_an_event_recorded_again_takes_no_position(
    notify: Notify, office: Subscriber
) -> None:
    stream = await office.subscribe("SSE")
    await office.subscribe("KAFKA")
    story = Story()
    await notify.hear(story.tell())
    case = case_of(story, LATER)
    await notify.hear(case)
    async with notify.app.database.transaction() as session:
        await (await session.driver()).execute("TRUNCATE inbox, inbox_cursor")
    await notify.hear(case)
    assert [place for place, *_ in await kept(notify, stream)] == [1, 2]
    assert len(await office.copies()) == 2


async def test_a_topic_gets_the_event_as_it_is_under_an_id_of_its_own(
    notify: Notify, office: Subscriber
) -> None:
    view = await office.subscribe("KAFKA")
    assert view["target"] == "notify.queue.pov-511132"
    story = Story()
    events = [story.tell(), story.move()]
    await notify.hear(*events)
    copies = await office.copies()
    assert [copy.data for copy in copies] != []
    for copy, one in zip(copies, events, strict=True):
        original = one.envelope
        assert copy.id == derived_id(original.id, view["target"])
        assert (copy.type, copy.subject, copy.sequence) == (
            original.type,
            original.subject,
            original.sequence,
        )
        assert (copy.source, copy.time, copy.region) == ("/notify", original.time, VILLAGE)
        assert copy.causation_id == str(original.id)
        assert copy.partition_key == original.partition_key
        assert type(one.event).model_validate_json(copy.data) == one.event
        headers = {name: value.decode() for name, value in copy.headers()}
        assert described(copy.type, "headers").is_valid(headers)
        assert not described(copy.type, "headers").is_valid(
            headers | {"ce_source": original.source}
        )
        assert described(copy.type, "payload").is_valid(json.loads(copy.data))


async def test_a_case_is_told_to_who_subscribed_to_cases_in_its_own_words(
    notify: Notify, office: Subscriber
) -> None:
    await office.subscribe(event_types=["inspection.accountability.opened.v1"])
    await office.subscribe("SSE", severities=["GENERAL"])
    township = Subscriber(notify, "TOWN@511132201", "township_reviewer")
    await township.subscribe(event_types=["inspection.accountability.opened.v1"])
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(case_of(story, LATER))
    (item,) = await notify.queue(OFFICE, "poverty_office").pull()
    assert (item["payload"]["purpose"], item["payload"]["information"]) == ("ACCOUNTABILITY", True)
    assert item["problem_id"] is None
    # They may be about its own people.
    assert ("ACCOUNTABILITY", "opened") not in await township.told()


@pytest.mark.parametrize(
    ("org", "role", "kind", "told"),
    [
        ("POV@511132", "poverty_office", "STYLE", True),
        ("GOV@511132", "county_gov", "STYLE", False),
        ("POV@511132", "poverty_office", "CORRUPTION_WASTE", False),
        ("DISC@511132", "discipline", "CORRUPTION_WASTE", False),  # neither leads nor takes part
        ("PROV@51", "province_platform", "HOUSING_UNSAFE", True),
        ("POV@511102", "poverty_office", "HOUSING_UNSAFE", False),
        ("WATER@511132", "dept_handler", "HOUSING_UNSAFE", False),
    ],
)
async def test_nobody_is_told_of_what_is_none_of_his_matters(
    notify: Notify, org: str, role: str, kind: str, told: bool
) -> None:
    subscriber = Subscriber(notify, org, role)
    stream = await subscriber.subscribe("SSE")
    await notify.hear(Story(kind=kind, lead_dept="HOUS").tell())
    assert bool(await kept(notify, stream)) is told


async def test_a_department_is_told_of_what_was_its_matter_until_now(
    notify: Notify, housing: Subscriber
) -> None:
    stream = await housing.subscribe("SSE")
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.dispute(LATER))
    await notify.hear(story.reroute("2086-03-06T10:00:00+08:00"))
    await notify.hear(story.submit("2086-03-07T10:00:00+08:00"))
    assert len(await kept(notify, stream)) == 3


async def test_who_leads_a_problem_of_a_wider_place_is_told_of_it(notify: Notify) -> None:
    township = Subscriber(notify, "TOWN@511132201", "township_reviewer")
    stream = await township.subscribe("SSE")
    await notify.hear(Story(lead_dept=township.org, village_code="511132").tell())
    await notify.hear(Story(village_code="511132").tell())
    assert len(await kept(notify, stream)) == 1


async def test_transactions_that_record_at_once_leave_no_gap(
    notify: Notify, office: Subscriber
) -> None:
    streams = [await office.subscribe("SSE") for _ in range(3)]
    stories = [Story() for _ in range(12)]
    await asyncio.gather(
        *(notify.hear(one.tell(), one.move(), one.dispute(LATER)) for one in stories[:4]),
        *(notify.hear(one.tell(), one.dispute(LATER)) for one in stories[4:]),
    )
    for stream in streams:
        positions = [place for place, *_ in await kept(notify, stream)]
        assert positions == list(range(1, 4 * 3 + 8 * 2 + 1))


async def test_who_delivers_is_woken_once_something_is_recorded(
    notify: Notify, office: Subscriber
) -> None:
    stream = await office.subscribe("SSE")
    listener = await notify.app.database.connect()
    heard: asyncio.Queue[str] = asyncio.Queue()
    try:
        await listener.add_listener("feeds", lambda *said: heard.put_nowait(str(said[3])))
        await notify.hear(Story().tell())
        assert await asyncio.wait_for(heard.get(), 5) == stream["id"]
    finally:
        await listener.close()
