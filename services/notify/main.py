"""The service notify on one screen."""

from services.notify.mirror.commands import seed_region_mirror
from services.notify.queues import api as queues
from services.notify.queues.commands import DELIVERY_LIMIT, LEASE_SECONDS
from services.notify.queues.waiting import watch_queues
from services.notify.reminders import api as reminders
from services.notify.reminders.commands import REMINDER_TIMER, send_reminders
from services.notify.reminders.queries import ESCALATION_DAYS, REMINDER_DAYS, REMINDER_HOUR
from services.notify.settings import NotifySettings
from services.notify.subscriptions import SUBSCRIPTIONS
from shared.app import Service, create_app
from shared.runtime import Runtime


async def prepare(runtime: Runtime) -> None:
    """Know the regions before the first event comes in."""
    async with runtime.database.transaction() as session:
        await seed_region_mirror(session)


SERVICE = Service(
    name="notify",
    title="通知服务 notify",
    settings=NotifySettings,
    routers=(queues.router, reminders.router),
    subscriptions=SUBSCRIPTIONS,
    timer_kinds=(REMINDER_TIMER,),
    configuration=(LEASE_SECONDS, DELIVERY_LIMIT, REMINDER_DAYS, REMINDER_HOUR, ESCALATION_DAYS),
    jobs={"reminders": send_reminders},
    loops=(watch_queues,),
    prepare=prepare,
)

app = create_app(SERVICE)
