"""The inbox of a person: what stands in it, what is unread, what a word finds."""

import pytest

from services.notify.inbox.domain import meaning_of
from shared.ids import new_id
from tests.notify.conftest import LEAD, TOWNSHIP, Notify, Story
from tests.notify.inbox.conftest import OFFICE, Person, broadcast, execute


async def test_messages_of_the_own_organisation_stand_newest_first(notify: Notify) -> None:
    first, second = Story(), Story(kind="WATER_UNSAFE", tier="IMMEDIATE")
    dispatched = first.tell()
    await notify.hear(dispatched)
    await notify.hear(second.tell())
    newest, oldest = await Person(notify).items()
    assert newest["title"] == f"整改任务：饮水安全无保障（{second.facts['problem_no']}）"
    assert newest["priority"] > oldest["priority"]
    assert oldest == {
        "message_id": oldest["message_id"],
        "event_id": str(dispatched.envelope.id),
        "event_type": "inspection.problem.dispatched.v1",
        "at": "2086-03-02T02:00:00Z",
        "purpose": "DISPATCH",
        "title": f"整改任务：住房安全无保障（{first.facts['problem_no']}）",
        "text": oldest["text"],
        "place": "峨边彝族自治县宜坪乡桐花村",
        "link": f"/api/v1/problems/{first.problem_id}",
        "problem_id": str(first.problem_id),
        "kind": "HOUSING_UNSAFE",
        "due_on": "2086-04-01",
        "priority": 5,
        "information": False,
        "role": None,
        "recalled": False,
        "read": False,
        "read_at": None,
    }


async def test_a_copy_for_information_is_marked_as_one(notify: Notify) -> None:
    await notify.hear(Story().tell())
    (copy,) = await Person(notify, org=TOWNSHIP, role="township_reviewer").items()
    assert copy["information"] is True
    assert copy["title"].startswith("整改任务（抄送）")


async def test_read_marks_are_each_persons_own(notify: Notify) -> None:
    await notify.hear(Story().tell(), Story().tell())
    wang, li = Person(notify), Person(notify, "li")
    item, _other = await wang.items()
    assert [await wang.read(item) for _ in range(2)] == [204, 204]
    assert (await wang.unread(), await li.unread()) == (
        {"total": 1, "by_purpose": {"DISPATCH": 1}},
        {"total": 2, "by_purpose": {"DISPATCH": 2}},
    )
    (read,) = await wang.items(unread=False)
    assert (read["message_id"], read["read"]) == (item["message_id"], True)
    assert item["message_id"] not in {one["message_id"] for one in await wang.items(unread=True)}


async def test_the_first_time_of_reading_stands(notify: Notify) -> None:
    await notify.hear(Story().tell())
    wang = Person(notify)
    (item,) = await wang.items()
    await wang.read(item)
    (first,) = await wang.items()
    await wang.read(item)
    assert await wang.items() == [first]


async def test_a_person_who_also_acts_for_another_organisation_has_two_inboxes(
    notify: Notify,
) -> None:
    await notify.hear(Story().tell())
    house, purse = Person(notify), Person(notify, org="FIN@511132")
    await house.read_all()
    assert ((await house.unread())["total"], (await purse.unread())["total"]) == (0, 1)


async def test_reading_is_no_acknowledgement_and_an_acknowledged_message_can_be_read(
    notify: Notify,
) -> None:
    await notify.hear(Story().tell())
    wang, queue = Person(notify), notify.queue()
    (item,) = await wang.items()
    await wang.read(item)
    (message,) = await queue.pull()
    await queue.ack(message)
    assert (await wang.items())[0]["read"] is True
    assert await Person(notify, "li").read(item) == 204


async def test_a_recalled_message_stays_in_sight_and_is_not_unread(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.close("2086-03-05T10:00:00+08:00"))
    farewell, dispatch = await Person(notify).items()
    assert (farewell["purpose"], farewell["recalled"]) == ("CLOSED", False)
    assert (dispatch["purpose"], dispatch["recalled"]) == ("DISPATCH", True)
    assert await Person(notify).unread() == {"total": 1, "by_purpose": {"CLOSED": 1}}


async def test_a_dead_letter_is_the_operators_until_it_is_replayed(notify: Notify) -> None:
    await notify.hear(Story().tell())
    wang = Person(notify)
    (item,) = await wang.items()
    await execute(notify, "UPDATE messages SET state = 'DEAD' WHERE org = $1", LEAD)
    assert (await wang.items(), await wang.read(item)) == ([], 404)
    assert (await wang.unread())["total"] == 0
    await notify.ops("POST", f"/dead-letters/{item['message_id']}/replay")
    assert len(await wang.items()) == 1


@pytest.mark.parametrize("org", ["HOUS@511133", "HOUS@5111", "POV@511132", "DISC@511132"])
async def test_another_organisation_neither_sees_nor_marks_a_message(
    notify: Notify, org: str
) -> None:
    await notify.hear(Story().tell())
    (item,) = await Person(notify).items()
    stranger = Person(notify, org=org)
    assert await stranger.items() == []
    assert await stranger.items(q="住房") == []
    assert (await stranger.unread())["total"] == 0
    assert await stranger.read(item) == 404
    assert await stranger.read_all() == 0
    assert (await Person(notify).unread())["total"] == 1


async def test_a_message_nobody_knows_cannot_be_read(notify: Notify) -> None:
    assert await Person(notify).read({"message_id": str(new_id())}) == 404


@pytest.mark.parametrize("role", ["household", "province_platform"])
async def test_who_is_no_official_has_no_inbox(notify: Notify, role: str) -> None:
    answer = await Person(notify, role=role).call("GET")
    assert answer.status_code == 403


async def test_a_helper_sees_the_letters_addressed_to_him_and_no_tasks(notify: Notify) -> None:
    await notify.hear(Story().tell())
    await broadcast(notify, "wang")
    wang, other = Person(notify, role="helper"), Person(notify, "other", role="helper")
    (letter,) = await wang.items()
    assert (letter["title"], letter["text"]) == ("一封信", "请入户走访。")
    assert await wang.unread() == {"total": 1, "by_purpose": {"BROADCAST": 1}}
    assert await other.items() == []
    assert await other.read(letter) == 404
    assert await other.read_all() == 0
    assert len(await Person(notify).items()) == 2
    assert await wang.read_all() == 1


async def test_the_receipt_of_a_letter_marks_it_as_read_but_a_mark_is_no_receipt(
    notify: Notify,
) -> None:
    letter = await broadcast(notify, "wang", "li")
    wang, li = Person(notify, role="helper"), Person(notify, "li", role="helper")
    await notify.app.client.post(f"/api/v1/broadcasts/{letter}/read", headers=wang.headers)
    assert (await wang.unread())["total"] == 0
    assert (await wang.items())[0]["read"] is True
    await li.read_all()
    receipts = await notify.app.client.get(
        f"/api/v1/broadcasts/{letter}/receipts",
        params={"read": "false"},
        headers=notify.app.headers(OFFICE, "poverty_office"),
    )
    assert [one["label"] for one in receipts.json()["items"]] == ["li"]


async def test_a_withdrawn_letter_is_shown_as_recalled_to_who_had_taken_it(
    notify: Notify,
) -> None:
    letter = await broadcast(notify, "wang")
    queue = notify.queue()
    (message,) = await queue.pull()
    await queue.ack(message)
    await notify.app.client.post(
        f"/api/v1/broadcasts/{letter}/withdraw",
        json={"reason": "日期有误"},
        headers=notify.app.headers(OFFICE, "poverty_office"),
    )
    (item,) = await Person(notify, role="helper").items()
    assert item["recalled"] is True


async def test_pages_follow_each_other_without_a_gap(notify: Notify) -> None:
    await notify.hear(*(Story().tell() for _ in range(5)))
    wang, seen, cursor = Person(notify), [], None
    for _ in range(3):
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await wang.call("GET", params=params)).json()
        seen += [item["message_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (len(set(seen)), cursor) == (5, None)
    assert seen == [item["message_id"] for item in await wang.items()]


async def test_messages_are_filtered_by_purpose_and_time(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell(at="2086-03-02T10:00:00+08:00"))
    await notify.hear(story.move(at="2086-03-05T10:00:00+08:00"))
    wang = Person(notify)
    (moved,) = await wang.items(purpose="DUE_CHANGED")
    assert [moved] == await wang.items(since="2086-03-05T10:00:00+08:00")
    assert len(await wang.items(since="2086-03-02T10:00:00+08:00")) == 2
    assert await wang.items(purpose="DUE_CHANGED", since="2086-03-06T00:00:00+08:00") == []
    assert (await wang.call("GET", params={"since": "2086-03-05"})).status_code == 422


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("住房安全", {"整改任务"}),
        ("无保障", {"整改任务", "整改任务2"}),
        ("桐花村", {"整改任务"}),
        ("宜坪乡", {"整改任务"}),
        ("整改任务", {"整改任务", "整改任务2"}),
        ("入户", {"一封信"}),
        ("封信", {"一封信"}),
        ("峨边", {"整改任务", "整改任务2", "一封信"}),
        ("五通桥", set()),
        ("%", set()),
        ("_", set()),
        ("\\", set()),
        ("' OR true --", set()),
    ],
)
async def test_a_word_finds_what_it_may_mean(notify: Notify, word: str, found: set[str]) -> None:
    here, elsewhere = Story(), Story(kind="WATER_UNSAFE", village_code="511132100001")
    await notify.hear(here.tell(), elsewhere.tell())
    await broadcast(notify, "wang")
    names = {
        f"整改任务：住房安全无保障（{here.facts['problem_no']}）": "整改任务",
        f"整改任务：饮水安全无保障（{elsewhere.facts['problem_no']}）": "整改任务2",
        "一封信": "一封信",
    }
    titles = await Person(notify).titles(q=word)
    assert {names[title] for title in titles} == found
    assert len(titles) == len(found)


async def test_a_problems_number_finds_its_messages_also_unread_ones_alone(
    notify: Notify,
) -> None:
    story = Story()
    await notify.hear(story.tell(), Story().tell())
    await notify.hear(story.move())
    wang = Person(notify)
    number = story.facts["problem_no"]
    moved, dispatched = await wang.items(q=number)
    await wang.read(moved)
    assert await wang.items(q=number[-6:], unread=True, purpose="DISPATCH") == [dispatched]
    assert await wang.titles(q=number, limit=1) == [moved["title"]]


async def test_a_word_with_a_nul_is_refused(notify: Notify) -> None:
    assert (await Person(notify).call("GET", params={"q": "a\0"})).status_code == 422


def test_no_more_of_corruption_is_searched_than_is_shown() -> None:
    assert meaning_of("贪污").kinds == []
    assert "CORRUPTION_EMBEZZLE" in meaning_of("腐败问题线索").kinds
