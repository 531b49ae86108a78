"""What can be done: record a treasury statement, tell others where the counties stand."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from services.funds.mirror.queries import lock_region
from services.funds.progress.domain import (
    Basis,
    Correction,
    Figures,
    check_figures,
    next_version,
)
from services.funds.progress.queries import Standing, find_statement, list_standings
from services.funds.progress.tables import TreasuryStatement
from shared import clock
from shared.audit import record_audit
from shared.configuration import Configuration, Setting
from shared.database import Session
from shared.events.funds import ProgressComputed
from shared.ids import new_id
from shared.messaging import outbox
from shared.money import display
from shared.runtime import Runtime
from shared.security import Actor

Target = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
# F-19: "the target of the date" is the value in force on that date; without one there is no gap.
PROGRESS_TARGET = Setting[Decimal | None]("progress_target_pct", None, Target | None, rule="F-19")

_STORE_FIGURES = """
INSERT INTO progress_figures AS known
       (region_code, year, as_of, available, paid, target_pct, rank, event_sequence)
SELECT code, $2, $3, available, paid, target_pct, place, 1
FROM unnest($1::text[], $4::numeric[], $5::numeric[], $6::numeric[], $7::int[])
     AS f(code, available, paid, target_pct, place)
ORDER BY code
ON CONFLICT (region_code, year) DO UPDATE
SET as_of = EXCLUDED.as_of, available = EXCLUDED.available, paid = EXCLUDED.paid,
    target_pct = EXCLUDED.target_pct, rank = EXCLUDED.rank,
    event_sequence = known.event_sequence + 1
WHERE known.as_of <= EXCLUDED.as_of
  AND (known.available, known.paid, known.target_pct, known.rank)
      IS DISTINCT FROM (EXCLUDED.available, EXCLUDED.paid, EXCLUDED.target_pct, EXCLUDED.rank)
RETURNING region_code, event_sequence
"""


async def record_statement(
    session: Session,
    actor: Actor,
    *,
    region_code: str,
    year: int,
    as_of: date,
    figures: Figures,
    correction: Correction | None = None,
) -> TreasuryStatement:
    """Record what the treasury reports for a day; the same report again is the one on record.

    Raises `NotFound` outside the actor's region, `UnknownRegion`, `PaidExceedsAvailable`,
    `StatementDiffers` and `VersionConflict`.
    """
    actor.must_cover(region_code)
    check_figures(figures)
    await lock_region(session, region_code)
    current = await find_statement(session, region_code, year, as_of)
    standing = None if current is None else (current.version, current.figures)
    version = next_version(standing, figures, correction)
    if current is not None and version == current.version:
        return current
    statement = TreasuryStatement(
        id=new_id(),
        region_code=region_code,
        year=year,
        as_of=as_of,
        version=version,
        available=figures.available,
        paid=figures.paid,
        reason=correction.reason if correction else None,
        recorded_by=actor.person,
        recorded_at=clock.now(),
    )
    session.add(statement)
    await record_audit(
        session,
        actor,
        "CORRECT" if correction else "RECORD",
        "treasury_statement",
        statement.id,
        remark=statement.reason,
        change={"available": display(figures.available), "paid": display(figures.paid)},
    )
    return statement


async def progress_job(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """Tell others the progress of every county on a day, in its budget year and the one before."""
    on = clock.civil_date(as_of)
    async with runtime.database.transaction() as session:
        told = [
            await compute_progress(session, runtime.configuration, year, on)
            for year in (on.year - 1, on.year)
        ]
    return {"counties_changed": sum(told)}


async def compute_progress(
    session: Session, configuration: Configuration, year: int, on: date
) -> int:
    """Tell others what changed in the reported progress of counties since it was last told.

    The number of counties told of. A run for an earlier day than the last changes nothing.
    """
    standings = await list_standings(session, None, year, on, Basis.TREASURY)
    counties = {
        one.region_code: _computed(one, configuration, year, on)
        for one in standings
        if one.figures is not None
    }
    driver = await session.driver()
    changed = await driver.fetch(
        _STORE_FIGURES, list(counties), year, on, *_columns(list(counties.values()))
    )
    await outbox.record_many(
        driver,
        [outbox.prepare(counties[code], sequence) for code, sequence in changed],
    )
    session.events_recorded()
    return len(changed)


def _computed(
    standing: Standing, configuration: Configuration, year: int, on: date
) -> ProgressComputed:
    figures = standing.figures
    assert figures is not None
    # A year's figures still move after its end; its target is then that of its last day.
    target = configuration.value(PROGRESS_TARGET, standing.region_code, min(on, date(year, 12, 31)))
    progress = figures.progress_pct
    return ProgressComputed(
        region_year=f"{standing.region_code}:{year}",
        region_code=standing.region_code,
        year=year,
        as_of=on,
        available=display(figures.available),
        paid=display(figures.paid),
        progress_pct=None if progress is None else display(progress),
        target_pct=None if target is None else display(target),
        rank=standing.rank,
    )


def _columns(computed: Sequence[ProgressComputed]) -> list[list[Any]]:
    return [
        [Decimal(one.available) for one in computed],
        [Decimal(one.paid) for one in computed],
        [None if one.target_pct is None else Decimal(one.target_pct) for one in computed],
        [one.rank for one in computed],
    ]
