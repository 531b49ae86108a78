"""The service inspection on one screen."""

from services.inspection.accountability import api as accountability
from services.inspection.analysis import api as analysis
from services.inspection.assessment import api as assessment
from services.inspection.campaigns import api as campaigns
from services.inspection.closing import api as closing
from services.inspection.closing.commands.levels import CLOSE_LEVELS
from services.inspection.closing.commands.spot_checks import SPOT_CHECK_SHARE
from services.inspection.deadlines.queries import SETTINGS as DEADLINE_SETTINGS
from services.inspection.disputes import api as disputes
from services.inspection.disputes.commands import DISPUTE_WORKDAYS
from services.inspection.evidence import api as evidence
from services.inspection.evidence.desk import open_evidence_desk
from services.inspection.feedback import api as feedback
from services.inspection.inspections import api as inspections
from services.inspection.leader_surveys import api as leader_surveys
from services.inspection.ledger import api as ledger
from services.inspection.ledger.commands import keep_folding
from services.inspection.listing import api as listing
from services.inspection.mirror.commands import seed_region_mirror
from services.inspection.problems.api import batches, lists, logging, moves
from services.inspection.problems.commands.logging import CONFIRM_WORKDAYS
from services.inspection.problems.commands.overdue import (
    ESCALATION_DAYS,
    OVERDUE_TIMERS,
    OVERDUE_WATCHDOG,
    scan_overdue,
)
from services.inspection.responsibility import api as responsibility
from services.inspection.rhythm import api as rhythm
from services.inspection.routing import api as routing
from services.inspection.routing.queries import keep_routing_fresh, routing_of
from services.inspection.settings import InspectionSettings
from services.inspection.stages import api as stages
from services.inspection.subscriptions import SUBSCRIPTIONS
from services.inspection.task_calendar import api as task_calendar
from services.inspection.work import api as work
from services.inspection.work.commands.stalls import STALLED_TIMER, scan_stalled
from services.inspection.work.settings import SETTINGS as WORK_SETTINGS
from shared.app import Service, create_app
from shared.runtime import Runtime


async def prepare(runtime: Runtime) -> None:
    """Know the regions before the first event, and the routing rules before the first problem."""
    open_evidence_desk(runtime)
    async with runtime.database.transaction() as session:
        await seed_region_mirror(session)
    await routing_of(runtime).load(runtime.database)


SERVICE = Service(
    name="inspection",
    title="督查整改服务 inspection",
    settings=InspectionSettings,
    routers=(
        logging.single,  # the most frequent call is looked for first
        logging.router,
        lists.router,
        moves.router,
        batches.router,
        disputes.router,
        *work.ROUTERS,
        closing.router,
        accountability.router,
        ledger.router,
        *analysis.ROUTERS,
        campaigns.router,
        stages.router,
        evidence.router,
        routing.router,
        *(responsibility.router, rhythm.router, inspections.router, leader_surveys.router),
        *(task_calendar.router, assessment.router),
        *(feedback.router, listing.router),
    ),
    subscriptions=SUBSCRIPTIONS,
    timer_kinds=(*OVERDUE_TIMERS, STALLED_TIMER),
    watchdog=OVERDUE_WATCHDOG,
    configuration=(
        *DEADLINE_SETTINGS,
        *analysis.SETTINGS,
        *evidence.SETTINGS,
        *WORK_SETTINGS,
        *stages.SETTINGS,
        *listing.SETTINGS,
        *(*rhythm.SETTINGS, *inspections.SETTINGS, *leader_surveys.SETTINGS, *assessment.SETTINGS),
        CONFIRM_WORKDAYS,
        ESCALATION_DAYS,
        DISPUTE_WORKDAYS,
        CLOSE_LEVELS,
        SPOT_CHECK_SHARE,
    ),
    jobs={"overdue_scan": scan_overdue, "stalled_scan": scan_stalled},
    loops=(keep_folding, keep_routing_fresh),
    prepare=prepare,
)

app = create_app(SERVICE)
