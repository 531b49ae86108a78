"""The service funds on one screen."""

from services.funds.allocations import api as allocations
from services.funds.mirror.commands import seed_region_mirror
from services.funds.policy_gaps import api as policy_gaps
from services.funds.progress import api as progress
from services.funds.progress.commands import PROGRESS_TARGET, progress_job
from services.funds.settings import FundsSettings
from services.funds.subscriptions import SUBSCRIPTIONS
from shared.app import Service, create_app
from shared.runtime import Runtime


async def prepare(runtime: Runtime) -> None:
    """Know the regions before the first event comes in."""
    async with runtime.database.transaction() as session:
        await seed_region_mirror(session)


SERVICE = Service(
    name="funds",
    title="资金服务 funds",
    settings=FundsSettings,
    routers=(allocations.router, progress.router, policy_gaps.router),
    subscriptions=SUBSCRIPTIONS,
    configuration=(PROGRESS_TARGET,),
    jobs={"progress": progress_job},
    prepare=prepare,
)

app = create_app(SERVICE)
