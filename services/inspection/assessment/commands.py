"""Drawing up an assessment sheet and entering its scores."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from services.inspection.assessment.domain import Item, check_items, check_scores
from services.inspection.assessment.queries import (
    ITEMS,
    KEY_INDICATORS,
    PASS_PCT,
    get_sheet_for_update,
    items_of,
)
from services.inspection.assessment.tables import AssessmentSheet
from shared import clock
from shared.audit import record_audit
from shared.configuration import Configuration
from shared.database import Session
from shared.ids import new_id
from shared.security import Actor


async def create_sheet(
    session: Session,
    configuration: Configuration,
    actor: Actor,
    *,
    region_code: str,
    year: int,
    name: str,
    items: Sequence[Item],
) -> AssessmentSheet:
    """Draw up a sheet. Raises `NotFound` outside the actor's region, `ItemDuplicate`."""
    actor.must_cover(region_code)
    check_items(items)
    today = clock.today()
    key_indicators = configuration.value(KEY_INDICATORS, region_code, today)
    sheet = AssessmentSheet(
        id=new_id(),
        region_code=region_code,
        year=year,
        name=name,
        items=ITEMS.dump_python(tuple(items), mode="json"),
        key_indicators=list(key_indicators),
        pass_pct=configuration.value(PASS_PCT, region_code, today),
        created_by=actor.person,
        created_at=clock.now(),
    )
    session.add(sheet)
    await record_audit(session, actor, "CREATE", "assessment_sheet", sheet.id)
    return sheet


async def set_scores(
    session: Session, actor: Actor, sheet_id: UUID, scores: Mapping[str, Decimal | None]
) -> AssessmentSheet:
    """Enter scores by item; None takes one back, an item not named keeps its score. Raises
    `NotFound`, `ItemUnknown`."""
    sheet = await get_sheet_for_update(session, actor, sheet_id)
    check_scores(items_of(sheet), scores)
    entered = {item: None if score is None else str(score) for item, score in scores.items()}
    change = {item: [sheet.scores.get(item), score] for item, score in entered.items()}
    kept = {**sheet.scores, **entered}
    sheet.scores = {item: score for item, score in kept.items() if score is not None}
    await record_audit(session, actor, "SCORE", "assessment_sheet", sheet_id, change=change)
    return sheet
