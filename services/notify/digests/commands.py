"""Issuing digests: each once, whoever tries, however often, and again in a store being rebuilt."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from uuid import UUID

from services.notify.digests.domain import (
    Draft,
    Kind,
    Period,
    Schedule,
    digest_id_of,
    drafts_of,
    latest_period,
    recipient_of,
    text_of,
    title_of,
)
from services.notify.digests.queries import (
    DIGEST_HOUR,
    DIGEST_WATCHERS,
    DIGEST_WEEKDAY,
    counties_of,
    counties_with_digests,
    groups_of,
)
from services.notify.mirror.domain import derived_id
from services.notify.queues.commands.telling import Happened, enqueue
from services.notify.queues.domain.notices import Notice, Priority, Purpose
from shared import clock
from shared.configuration import Configuration
from shared.database import Session
from shared.events.base import data_of
from shared.events.notify import DigestFigures, DigestIssued
from shared.messaging import outbox
from shared.runtime import Runtime
from shared.workdays import official_calendar

# Two that issue the same digests meet at the first of them: all come in the same order.
_KEEP = """
INSERT INTO digests (digest_id, org, kind, period, region_code, figures, title, text, issued_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::json[],
                     $7::text[], $8::text[], $9::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING digest_id
"""


async def issue_due(runtime: Runtime, done: set[tuple[str, str]]) -> int:
    """Issue the digests of the latest period that is due in each county; answers how many.

    What was missed before that period is not made up for. `done` remembers counties and periods
    that were settled, also those in which there was nothing to tell.
    """
    async with runtime.database.statement() as connection:
        counties = await counties_of(connection)
        periods = {county: _latest(runtime.configuration, county) for county in counties}
        issued = await counties_with_digests(
            connection, Kind.WEEKLY, [period.code for period in periods.values()]
        )
    done |= issued
    due: dict[Period, list[str]] = {}
    for county, period in periods.items():
        if (county, period.code) not in done:
            due.setdefault(period, []).append(county)
    number = 0
    for period, counties in due.items():
        async with runtime.database.statement() as connection:
            groups = await groups_of(connection, counties, period, clock.today())
        for county in counties:
            watchers = runtime.configuration.value(DIGEST_WATCHERS, county, clock.today())
            drafts = drafts_of(county, groups.get(county, ()), watchers)
            if drafts:
                async with runtime.database.transaction() as session:
                    number += await issue_digests(session, drafts, period)
            done.add((county, period.code))
    return number


async def issue_digests(session: Session, drafts: Sequence[Draft], period: Period) -> int:
    """Issue digests of a period, those that do not stand yet; answers how many."""
    events = [_event_of(draft, period) for draft in drafts]
    issued = await keep_digests(session, [(event, clock.now()) for event in events])
    if issued:
        prepared = [
            replace(outbox.prepare(event, 1), event_id=_event_id_of(event.digest_id))
            for event in issued
        ]
        await outbox.record_many(await session.driver(), prepared)
        session.events_recorded()
    return len(issued)


async def keep_digests(
    session: Session, events: Sequence[tuple[DigestIssued, datetime]]
) -> list[DigestIssued]:
    """Keep digests issued at an instant and put them into queues; answers those that are new."""
    if not events:
        return []
    rows = [
        (
            *(one.digest_id, one.organisation, one.kind, one.period, one.region_code),
            json.dumps(_figures_of(one)),
            *(one.title, one.text, at),
        )
        for one, at in events
    ]
    connection = await session.driver()
    kept = {row["digest_id"] for row in await connection.fetch(_KEEP, *zip(*rows, strict=True))}
    new = [(one, at) for one, at in events if one.digest_id in kept]
    await enqueue(
        session,
        [
            Happened(_event_id_of(one.digest_id), DigestIssued.wire_type, at, data_of(one))
            for one, at in new
        ],
        [
            Notice(
                *(_event_id_of(one.digest_id), one.organisation, None),
                *(Purpose.DIGEST, Priority.NORMAL),
                role=recipient_of(one.organisation),
            )
            for one, _ in new
        ],
    )
    return [one for one, _ in new]


async def run_digests(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """The job `digests`: issue what is due (X-15); at `as_of` where time is simulated."""
    with clock.simulate(as_of if runtime.settings.simulation_clock else None):
        return {"digests": await issue_due(runtime, set())}


def _latest(configuration: Configuration, county: str) -> Period:
    today = clock.today()
    schedule = Schedule(
        configuration.value(DIGEST_WEEKDAY, county, today),
        configuration.value(DIGEST_HOUR, county, today),
    )
    return latest_period(clock.now(), schedule, official_calendar())


def _event_of(draft: Draft, period: Period) -> DigestIssued:
    return DigestIssued(
        digest_id=digest_id_of(draft.organisation, Kind.WEEKLY, period),
        organisation=draft.organisation,
        region_code=draft.region,
        kind=Kind.WEEKLY,
        period=period.code,
        figures=DigestFigures(**asdict(draft.figures)),
        departments={
            one: DigestFigures(**asdict(figures)) for one, figures in draft.departments.items()
        },
        title=title_of(period),
        text=text_of(draft, clock.today()),
    )


def _figures_of(event: DigestIssued) -> dict[str, object]:
    return event.model_dump(mode="json", include={"figures", "departments"})


def _event_id_of(digest_id: UUID) -> UUID:
    return derived_id(digest_id, "issued")
