"""Synthetic findings: as the requests that report them, and as the bare rows they become."""

import json
from dataclasses import astuple, dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from services.inspection.routing.domain import default_route
from shared import clock
from shared.events.inspection import ProblemDispatched, ProblemEvent, ProblemLogged, ProblemObject
from shared.ids import new_id
from shared.messaging.outbox import OutboxRow, prepare
from shared.regions import Level, level_of, seed_regions

COUNTY = "511132"
INSPECTORS = f"INSP@{COUNTY}"
HOUSING = f"HOUS@{COUNTY}"
KINDS = ("HOUSING_UNSAFE", "WATER_UNSAFE", "INCOME_BELOW_LINE", "EDU_AID_MISSING", "ENVIRONMENT")

PROBLEM_COLUMNS = (
    *("id", "problem_no", "campaign_id", "kind", "tier", "scope", "severity", "cohort"),
    *("object_type", "object_ref", "county_code", "village_code", "lead_dept", "co_depts"),
    *("source", "found_on", "sources", "due_on", "due_rules", "due_history", "extended", "state"),
    *("finished", "confirm_by", "closed_on", "overdue_level", "false_rectification"),
    *("late_found", "object_unverified", "unrouted", "no_policy", "accountable", "logged_at"),
    *("logged_by", "state_since", "recurrence", "attempt", "version", "event_sequence"),
)
TIMER_COLUMNS = ("subject_type", "subject_id", "kind", "due_at")
AUDIT_COLUMNS = (
    *("at", "object_type", "object_id", "action", "person", "organisation", "change"),
    "correlation_id",
)


@dataclass(frozen=True, slots=True)
class BareRows:
    """What one finding becomes, in the order of the columns above: the same rows the service
    writes, apart from its ledger change and its Idempotency-Key."""

    problem: tuple[Any, ...]
    timer: tuple[Any, ...]
    audit: tuple[Any, ...]
    events: tuple[OutboxRow, OutboxRow]


@cache
def villages() -> list[str]:
    """The codes of the county's villages."""
    codes = (row.code for row in seed_regions() if row.code.startswith(COUNTY))
    return [code for code in codes if level_of(code) is Level.VILLAGE]


def finding(number: int, kind: str | None = None) -> dict[str, Any]:
    """The body of POST /problems for the `number`-th of many different findings."""
    places = villages()
    return {
        "source": "COUNTY_INSPECTION",
        "found_on": clock.today().isoformat(),
        "kind": kind or KINDS[number % len(KINDS)],
        "tier": "GENERAL",
        "scope": "INDIVIDUAL",
        "severity": "GENERAL",
        "cohort": "EXITED",
        "object": {"type": "HOUSEHOLD", "id": str(new_id())},
        "village_code": places[number % len(places)],
        "description": "入户走访发现问题，已现场拍照取证，请责任单位限期整改。",
        "evidence": [
            {"ref": f"evidence/{number}.jpg", "sha256": f"{number:064x}", "phase": "BEFORE"}
        ],
    }


def bare_rows(number: int) -> BareRows:
    """The rows of the `number`-th finding."""
    body, now, problem_id = finding(number), clock.now(), new_id()
    due_on = clock.today() + timedelta(days=30)
    lead = str(default_route(body["kind"]).department)
    problem_no = f"{COUNTY}-{problem_id}"
    source = {
        "source": body["source"],
        "hand_over": None,
        "person": "bench",
        "organisation": INSPECTORS,
        "team": None,
        "found_on": body["found_on"],
        "campaign_id": None,
        "description": body["description"],
        "evidence": body["evidence"],
        "logged_at": now.isoformat(),
    }
    event = {
        "problem_id": problem_id,
        "problem_no": problem_no,
        "campaign_id": None,
        "kind": body["kind"],
        "tier": "GENERAL",
        "scope": "INDIVIDUAL",
        "severity": "GENERAL",
        "cohort": "EXITED",
        "object": ProblemObject(type="HOUSEHOLD", ref=body["object"]["id"]),
        "village_code": body["village_code"],
        "lead_dept": lead,
        "due_on": due_on,
        "due_rules": ["RELATIVE_GENERAL"],
    }
    events: tuple[ProblemEvent, ProblemEvent] = (
        ProblemLogged(**event, state="LOGGED", found_on=clock.today(), source="COUNTY_INSPECTION"),
        ProblemDispatched(**event, state="DISPATCHED"),
    )
    change = json.dumps({"state": [None, "DISPATCHED"], "due_on": due_on.isoformat()})
    return BareRows(
        problem=(
            *(problem_id, problem_no, None, body["kind"], "GENERAL", "INDIVIDUAL", "GENERAL"),
            *("EXITED", "HOUSEHOLD", body["object"]["id"], COUNTY, body["village_code"], lead, []),
            *("COUNTY_INSPECTION", clock.today(), json.dumps([source]), due_on),
            *(["RELATIVE_GENERAL"], "[]", False, "DISPATCHED", False, None, None, 0, False, False),
            *(True, False, False, False, now, "bench", now, 0, 0, 2, 2),
        ),
        timer=("problem", problem_id, "overdue_1", clock.end_of_day(due_on)),
        audit=(
            *(now, "problem", str(problem_id), "LOG", "bench", INSPECTORS, change),
            str(new_id()),
        ),
        events=(prepare(events[0], 1), prepare(events[1], 2)),
    )


def insert_sql(table: str, columns: tuple[str, ...], rows: int = 1) -> str:
    """An INSERT of so many rows whose values are parameters."""
    width = len(columns)
    values = ", ".join(
        f"({', '.join(f'${row * width + place + 1}' for place in range(width))})"
        for row in range(rows)
    )
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values}"


def values_of(events: tuple[OutboxRow, ...]) -> list[Any]:
    """The parameters of an INSERT of the events."""
    return [value for event in events for value in astuple(event)]
