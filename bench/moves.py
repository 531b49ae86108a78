"""How many problems a second one call moves, 1,000 at a time, beside the bare statements."""

import json
import time
from collections.abc import Sequence
from dataclasses import astuple
from statistics import median
from uuid import UUID

import asyncpg
import uvloop

from bench.findings import (
    AUDIT_COLUMNS,
    COUNTY,
    HOUSING,
    PROBLEM_COLUMNS,
    bare_rows,
)
from bench.load import KeepAlive, UnexpectedAnswer, request
from bench.rounds import Figure, alternate
from bench.stack import Bench
from shared import clock
from shared.events.inspection import ProblemVerified
from shared.ids import new_id
from shared.messaging.outbox import OUTBOX_COLUMNS, prepare

PROBLEMS = 1_000

_TO_SUBMITTED = """
UPDATE problems SET lead_dept = 'HOUS', state = 'SUBMITTED', attempt = attempt + 1
"""
_VERIFY = """
UPDATE problems SET state = 'DEPT_VERIFIED', version = version + 1, state_since = $2,
                    event_sequence = event_sequence + 1
 WHERE id = ANY($1::uuid[])
"""
VERIFICATION_COLUMNS = (
    *("id", "problem_id", "attempt", "level", "body", "passed", "false_report", "evidence"),
    *("person", "organisation", "at"),
)
STAY_COLUMNS = (
    *("problem_id", "state", "entered_at", "left_at", "county_code", "village_code"),
    *("lead_dept", "kind"),
)


async def measure(bench: Bench) -> list[Figure]:
    """Problems a second that pass the first closing level, each call one transaction."""
    url = await bench.database("inspection")
    bare_url = await bench.database("inspection")
    ids = await fill(url)
    bare_ids = await fill(bare_url)
    service = bench.start_service("inspection", url)
    token = bench.token(HOUSING, "dept_head")

    async def project() -> float:
        await submit_again(url)
        return await bench.in_client(verify, service.port, token, ids)

    async def floor() -> float:
        await submit_again(bare_url)
        return await bench.in_client(verify_bare, bare_url, bare_ids)

    await project()  # to be warm
    rates = await alternate({"floor": floor, "project": project}, bench.options.rounds)
    name = f"problems by POST /problems:verify, {PROBLEMS:,} a call"
    return [Figure(name, "rows/s", median(rates["floor"]), median(rates["project"]))]


async def fill(url: str) -> list[UUID]:
    """Store problems; answers their ids."""
    connection = await asyncpg.connect(url)
    rows = [bare_rows(number).problem for number in range(PROBLEMS)]
    await connection.copy_records_to_table("problems", columns=PROBLEM_COLUMNS, records=rows)
    await connection.close()
    return [row[0] for row in rows]


async def submit_again(url: str) -> None:
    """Put every problem back to where the department verifies it."""
    connection = await asyncpg.connect(url)
    await connection.execute(_TO_SUBMITTED)
    await connection.close()


def verify(port: int, token: str, ids: Sequence[UUID]) -> float:
    """Problems a second over HTTP, in a process of its own."""
    body = {"problem_ids": [str(one) for one in ids], "level": 1, "result": "PASS"}
    return uvloop.run(_verify(port, request("POST", "/problems:verify", token, body)))


async def _verify(port: int, one: bytes) -> float:
    connection = await KeepAlive.connect(port)
    began = time.perf_counter()
    answer = await connection.expect(200, one)
    seconds = time.perf_counter() - began
    connection.close()
    if json.loads(answer)["moved"] != PROBLEMS:
        raise UnexpectedAnswer(answer[:500].decode())
    return PROBLEMS / seconds


def verify_bare(url: str, ids: Sequence[UUID]) -> float:
    """The floor in a process of its own: the same rows by one UPDATE and COPY."""
    return uvloop.run(_verify_bare(url, ids))


async def _verify_bare(url: str, ids: Sequence[UUID]) -> float:
    sequence = time.monotonic_ns()  # a new one in each round
    now, change = clock.now(), json.dumps({"state": ["SUBMITTED", "DEPT_VERIFIED"]})
    village = f"{COUNTY}201205"
    outbox = [astuple(prepare(_event(one, village), sequence)) for one in ids]
    tables = (
        ("outbox", OUTBOX_COLUMNS, outbox),
        (
            "verifications",
            VERIFICATION_COLUMNS,
            [
                (new_id(), one, 1, 1, "DEPARTMENT", True, False, "[]", "b", HOUSING, now)
                for one in ids
            ],
        ),
        (
            "problem_stays",
            STAY_COLUMNS,
            [
                (one, "SUBMITTED", now, now, COUNTY, village, "HOUS", "HOUSING_UNSAFE")
                for one in ids
            ],
        ),
        (
            "audit",
            AUDIT_COLUMNS,
            [(now, "problem", str(one), "VERIFY", "b", HOUSING, change, "c") for one in ids],
        ),
    )
    connection = await asyncpg.connect(url)
    began = time.perf_counter()
    async with connection.transaction():
        await connection.execute(_VERIFY, list(ids), now)
        for table, columns, records in tables:
            await connection.copy_records_to_table(table, columns=columns, records=records)
    seconds = time.perf_counter() - began
    await connection.close()
    return len(ids) / seconds


def _event(problem_id: UUID, village: str) -> ProblemVerified:
    return ProblemVerified.model_validate(
        {
            "problem_id": problem_id,
            "problem_no": f"{COUNTY}-{problem_id}",
            "campaign_id": None,
            "kind": "HOUSING_UNSAFE",
            "tier": "GENERAL",
            "scope": "INDIVIDUAL",
            "severity": "GENERAL",
            "cohort": "EXITED",
            "object": {"type": "HOUSEHOLD", "ref": str(problem_id)},
            "village_code": village,
            "lead_dept": "HOUS",
            "due_on": clock.today(),
            "due_rules": ["RELATIVE_GENERAL"],
            "state": "DEPT_VERIFIED",
            "level": 1,
            "next_org": f"TOWN@{village[:9]}",
        }
    )
