"""Spending progress: rates, the gap to a target, ranks, and which treasury statement stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.errors import Conflict, FieldError, Invalid, NotFound, VersionConflict
from shared.money import percent


class Basis(StrEnum):
    """Whose figures: our own entries, or what the treasury reports."""

    LEDGER = "LEDGER"
    TREASURY = "TREASURY"


class PaidExceedsAvailable(Invalid):
    """More was paid than was available."""

    code = "PAID_EXCEEDS_AVAILABLE"
    zh = "已支出金额不得大于可用金额。"
    en = "The amount paid must not exceed the amount available."


class StatementDiffers(Conflict):
    """There is a statement of this day with other figures.

    Members: `version`, the one a correction must name.
    """

    code = "STATEMENT_DIFFERS"
    zh = "该日报表已按不同数字登记；如需更正，请附原因和版本 {version}。"
    en = (
        "This day's statement has other figures; a correction names version {version} and a reason."
    )


class StatementMissing(NotFound):
    """There is no treasury statement up to this day."""

    code = "STATEMENT_MISSING"
    zh = "截至该日没有国库报表。"
    en = "There is no treasury statement up to this day."


@dataclass(frozen=True, slots=True)
class Figures:
    """Yuan available and yuan paid, of one region and budget year."""

    available: Decimal
    paid: Decimal

    @property
    def progress_pct(self) -> Decimal | None:
        """Paid in per cent of available, unrounded; None when nothing was available (F-19)."""
        return percent(self.paid, self.available)

    @property
    def balance(self) -> Decimal:
        """What is not yet paid."""
        return self.available - self.paid

    @property
    def balance_rate_pct(self) -> Decimal | None:
        """The balance in per cent of available, unrounded; None when nothing was available."""
        return percent(self.balance, self.available)

    def gap_amount(self, target_pct: Decimal | None) -> Decimal | None:
        """Yuan still to be paid to reach the target; negative when it is exceeded."""
        return None if target_pct is None else self.available * target_pct / 100 - self.paid

    def gap_points(self, target_pct: Decimal | None) -> Decimal | None:
        """Percentage points still missing to the target; negative when it is exceeded."""
        progress = self.progress_pct
        return None if target_pct is None or progress is None else target_pct - progress


def check_figures(figures: Figures) -> None:
    """Raise `PaidExceedsAvailable` (F-19)."""
    if figures.paid > figures.available:
        raise PaidExceedsAvailable(
            errors=[
                FieldError(
                    "paid",
                    PaidExceedsAvailable.code,
                    PaidExceedsAvailable.zh,
                    PaidExceedsAvailable.en,
                )
            ]
        )


def rank(figures: Mapping[str, Figures]) -> dict[str, int]:
    """Competition ranks (1, 2, 2, 4) by progress, higher first, ties by the exact quotient (F-19).

    Regions to which nothing was available have no progress and no rank.
    """
    quotients = {
        key: Fraction(one.paid) / Fraction(one.available)
        for key, one in figures.items()
        if one.available
    }
    ranks: dict[str, int] = {}
    previous: Fraction | None = None
    place = 0
    ordered = sorted(quotients.items(), key=lambda item: item[1], reverse=True)
    for position, (key, quotient) in enumerate(ordered, start=1):
        if quotient != previous:
            place, previous = position, quotient
        ranks[key] = place
    return ranks


@dataclass(frozen=True, slots=True)
class Correction:
    """Why a statement is replaced, and which version of it."""

    version: int
    reason: str


def next_version(
    standing: tuple[int, Figures] | None, figures: Figures, correction: Correction | None
) -> int:
    """The version under which `figures` stand, given the version and figures on record if any.

    The same figures again stand under the version they have. Raises `StatementDiffers` for other
    figures without a correction, and `VersionConflict` for a correction of another version.
    """
    version, known = standing or (0, None)
    if correction is not None:
        if correction.version != version:
            raise VersionConflict(version=version)
        return version + 1
    if known is not None and known != figures:
        raise StatementDiffers(version=version)
    return version or 1
