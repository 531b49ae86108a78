"""What the slices of inspection contribute: calls, timers, jobs, chores, configured values."""

from typing import Any

from services.inspection.accountability import api as accountability
from services.inspection.analysis import api as analysis
from services.inspection.assessment import api as assessment
from services.inspection.campaigns import api as campaigns
from services.inspection.closing import api as closing
from services.inspection.closing.commands.spot_checks import SPOT_CHECK_SHARE
from services.inspection.deadlines.queries import SETTINGS as DEADLINE_SETTINGS
from services.inspection.disputes import api as disputes
from services.inspection.disputes.commands import DISPUTE_WORKDAYS
from services.inspection.evidence import api as evidence
from services.inspection.feedback import api as feedback
from services.inspection.inspections import api as inspections
from services.inspection.leader_surveys import api as leader_surveys
from services.inspection.ledger import api as ledger
from services.inspection.ledger import commands as ledger_commands
from services.inspection.listing import api as listing
from services.inspection.problems.api import batches, lists, logging, moves
from services.inspection.problems.commands.judging import CONFIRM_WORKDAYS
from services.inspection.problems.commands.levels import CLOSE_LEVELS
from services.inspection.problems.commands.overdue import (
    ESCALATION_DAYS,
    OVERDUE_TIMERS,
    scan_overdue,
)
from services.inspection.responsibility import api as responsibility
from services.inspection.rhythm import api as rhythm
from services.inspection.routing import api as routing
from services.inspection.routing import queries as routing_queries
from services.inspection.stages import api as stages
from services.inspection.task_calendar import api as task_calendar
from services.inspection.work import api as work
from services.inspection.work.commands.stalls import STALLED_TIMER, scan_stalled
from services.inspection.work.settings import SETTINGS as WORK_SETTINGS
from shared.configuration import Setting

ROUTERS = (
    logging.single,  # the most frequent call is looked for first
    logging.router,
    lists.router,
    moves.router,
    batches.router,
    disputes.router,
    *work.ROUTERS,
    closing.router,
    accountability.router,
    ledger.router,
    *analysis.ROUTERS,
    campaigns.router,
    stages.router,
    feedback.router,
    listing.router,
    evidence.router,
    routing.router,
    responsibility.router,
    rhythm.router,
    inspections.router,
    leader_surveys.router,
    task_calendar.router,
    assessment.router,
)

SETTINGS: tuple[Setting[Any], ...] = (
    *DEADLINE_SETTINGS,
    CONFIRM_WORKDAYS,
    ESCALATION_DAYS,
    DISPUTE_WORKDAYS,
    CLOSE_LEVELS,
    SPOT_CHECK_SHARE,
    *WORK_SETTINGS,
    *stages.SETTINGS,
    *analysis.SETTINGS,
    *listing.SETTINGS,
    *evidence.SETTINGS,
    *rhythm.SETTINGS,
    *inspections.SETTINGS,
    *leader_surveys.SETTINGS,
    *assessment.SETTINGS,
)

TIMERS = (*OVERDUE_TIMERS, STALLED_TIMER)

JOBS = {"overdue_scan": scan_overdue, "stalled_scan": scan_stalled}

CHORES = (*ledger_commands.CHORES, *routing_queries.CHORES)
