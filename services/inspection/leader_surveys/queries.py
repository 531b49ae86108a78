"""Reading leaders' surveys: a page of a year, and each leader's count, within a region.

What counts and shows are the surveys of villages of the region asked for.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from services.inspection.leader_surveys.domain import (
    LeaderLevel,
    LeaderYear,
    SurveyNorm,
    Tally,
    judge_year,
)
from services.inspection.leader_surveys.tables import LeaderSurvey, SurveyedVillage
from shared.configuration import Configuration, Setting
from shared.database import ReadSession
from shared.errors import field_error
from shared.regions import prefix_range
from shared.web.pagination import PageRequest


def _check_norm(norm: SurveyNorm) -> None:
    if not all(0 <= norm.required(level) <= 366 for level in LeaderLevel):
        raise field_error(
            "value", "OUT_OF_RANGE", "次数须在0至366之间。", "Each number is from 0 to 366."
        )


SURVEY_NORM = Setting(
    "leader_surveys_per_year", SurveyNorm(), SurveyNorm, rule="I-58", check=_check_norm
)


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """A survey with its villages, in order of their codes."""

    survey: LeaderSurvey
    village_codes: list[str]


async def list_surveys(
    session: ReadSession, region: str, year: int, page: PageRequest
) -> list[SurveyRow]:
    """A page of a year's surveys of a region, by day."""
    village = col(SurveyedVillage.village_code)
    visited = (
        _surveyed(region, year)
        .add_columns(func.array_agg(aggregate_order_by(village, village.asc())).label("codes"))
        .group_by(col(SurveyedVillage.survey_id))
        .subquery()
    )
    columns: list[Any] = [LeaderSurvey, visited.c.codes]
    order: list[Any] = [col(LeaderSurvey.on_day), col(LeaderSurvey.id)]
    statement = select(*columns).join(visited, visited.c.survey_id == order[1])
    rows = await session.execute(page.after(statement, order, date, UUID))
    return [SurveyRow(*row) for row in rows]


async def list_leader_years(
    session: ReadSession, configuration: Configuration, region: str, year: int
) -> list[LeaderYear]:
    """Each leader's year in a region, the highest level first, then by area and name."""
    area = col(LeaderSurvey.area_code)
    leader: list[Any] = [col(LeaderSurvey.leader), col(LeaderSurvey.level), area]
    counts = [func.count(), func.count().filter(col(LeaderSurvey.unannounced))]
    rows = await session.execute(
        select(*leader, *counts)
        .where(col(LeaderSurvey.id).in_(_surveyed(region, year)))
        .group_by(*leader)
        .order_by(func.length(area), area, leader[0])
    )
    last_day = date(year, 12, 31)
    tallies = [
        Tally(name, LeaderLevel(level), area_code, surveys, unannounced)
        for name, level, area_code, surveys, unannounced in rows
    ]
    return [
        judge_year(tally, configuration.value(SURVEY_NORM, tally.area_code, last_day), region)
        for tally in tallies
    ]


def _surveyed(region: str, year: int) -> Select[Any]:
    """The surveys of a year that went to villages of a region."""
    low, high = prefix_range(region)
    village, on = col(SurveyedVillage.village_code), col(SurveyedVillage.on_day)
    return select(col(SurveyedVillage.survey_id)).where(
        village >= low, village < high, on >= date(year, 1, 1), on <= date(year, 12, 31)
    )
