"""The figures of a campaign's final report, live or as drafted (I-47)."""

from collections import Counter
from typing import Any
from uuid import UUID

from services.inspection.campaigns.tables import Campaign
from services.inspection.kinds import CORRUPTION_PREFIX
from services.inspection.ledger.domain import Figures, GroupBy, whole
from services.inspection.ledger.queries import FiguresWanted, Filters, list_figures
from services.inspection.scope import Sight
from services.inspection.stages.tables import CampaignReport
from shared.database import Connection, ReadSession
from shared.regions import prefix_range

# The index of evidence: every file named by a report of a finding, a report of progress, a
# submission or a verification.
_EVIDENCE = f"""
WITH own AS (
  SELECT id, lead_dept, left(village_code, 9) AS township, sources FROM problems
  WHERE campaign_id = $1 AND state NOT IN ('SUSPECTED', 'WITHDRAWN')
    AND NOT starts_with(kind, '{CORRUPTION_PREFIX}')
), named (problem_id, evidence) AS (
  SELECT id, report -> 'evidence' FROM own, jsonb_array_elements(sources) AS report
  UNION ALL SELECT problem_id, evidence FROM progress_reports
  UNION ALL SELECT problem_id, evidence FROM submissions
  UNION ALL SELECT problem_id, evidence FROM verifications
)
SELECT lead_dept, township, sum(jsonb_array_length(evidence))::bigint AS files
FROM own JOIN named ON problem_id = id GROUP BY 1, 2
"""
_UNITS = {
    "departments": (GroupBy.LEAD_DEPT, "lead_dept"),
    "townships": (GroupBy.TOWNSHIP, "township"),
}


async def get_report(session: ReadSession, campaign_id: UUID) -> CampaignReport | None:
    """The report as drafted, None before."""
    return await session.get(CampaignReport, campaign_id)


async def report_figures(connection: Connection, campaign: Campaign) -> dict[str, Any]:
    """Found, closed and open of the whole and of each unit, with the number of files that prove it.

    Corruption is reported by the discipline commission alone (I-13) and not counted here.
    """
    low, high = prefix_range(campaign.region_code)
    sight = Sight(low, high, None, style=True, corruption=False)
    evidence = await connection.fetch(_EVIDENCE, campaign.id)
    figures: dict[str, Any] = {}
    for name, (group_by, column) in _UNITS.items():
        wanted = FiguresWanted(Filters(campaign_id=campaign.id), group_by)
        groups = await list_figures(connection, sight, wanted)
        files: Counter[str] = Counter()
        for row in evidence:
            files[row[column]] += row["files"]
        figures[name] = [_unit(group, files[group.key]) for group in groups]
        figures["total"] = _unit(whole(groups), files.total())
    return figures


def _unit(figures: Figures, evidence: int) -> dict[str, Any]:
    return {
        "unit": figures.key,
        "found": figures.found,
        "closed": figures.done,
        "open": figures.open,
        "evidence": evidence,
    }
