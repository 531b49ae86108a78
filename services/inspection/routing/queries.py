"""The routing rules in force, held in memory: they are few, and every logged problem asks."""

from datetime import date

from sqlmodel import col, select

from services.inspection.routing.domain import Department, Route, default_route, in_force
from services.inspection.routing.tables import RoutingRule
from services.inspection.settings import InspectionSettings
from shared.chores import Chore
from shared.database import Database
from shared.regions import ancestors
from shared.runtime import Runtime

Rules = list[tuple[date, Department]]


class RoutingTable:
    """C.4 and the regions' own rules. A rule set here holds from its commit on, one set by a sister
    process within the refresh time."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], Rules] = {}

    def route(self, kind: str, region: str, on: date) -> Route:
        """Who leads `kind` found in `region`: the nearest region's rule, else C.4 (I-10)."""
        if self._rules:
            for code in (region, *ancestors(region)):
                department = in_force(self._rules.get((kind, code), ()), on)
                if department is not None:
                    return Route(department)
        return default_route(kind)

    def remember(self, kind: str, region: str, since: date, department: Department) -> None:
        """Take up a rule that was just committed."""
        rules = dict(self._rules.get((kind, region), ()))
        rules[since] = department
        self._rules[kind, region] = sorted(rules.items())

    async def load(self, database: Database) -> None:
        """Read every rule."""
        async with database.reading() as session:
            stored = await session.scalars(
                select(RoutingRule).order_by(col(RoutingRule.effective_from))
            )
            loaded: dict[tuple[str, str], Rules] = {}
            for rule in stored:
                loaded.setdefault((rule.kind, rule.region), []).append(
                    (rule.effective_from, Department(rule.department))
                )
        self._rules = loaded


def routing_of(runtime: Runtime) -> RoutingTable:
    """The routing table of a running service."""
    table: RoutingTable = runtime.extras.setdefault("routing", RoutingTable())
    return table


async def refresh_routing(runtime: Runtime) -> None:
    """Read the rules again."""
    await routing_of(runtime).load(runtime.database)


def _refresh_seconds(settings: InspectionSettings) -> float:
    return settings.reference_refresh_seconds


CHORES = (Chore("refresh_routing", refresh_routing, _refresh_seconds),)
