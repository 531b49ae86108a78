"""The service notify on one screen."""

from services.notify.contacts.sealing import know_robots, try_keys
from services.notify.feeds.queries import topics_in_use
from services.notify.keys import keep_keys
from services.notify.mirror.commands import seed_region_mirror
from services.notify.settings import NotifySettings
from services.notify.slices import CHORES, JOBS, LOOPS, ROUTERS, SETTINGS, TIMERS
from services.notify.subscriptions import SUBSCRIPTIONS
from shared.app import Service, create_app
from shared.privacy import load_key_ring
from shared.runtime import Runtime


async def prepare(runtime: Runtime) -> None:
    """Open the key file, and know the regions before the first event comes in."""
    assert isinstance(runtime.settings, NotifySettings)
    ring = load_key_ring(runtime.settings.field_key_file)
    await try_keys(runtime.database, ring)
    await know_robots(runtime.database, ring)
    keep_keys(runtime.database, ring)
    async with runtime.database.transaction() as session:
        await seed_region_mirror(session)


SERVICE = Service(
    name="notify",
    title="通知服务 notify",
    settings=NotifySettings,
    routers=ROUTERS,
    subscriptions=SUBSCRIPTIONS,
    timer_kinds=TIMERS,
    configuration=SETTINGS,
    jobs=JOBS,
    chores=CHORES,
    loops=LOOPS,
    prepare=prepare,
    copies_topics=topics_in_use,
)

app = create_app(SERVICE)
