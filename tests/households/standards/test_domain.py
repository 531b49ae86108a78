"""How a standard is found (H-15)."""

from datetime import date
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.households.standards.domain import (
    DEFAULT,
    KEYS,
    NATIONAL,
    Comparison,
    HouseholdProfile,
    IncomeBasis,
    PeriodInvalid,
    StandardKeys,
    StandardNotFound,
    chain_of,
    check_period,
    resolve,
)

VILLAGE = "511132201205"
CHAIN = ("511132201205", "511132201", "511132", "5111", "51", "CN")


def test_the_chain_walks_village_town_county_city_province_country() -> None:
    assert tuple(chain_of(VILLAGE)) == CHAIN
    assert list(chain_of("51")) == ["51", NATIONAL]
    assert list(chain_of(NATIONAL)) == [NATIONAL]


def test_the_seeds_of_two_provinces() -> None:
    stored = {
        "51": StandardKeys(poverty_line=Decimal(3750), income_basis=IncomeBasis.STABLE),
        "43": StandardKeys(poverty_line=Decimal(4000)),
    }
    assert resolve("511132", 2019, stored).poverty_line == Decimal(3750)
    assert resolve("511132", 2019, stored).income_basis is IncomeBasis.STABLE
    assert resolve("430726", 2020, stored).poverty_line == Decimal(4000)


def test_each_key_is_taken_from_the_nearest_region_that_has_it() -> None:
    stored = {
        "51": StandardKeys(poverty_line=Decimal(3750), exit_compare=Comparison.GT),
        "511132": StandardKeys(
            poverty_line=Decimal(3800), household_profile=HouseholdProfile.SICHUAN
        ),
        "511132201205": StandardKeys(sudden_drop_pct=Decimal(20)),
    }
    standard = resolve(VILLAGE, 2019, stored)
    assert standard.poverty_line == Decimal(3800)
    assert standard.exit_compare is Comparison.GT
    assert standard.sudden_drop_pct == Decimal(20)
    assert standard.resolved_from == {
        "poverty_line": "511132",
        "exit_compare": "51",
        "household_profile": "511132",
        "sudden_drop_pct": "511132201205",
        "income_basis": DEFAULT,
        "rigid_ratio_pct": DEFAULT,
        "period_start": DEFAULT,
        "period_end": DEFAULT,
    }


def test_lines_have_no_default_and_the_rest_has() -> None:
    standard = resolve("511132", 2019, {NATIONAL: StandardKeys()})
    assert (standard.poverty_line, standard.monitor_line, standard.village_profile) == (
        None,
        None,
        None,
    )
    assert standard.income_basis is IncomeBasis.ALL
    assert standard.exit_compare is Comparison.GTE
    assert standard.household_profile is HouseholdProfile.BASE
    assert (standard.sudden_drop_pct, standard.rigid_ratio_pct) == (Decimal(30), Decimal(50))


@given(st.integers(2001, 2100))
def test_the_period_runs_from_october_to_september(year: int) -> None:
    standard = resolve("51", year, {NATIONAL: StandardKeys()})
    assert standard.period_start == date(year - 1, 10, 1)
    assert standard.period_end == date(year, 9, 30)


def test_without_a_row_in_the_chain_there_is_no_standard() -> None:
    with pytest.raises(StandardNotFound) as refused:
        resolve("511132", 2026, {"43": StandardKeys(poverty_line=Decimal(4000))})
    assert refused.value.members == {"region": "511132", "year": 2026}


@given(st.sets(st.sampled_from(CHAIN), min_size=1))
def test_the_nearest_row_wins_whatever_rows_there_are(regions: set[str]) -> None:
    stored = {code: StandardKeys(monitor_line=Decimal(len(code))) for code in regions}
    nearest = next(code for code in CHAIN if code in regions)
    standard = resolve(VILLAGE, 2026, stored)
    assert standard.monitor_line == Decimal(len(nearest))
    assert standard.resolved_from["monitor_line"] == nearest
    assert set(standard.resolved_from) <= set(KEYS)


@pytest.mark.parametrize(("start", "end"), list(product([None, date(2018, 10, 1)], repeat=2)))
def test_a_period_may_be_a_day_or_left_open(start: date | None, end: date | None) -> None:
    check_period(start, end)


def test_a_period_does_not_end_before_it_begins() -> None:
    with pytest.raises(PeriodInvalid):
        check_period(date(2018, 10, 2), date(2018, 10, 1))
