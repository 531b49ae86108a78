"""What funds, households and inspection publish that is worth telling, and what it is told as."""

from datetime import date
from decimal import Decimal
from typing import Any

from services.notify.alerts.domain import Alert, Limits, alerts_of
from services.notify.alerts.queries import RANKING_ROLES
from shared.events.base import Event
from shared.events.funds import (
    AllocationIdle,
    ProgressComputed,
    ProjectLate,
    ProjectUnpaid,
    VoucherDue,
    VoucherOverdue,
)
from shared.events.households import (
    HouseholdIncomeAssessed,
    MonitoringClueRaised,
    MonitoringDueSoon,
    MonitoringIdentified,
    MonitoringOverdue,
    MonitoringReviewDue,
    MonitoringRiskCleared,
)
from shared.events.inspection import (
    AbsenceFound,
    BulletinItem,
    BulletinPublished,
    RankingPublished,
    RankingRow,
)
from shared.ids import new_id

COUNTY = "511132"
VILLAGE = "511132201205"
SECOND_TOWNSHIP = "511132202"
DUE = date(2086, 9, 30)
TOWN, POV = "TOWN@511132201", "POV@511132"
LIMITS = Limits(Decimal(30), Decimal(20), RANKING_ROLES.default)


def facts_of(event_class: type[Event]) -> dict[str, Any]:
    """The facts of an event as it usually is, each with ids of its own."""
    allocation = {
        "allocation_id": new_id(),
        "region_code": COUNTY,
        "year": 2086,
        "source": "CENTRAL",
        "task": None,
        "amount": "1200000.00",
    }
    payment = {
        "payment_id": new_id(),
        "project_id": new_id(),
        "region_code": VILLAGE,
        "year": 2086,
        "source": "CENTRAL",
        "requester": "TOWN@511132201",
        "amount": "120000.00",
        "due_on": DUE,
    }
    project = {
        "project_id": new_id(),
        "village_code": VILLAGE,
        "use_code": "ROAD",
        "priority": 2,
        "amount": "300000.00",
        "due_on": DUE,
    }
    case = {
        "case_id": new_id(),
        "household_id": new_id(),
        "village_code": VILLAGE,
        "monitoring_class": "SUDDEN",
        "clue_on": date(2086, 9, 15),
    }
    facts: dict[type[Event], dict[str, Any]] = {
        ProgressComputed: {
            "region_year": f"{COUNTY}:2086",
            "region_code": COUNTY,
            "year": 2086,
            "as_of": date(2086, 9, 7),
            "available": "1000000.00",
            "paid": "651100.00",
            "progress_pct": "65.11",
            "target_pct": "70.00",
            "rank": 2,
        },
        VoucherDue: payment,
        VoucherOverdue: {**payment, "days": 12},
        AllocationIdle: {**allocation, "days": 91},
        ProjectUnpaid: {**project, "days": 11},
        ProjectLate: {**project, "months": 1},
        HouseholdIncomeAssessed: {
            "household_id": new_id(),
            "household_no": "H-1",
            "village_code": VILLAGE,
            "archive_status": "EXITED",
            "household_class": None,
            "cohort": "EXITED",
            "version": 3,
            "year": 2086,
            "per_capita": "5200.00",
            "line": "6000.00",
            "meets_line": False,
            "basis": "ALL",
            "drop_pct": "35.20",
        },
        MonitoringClueRaised: {**case, "monitoring_class": None, "due_on": DUE},
        MonitoringIdentified: {**case, "decided_on": DUE},
        MonitoringRiskCleared: {**case, "decided_on": DUE},
        MonitoringDueSoon: {**case, "due_on": DUE, "days_left": 3},
        MonitoringOverdue: {**case, "due_on": DUE, "days": 2},
        MonitoringReviewDue: {**case, "due_on": DUE},
        AbsenceFound: {
            "person_id": new_id(),
            "absence_no": 2,
            "profile": "JIANGXI",
            "measure": "CIRCULAR_CRITICISM",
            "unit_action": "EXPLAIN_TO_LG_OFFICE",
            "sending_org": "AGRI@511132",
            "sending_level": "COUNTY",
            "village_code": VILLAGE,
            "found_on": date(2086, 9, 3),
        },
        BulletinPublished: {
            "bulletin_id": new_id(),
            "region_code": COUNTY,
            "period": "2086年9月上旬",
            "title": "2086年9月上旬整改工作通报",
            "items": [
                BulletinItem(unit="TOWN@511132201", matter="2户住房安全问题逾期未整改"),
                BulletinItem(unit="HOUS@511132", matter="3户危房未鉴定"),
            ],
            "recipients": ["TOWN@511132201", "HOUS"],
        },
        RankingPublished: {
            "region_month": f"{COUNTY}:2086-08",
            "region_code": COUNTY,
            "month": "2086-08",
            "rows": [
                RankingRow(township="511132201", rank=1, done=30, found=31),
                RankingRow(township=SECOND_TOWNSHIP, rank=2, done=12, found=31, flagged=True),
                RankingRow(township="511132203", rank=None, done=0, found=0),
            ],
        },
    }
    return facts[event_class]


def event_of(event_class: type[Event], **changed: Any) -> Event:
    """An event of the class with some facts of its own."""
    return event_class(**{**facts_of(event_class), **changed})


def alerts(event: Event, limits: Limits = LIMITS) -> list[Alert]:
    """What an event is told as."""
    return alerts_of(event.wire_type, new_id(), event.model_dump(mode="json"), limits)
