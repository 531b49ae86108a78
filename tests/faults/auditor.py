"""An independent model of delivery: what must hold between what was promised and what happened.

It shares no code with the product. Writers tell it what was acknowledged to them; it is shown the
effects in a consumer's database or the records in the broker's log, and finds what is wrong.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """Event `event` was the `number`-th of `aggregate`, counted from 1."""

    event: str
    aggregate: str
    number: int


class AuditFailure(AssertionError):
    """An invariant of delivery is broken."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit found."""

    promised: int
    lost: int
    invented: int
    repeated: int
    disordered: int

    def require_exactly_once(self) -> "Findings":
        """Raise unless every promise has one effect, in order, and nothing else has."""
        return self._require(lost=self.lost, repeated=self.repeated)

    def require_at_least_once(self) -> "Findings":
        """Raise unless every promise was delivered, first copies in order, and nothing else was."""
        return self._require(lost=self.lost)

    def _require(self, **counted: int) -> "Findings":
        counted |= {"invented": self.invented, "disordered": self.disordered}
        wrong = {name: found for name, found in counted.items() if found}
        if wrong:
            raise AuditFailure(f"of {self.promised} promised: {wrong}")
        return self


def examine(
    promised: Iterable[Fact], happened: Sequence[Fact], *, possible: Iterable[Fact] = ()
) -> Findings:
    """Compare what was acknowledged with what happened, in the order in which it happened.

    `possible` are the facts whose acknowledgement never arrived: they may have happened or not.
    Order is judged on first copies: of each aggregate 1, 2, 3 … without a hole.
    """
    owed = set(promised)
    allowed = owed | set(possible)
    copies = Counter(happened)
    last: defaultdict[str, int] = defaultdict(int)
    disordered = 0
    for fact in dict.fromkeys(happened):
        disordered += fact.number != last[fact.aggregate] + 1
        last[fact.aggregate] = max(last[fact.aggregate], fact.number)
    return Findings(
        promised=len(owed),
        lost=len(owed - copies.keys()),
        invented=len(copies.keys() - allowed),
        repeated=sum(copies.values()) - len(copies),
        disordered=disordered,
    )
