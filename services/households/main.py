"""The households service on one screen: routes, subscriptions, configured values, preparation."""

from services.households.regions.api import router as regions
from services.households.regions.commands import seed_regions
from services.households.register.api import router as households
from services.households.register.changes import SAFETYNET_ATTRIBUTES
from services.households.register.members_api import router as members
from services.households.register.registration import SECONDARY_CAUSES_MAXIMUM
from services.households.register.sealing import install_seals
from services.households.settings import HouseholdsSettings
from services.households.standards.api import router as standards
from services.households.subscriptions import SUBSCRIPTIONS
from services.households.visits.api import router as visits
from shared.app import Service, create_app
from shared.privacy import load_key_ring
from shared.runtime import Runtime


async def prepare(runtime: Runtime) -> None:
    """Open the key file and fill an empty region table; without a fitting key nothing starts."""
    assert isinstance(runtime.settings, HouseholdsSettings)
    await install_seals(runtime, load_key_ring(runtime.settings.field_key_file))
    await seed_regions(runtime.database)


SERVICE = Service(
    name="households",
    title="Bangfu households 户档案服务",
    settings=HouseholdsSettings,
    routers=[regions, standards, households, members, visits],
    subscriptions=SUBSCRIPTIONS,
    configuration=[SAFETYNET_ATTRIBUTES, SECONDARY_CAUSES_MAXIMUM],
    prepare=prepare,
)
app = create_app(SERVICE)
