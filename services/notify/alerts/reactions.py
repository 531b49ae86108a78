"""What funds, households and inspection publish that is worth an alert, a letter or a bulletin."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.notify.alerts.domain import BULLETIN_PUBLISHED, Alert, Limits, alerts_of
from services.notify.alerts.queries import INCOME_DROP_PCT, PROGRESS_GAP_POINTS, RANKING_ROLES
from services.notify.queues.commands.telling import Happened, enqueue
from shared.clock import civil_date
from shared.configuration import Configuration, configuration_of
from shared.database import Session
from shared.events.base import Event, Received
from shared.events.funds import (
    AllocationIdle,
    ProgressComputed,
    ProjectLate,
    ProjectUnpaid,
    VoucherDue,
    VoucherOverdue,
)
from shared.events.households import (
    HouseholdIncomeAssessed,
    MonitoringClueRaised,
    MonitoringDueSoon,
    MonitoringIdentified,
    MonitoringOverdue,
    MonitoringReviewDue,
    MonitoringRiskCleared,
)
from shared.events.inspection import AbsenceFound, BulletinPublished, RankingPublished
from shared.privacy import without_identifiers

ALERTING_EVENTS: tuple[type[Event], ...] = (
    ProgressComputed,
    VoucherDue,
    VoucherOverdue,
    AllocationIdle,
    ProjectUnpaid,
    ProjectLate,
    HouseholdIncomeAssessed,
    MonitoringClueRaised,
    MonitoringIdentified,
    MonitoringRiskCleared,
    MonitoringDueSoon,
    MonitoringOverdue,
    MonitoringReviewDue,
    AbsenceFound,
    BulletinPublished,
    RankingPublished,
)
_HIDDEN = "***"


async def on_alerting_event(session: Session, received: Sequence[Received[Event]]) -> None:
    """Tell whom the events concern, as far as they are worth it by the limits of their day.

    Each matter is told once, however often its event comes; nothing depends on when this runs.
    """
    configuration = configuration_of(session)
    told: dict[UUID, tuple[Received[Event], Alert]] = {}
    for one in received:
        for alert in _alerts_of(one, configuration):
            told.setdefault(alert.alert_id, (one, alert))
    await enqueue(
        session,
        [
            Happened(
                alert_id,
                one.envelope.type,
                one.envelope.time,
                json.dumps(alert.data, ensure_ascii=False),
            )
            for alert_id, (one, alert) in told.items()
        ],
        [notice for _, alert in told.values() for notice in alert.notices],
    )


def _alerts_of(one: Received[Event], configuration: Configuration) -> list[Alert]:
    envelope = one.envelope
    region, on = one.event.region or "", civil_date(envelope.time)
    limits = Limits(
        income_drop_pct=configuration.value(INCOME_DROP_PCT, region, on),
        progress_gap_points=configuration.value(PROGRESS_GAP_POINTS, region, on),
        ranking_roles=configuration.value(RANKING_ROLES, region, on),
    )
    data = one.event.model_dump(mode="json")
    if envelope.type == BULLETIN_PUBLISHED:
        data = _without_identifiers(data)
    return alerts_of(envelope.type, envelope.id, data, limits)


def _without_identifiers(bulletin: dict[str, Any]) -> dict[str, Any]:
    """A bulletin's data, in which people have typed, without what must not travel (N-12)."""
    return {
        **bulletin,
        "title": without_identifiers(bulletin["title"], _HIDDEN),
        "items": [
            {**item, "matter": without_identifiers(item["matter"], _HIDDEN)}
            for item in bulletin["items"]
        ],
    }
