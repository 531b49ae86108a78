"""Reading subscriptions: within a caller's scope, and those in force when something happened."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select

from services.notify.feeds.domain import Channel, Fact, Filters, State
from services.notify.feeds.tables import SUBSCRIPTIONS, Subscription
from services.notify.tables import of_organisations_in
from shared.database import Connection, ReadSession
from shared.errors import NotFound
from shared.events.copies import topic_of
from shared.regions import region_of
from shared.web.pagination import PageRequest

# Of each subscription of the regions: every version that was in force at some instant of the span.
# A later one that holds since before the span leaves nothing to it.
_IN_FORCE = """
SELECT s.subscription_id, s.org, s.channel, v.valid_from, v.state, v.filters::text
  FROM subscriptions s JOIN subscription_versions v USING (subscription_id)
 WHERE split_part(s.org, '@', 2) = ANY($1) AND (s.state <> 'DELETED' OR s.changed_at > $2)
   AND v.valid_from <= $3
   AND NOT EXISTS (SELECT FROM subscription_versions n
                    WHERE n.subscription_id = v.subscription_id AND n.version > v.version
                      AND n.valid_from <= $2)
 ORDER BY s.subscription_id, v.version DESC
"""
_TOPICS = "SELECT DISTINCT org FROM subscriptions WHERE channel = 'KAFKA'"


@dataclass(frozen=True, slots=True)
class Version:
    """What a subscription was from `valid_from` on."""

    valid_from: datetime
    state: State
    filters: Filters


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription as an event meets it: its versions, the latest first."""

    subscription_id: UUID
    organisation: str
    channel: Channel
    versions: Sequence[Version]

    def at(self, instant: datetime) -> Version | None:
        """The version in force at an instant, None before the first."""
        return next((one for one in self.versions if one.valid_from <= instant), None)


async def standing_subscriptions(
    connection: Connection, facts: Sequence[Fact]
) -> Mapping[str, Sequence[Standing]]:
    """The subscriptions that events may concern, by the region of their organisation."""
    times = [fact.at for fact in facts]
    regions = list(set().union(*(fact.regions for fact in facts)))
    rows = await connection.fetch(_IN_FORCE, regions, min(times), max(times))
    versions: dict[tuple[UUID, str, str], list[Version]] = {}
    for row in rows:
        version = Version(
            row["valid_from"], State(row["state"]), Filters.from_json(json.loads(row["filters"]))
        )
        versions.setdefault((row["subscription_id"], row["org"], row["channel"]), []).append(
            version
        )
    found: dict[str, list[Standing]] = {}
    for (subscription_id, org, channel), known in versions.items():
        standing = Standing(subscription_id, org, Channel(channel), known)
        found.setdefault(region_of(org), []).append(standing)
    return found


async def topics_in_use(connection: Connection) -> set[str]:
    """The topics of the organisations that ever had one."""
    return {topic_of(row["org"]) for row in await connection.fetch(_TOPICS)}


def of_organisation(org: str) -> ColumnElement[bool]:
    """The scope of an organisation: its own subscriptions."""
    return col(Subscription.org) == org


def of_region(region: str) -> ColumnElement[bool]:
    """The scope of an operator: the subscriptions of the region's organisations."""
    return of_organisations_in(col(Subscription.org), region)


async def list_subscriptions(
    session: ReadSession, scope: ColumnElement[bool], page: PageRequest
) -> Sequence[Subscription]:
    """A page of the live subscriptions within the scope, oldest first."""
    live = select(Subscription).where(scope, col(Subscription.state) != State.DELETED)
    statement = page.after(live, [SUBSCRIPTIONS.c.subscription_id], UUID)
    return (await session.scalars(statement)).all()


async def get_subscription(
    session: ReadSession,
    scope: ColumnElement[bool],
    subscription_id: UUID,
    *,
    for_update: bool = False,
) -> Subscription:
    """A subscription within the scope, also a deleted one, locked if asked for; raises
    `NotFound`."""
    statement = select(Subscription).where(
        scope, col(Subscription.subscription_id) == subscription_id
    )
    if for_update:
        statement = statement.with_for_update()
    found: Subscription | None = await session.scalar(statement)
    if found is None:
        raise NotFound
    return found


async def count_live(session: ReadSession, org: str) -> int:
    """How many subscriptions an organisation has that are not deleted."""
    counted = await session.scalars(
        select(func.count()).where(of_organisation(org), col(Subscription.state) != State.DELETED)
    )
    return counted.one()
