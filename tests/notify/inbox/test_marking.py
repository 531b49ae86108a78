"""Marking all as read, while messages come in."""

import asyncio

from services.notify.reminders.reactions import on_problem_event
from tests.notify.conftest import Notify, Story
from tests.notify.inbox.conftest import Person, broadcast, execute


async def test_marking_all_reads_all_and_once(notify: Notify) -> None:
    await notify.hear(*(Story().tell() for _ in range(3)))
    wang = Person(notify)
    assert [await wang.read_all() for _ in range(2)] == [3, 0]
    assert await wang.unread() == {"total": 0, "by_purpose": {}}
    await notify.hear(Story().tell())
    assert (await wang.unread())["total"] == 1


async def test_marking_until_an_instant_leaves_what_happened_later(notify: Notify) -> None:
    await notify.hear(Story().tell(at="2086-03-02T10:00:00+08:00"))
    await notify.hear(Story().tell(at="2086-03-03T10:00:00+08:00"))
    wang = Person(notify)
    assert await wang.read_all(before="2086-03-02T10:00:00+08:00") == 1
    (left,) = await wang.items(unread=True)
    assert left["at"].startswith("2086-03-03")


async def test_a_message_committed_after_marking_all_is_unread_however_low_its_position(
    notify: Notify,
) -> None:
    wang, database = Person(notify), notify.app.database
    early, late = Story().tell(), Story().tell()
    async with database.transaction() as session:
        await on_problem_event(session, [early])  # its position is drawn, nothing is committed
        await notify.hear(late)
        assert await wang.read_all() == 1
    assert await wang.unread() == {"total": 1, "by_purpose": {"DISPATCH": 1}}
    (unread,) = await wang.items(unread=True)
    assert unread["event_id"] == str(early.envelope.id)
    newest, oldest = await wang.items()
    assert (newest["read"], oldest["read"]) == (True, False)


async def test_marking_all_amid_a_stream_of_messages_marks_none_that_was_not_there(
    notify: Notify,
) -> None:
    wang = Person(notify)

    async def tell() -> None:
        for _ in range(8):
            await notify.hear(Story().tell(), Story().tell())

    async def mark() -> list[int]:
        return [await wang.read_all() for _ in range(8)]

    marked, *_told = await asyncio.gather(mark(), tell(), tell())
    unread = (await wang.unread())["total"]
    assert sum(marked) + unread == 32
    assert len(await wang.items(unread=True, limit=200)) == unread


async def test_ten_requests_to_mark_all_at_once_mark_each_message_once(notify: Notify) -> None:
    await notify.hear(*(Story().tell() for _ in range(20)))
    wang = Person(notify)
    marked = await asyncio.gather(*(wang.read_all() for _ in range(10)))
    assert sum(marked) == 20


async def reach_only(notify: Notify, messages: int) -> None:
    """Configure how many of the newest messages count."""
    await execute(
        notify,
        "INSERT INTO configuration (region, key, effective_from, value, set_by, set_at)"
        " VALUES ('51', 'inbox_reach', '2000-01-01', to_jsonb($1::int), 'x', now())",
        messages,
    )
    await notify.app.runtime.configuration.load(notify.app.database)


async def test_only_the_newest_messages_count_as_unread(notify: Notify) -> None:
    await reach_only(notify, 3)
    await notify.hear(*(Story().tell() for _ in range(5)))
    wang = Person(notify)
    assert (await wang.unread())["total"] == 3
    assert len(await wang.items(unread=True)) == 3
    assert len(await wang.items()) == 5
    assert await wang.read_all() == 3


async def test_a_letter_to_a_helper_counts_however_many_tasks_his_organisation_has(
    notify: Notify,
) -> None:
    await reach_only(notify, 3)
    await broadcast(notify, "wang")
    await notify.hear(*(Story().tell() for _ in range(5)))
    wang = Person(notify, role="helper")
    assert (await wang.unread())["total"] == 1
    assert len(await wang.items(unread=True)) == 1
    assert await wang.read_all() == 1
