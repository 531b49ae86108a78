"""The order of the closing levels in force for a problem, and whose turn it is."""

from typing import Annotated

from pydantic import AfterValidator

from services.inspection.problems.domain.levels import (
    DEFAULT_ORDER,
    Body,
    Path,
    check_order,
    path_of,
)
from services.inspection.problems.domain.states import State, next_body
from services.inspection.problems.tables import Problem
from shared.configuration import Configuration, Setting

CLOSE_LEVELS = Setting(
    "close_levels",
    DEFAULT_ORDER,
    Annotated[tuple[Body, ...], AfterValidator(check_order)],
    rule="I-40",
)


def order_of(configuration: Configuration, problem: Problem) -> Path:
    """The county's order of the four bodies, by the day the problem was found (X-06)."""
    return configuration.value(CLOSE_LEVELS, problem.village_code, problem.found_on)


def verifier_of(problem: Problem, state: State, path: Path) -> str | None:
    """The organisation that verifies `problem` once it is in `state`, None where nobody is to."""
    body = next_body(state, path)
    if body is None:
        return None
    units = {
        Body.DEPARTMENT: f"{problem.lead_dept}@{problem.county_code}",
        Body.TOWNSHIP: f"TOWN@{problem.village_code[:9]}",
        Body.OFFICE: f"POV@{problem.county_code}",
        Body.GROUP: f"LG@{problem.county_code}",
    }
    return units[body]


def path_for(order: Path, problem: Problem) -> Path:
    """The bodies that verify `problem`."""
    return path_of(order, kind=problem.kind, place=problem.village_code)
