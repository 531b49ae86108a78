"""Alternating rounds: the project and its floor take turns, so that a slow minute hits both."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

ROUNDS = 5

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `goal` bounds `ratio` (project ÷ floor): from above for times and
    memory (`at_most`), from below for rates."""

    name: str
    unit: str
    floor: float
    project: float
    goal: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def ratio(self) -> float:
        """The project's figure as a multiple of its floor."""
        return self.project / self.floor

    @property
    def met(self) -> bool:
        """Whether the goal is reached; true without one."""
        if self.goal is None:
            return True
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        goal = "" if self.goal is None else f"{sign} {self.goal:g}"
        mark = "" if self.goal is None else ("yes" if self.met else "NO")
        return (
            f"{self.name:<44} {self.floor:>11,.2f} {self.project:>11,.2f} {self.unit:<8}"
            f"{self.ratio:>7.2f} {goal:>7} {mark:<4} {self.note}"
        )


HEADER = f"{'figure':<44} {'floor':>11} {'project':>11} {'unit':<8}{'ratio':>7} {'goal':>7} met"


async def alternate(measures: Mapping[str, Measure], rounds: int = ROUNDS) -> dict[str, float]:
    """The median of `rounds` turns of each measure, taken one after the other in every round."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            results[name].append(await measure())
    return {name: median(values) for name, values in results.items()}
