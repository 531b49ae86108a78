"""What a stage has covered, and what it has not: set-based, in keyset pages (I-51)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from services.inspection.campaigns.domain import CampaignState
from services.inspection.campaigns.tables import Campaign
from services.inspection.stages.domain.checks import Coverage, ObjectClass, StageWithoutCoverage
from services.inspection.stages.domain.conditions import EXIT_CONDITIONS, Condition
from shared import clock
from shared.database import Connection
from shared.regions import is_within, prefix_range
from shared.web.pagination import PageRequest

# $1 campaign, $2 stage, $3 and $4 the range of places, $5 and $6 when the stage was entered and
# left. OFFSET 0 keeps each question an index probe of its own: as joins, plans made while a stage
# has few checks would take hours once it has many.
_CHECKED = """EXISTS (
    SELECT FROM campaign_checks AS made
    WHERE made.campaign_id = $1::uuid AND made.stage = $2 AND made.object_type = '{kind}'
      AND made.object_ref = {ref} AND made.village_code = {village} OFFSET 0)"""

# A problem logged in the stage shows that its object was looked at, also where it was merged with
# one known before; one withdrawn shows nothing. There is an index of the open ones and of those
# closed.
_FOUND = """EXISTS (
    SELECT FROM problems, jsonb_array_elements(sources) AS report
    WHERE problems.object_type = '{kind}' AND problems.object_ref = {ref}
      AND problems.village_code = {village} AND {indexed}
      AND report ->> 'campaign_id' = $1::uuid::text
      AND (report ->> 'logged_at')::timestamptz >= $5::timestamptz
      AND (report ->> 'logged_at')::timestamptz < coalesce($6::timestamptz, 'infinity') OFFSET 0)"""


def _covered(kind: str, ref: str, village: str) -> str:
    names = {"kind": kind, "ref": ref, "village": village}
    is_open = _FOUND.format(indexed="NOT problems.finished", **names)
    is_closed = _FOUND.format(indexed="problems.state = 'CLOSED'", **names)
    return f"({_CHECKED.format(**names)} OR {is_open} OR {is_closed})"


_HOUSEHOLD_COVERED = _covered("HOUSEHOLD", "one.household_id::text", "one.village_code")
_VILLAGE_COVERED = _covered("VILLAGE", "one.code", "one.code")

_CLASS = (
    f"CASE cohort WHEN 'NON_ARCHIVED_SPECIAL' THEN '{ObjectClass.OUTSIDE_HOUSEHOLD}'"
    f" ELSE '{ObjectClass.POOR_HOUSEHOLD}' END"
)


def households_in(place: str, since: str) -> str:
    """The condition on `household_mirror` that makes a household a matter of a campaign (I-51):
    `place` is the range of villages, `since` the year exited ones count from, if any (I-53)."""
    return f"""{place} AND active
  AND (cohort IN ('EXIT_THIS_YEAR', 'NOT_EXITED', 'NON_ARCHIVED_SPECIAL')
       OR cohort = 'EXITED' AND coalesce(exit_year >= {since}::int, true))"""


def _poor_villages(today: str) -> str:
    return f"""one.code >= $3 AND one.code < $4 AND length(one.code) = 12
  AND kind = 'POOR_VILLAGE' AND coalesce(valid_to > {today}::date, true)"""


_HOUSEHOLDS = households_in("one.village_code >= $3 AND one.village_code < $4", "$7")

_COUNT = f"""
SELECT {_CLASS} AS object_class, count(*) AS total,
       count(*) FILTER (WHERE {_HOUSEHOLD_COVERED}) AS covered
FROM household_mirror AS one WHERE {_HOUSEHOLDS} GROUP BY 1
UNION ALL
SELECT '{ObjectClass.POOR_VILLAGE}', count(*), count(*) FILTER (WHERE {_VILLAGE_COVERED})
FROM regions AS one WHERE {_poor_villages("$8")}
"""
_UNCOVERED_VILLAGES = f"""
SELECT '{ObjectClass.POOR_VILLAGE}', code, code, NULL FROM regions AS one
WHERE {_poor_villages("$7")} AND code > $8 AND NOT {_VILLAGE_COVERED}
ORDER BY one.code LIMIT $9
"""
_UNCOVERED_HOUSEHOLDS = f"""
SELECT {_CLASS}, household_id::text, village_code, household_no FROM household_mirror AS one
WHERE {_HOUSEHOLDS} AND (village_code, household_id) > ($8, $9::uuid) AND NOT {_HOUSEHOLD_COVERED}
ORDER BY one.village_code, one.household_id LIMIT $10
"""
_NO_HOUSEHOLD = UUID(int=0)


@dataclass(frozen=True, slots=True)
class CoverageWanted:
    """Which stage of which campaign is asked about, and in which place."""

    campaign_id: UUID
    stage: CampaignState
    region: str
    entered_at: datetime | None
    left_at: datetime | None
    since_year: int | None
    today: date

    def parameters(self) -> tuple[object, ...]:
        """The first six parameters of every statement."""
        low, high = prefix_range(self.region)
        return self.campaign_id, self.stage, low, high, self.entered_at, self.left_at


class Uncovered(NamedTuple):
    """An object nobody has checked; `household_no` where it is a household."""

    object_class: str
    ref: str
    village_code: str
    household_no: str | None

    @property
    def key(self) -> tuple[str, UUID]:
        """The sort key among its like; villages stand before households."""
        is_village = self.object_class == ObjectClass.POOR_VILLAGE
        return self.village_code, _NO_HOUSEHOLD if is_village else UUID(self.ref)


def coverage_wanted(campaign: Campaign, stage: CampaignState, region: str) -> CoverageWanted:
    """The question about `stage` of `campaign` for a caller of `region`.

    Raises `StageWithoutCoverage`.
    """
    if Condition.COVERAGE not in EXIT_CONDITIONS.get(stage, ()) or not campaign.has_stage(stage):
        raise StageWithoutCoverage
    entered_at, left_at = campaign.span_of(stage)
    narrower = region if is_within(region, campaign.region_code) else campaign.region_code
    return CoverageWanted(
        campaign.id, stage, narrower, entered_at, left_at, campaign.since_year, clock.today()
    )


async def count_coverage(connection: Connection, wanted: CoverageWanted) -> list[Coverage]:
    """The totals of each class of objects."""
    rows = await connection.fetch(_COUNT, *wanted.parameters(), wanted.since_year, wanted.today)
    found = {row["object_class"]: (row["total"], row["covered"]) for row in rows}
    return [Coverage(one, *found.get(one, (0, 0))) for one in ObjectClass]


async def list_uncovered(
    connection: Connection, wanted: CoverageWanted, page: PageRequest
) -> list[Uncovered]:
    """A page of what is not covered, with one row to look ahead: villages, then households, each
    in the order of the village's code."""
    village, household = page.key(str, UUID) or ("", _NO_HOUSEHOLD)
    limit = page.limit + 1
    common = wanted.parameters()
    rows: list[Uncovered] = []
    if household == _NO_HOUSEHOLD:
        found = await connection.fetch(_UNCOVERED_VILLAGES, *common, wanted.today, village, limit)
        rows = [Uncovered(*row) for row in found]
        village = ""
    if len(rows) < limit:
        found = await connection.fetch(
            *(_UNCOVERED_HOUSEHOLDS, *common, wanted.since_year),
            *(village, household, limit - len(rows)),
        )
        rows += [Uncovered(*row) for row in found]
    return rows
