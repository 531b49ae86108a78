"""Which events are worth telling, and to whom: rules without a database."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.alerts.domain import ALERTING_TYPES, Limits, alerts_of
from services.notify.alerts.reactions import ALERTING_EVENTS
from services.notify.queues.domain.notices import Priority, Purpose
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
from tests.notify.alerts.conftest import LIMITS, POV, TOWN, alerts, event_of

COPY, ACT, URGENT = Priority.INFORMATION, Priority.NORMAL, Priority.URGENT
VILLAGE = "VILLAGE@511132201205"
FIN, LG = "FIN@511132", "LG@511132"
AGRI = "AGRI@511132"
Told = dict[str, tuple[Priority, str | None]]


def told(event: Event, limits: Limits = LIMITS) -> Told:
    """Who is told of an event, how pressing it is, and for whom there it is meant."""
    notices = [notice for alert in alerts(event, limits) for notice in alert.notices]
    assert len({notice.organisation for notice in notices}) == len(notices)
    return {notice.organisation: (notice.priority, notice.role) for notice in notices}


def test_every_event_that_is_heard_has_its_rule() -> None:
    assert {event.wire_type for event in ALERTING_EVENTS} == ALERTING_TYPES


@pytest.mark.parametrize(
    ("event_class", "purpose", "expected"),
    [
        (
            ProgressComputed,
            Purpose.FUND_ALERT,
            {FIN: (ACT, "finance"), POV: (ACT, "poverty_office")},
        ),
        (VoucherDue, Purpose.FUND_ALERT, {TOWN: (ACT, None), FIN: (COPY, "finance")}),
        (
            VoucherOverdue,
            Purpose.FUND_ALERT,
            {TOWN: (ACT, None), FIN: (ACT, "finance"), POV: (COPY, "poverty_office")},
        ),
        (
            AllocationIdle,
            Purpose.FUND_ALERT,
            {FIN: (ACT, "finance"), POV: (ACT, "poverty_office")},
        ),
        (
            ProjectUnpaid,
            Purpose.FUND_ALERT,
            {
                FIN: (ACT, "finance"),
                POV: (ACT, "poverty_office"),
                TOWN: (COPY, "township_reviewer"),
            },
        ),
        (
            ProjectLate,
            Purpose.FUND_ALERT,
            {
                TOWN: (ACT, "township_reviewer"),
                FIN: (ACT, "finance"),
                POV: (ACT, "poverty_office"),
            },
        ),
        (
            HouseholdIncomeAssessed,
            Purpose.MONITORING_ALERT,
            {TOWN: (ACT, "township_reviewer"), POV: (ACT, "poverty_office")},
        ),
        (
            MonitoringClueRaised,
            Purpose.MONITORING_ALERT,
            {
                TOWN: (ACT, "township_reviewer"),
                VILLAGE: (ACT, "village_cadre"),
                POV: (COPY, "poverty_office"),
            },
        ),
        (
            MonitoringIdentified,
            Purpose.MONITORING_ALERT,
            {
                TOWN: (ACT, "township_reviewer"),
                VILLAGE: (ACT, "village_cadre"),
                POV: (COPY, "poverty_office"),
            },
        ),
        (
            MonitoringRiskCleared,
            Purpose.MONITORING_ALERT,
            {
                TOWN: (COPY, "township_reviewer"),
                VILLAGE: (COPY, "village_cadre"),
                POV: (COPY, "poverty_office"),
            },
        ),
        (
            MonitoringDueSoon,
            Purpose.MONITORING_ALERT,
            {
                TOWN: (ACT, "township_reviewer"),
                VILLAGE: (ACT, "village_cadre"),
                POV: (ACT, "poverty_office"),
            },
        ),
        (
            MonitoringOverdue,
            Purpose.MONITORING_ALERT,
            {TOWN: (ACT, "township_reviewer"), POV: (ACT, "poverty_office")},
        ),
        (
            MonitoringReviewDue,
            Purpose.MONITORING_ALERT,
            {
                VILLAGE: (ACT, "village_cadre"),
                TOWN: (ACT, "township_reviewer"),
                POV: (COPY, "poverty_office"),
            },
        ),
        (AbsenceFound, Purpose.ABSENCE_LETTER, {AGRI: (ACT, "dept_head")}),
        (
            BulletinPublished,
            Purpose.BULLETIN,
            {TOWN: (ACT, None), "HOUS@511132": (ACT, None), "LEADERS@511132": (COPY, None)},
        ),
        (
            RankingPublished,
            Purpose.RANKING,
            {
                POV: (ACT, "poverty_office"),
                LG: (ACT, "leading_group"),
                TOWN: (COPY, "township_party_secretary"),
                "TOWN@511132202": (URGENT, "township_party_secretary"),
                "TOWN@511132203": (COPY, "township_party_secretary"),
            },
        ),
    ],
)
def test_who_is_told_of_what(event_class: type[Event], purpose: Purpose, expected: Told) -> None:
    event = event_of(event_class)
    assert told(event) == expected
    assert {n.purpose for alert in alerts(event) for n in alert.notices} == {purpose}


@pytest.mark.parametrize(
    ("progress", "target", "expected"),
    [
        ("70.00", "70.00", set()),
        ("90.00", "70.00", set()),
        (None, "70.00", set()),  # nothing available yet
        ("65.11", None, set()),  # no plan
        ("69.99", "70.00", {FIN, POV}),
        ("50.01", "70.00", {FIN, POV}),
        ("50.00", "70.00", {FIN, POV, LG}),
        ("0.00", "95.00", {FIN, POV, LG}),
    ],
)
def test_progress_is_an_alert_below_its_plan_and_the_leading_groups_far_below(
    progress: str | None, target: str | None, expected: set[str]
) -> None:
    event = event_of(ProgressComputed, progress_pct=progress, target_pct=target)
    assert set(told(event)) == expected


def test_progress_at_its_plan_is_no_alert_even_where_no_gap_is_borne() -> None:
    limits = Limits(Decimal(30), Decimal(0), {})
    assert told(event_of(ProgressComputed, progress_pct="70.00"), limits) == {}
    assert LG in told(event_of(ProgressComputed, progress_pct="69.99"), limits)


def test_the_progress_of_a_day_is_one_alert_and_that_of_the_next_another() -> None:
    first, again = event_of(ProgressComputed), event_of(ProgressComputed, rank=3)
    later = event_of(ProgressComputed, as_of="2086-09-14")
    next_year = event_of(ProgressComputed, region_year="511132:2087", year=2087)
    ids = [alerts(event)[0].alert_id for event in (first, again, later, next_year)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("drop", "is_told"),
    [(None, False), ("-4.00", False), ("29.99", False), ("30.00", True), ("100.00", True)],
)
def test_income_is_an_alert_when_it_falls_far(drop: str | None, is_told: bool) -> None:
    assert bool(told(event_of(HouseholdIncomeAssessed, drop_pct=drop))) is is_told


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # Jiangxi: the first is for information, then the unit is written to (I-81).
        (
            {"absence_no": 1, "measure": "ADMONITION_TALK", "unit_action": None},
            {AGRI: (COPY, None)},
        ),
        ({"absence_no": 2}, {AGRI: (ACT, "dept_head")}),
        (
            {"absence_no": 3, "measure": "REPLACE", "unit_action": "WRITTEN_SELF_CRITICISM"},
            {AGRI: (ACT, "dept_head")},
        ),
        # Who was sent by the city: the origin and its superior (N-08).
        (
            {"sending_org": "AGRI@5111", "sending_level": "CITY", "superior_org": "ORG@5111"},
            {"AGRI@5111": (ACT, "dept_head"), "ORG@5111": (ACT, "dept_head")},
        ),
        ({"sending_org": "AGRI@5111", "sending_level": "CITY"}, {"AGRI@5111": (ACT, "dept_head")}),
        (
            {
                "absence_no": 1,
                "unit_action": None,
                "sending_org": "AGRI@51",
                "sending_level": "PROVINCE",
                "superior_org": "ORG@51",
            },
            {"AGRI@51": (COPY, None)},
        ),
        # Gansu: those from above are reported the first time (I-82).
        (
            {
                "profile": "GANSU",
                "absence_no": 1,
                "unit_action": "LETTER_TO_ORIGIN",
                "sending_org": "AGRI@51",
                "sending_level": "PROVINCE",
                "superior_org": "ORG@51",
            },
            {"AGRI@51": (ACT, "dept_head"), "ORG@51": (ACT, "dept_head")},
        ),
        (
            {"profile": "GANSU", "absence_no": 1, "unit_action": None},
            {AGRI: (COPY, None)},
        ),
        (
            {"profile": "GANSU", "measure": "ACCOUNTABILITY", "unit_action": "JOINT_LIABILITY"},
            {AGRI: (ACT, "dept_head")},
        ),
        # A superior of somebody sent by the county has nothing to do with it.
        ({"superior_org": "ORG@511132"}, {AGRI: (ACT, "dept_head")}),
    ],
)
def test_an_absence_is_written_about(facts: dict[str, Any], expected: Told) -> None:
    assert told(event_of(AbsenceFound, **facts)) == expected


def test_a_bulletin_reaches_whom_its_list_forgot() -> None:
    items = [BulletinItem(unit="WATER@511132", matter="饮水工程未完工")]
    event = event_of(BulletinPublished, items=items, recipients=["LEADERS@511132"])
    assert told(event) == {"LEADERS@511132": (ACT, None), "WATER@511132": (ACT, None)}


def test_whom_a_ranking_is_told_to_is_configured_by_role() -> None:
    limits = Limits(Decimal(30), Decimal(20), {"DISC": "discipline"})
    assert told(event_of(RankingPublished), limits) == {"DISC@511132": (ACT, "discipline")}


organisations = st.from_regex(r"[A-Z]{2,12}@(51|5111|511132|511133|511132201)", fullmatch=True)
units = st.sampled_from(["POV", "LG", "FIN", "DISC", "LEADERS", "TOWN", "VILLAGE"])
townships = st.integers(201, 230).map(lambda number: f"511132{number}")


@given(
    recipients=st.lists(organisations | units),
    named=st.lists(organisations),
    requester=organisations | units,
    senders=st.tuples(organisations, organisations),
    level=st.sampled_from(["COUNTY", "CITY", "PROVINCE"]),
    roles=st.dictionaries(units, st.just("x")),
    ranked=st.lists(townships, unique=True),
    progress=st.none() | st.decimals(0, 100, places=2).map(str),
    place=st.sampled_from(["51", "5111", "511132", "511132201", "511132201205"]),
)
def test_one_event_never_tells_an_organisation_twice(
    recipients: list[str],
    named: list[str],
    requester: str,
    senders: tuple[str, str],
    level: str,
    roles: dict[str, str],
    ranked: list[str],
    progress: str | None,
    place: str,
) -> None:
    limits = Limits(Decimal(30), Decimal(20), roles)
    items = [BulletinItem(unit=unit, matter="未整改") for unit in named]
    rows = [
        RankingRow(township=one, rank=rank, done=0, found=1) for rank, one in enumerate(ranked, 1)
    ]
    for event in (
        event_of(BulletinPublished, recipients=recipients, items=items, region_code=place),
        event_of(VoucherOverdue, requester=requester, region_code=place),
        event_of(
            AbsenceFound, sending_org=senders[0], superior_org=senders[1], sending_level=level
        ),
        event_of(RankingPublished, rows=rows),
        event_of(ProgressComputed, progress_pct=progress),
    ):
        told(event, limits)  # asserts it


@pytest.mark.parametrize("event_class", ALERTING_EVENTS)
def test_the_same_event_is_told_the_same_again(event_class: type[Event]) -> None:
    event, event_id = event_of(event_class), new_id()
    data = event.model_dump(mode="json")
    assert alerts_of(event.wire_type, event_id, data, LIMITS) == alerts_of(
        event.wire_type, event_id, data, LIMITS
    )


@pytest.mark.parametrize("event_class", ALERTING_EVENTS)
def test_nobody_outside_the_county_is_told_unless_named(event_class: type[Event]) -> None:
    assert {org.partition("@")[2][:6] for org in told(event_of(event_class))} == {"511132"}
