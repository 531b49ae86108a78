"""An inbox with many messages: no question about it reads all of them."""

import re
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


async def plan_of(session: ReadSession, filters: InboxFilters, reach: int, *places: str) -> str:
    """How the database has read a page."""
    meaning = None if filters.word is None else meaning_of(filters.word)
    statement, values = queries.page_statement(
        WANG, filters, meaning, places, reach, PageRequest(None, 50)
    )
    rows = await session.execute(text(f"EXPLAIN (ANALYZE, TIMING off) {statement}"), values)
    return "\n".join(row[0] for row in rows)


def most_read(plan: str) -> float:
    """The most rows that any step of a plan has met with, those it left out too."""
    met = re.findall(r"actual rows=([\d.]+) loops=(\d+)|Removed by Filter: (\d+)()", plan)
    return max(float(rows or left) * float(loops or 1) for rows, loops, left, _ in met)


@pytest.mark.parametrize(
    "filters",
    [
        InboxFilters(unread=True),
        InboxFilters(unread=False),
        InboxFilters(purpose=Purpose.DISPATCH),
        InboxFilters(purpose=Purpose.DIGEST),
        InboxFilters(since=LAST),
        InboxFilters(word="000777"),
        InboxFilters(word="没有这样的词"),
        InboxFilters(word="住房安全"),
        InboxFilters(word="整改任务"),
    ],
    ids=str,
)
async def test_whatever_is_looked_for_reads_the_newest_messages_alone(
    full: Notify, filters: InboxFilters
) -> None:
    async with full.app.database.reading() as session:
        plan = await plan_of(session, filters, 500, VILLAGE)
    assert "using messages_of_org" in plan
    assert most_read(plan) <= 500


async def test_a_page_of_everything_reads_that_page_alone(full: Notify) -> None:
    async with full.app.database.reading() as session:
        plan = await plan_of(session, InboxFilters(), 500)
    assert "using messages_of_org" in plan
    assert most_read(plan) <= 51


async def test_counting_looks_at_the_newest_messages_alone(full: Notify) -> None:
    async with full.app.database.reading() as session:
        assert await queries.count_unread(session, WANG, 5_000) == {Purpose.DISPATCH: 5_000}
        statement = text(f"EXPLAIN (ANALYZE, TIMING off) SELECT count(*) {queries.unread_of(WANG)}")
        rows = await session.execute(statement, queries.reader_of(WANG) | {"reach": 500})
        plan = "\n".join(row[0] for row in rows)
    assert "using messages_of_org" in plan
    assert most_read(plan) == 500
