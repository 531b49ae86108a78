"""A leader's year of surveys against what the level asks for (I-58)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.leader_surveys.domain import (
    LeaderLevel,
    SurveyNorm,
    SurveyOutsideArea,
    Tally,
    area_of,
    judge_year,
)

PROVINCE, CITY, COUNTY = LeaderLevel.PROVINCE, LeaderLevel.CITY, LeaderLevel.COUNTY


@pytest.mark.parametrize(("level", "required"), [(PROVINCE, 2), (CITY, 3), (COUNTY, 4)])
def test_each_level_has_its_number(level: LeaderLevel, required: int) -> None:
    for surveys in range(6):
        year = judge_year(Tally("王", level, "51", surveys, surveys), SurveyNorm(), "51")
        assert (year.required, year.met) == (required, surveys >= required)


def test_of_a_county_s_leader_only_unannounced_surveys_count() -> None:
    year = judge_year(Tally("王", COUNTY, "511132", 9, 3), SurveyNorm(), "51")
    assert (year.surveys, year.count, year.met) == (9, 3, False)
    for level in (PROVINCE, CITY):
        assert judge_year(Tally("王", level, "51", 9, 0), SurveyNorm(), "51").count == 9


@given(st.sampled_from(LeaderLevel), st.integers(0, 9), st.integers(0, 9))
def test_another_survey_never_undoes_a_year_that_is_met(
    level: LeaderLevel, announced: int, unannounced: int
) -> None:
    def met(more: int) -> bool:
        tally = Tally("王", level, "51", announced + unannounced + more, unannounced + more)
        return judge_year(tally, SurveyNorm(), "51").met is True

    assert met(1) >= met(0)


def test_surveys_elsewhere_may_still_meet_the_number_of_a_leader_above() -> None:
    tally = Tally("王", CITY, "5111", 2, 0)
    seen = [judge_year(tally, SurveyNorm(), region).met for region in ("51", "5111", "511132")]
    assert seen == [False, False, None]
    assert judge_year(Tally("王", CITY, "5111", 3, 0), SurveyNorm(), "511132").met is True


def test_the_villages_of_a_survey_lie_where_its_leader_serves() -> None:
    neighbours = ["511132201205", "511133201205"]
    assert area_of(PROVINCE, neighbours) == "51"
    assert area_of(CITY, neighbours) == "5111"
    assert area_of(COUNTY, neighbours[:1]) == "511132"
    with pytest.raises(SurveyOutsideArea):
        area_of(COUNTY, neighbours)
    with pytest.raises(SurveyOutsideArea):
        area_of(PROVINCE, ["511132201205", "430703001001"])
