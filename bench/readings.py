"""What is read of a ledger: the calls, the statements behind them, and what they may cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from bench.findings import COUNTY, HOUSING
from bench.ledger import PROVINCE
from bench.load import request
from bench.stack import Bench
from services.inspection.ledger.domain import GroupBy
from services.inspection.ledger.queries import Filters, parameters_of, standing_sql
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import ProblemFilters, page_statement
from services.inspection.scope import sight_of
from services.notify.queues.commands.handing import PULL
from shared import clock
from shared.security import Actor, Role
from shared.web.pagination import PageRequest

ITEMS = 50
PAGE_GOAL, STATISTICS_GOAL, PULL_GOAL = 1.5, 3.0, 1.5
STATISTICS_MILLISECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One call, the statement behind it, and the index its plan must show."""

    name: str
    service: str
    call: bytes
    sql: str
    parameters: Sequence[Any]
    index: str
    goal: float
    limit: float | None = None


def readings(bench: Bench, cursor: str) -> list[Reading]:
    """Everything that is read; `cursor` is that of a page far into the department's list."""
    pull = {"max": ITEMS, "wait_seconds": 0, "lease_seconds": 3600}
    now = clock.now()
    lease = (HOUSING, ITEMS, now, now + timedelta(hours=1), 10, False)
    return [
        _page(bench, "first page of a department's list", None),
        _page(bench, "page in the middle of it", cursor),
        _page(bench, "page of a state that no problem is in", None, State.DISPUTED),
        *(
            _statistics(bench, f"statistics of a county by {group_by}", COUNTY, group_by)
            for group_by in (GroupBy.LEAD_DEPT, GroupBy.TOWNSHIP, GroupBy.KIND)
        ),
        _statistics(bench, "statistics of a province by lead_dept", PROVINCE, GroupBy.LEAD_DEPT),
        Reading(
            f"pull of {ITEMS} messages from a queue",
            "notify",
            request(
                "POST", f"/queues/{HOUSING}/pull", bench.token(HOUSING, Role.DEPT_HANDLER), pull
            ),
            PULL,
            lease,
            "Index Scan using messages_queued",
            PULL_GOAL,
        ),
    ]


def _page(bench: Bench, name: str, cursor: str | None, state: State | None = None) -> Reading:
    """A department's list, or the poverty office's queue of a state."""
    organisation, role = HOUSING, Role.DEPT_HANDLER
    if state is not None:
        organisation, role = f"POV@{COUNTY}", Role.POVERTY_OFFICE
    sight = sight_of(Actor("bench", organisation, frozenset({role})))
    statement = page_statement(sight, ProblemFilters(state=state), PageRequest(cursor, ITEMS))
    compiled = statement.compile(dialect=PGDialect_asyncpg())  # type: ignore[no-untyped-call]
    query = f"limit={ITEMS}" + (f"&cursor={cursor}" if cursor else "")
    return Reading(
        name,
        "inspection",
        request(
            "GET",
            f"/problems?{query}" + (f"&state={state}" if state else ""),
            bench.token(organisation, role),
        ),
        str(compiled),
        [compiled.params[place] for place in compiled.positiontup or ()],
        "Index Scan using ix_problems_" + ("department" if state is None else "state"),
        PAGE_GOAL,
    )


def _statistics(bench: Bench, name: str, region: str, group_by: GroupBy) -> Reading:
    organisation = f"POV@{region}"
    sight = sight_of(Actor("bench", organisation, frozenset({Role.POVERTY_OFFICE})))
    return Reading(
        name,
        "inspection",
        request(
            "GET",
            f"/stats/problems?group_by={group_by}",
            bench.token(organisation, Role.POVERTY_OFFICE),
        ),
        standing_sql(region, Filters(), [group_by]),
        parameters_of(sight, Filters()),
        "uq_ledger_margins",
        STATISTICS_GOAL,
        STATISTICS_MILLISECONDS,
    )
