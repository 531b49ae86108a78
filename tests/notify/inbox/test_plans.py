"""An inbox with many messages: no question about it reads all of them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from services.notify.inbox import queries
from services.notify.inbox.domain import meaning_of
from services.notify.inbox.queries import InboxFilters
from services.notify.queues.domain.notices import Purpose
from shared.database import ReadSession
from shared.security import Actor
from shared.web.pagination import PageRequest
from tests.notify.conftest import LEAD, VILLAGE, Notify

MESSAGES = 20_000
LAST = datetime(2086, 3, 1, tzinfo=UTC)
WANG = Actor("wang", LEAD, frozenset({"dept_handler"}))
_FILL = f"""
INSERT INTO problems (problem_id, problem_no, kind, tier, severity, state, lead, partners,
                      village_code, due_on, dispatched, version)
SELECT gen_random_uuid(), '511132-2086-' || lpad(n::text, 6, '0'),
       CASE n % 3 WHEN 0 THEN 'HOUSING_UNSAFE' ELSE 'WATER_UNSAFE' END, 'GENERAL', 'GENERAL',
       'DISPATCHED', '{LEAD}', '{{}}', '511132' || lpad((n % 1000)::text, 6, '0'), '2086-04-01',
       true, 1
  FROM generate_series(1, {MESSAGES}) n;
INSERT INTO happenings (event_id, event_type, at, data)
SELECT problem_id, 'inspection.problem.dispatched.v1',
       '{LAST.isoformat()}'::timestamptz - right(problem_no, 6)::int * interval '1 minute', '{{}}'
  FROM problems;
INSERT INTO messages (message_id, event_id, org, problem_id, purpose, information, priority, state)
SELECT gen_random_uuid(), problem_id, '{LEAD}', problem_id, 'DISPATCH', false, 5, 'ACKED'
  FROM problems ORDER BY problem_no DESC;
ANALYZE problems; ANALYZE happenings; ANALYZE messages;
"""


@pytest.fixture
async def full(notify: Notify) -> Notify:
    """An inbox with many messages, all of them acknowledged long ago."""
    async with notify.app.database.driver_transaction() as driver:
        await driver.execute(_FILL)
    return notify


async def plan_of(session: ReadSession, filters: InboxFilters, *places: str) -> str:
    """How the database reads a page."""
    meaning = None if filters.word is None else meaning_of(filters.word)
    statement, values = queries.page_statement(
        WANG, filters, meaning, places, 5_000, PageRequest(None, 50)
    )
    rows = await session.execute(text(f"EXPLAIN {statement}"), values)
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("filters", "places", "index"),
    [
        (InboxFilters(), (), "messages_of_org"),
        (InboxFilters(unread=True), (), "messages_of_org"),
        (InboxFilters(purpose=Purpose.DISPATCH), (), "messages_of_org"),
        (InboxFilters(since=LAST), (), "happenings_by_time"),
        (InboxFilters(word="000777"), (), "messages_of_problem"),
        (InboxFilters(word="桐花村"), (VILLAGE,), "messages_of_problem"),
        (InboxFilters(word="住房安全"), (), "messages_of_org"),
        (InboxFilters(word="整改任务"), (), "messages_of_org"),
    ],
    ids=str,
)
async def test_a_page_is_read_by_an_index(
    full: Notify, filters: InboxFilters, places: tuple[str, ...], index: str
) -> None:
    async with full.app.database.reading() as session:
        plan = await plan_of(session, filters, *places)
    assert index in plan
    assert "Seq Scan on messages" not in plan
    assert "Seq Scan on happenings" not in plan


async def test_counting_looks_at_the_newest_messages_alone(full: Notify) -> None:
    async with full.app.database.reading() as session:
        assert await queries.count_unread(session, WANG, 5_000) == {Purpose.DISPATCH: 5_000}
        statement = text(f"EXPLAIN (ANALYZE) SELECT count(*) {queries.unread_of(WANG)}")
        rows = await session.execute(statement, queries.reader_of(WANG) | {"reach": 500})
        plan = "\n".join(row[0] for row in rows)
    assert "using messages_of_org" in plan
    assert "rows=500.00 loops=1" in plan
    assert f"rows={MESSAGES}.00" not in plan
