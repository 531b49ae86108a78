"""Recording a leader's survey."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.inspection.leader_surveys.domain import LeaderLevel, area_of, check_day
from services.inspection.leader_surveys.queries import SurveyRow
from services.inspection.leader_surveys.tables import LeaderSurvey, SurveyedVillage
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.ids import new_id
from shared.security import Actor


async def record_survey(
    session: Session,
    actor: Actor,
    *,
    leader: str,
    level: LeaderLevel,
    on: date,
    village_codes: Sequence[str],
    unannounced: bool,
    found_text: str,
    problem_ids: Sequence[UUID],
) -> SurveyRow:
    """Keep a survey. Raises `NotFound` outside the actor's region, `SurveyInFuture`,
    `SurveyOutsideArea`."""
    villages = sorted(set(village_codes))
    for code in villages:
        actor.must_cover(code)
    check_day(on, clock.today())
    survey = LeaderSurvey(
        id=new_id(),
        leader=leader,
        level=level,
        area_code=area_of(level, villages),
        on_day=on,
        unannounced=unannounced,
        found_text=found_text,
        problem_ids=list(problem_ids),
        recorded_by=actor.person,
        recorded_at=clock.now(),
    )
    session.add(survey)
    session.add_all(
        SurveyedVillage(survey_id=survey.id, village_code=code, on_day=on) for code in villages
    )
    await record_audit(
        session, actor, "RECORD", "leader_survey", survey.id, change={"level": level, "on": on}
    )
    return SurveyRow(survey, villages)
