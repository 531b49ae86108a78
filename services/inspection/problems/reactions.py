"""What visits and household snapshots mean for problems."""

from collections.abc import Sequence

from services.inspection.deadlines.domain import ObjectType, Tier, known_cohort
from services.inspection.mirror import reactions as mirror
from services.inspection.problems.commands.judging import open_desk
from services.inspection.problems.commands.merging import log_findings
from services.inspection.problems.commands.verification import verify_objects
from services.inspection.problems.domain.findings import Finder, Finding, Source
from shared.database import Session
from shared.errors import DomainError
from shared.events.base import Received
from shared.events.households import HouseholdSnapshot, RegionStored, VisitRecorded
from shared.security import system_actor


async def on_regions_stored(session: Session, received: Sequence[Received[RegionStored]]) -> None:
    """Mirror regions; problems of places that were not known are verified."""
    await mirror.on_regions_stored(session, received)
    await verify_objects(session, [item.event.code for item in received])


async def on_household_snapshots(
    session: Session, received: Sequence[Received[HouseholdSnapshot]]
) -> None:
    """Mirror households; problems of households that were not known are verified (I-01)."""
    await mirror.on_household_snapshots(session, received)
    active = [str(item.event.household_id) for item in received if item.event.active]
    await verify_objects(session, active)


async def on_visits_recorded(session: Session, received: Sequence[Received[VisitRecorded]]) -> None:
    """Log a problem for each look answered NO (H-45), due by the policy for GENERAL
    (30 days ⚙ after the visit). One that is refused raises, so that the event is set aside."""
    findings = [finding for item in received for finding in _findings(item.event)]
    if not findings:
        return
    desk = await open_desk(session)
    for county in sorted({finding.village_code[:6] for finding in findings}):
        own = [finding for finding in findings if finding.village_code.startswith(county)]
        for outcome in await log_findings(desk, session, system_actor("inspection", county), own):
            if isinstance(outcome, DomainError):
                raise outcome


def _findings(visit: VisitRecorded) -> list[Finding]:
    finder = Finder(visit.visitor, visit.visitor_organisation)
    return [
        Finding(
            source=Source.VISIT,
            finder=finder,
            found_on=visit.visited_on,
            kind=failed.kind,
            tier=Tier.GENERAL,
            cohort=known_cohort(visit.cohort),
            object_type=ObjectType.HOUSEHOLD,
            object_ref=str(visit.household_id),
            village_code=visit.village_code,
            description=f"入户走访“九看”第{failed.look}项未达标",
        )
        for failed in visit.failed
    ]
