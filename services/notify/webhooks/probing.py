"""The test delivery: a signed ping, sent at once, outside of the lane."""

from uuid import UUID

from services.notify.feeds.domain import State
from services.notify.settings import NotifySettings
from services.notify.webhooks.commands import note_test, settle_test
from services.notify.webhooks.domain import TESTED, Verdict, WebhookNotReady, body_of
from services.notify.webhooks.posting import Outcome, post
from services.notify.webhooks.queries import get_own_webhook, policy_of, signatures_of
from shared import clock
from shared.http import guarded_client
from shared.ids import new_id
from shared.runtime import Runtime
from shared.security import Actor


async def send_test(runtime: Runtime, actor: Actor, subscription_id: UUID) -> tuple[Outcome, State]:
    """What came back from a signed ping, and the subscription's state after it.

    No connection to the database is held meanwhile. Raises `NotFound`, `WebhookNotReady` and
    `TooManyTests`.
    """
    settings = runtime.settings
    assert isinstance(settings, NotifySettings)
    async with runtime.database.transaction() as session:
        webhook = await get_own_webhook(session, actor, subscription_id)
        signatures = await signatures_of(session, subscription_id)
        if webhook.target is None or not signatures:
            raise WebhookNotReady
        await note_test(session, subscription_id)
    event_id = new_id()
    body = body_of(TESTED, clock.now(), event_id=event_id)
    headers = signatures.headers(str(event_id), body)
    seconds = policy_of(runtime.configuration, webhook.org).timeout_seconds
    client = guarded_client(settings.webhook_egress, ca_file=settings.webhook_ca_file)
    async with client:
        outcome = await post(client, webhook.target, headers, body, seconds)
    async with runtime.database.transaction() as session:
        succeeded = outcome.verdict is Verdict.DELIVERED
        return outcome, await settle_test(session, actor, webhook, succeeded=succeeded)
