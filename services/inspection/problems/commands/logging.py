"""Logging findings: stored with everything that belongs to them in one statement.

The statement takes any number of new problems. One request sends it alone, so that logging costs
one round trip; a batch, a visit and a repeated finding send it inside their transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.inspection.deadlines.domain import ObjectType
from services.inspection.problems.commands.judging import Desk, Draft, draft_problem, gather_facts
from services.inspection.problems.domain.findings import Finding
from services.inspection.problems.tables import PROBLEMS, NewProblem
from shared import clock
from shared.database import Connection, Database
from shared.messaging.outbox import OUTBOX_COLUMNS, OutboxRow
from shared.security import Actor
from shared.telemetry import correlation_id

TIMER_SUBJECT = "problem"
FIRST_OVERDUE = "overdue_1"

_END_OF_DUE_DAY = "(due_on + time '23:59:59') AT TIME ZONE 'Asia/Shanghai'"
_COLUMNS = ", ".join(column.name for column in PROBLEMS.columns)
# A scalar subquery is always answered by the primary key; a join or EXISTS might, by a plan made
# while the mirror was small, read it whole for each problem.
_UNVERIFIED = f"""object_unverified AND NOT coalesce((
    SELECT active FROM household_mirror WHERE household_id =
      CASE WHEN object_type = '{ObjectType.HOUSEHOLD}' THEN object_ref::uuid END), false)"""
_EVENT_COLUMNS = ", ".join(OUTBOX_COLUMNS)


def _verified(document: str) -> str:
    return f"jsonb_set({document}, '{{flags,object_unverified}}', 'false')"


_PAYLOAD = f"CASE WHEN object_unverified THEN payload ELSE {_verified('payload')} END"
_DIMENSIONS = "campaign_id, village_code, kind, lead_dept, cohort, severity, source, object_type"

# A household is looked up in the statement itself: `object_unverified`, assumed in the row and its
# events, is taken back where the mirror knows it. All else depends on the row in `logged`. Nothing
# at all is stored where an open problem of the same subject exists, or the key was used before, or,
# if only news are wanted, where a closed one shows that the defect has come back (I-44). Two
# requests with one key that log different subjects meet at the key's primary key, and the later
# statement fails as a whole.
LOG = f"""
WITH logged AS (
  INSERT INTO problems ({_COLUMNS})
  SELECT {_COLUMNS.replace("object_unverified", _UNVERIFIED)}
  FROM jsonb_populate_recordset(NULL::problems, $1::jsonb)
  AS finding
  WHERE ($6::text IS NULL
         OR NOT EXISTS (SELECT FROM idempotency WHERE scope = $6 AND key = $7::text))
    AND NOT ($11::boolean AND (
         SELECT true FROM problems twin
         WHERE twin.object_type = finding.object_type AND twin.object_ref = finding.object_ref
           AND twin.kind = finding.kind AND twin.county_code = finding.county_code
           AND twin.state = 'CLOSED' LIMIT 1) IS TRUE)
  ON CONFLICT (object_type, object_ref, kind, county_code) WHERE NOT finished DO NOTHING
  RETURNING *
), counted AS (
  INSERT INTO ledger_deltas (on_day, {_DIMENSIONS}, found, reported, closed)
  SELECT found_on, {_DIMENSIONS}, 1, 0, 0 FROM logged WHERE state <> 'SUSPECTED'
  UNION ALL
  SELECT closed_on, {_DIMENSIONS}, 0, 1, 1 FROM logged WHERE state = 'CLOSED'
), armed AS (
  INSERT INTO timer (subject_type, subject_id, kind, due_at, simulated)
  SELECT '{TIMER_SUBJECT}', id, '{FIRST_OVERDUE}', {_END_OF_DUE_DAY}, $5::boolean
  FROM logged WHERE state = 'DISPATCHED' AND due_on IS NOT NULL
), audited AS (
  INSERT INTO audit (at, object_type, object_id, action, person, organisation, change,
                     correlation_id)
  SELECT logged_at, 'problem', id::text, 'LOG', $2::text, $3::text,
         jsonb_build_object('state', jsonb_build_array(NULL, state), 'due_on', due_on),
         $4::text
  FROM logged
), kept AS (
  INSERT INTO idempotency (scope, key, request_sha256, status, body, created_at)
  SELECT $6, $7, $8::bytea, 201,
         CASE WHEN object_unverified THEN $9::jsonb ELSE {_verified("$9::jsonb")} END, logged_at
  FROM logged WHERE $6 IS NOT NULL
), recorded AS (
  INSERT INTO outbox ({_EVENT_COLUMNS})
  SELECT {_EVENT_COLUMNS.replace("payload", _PAYLOAD)}
  FROM jsonb_populate_recordset(NULL::outbox, $10::jsonb) AS event
  JOIN logged ON event.aggregate_id = logged.id::text ORDER BY aggregate_seq
)
SELECT id, object_unverified FROM logged
"""


@dataclass(frozen=True, slots=True)
class KeyHold:
    """An Idempotency-Key with what it is unique within and the digest of its request."""

    scope: str
    key: str
    request_sha256: bytes


async def insert_drafts(
    connection: Connection,
    actor: Actor,
    drafts: Sequence[Draft],
    hold: KeyHold | None = None,
    answer: str | None = None,
    *,
    only_news: bool = False,
) -> set[UUID]:
    """Store the problems of `drafts` that no open problem of the same subject forestalls, with
    their ledger changes, timers, audit rows and events; answers the ids stored.

    With `hold` the answer is kept for the key, and nothing is stored for a key used before; with
    `only_news` neither for a subject that has a closed problem.
    """
    rows = await connection.fetch(
        LOG,
        f"[{','.join(draft.problem.model_dump_json() for draft in drafts)}]",
        actor.person,
        actor.organisation,
        correlation_id(),
        clock.is_simulated(),
        hold and hold.scope,
        hold and hold.key,
        hold and hold.request_sha256,
        answer,
        f"[{','.join(_event_json(event) for draft in drafts for event in draft.events)}]",
        only_news,
    )
    stored = {row["id"]: row["object_unverified"] for row in rows}
    for draft in drafts:
        draft.problem.object_unverified = stored.get(draft.problem.id, True)
    return set(stored)


def _event_json(row: OutboxRow) -> str:
    """An outbox row as JSON; payload and headers are JSON already, the rest needs no escaping."""
    return (
        f'{{"event_id":"{row.event_id}","topic":"{row.topic}","msg_key":"{row.msg_key}",'
        f'"aggregate_type":"{row.aggregate_type}","aggregate_id":"{row.aggregate_id}",'
        f'"aggregate_seq":{row.aggregate_seq},"event_type":"{row.event_type}",'
        f'"schema_version":{row.schema_version},"payload":{row.payload},"headers":{row.headers}}}'
    )


async def log_new_finding(
    database: Database,
    desk: Desk,
    actor: Actor,
    finding: Finding,
    hold: KeyHold | None,
    answer_of: Callable[[NewProblem], str],
) -> str | None:
    """Log a finding that is a new problem, in one statement that commits itself; its answer.

    None when nothing was stored: there is a problem of the same subject, or the key was used
    before. Raises what `draft_problem` raises.
    """
    async with database.statement(records_events=True) as connection:
        facts = await gather_facts(desk, connection, [finding])
        number = await desk.numbers.take(connection, 1)
        draft = draft_problem(desk, actor, finding, facts, number)
        answer = answer_of(draft.problem)
        try:
            stored = await insert_drafts(
                connection, actor, [draft], hold, answer, only_news=finding.closed_on is None
            )
        except (asyncpg.UniqueViolationError, asyncpg.LockNotAvailableError):
            return None  # the key is being used, for another subject or by a longer transaction
    if not stored:
        return None
    return answer if draft.problem.object_unverified else answer_of(draft.problem)
