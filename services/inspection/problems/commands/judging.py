"""Judging findings in memory: scope, place, campaign, route, deadline; what each would become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.inspection.campaigns.domain import (
    CampaignClosed,
    CampaignTerms,
    CampaignUnknown,
    OutsideCampaign,
    check_stage,
    reaches,
)
from services.inspection.campaigns.queries import CampaignTermsCache
from services.inspection.deadlines.domain import Classes, ObjectType, known_cohort
from services.inspection.deadlines.queries import deadline_in_force
from services.inspection.evidence.domain import check_hashes
from services.inspection.evidence.queries import find_hashes
from services.inspection.fields import TermDays
from services.inspection.mirror.queries import KnownRegions, find_cohorts
from services.inspection.problems.commands.events import prepare_next
from services.inspection.problems.domain.findings import (
    Finding,
    RegionUnknown,
    check_finding,
    confirm_by,
    is_accountable,
    is_region,
)
from services.inspection.problems.domain.states import Action
from services.inspection.problems.tables import NewProblem
from services.inspection.routing.queries import RoutingTable, routing_of
from services.inspection.scope import concerns
from shared import clock
from shared.configuration import Configuration, Setting, configuration_of
from shared.database import Connection, Session
from shared.errors import NotFound
from shared.events.inspection import ProblemClosed, ProblemDispatched, ProblemLogged
from shared.ids import new_id
from shared.messaging.outbox import OutboxRow
from shared.regions import is_within
from shared.runtime import Runtime
from shared.security import Actor
from shared.workdays import official_calendar

CONFIRM_WORKDAYS = Setting("suspected_confirm_workdays", 3, TermDays, rule="I-03")


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


async def open_desk(session: Session) -> Desk:
    """A desk for a reaction, which knows no running service."""
    desk = Desk(configuration_of(session), RoutingTable())
    await desk.routing.load(session.info["database"])
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
    terms = facts.campaigns.get(finding.campaign_id) if finding.campaign_id else None
    if not _may_report(actor, terms, finding.village_code):
        raise NotFound
    if finding.village_code[:6] not in facts.regions:
        raise RegionUnknown.about("village_code")
    _check_campaign(actor, finding, terms)
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


def _may_report(actor: Actor, terms: CampaignTerms | None, place: str) -> bool:
    """Within the own region; a campaign's cross-check reaches further (I-50)."""
    return actor.covers(place) or (
        terms is not None and reaches(terms, actor.unit, actor.region, place)
    )


def _check_campaign(actor: Actor, finding: Finding, terms: CampaignTerms | None) -> None:
    if finding.campaign_id is None:
        return
    if terms is None or not concerns(actor, terms.region_code):
        raise CampaignUnknown.about("campaign_id")
    if not is_within(finding.village_code, terms.region_code):
        raise OutsideCampaign.about("village_code")
    if terms.closed and finding.closed_on is None:
        raise CampaignClosed
    check_stage(terms, actor.unit, actor.roles, actor.region, finding.village_code)


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
        prepare_next(
            ProblemLogged,
            problem,
            found_on=finding.found_on,
            source=finding.source,
            confirm_by=problem.confirm_by,
        )
    ]
    if finding.closed_on is not None:
        problem.move(Action.IMPORT_CLOSED, now)
        events.append(prepare_next(ProblemClosed, problem, closed_on=finding.closed_on))
    elif not finding.suspected:
        problem.move(Action.DISPATCH, now)
        events.append(prepare_next(ProblemDispatched, problem))
    return events
