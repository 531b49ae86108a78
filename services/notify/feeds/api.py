"""HTTP for subscriptions: make them, look at them, change, pause and end them."""

from datetime import datetime
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from services.notify.feeds import commands, queries
from services.notify.feeds.domain import (
    PROBLEM_STATES,
    SEVERITIES,
    TIERS,
    Channel,
    Filters,
    FiltersInvalid,
    State,
    SubscriptionLimit,
    SubscriptionMandatory,
    TargetNotChoosable,
    TargetRequired,
    check_filters,
    mandatory_id,
)
from services.notify.feeds.tables import Subscription
from services.notify.settings import NotifySettings
from shared.egress import TargetRefused, TargetUnresolved, vet_target
from shared.errors import DomainError, IllegalMove, NotFound, VersionConflict
from shared.events.base import event_types
from shared.events.copies import is_subscribable
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.fields import OrganisationCode, RegionCode, leaves_out_defaults
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])

_SUBSCRIBERS = (
    Role.DEPT_HANDLER,
    Role.DEPT_HEAD,
    Role.POVERTY_OFFICE,
    Role.LEADING_GROUP,
    Role.TOWNSHIP_REVIEWER,
    Role.TOWNSHIP_PARTY_SECRETARY,
    Role.COUNTY_GOV,
    Role.FINANCE,
    Role.DISCIPLINE,
    Role.PROVINCE_PLATFORM,
)
Subscriber = Annotated[Actor, allows(*_SUBSCRIBERS)]
Watcher = Annotated[Actor, allows(*_SUBSCRIBERS, Role.OPS)]

Codes = Annotated[frozenset[Annotated[str, Field(max_length=64)]], Field(max_length=100)]
Url = Annotated[
    str, Field(max_length=2048, description="推送地址", examples=["https://example.org/bangfu"])
]


def subscribable_events() -> frozenset[str]:
    """The types of the events that subscriptions are told of."""
    return frozenset(filter(is_subscribable, event_types()))


class FiltersBody(BaseModel):
    """Which events a subscription is about; what is left out lets everything through."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: Codes = Field(frozenset(), description="问题类型", examples=[["HOUSING_UNSAFE"]])
    region_prefix: RegionCode | None = Field(
        None, description="区划前缀，须在本单位范围内", examples=["511132201"]
    )
    tiers: Codes = Field(frozenset(), description="难易程度", examples=[list(TIERS)])
    severities: Codes = Field(frozenset(), description="严重程度", examples=[[SEVERITIES[0]]])
    states: Codes = Field(frozenset(), description="事件后的状态", examples=[[PROBLEM_STATES[2]]])
    event_types: Codes = Field(
        frozenset(), description="事件类型", examples=[["inspection.problem.dispatched.v1"]]
    )

    def checked(self, actor: Actor) -> Filters:
        """As plain filters; raises `FiltersInvalid`."""
        filters = Filters(**dict(self))
        check_filters(filters, actor.region, subscribable_events())
        return filters


class CreateSubscription(BaseModel):
    """What to be told of, and how; `target` is a webhook's URL, `org` the caller's own."""

    model_config = ConfigDict(extra="forbid")

    org: OrganisationCode | None = Field(
        None, description="本单位，可不填", examples=["HOUS@511132"]
    )
    channel: Channel = Field(description="送达方式", examples=[Channel.QUEUE])
    filters: FiltersBody = Field(FiltersBody(), description="订阅条件，均不填则全部")
    target: Url | None = None


class ChangeSubscription(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=leaves_out_defaults)

    version: int = Field(ge=1, description="读取时的版本号", examples=[1])
    filters: FiltersBody | None = Field(None, description="新的订阅条件，整体替换")
    target: Url | None = None
    state: Literal[State.ACTIVE, State.PAUSED] | None = Field(None, description="启用或暂停")


# What is asked for, and why its target is refused. That is found out while no connection to the
# database is held, because looking up a name may take seconds; it is said after the repetition of a
# request has had its first answer.
Refusal = DomainError | None


async def _vet_creation(
    body: CreateSubscription, runtime: RunningService, _actor: Subscriber
) -> tuple[CreateSubscription, Refusal]:
    is_webhook = body.channel is Channel.WEBHOOK
    return body, await _refusal_of(body.target if is_webhook else None, runtime)


async def _vet_change(
    body: ChangeSubscription, runtime: RunningService, _actor: Subscriber
) -> tuple[ChangeSubscription, Refusal]:
    return body, await _refusal_of(body.target, runtime)


VettedCreation = Annotated[tuple[CreateSubscription, Refusal], Depends(_vet_creation)]
VettedChange = Annotated[tuple[ChangeSubscription, Refusal], Depends(_vet_change)]


async def _refusal_of(target: str | None, runtime: RunningService) -> Refusal:
    assert isinstance(runtime.settings, NotifySettings)
    if target is None:
        return None
    try:
        await vet_target(target, runtime.settings.webhook_egress)
    except (TargetRefused, TargetUnresolved) as refusal:
        return refusal
    return None


class FiltersView(BaseModel):
    """The filters of a subscription."""

    kinds: list[str] = []
    region_prefix: str | None = None
    tiers: list[str] = []
    severities: list[str] = []
    states: list[str] = []
    event_types: list[str] = []


class SubscriptionView(BaseModel):
    """A subscription. `target` is a webhook's URL (others than its owner see its host alone) or the
    topic; `reason` says why it is suspended; `recorded` is the number of what was kept last for a
    stream or webhook. The `mandatory` one, of the problems one leads, is always there."""

    id: UUID
    org: str
    channel: Channel
    filters: FiltersView
    target: str | None
    state: State
    reason: str | None
    mandatory: bool
    created_at: datetime | None
    changed_at: datetime | None
    recorded: int
    version: int

    @classmethod
    def of(cls, row: Subscription, actor: Actor) -> Self:
        """The view of a row, as `actor` may see it."""
        target = row.target
        if target is not None and row.channel == Channel.WEBHOOK and row.org != actor.organisation:
            target = urlsplit(target).hostname
        return cls.model_validate(
            {
                **row.model_dump(exclude={"target"}),
                "id": row.subscription_id,
                "target": target,
                "mandatory": False,
                "recorded": row.last_position,
                "version": row.event_sequence,
            }
        )

    @classmethod
    def mandatory_of(cls, org: str) -> Self:
        """What every organisation has from the start (N-02)."""
        return cls(
            id=mandatory_id(org),
            org=org,
            channel=Channel.QUEUE,
            filters=FiltersView(),
            target=None,
            state=State.ACTIVE,
            reason=None,
            mandatory=True,
            created_at=None,
            changed_at=None,
            recorded=0,
            version=1,
        )


@router.post(
    "",
    status_code=201,
    responses=refusals(
        NotFound,
        FiltersInvalid,
        TargetRequired,
        TargetNotChoosable,
        TargetRefused,
        TargetUnresolved,
        SubscriptionLimit,
        IdempotencyConflict,
        IdempotencyInProgress,
    ),
)
async def create_subscription(
    vetted: VettedCreation,  # before the session, which holds a connection from then on
    session: WriteSession,
    once: OnceOnly,
    actor: Subscriber,
) -> SubscriptionView:
    """Subscribe one's own organisation (N-02). A webhook is suspended until its test succeeds."""
    body, refusal = vetted
    if body.org not in (None, actor.organisation):
        raise NotFound
    filters = body.filters.checked(actor)
    is_webhook = body.channel is Channel.WEBHOOK
    if is_webhook and body.target is None:
        raise TargetRequired.about("target")
    if not is_webhook and body.target is not None:
        raise TargetNotChoosable.about("target")
    if refusal is not None:
        raise refusal
    made = await commands.subscribe(session, actor, body.channel, filters, body.target)
    return await once.keep(SubscriptionView.of(made, actor))


@router.get("")
async def list_subscriptions(
    session: QuerySession, actor: Watcher, page: PageQuery
) -> Page[SubscriptionView]:
    """The subscriptions of one's own organisation, the mandatory one first; operators see those of
    their region."""
    if actor.has(Role.OPS):
        scope, mandatory = queries.of_region(actor.region), []
    else:
        scope = queries.of_organisation(actor.organisation)
        mandatory = [SubscriptionView.mandatory_of(actor.organisation)]
    rows = await queries.list_subscriptions(session, scope, page)
    views = [SubscriptionView.of(row, actor) for row in rows]
    first = mandatory if page.cursor is None else []
    return page.page(
        [*first, *views], lambda view: view, lambda view: (_FIRST if view.mandatory else view.id,)
    )


@router.get("/{subscription_id}", responses=refusals(NotFound))
async def get_subscription(
    subscription_id: UUID, session: QuerySession, actor: Watcher
) -> SubscriptionView:
    """One subscription."""
    if actor.has(Role.OPS):
        scope = queries.of_region(actor.region)
    elif subscription_id == mandatory_id(actor.organisation):
        return SubscriptionView.mandatory_of(actor.organisation)
    else:
        scope = queries.of_organisation(actor.organisation)
    found = await queries.get_subscription(session, scope, subscription_id)
    return SubscriptionView.of(found, actor)


@router.patch(
    "/{subscription_id}",
    responses=refusals(
        NotFound,
        SubscriptionMandatory,
        VersionConflict,
        IllegalMove,
        FiltersInvalid,
        TargetNotChoosable,
        TargetRefused,
        TargetUnresolved,
    ),
)
async def change_subscription(
    subscription_id: UUID,
    vetted: VettedChange,
    session: WriteSession,
    actor: Subscriber,
) -> SubscriptionView:
    """Change filters or target, pause or go on. A webhook's new target is to be tested again."""
    body, refusal = vetted
    filters = body.filters.checked(actor) if body.filters else None
    if refusal is not None:
        raise refusal
    changed = await commands.change_subscription(
        session,
        actor,
        subscription_id,
        body.version,
        filters=filters,
        target=body.target,
        state=body.state,
    )
    return SubscriptionView.of(changed, actor)


@router.delete(
    "/{subscription_id}",
    status_code=204,
    responses=refusals(NotFound, SubscriptionMandatory, IllegalMove),
)
async def delete_subscription(
    subscription_id: UUID, session: WriteSession, actor: Subscriber
) -> Response:
    """End a subscription: it gets nothing more, and what was kept for it is given up."""
    await commands.unsubscribe(session, actor, subscription_id)
    return Response(status_code=204)


# What precedes the id of every stored subscription.
_FIRST = UUID(int=0)
