"""The limits that are configured for alerts, and reading what became of a bulletin's messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from services.notify.alerts.domain import bulletin_alert_id
from services.notify.queues.domain.states import State
from shared.configuration import Setting
from shared.database import ReadSession
from shared.errors import NotFound
from shared.security import Actor, Role

_Percent = Annotated[Decimal, Field(ge=0, le=100)]
_Unit = Annotated[str, Field(pattern=r"^[A-Z]{2,12}$")]

INCOME_DROP_PCT = Setting("income_drop_alert_pct", Decimal(30), _Percent, rule="N-14")
PROGRESS_GAP_POINTS = Setting("progress_gap_alert_points", Decimal(20), _Percent, rule="N-13")
RANKING_ROLES: Setting[Mapping[str, str]] = Setting(
    "ranking_roles",
    {
        "POV": Role.POVERTY_OFFICE,
        "LG": Role.LEADING_GROUP,
        "TOWN": Role.TOWNSHIP_PARTY_SECRETARY,
    },
    dict[_Unit, Role],
    rule="N-06",
)

# A lease that has run out counts as what its message is about to become.
_RECEIPTS = text(
    """
    SELECT m.org,
           CASE WHEN m.state <> 'LEASED' OR m.leased_until > :now THEN m.state
                WHEN m.final_delivery THEN 'DEAD' ELSE 'QUEUED' END,
           m.settled_at
      FROM happenings h JOIN messages m USING (event_id)
     WHERE h.event_id = :event_id AND starts_with(h.data->>'region_code', :region)
     ORDER BY m.org COLLATE "C"
    """
)


class Receipt(NamedTuple):
    """What became of the message to an organisation, and when it was last settled."""

    organisation: str
    state: State
    settled_at: datetime | None


async def receipts_of_bulletin(
    session: ReadSession, actor: Actor, bulletin_id: UUID, now: datetime
) -> Sequence[Receipt]:
    """A receipt per organisation told of a bulletin; raises `NotFound` outside the actor's region
    (X-05)."""
    rows = await session.execute(
        _RECEIPTS,
        {"event_id": bulletin_alert_id(bulletin_id), "region": actor.region, "now": now},
    )
    receipts = [Receipt(org, State(state), settled_at) for org, state, settled_at in rows]
    if not receipts:
        raise NotFound
    return receipts
