"""Stamped ledgers (I-54): a department vouches for its figures at an instant."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from services.inspection.ledger.domain import Figures
from shared.errors import Conflict


class Stamped(Protocol):
    """The figures a department has stamped."""

    @property
    def found(self) -> int:
        """How many problems were found."""
        ...


class LedgerDiffers(Conflict):
    """The figures given are not the ledger's at this instant.

    Members: `given` and `ledger`, each with found and open.
    """

    code = "LEDGER_DIFFERS"
    zh = "所填数据与此刻台账不一致，请核对后重新确认。"
    en = "The figures given are not those of the ledger at this instant."

    def __init__(self, *, given: Mapping[str, int], ledger: Mapping[str, int]) -> None:
        super().__init__(given=given, ledger=ledger)


def check_figures(found: int, still_open: int, ledger: Figures) -> None:
    """Raise `LedgerDiffers` unless the figures given are the ledger's."""
    if (found, still_open) != (ledger.found, ledger.open):
        raise LedgerDiffers(
            given={"found": found, "open": still_open},
            ledger={"found": ledger.found, "open": ledger.open},
        )


def unconfirmed(ledgers: Iterable[Figures], stamps: Mapping[str, Stamped]) -> list[str]:
    """The departments with found problems whose newest stamp, if any, covers other problems: what
    was closed since then does not matter, what was found since then does."""
    return [
        ledger.key
        for ledger in ledgers
        if ledger.found
        and ((stamp := stamps.get(ledger.key)) is None or stamp.found != ledger.found)
    ]
