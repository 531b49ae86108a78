"""The rules of the register, read off the catalogue."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.households.register.codes import Attribute, Health, Relation, Tag
from services.households.register.domain import (
    ArchiveStatus,
    Cohort,
    HouseholdClass,
    birth_date_of,
    check_joining,
    check_leaving,
    check_present_heads,
    class_of,
    cohort_of,
    head_error,
    household_number,
    is_effective,
    is_severe,
    population_on,
    present,
    sex_of,
)
from shared.errors import Invalid
from shared.synthetic import make_resident_id
from shared.validators import Sex, parse_resident_id

S = ArchiveStatus
A = Attribute
SAFETYNET = frozenset({A.DIBAO, A.TEKUN})


@dataclass(frozen=True)
class Person:
    """Somebody's time in a household."""

    effective_from: date = date(1956, 3, 12)
    effective_to: date | None = None


@pytest.mark.parametrize(
    ("status", "attribute", "expected"),
    [
        (S.EXITED, A.GENERAL, HouseholdClass.EXITED),
        (S.EXITED, A.DIBAO, HouseholdClass.EXITED),
        (S.POOR, A.GENERAL, HouseholdClass.POOR_GENERAL),
        (S.POOR, None, HouseholdClass.POOR_GENERAL),
        (S.POOR, A.DIBAO, HouseholdClass.POOR_SAFETYNET),
        (S.POOR, A.TEKUN, HouseholdClass.POOR_SAFETYNET),
        (S.PRE_EXIT, A.GENERAL, HouseholdClass.POOR_GENERAL),
        (S.PRE_EXIT, A.TEKUN, HouseholdClass.POOR_SAFETYNET),
        (S.RETURNED, A.GENERAL, HouseholdClass.POOR_GENERAL),
        (S.ORDINARY, A.DIBAO, None),
        (S.CANDIDATE, None, None),
        (S.CLEANED, None, None),
        (S.CLOSED, None, None),
        (S.AID_ENDED, None, None),
    ],
)
def test_the_class_of_a_household(
    status: S, attribute: A | None, expected: HouseholdClass | None
) -> None:
    assert class_of(status, attribute, SAFETYNET) is expected


def test_which_attributes_make_a_safetynet_household_is_configured() -> None:
    assert class_of(S.POOR, A.DIBAO, {A.TEKUN}) is HouseholdClass.POOR_GENERAL


@pytest.mark.parametrize(
    ("status", "attribute", "tags", "severe", "expected"),
    [
        (S.EXITED, A.DIBAO, [], True, Cohort.EXITED),
        (S.AID_ENDED, None, [], False, Cohort.EXITED),
        (S.PRE_EXIT, A.GENERAL, [], False, Cohort.EXIT_THIS_YEAR),
        (S.POOR, A.GENERAL, [Tag.OUT_DIBAO], True, Cohort.NOT_EXITED),
        (S.RETURNED, A.GENERAL, [], False, Cohort.NOT_EXITED),
        (S.ORDINARY, None, [], False, Cohort.NON_ARCHIVED),
        (S.ORDINARY, A.GENERAL, [], False, Cohort.NON_ARCHIVED),
        (S.ORDINARY, A.DIBAO, [], False, Cohort.NON_ARCHIVED_SPECIAL),
        (S.ORDINARY, A.TEKUN, [], False, Cohort.NON_ARCHIVED_SPECIAL),
        (S.ORDINARY, None, [Tag.OUT_MARGINAL], False, Cohort.NON_ARCHIVED_SPECIAL),
        (S.ORDINARY, None, [Tag.ELDERLY_ONLY], False, Cohort.NON_ARCHIVED),
        (S.CANDIDATE, None, [], True, Cohort.NON_ARCHIVED_SPECIAL),
        (S.CLEANED, None, [], True, Cohort.NON_ARCHIVED_SPECIAL),
        (S.CLOSED, None, [], False, Cohort.NON_ARCHIVED),
    ],
)
def test_the_cohort_of_a_household(
    status: S, attribute: A | None, tags: list[Tag], severe: bool, expected: Cohort
) -> None:
    assert cohort_of(status, attribute, tags, severe=severe) is expected


@pytest.mark.parametrize(
    ("health", "level", "severe"),
    [
        (None, None, False),
        (Health.HEALTHY, None, False),
        (Health.CHRONIC, None, False),
        (Health.SERIOUS, None, True),
        (Health.DISABLED, 1, True),
        (Health.DISABLED, 2, True),
        (Health.DISABLED, 3, False),
        (Health.DISABLED, 4, False),
    ],
)
def test_serious_illness_and_severe_disability_are_severe(
    health: Health | None, level: int | None, severe: bool
) -> None:
    assert is_severe(health, level) is severe


@given(
    st.dates(date(1900, 1, 1), date(2019, 9, 16)),
    st.sampled_from(Sex),
    st.integers(0, 49),
    st.sampled_from(["511132", "620523"]),
)
def test_a_number_says_its_birth_date_and_sex(
    born: date, sex: Sex, ordinal: int, county: str
) -> None:
    number = make_resident_id(county, born, sex, ordinal)
    identity = parse_resident_id(number, date(2019, 9, 16))
    assert (birth_date_of(number), sex_of(number)) == (identity.birth_date, identity.sex)
    assert (birth_date_of(number), sex_of(number)) == (born, sex)


@pytest.mark.parametrize(
    ("relations", "fits"),
    [
        ([Relation.HEAD], True),
        ([Relation.HEAD, Relation.SPOUSE], True),
        ([], False),
        ([Relation.SPOUSE], False),
        ([Relation.HEAD, Relation.HEAD], False),
    ],
)
def test_a_household_has_exactly_one_head(relations: list[Relation], fits: bool) -> None:
    error = head_error(relations)
    assert (error is None) is fits
    assert error is None or (error.field, error.code) == ("members", "HEAD_COUNT")


def test_a_household_that_everybody_left_has_no_head() -> None:
    check_present_heads([])
    with pytest.raises(Invalid):
        check_present_heads([Relation.SPOUSE])


DAYS = st.dates(date(1950, 1, 1), date(2030, 12, 31))


@st.composite
def people(draw: st.DrawFn) -> Person:
    """Somebody who may have left."""
    joined = draw(DAYS)
    stay = draw(st.none() | st.integers(0, 20_000))
    return Person(joined, None if stay is None else joined + timedelta(days=stay))


@given(st.lists(people()), DAYS)
def test_the_population_counts_each_member_by_itself(members: list[Person], day: date) -> None:
    assert population_on(members, day) == sum(population_on([one], day) for one in members)
    assert 0 <= population_on(members, day) <= len(members)


@given(people())
def test_somebody_counts_from_the_day_of_joining_until_before_the_day_of_leaving(
    person: Person,
) -> None:
    eve = person.effective_from - timedelta(days=1)
    assert not is_effective(person, eve)
    if person.effective_to is None:
        assert is_effective(person, person.effective_from)
        assert is_effective(person, date(2100, 1, 1))
        return
    assert not is_effective(person, person.effective_to)
    if person.effective_to > person.effective_from:
        assert is_effective(person, person.effective_to - timedelta(days=1))


@given(st.lists(people()), people(), DAYS)
def test_one_who_joins_adds_one_on_exactly_the_days_of_belonging(
    members: list[Person], newcomer: Person, day: date
) -> None:
    added = population_on([*members, newcomer], day) - population_on(members, day)
    assert added == is_effective(newcomer, day)


@given(st.lists(people(), min_size=1), DAYS)
def test_a_death_takes_one_from_its_day_on_and_leaves_the_past_alone(
    members: list[Person], day: date
) -> None:
    alive = replace(members[0], effective_from=date(1940, 1, 1), effective_to=None)
    dead = replace(alive, effective_to=day)
    rest = members[1:]
    before = day - timedelta(days=1)
    assert population_on([dead, *rest], before) == population_on([alive, *rest], before)
    assert population_on([dead, *rest], day) == population_on([alive, *rest], day) - 1


def test_those_present_have_not_left() -> None:
    here = Person()
    gone = Person(effective_to=date(2019, 1, 1))
    assert present([here, gone]) == [here]


def test_nobody_joins_before_being_born_or_leaves_before_joining() -> None:
    day = date(2019, 9, 1)
    check_joining(day, day)
    check_leaving(day, day)
    for check in (check_joining, check_leaving):
        with pytest.raises(Invalid) as refused:
            check(day, day - timedelta(days=1))
        assert [error.code for error in refused.value.errors] == ["EFFECTIVE_TOO_EARLY"]


@given(st.integers(1, 99_999))
def test_a_household_number_is_never_as_long_as_a_resident_id(running: int) -> None:
    number = household_number("511132201205", running)
    assert len(number) == 17
    assert number.startswith("511132201205")
    assert int(number[12:]) == running
