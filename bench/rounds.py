"""Alternating rounds: the project and its floor take turns, so that a slow minute hits both."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    `goal` bounds `ratio` (project ÷ floor): from above for times and memory (`at_most`), from below
    for rates. `limit` bounds the project's own figure from above, in `unit`. A `fault` says why the
    goal counts as missed whatever the numbers are.
    """

    name: str
    unit: str
    floor: float
    project: float
    goal: float | None = None
    at_most: bool = True
    limit: float | None = None
    fault: str = ""

    @property
    def ratio(self) -> float:
        """The project's figure as a multiple of its floor."""
        return self.project / self.floor

    @property
    def met(self) -> bool:
        """Whether every goal is reached; true without any."""
        if self.fault:
            return False
        if self.limit is not None and self.project > self.limit:
            return False
        if self.goal is None:
            return True
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        goals = [] if self.goal is None else [f"{sign} {self.goal:g} ×"]
        goals += [] if self.limit is None else [f"≤ {self.limit:g}"]
        mark = ("yes" if self.met else "NO") if goals else ""
        return (
            f"{self.name:<60}{self.floor:>11,.2f}{self.project:>11,.2f} {self.unit:<7}"
            f"{self.ratio:>7.2f}  {', '.join(goals):<14}{mark:<4}{self.fault}"
        ).rstrip()


HEADER = f"{'figure':<60}{'floor':>11}{'project':>11} {'unit':<7}{'ratio':>7}  {'goal':<14}met"


async def alternate(
    measures: Mapping[str, Callable[[], Awaitable[ResultT]]], rounds: int
) -> dict[str, list[ResultT]]:
    """What each measure answered in each of the rounds, in every one of which they take turns.

    Every other round goes the other way round: whoever comes second meets warmer caches.
    """
    results: dict[str, list[ResultT]] = {name: [] for name in measures}
    for number in range(rounds):
        turns = list(measures.items())
        for name, measure in turns if number % 2 == 0 else reversed(turns):
            results[name].append(await measure())
    return results
