"""Rates, gaps and ranks of F-19, and which treasury statement stands."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.funds.progress.domain import (
    Correction,
    Figures,
    PaidExceedsAvailable,
    StatementDiffers,
    check_figures,
    next_version,
    rank,
)
from shared.errors import VersionConflict
from shared.money import display, from_fen

SEED = Figures(Decimal("100000000.00"), Decimal("65110000.00"))

fen = st.integers(0, 10**16 - 1)


@st.composite
def figures(draw: st.DrawFn, top: int = 10**16 - 1) -> Figures:
    available = draw(st.integers(0, top))
    return Figures(from_fen(available), from_fen(draw(st.integers(0, available))))


def test_the_progress_of_the_first_week_of_september_is_65_11() -> None:
    assert SEED.progress_pct is not None
    assert SEED.balance_rate_pct is not None
    assert display(SEED.progress_pct) == "65.11"
    assert display(SEED.balance_rate_pct) == "34.89"
    assert SEED.balance == Decimal("34890000.00")


def test_95_per_cent_by_december_is_29_89_points_and_29_890_000_yuan_away() -> None:
    target = Decimal(95)
    assert SEED.gap_points(target) == Decimal("29.89")
    assert SEED.gap_amount(target) == Decimal("29890000.00")


def test_a_target_already_passed_is_a_negative_gap() -> None:
    assert SEED.gap_points(Decimal(60)) == Decimal("-5.11")
    assert SEED.gap_amount(Decimal(60)) == Decimal("-5110000.00")


def test_without_a_target_there_is_no_gap() -> None:
    assert SEED.gap_points(None) is None
    assert SEED.gap_amount(None) is None


def test_where_nothing_was_available_there_is_no_percentage() -> None:
    nothing = Figures(Decimal(0), Decimal(0))
    assert nothing.progress_pct is None
    assert nothing.balance_rate_pct is None
    assert nothing.gap_points(Decimal(95)) is None
    assert nothing.gap_amount(Decimal(95)) == 0


@given(fen, fen)
def test_only_more_paid_than_available_is_refused(available: int, paid: int) -> None:
    one = Figures(from_fen(available), from_fen(paid))
    if paid <= available:
        check_figures(one)
        return
    with pytest.raises(PaidExceedsAvailable) as refused:
        check_figures(one)
    assert [error.field for error in refused.value.errors] == ["paid"]


@given(figures())
def test_a_shown_percentage_is_the_exact_one_rounded_half_up(one: Figures) -> None:
    if one.progress_pct is None:
        return
    exact_hundredths, rest = divmod(int(one.paid * 100) * 10_000, int(one.available * 100))
    half_or_more = 2 * rest >= int(one.available * 100)
    assert display(one.progress_pct) == display(Decimal(exact_hundredths + half_or_more) / 100)


@given(figures(), st.decimals(0, 100, places=2))
def test_paying_the_gap_reaches_the_target_to_the_fen(one: Figures, target: Decimal) -> None:
    gap = one.gap_amount(target)
    assert gap is not None
    assert one.paid + gap == one.available * target / 100
    whole = gap.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert abs(one.paid + whole - one.available * target / 100) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("percentages", "ranks"),
    [
        ([90, 80, 80, 70], [1, 2, 2, 4]),
        ([50, 50, 50], [1, 1, 1]),
        ([10, 20, 30], [3, 2, 1]),
        ([0, 0, 100], [2, 2, 1]),
        ([], []),
    ],
)
def test_equal_progress_shares_a_rank_and_the_next_rank_is_skipped(
    percentages: list[int], ranks: list[int]
) -> None:
    given_figures = {
        str(place): Figures(Decimal(100), Decimal(value)) for place, value in enumerate(percentages)
    }
    assert rank(given_figures) == {str(place): value for place, value in enumerate(ranks)}


def test_equal_shares_of_different_sums_tie_although_their_decimals_never_end() -> None:
    thirds = {"a": Figures(Decimal(3), Decimal(1)), "b": Figures(Decimal(9), Decimal(3))}
    assert rank(thirds) == {"a": 1, "b": 1}


def test_progress_that_differs_beyond_the_shown_digits_is_ranked_apart() -> None:
    close = {
        "a": Figures(Decimal("99999999999999.99"), Decimal("33333333333333.33")),
        "b": Figures(Decimal("99999999999999.98"), Decimal("33333333333333.33")),
    }
    assert rank(close) == {"a": 2, "b": 1}


@given(st.dictionaries(st.integers(0, 50).map(str), figures(top=400), max_size=15))
def test_ranks_agree_with_counting_who_is_ahead(by_region: dict[str, Figures]) -> None:
    def ahead(one: Figures, other: Figures) -> bool:
        return one.paid * other.available > other.paid * one.available

    ranked = {key: one for key, one in by_region.items() if one.available}
    counted = {
        key: 1 + sum(ahead(other, one) for other in ranked.values()) for key, one in ranked.items()
    }
    assert rank(by_region) == counted


OTHER = Figures(Decimal("100000000.00"), Decimal("65120000.00"))


@pytest.mark.parametrize(
    ("standing", "reported", "correction", "version"),
    [
        (None, SEED, None, 1),
        ((1, SEED), SEED, None, 1),
        ((3, SEED), SEED, None, 3),
        ((1, SEED), OTHER, Correction(1, "录入错误"), 2),
        ((2, SEED), OTHER, Correction(2, "录入错误"), 3),
    ],
)
def test_a_report_stands_under_its_version(
    standing: tuple[int, Figures] | None,
    reported: Figures,
    correction: Correction | None,
    version: int,
) -> None:
    assert next_version(standing, reported, correction) == version


def test_other_figures_for_a_day_need_a_correction() -> None:
    with pytest.raises(StatementDiffers) as refused:
        next_version((2, SEED), OTHER, None)
    assert refused.value.members == {"version": 2}


@pytest.mark.parametrize("standing", [None, (2, SEED)])
def test_a_correction_names_the_version_it_replaces(standing: tuple[int, Figures] | None) -> None:
    with pytest.raises(VersionConflict):
        next_version(standing, OTHER, Correction(1, "录入错误"))
