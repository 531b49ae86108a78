"""The service inspection on one screen."""

from services.inspection.campaigns import api as campaigns
from services.inspection.deadlines.queries import SETTINGS as DEADLINE_SETTINGS
from services.inspection.ledger import api as ledger
from services.inspection.ledger.commands import keep_folding
from services.inspection.mirror.commands import seed_region_mirror
from services.inspection.problems.api import lists, logging, moves
from services.inspection.problems.commands.logging import CONFIRM_WORKDAYS
from services.inspection.problems.commands.overdue import (
    ESCALATION_DAYS,
    OVERDUE_TIMERS,
    OVERDUE_WATCHDOG,
    scan_overdue,
)
from services.inspection.routing import api as routing
from services.inspection.routing.queries import keep_routing_fresh, routing_of
from services.inspection.settings import InspectionSettings
from services.inspection.subscriptions import SUBSCRIPTIONS
from shared.app import Service, create_app
from shared.runtime import Runtime


async def prepare(runtime: Runtime) -> None:
    """Know the regions before the first event, and the routing rules before the first problem."""
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
        ledger.router,
        campaigns.router,
        routing.router,
    ),
    subscriptions=SUBSCRIPTIONS,
    timer_kinds=OVERDUE_TIMERS,
    watchdog=OVERDUE_WATCHDOG,
    configuration=(*DEADLINE_SETTINGS, CONFIRM_WORKDAYS, ESCALATION_DAYS),
    jobs={"overdue_scan": scan_overdue},
    loops=(keep_folding, keep_routing_fresh),
    prepare=prepare,
)

app = create_app(SERVICE)
