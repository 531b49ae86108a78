"""Logging findings: judged in memory, stored with everything that belongs to them in one statement.

The statement takes any number of new problems. One request sends it alone, so that logging costs
one round trip; a batch, a visit and a repeated finding send it inside their transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import asyncpg

from services.inspection.campaigns.domain import (
    CampaignClosed,
    CampaignTerms,
    CampaignUnknown,
    OutsideCampaign,
)
from services.inspection.campaigns.queries import CampaignTermsCache, concerns
from services.inspection.deadlines.domain import Classes, ObjectType, known_cohort
from services.inspection.deadlines.queries import SETTINGS, deadline_in_force
from services.inspection.evidence.domain import check_hashes
from services.inspection.evidence.queries import find_hashes
from services.inspection.mirror.queries import KnownRegions, find_cohorts
from services.inspection.problems.commands.events import prepare_next
from services.inspection.problems.domain.findings import (
    Finding,
    RegionUnknown,
    check_finding,
    confirm_by,
    is_accountable,
    is_region,
    refused,
)
from services.inspection.problems.domain.states import Action
from services.inspection.problems.tables import PROBLEMS, NewProblem
from services.inspection.routing.queries import RoutingTable, routing_of
from shared import clock
from shared.configuration import Configuration, Setting
from shared.database import Connection, Database
from shared.events.inspection import ProblemClosed, ProblemDispatched, ProblemLogged
from shared.ids import new_id
from shared.messaging.outbox import OUTBOX_COLUMNS, OutboxRow
from shared.regions import is_within
from shared.runtime import Runtime
from shared.security import Actor
from shared.telemetry import correlation_id
from shared.workdays import official_calendar

CONFIRM_WORKDAYS = Setting("suspected_confirm_workdays", 3, int, rule="I-03")

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
           AND twin.kind = finding.kind AND twin.state = 'CLOSED' LIMIT 1) IS TRUE)
  ON CONFLICT (object_type, object_ref, kind) WHERE NOT finished DO NOTHING
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


class ProblemNumbers:
    """Running numbers in blocks drawn from a sequence; a restart leaves a gap, never a repeat."""

    BLOCK = 1000

    def __init__(self) -> None:
        self._next = self._end = 0

    async def take(self, connection: Connection, count: int) -> int:
        """The first of `count` (at most a block) consecutive numbers."""
        if self._end - self._next < count:
            block: int = await connection.fetchval("SELECT nextval('problem_number_blocks')")
            self._next, self._end = block * self.BLOCK, (block + 1) * self.BLOCK
        first = self._next
        self._next += count
        return first


@dataclass(frozen=True, slots=True)
class Desk:
    """What logging consults in memory: configured values, routing, regions and campaigns known to
    exist, and running numbers."""

    configuration: Configuration
    routing: RoutingTable
    regions: KnownRegions = field(default_factory=KnownRegions)
    campaigns: CampaignTermsCache = field(default_factory=CampaignTermsCache)
    numbers: ProblemNumbers = field(default_factory=ProblemNumbers)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the places, campaigns, households and evidence of some findings."""

    regions: frozenset[str]
    campaigns: Mapping[UUID, CampaignTerms]
    cohorts: Mapping[str, str]
    stored_files: Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """A judged finding: the problem it would become, and its events."""

    finding: Finding
    problem: NewProblem
    events: Sequence[OutboxRow]


def desk_of(runtime: Runtime) -> Desk:
    """The desk of a running service, kept as long as it runs."""
    desk: Desk | None = runtime.extras.get("desk")
    if desk is None:
        desk = runtime.extras["desk"] = Desk(runtime.configuration, routing_of(runtime))
    return desk


async def open_desk(database: Database) -> Desk:
    """A desk with what is stored now, for a reaction, which knows no running service."""
    desk = Desk(Configuration((*SETTINGS, CONFIRM_WORKDAYS)), RoutingTable())
    await desk.configuration.load(database)
    await desk.routing.load(database)
    return desk


async def gather_facts(desk: Desk, connection: Connection, findings: Sequence[Finding]) -> Facts:
    """Look up what judging `findings` needs; what this process remembers costs no round trip."""
    places = {code for finding in findings for code in _places(finding)}
    campaign_ids = {f.campaign_id for f in findings if f.campaign_id is not None}
    households = {
        UUID(finding.object_ref)
        for finding in findings
        if finding.object_type is ObjectType.HOUSEHOLD and finding.cohort is None
    }
    cohorts = await find_cohorts(connection, households)
    return Facts(
        regions=await desk.regions.find(connection, places),
        campaigns=await desk.campaigns.find(connection, campaign_ids),
        cohorts={str(household): cohort for household, cohort in cohorts.items()},
        stored_files=await find_hashes(
            connection, (item for finding in findings for item in finding.evidence)
        ),
    )


def _places(finding: Finding) -> tuple[str, ...]:
    county = finding.village_code[:6]
    return (county, finding.object_ref) if is_region(finding.object_type) else (county,)


def draft_problem(desk: Desk, actor: Actor, finding: Finding, facts: Facts, number: int) -> Draft:
    """Judge a finding: scope, place, campaign, route, deadline. Raises what refuses it."""
    now = clock.now()
    today = clock.civil_date(now)
    check_finding(finding, today)
    check_hashes(finding.evidence, facts.stored_files, "evidence")
    actor.must_cover(finding.village_code)
    if finding.village_code[:6] not in facts.regions:
        raise refused(RegionUnknown, "village_code")
    terms = _campaign_of(actor, finding, facts)
    cohort = finding.cohort or known_cohort(facts.cohorts.get(finding.object_ref))
    route = desk.routing.route(finding.kind, finding.village_code, today)
    deadline = deadline_in_force(
        desk.configuration,
        None if terms is None else terms.policy,
        Classes(finding.tier, finding.scope, cohort, finding.severity, finding.object_type),
        region=finding.village_code,
        found_on=finding.found_on,
        requested=finding.requested_due_on,
    )
    problem = NewProblem(
        id=new_id(),
        problem_no=f"{finding.village_code[:6]}-{today.year}-{number:07d}",
        campaign_id=finding.campaign_id,
        kind=finding.kind,
        tier=finding.tier,
        scope=finding.scope,
        severity=finding.severity,
        cohort=cohort,
        object_type=finding.object_type,
        object_ref=finding.object_ref,
        county_code=finding.village_code[:6],
        village_code=finding.village_code,
        lead_dept=route.department,
        co_depts=[],
        source=finding.source,
        found_on=finding.found_on,
        sources=[finding.source_record(now)],
        due_on=deadline.due_on,
        due_rules=list(deadline.rules),
        due_history=[],
        extended=False,
        state="",
        state_since=now,
        finished=False,
        confirm_by=_confirm_by(desk, finding),
        closed_on=finding.closed_on,
        overdue_level=0,
        false_rectification=False,
        late_found=deadline.late_found,
        object_unverified=not _is_known_place(finding, facts),
        unrouted=route.unrouted,
        no_policy=False,
        accountable=_is_accountable(finding, terms),
        recurrence=0,
        recurs=None,
        executing_org=None,
        responsible_person=None,
        plan_deadline=None,
        attempt=0,
        progress_pct=None,
        progressed_on=None,
        logged_at=now,
        logged_by=actor.person,
        version=0,
        event_sequence=0,
    )
    return Draft(finding, problem, _first_moves(problem, finding))


def _campaign_of(actor: Actor, finding: Finding, facts: Facts) -> CampaignTerms | None:
    if finding.campaign_id is None:
        return None
    terms = facts.campaigns.get(finding.campaign_id)
    if terms is None or not concerns(actor, terms.region_code):
        raise refused(CampaignUnknown, "campaign_id")
    if not is_within(finding.village_code, terms.region_code):
        raise refused(OutsideCampaign, "village_code")
    if terms.closed and finding.closed_on is None:
        raise CampaignClosed
    return terms


def _is_accountable(finding: Finding, terms: CampaignTerms | None) -> bool:
    until = None if terms is None else terms.self_check_until
    return is_accountable(finding.source, finding.found_on, until)


def _is_known_place(finding: Finding, facts: Facts) -> bool:
    return is_region(finding.object_type) and finding.object_ref in facts.regions


def _confirm_by(desk: Desk, finding: Finding) -> date | None:
    if not finding.suspected:
        return None
    workdays = desk.configuration.value(CONFIRM_WORKDAYS, finding.village_code, finding.found_on)
    return confirm_by(finding.found_on, workdays, official_calendar())


def _first_moves(problem: NewProblem, finding: Finding) -> list[OutboxRow]:
    """Move a new problem to where logging leaves it; answers the events of the way."""
    now = problem.state_since
    problem.move(Action.SUSPECT if finding.suspected else Action.LOG, now)
    events = [
        prepare_next(ProblemLogged, problem, found_on=finding.found_on, source=finding.source)
    ]
    if finding.closed_on is not None:
        problem.move(Action.IMPORT_CLOSED, now)
        events.append(prepare_next(ProblemClosed, problem, closed_on=finding.closed_on))
    elif not finding.suspected:
        problem.move(Action.DISPATCH, now)
        events.append(prepare_next(ProblemDispatched, problem))
    return events


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
