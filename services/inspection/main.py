"""The service inspection on one screen."""

from services.inspection.evidence.desk import open_evidence_desk
from services.inspection.mirror.commands import seed_region_mirror
from services.inspection.problems.commands.overdue import OVERDUE_WATCHDOG
from services.inspection.routing.queries import routing_of
from services.inspection.settings import InspectionSettings
from services.inspection.slices import CHORES, JOBS, ROUTERS, SETTINGS, TIMERS
from services.inspection.subscriptions import SUBSCRIPTIONS
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
    routers=ROUTERS,
    subscriptions=SUBSCRIPTIONS,
    timer_kinds=TIMERS,
    watchdog=OVERDUE_WATCHDOG,
    configuration=SETTINGS,
    jobs=JOBS,
    chores=CHORES,
    prepare=prepare,
)

app = create_app(SERVICE)
