"""What refuses a finding by itself, and when it repeats another report (I-01 to I-04)."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.inspection.deadlines.domain import ObjectType, Tier
from services.inspection.problems.domain.findings import (
    ClosedOutOfTime,
    EvidenceRequired,
    Finder,
    Finding,
    FoundInFuture,
    HandOver,
    ObjectCodeInvalid,
    ObjectMisplaced,
    Source,
    VillageRequired,
    check_finding,
    confirm_by,
    is_repeated,
)
from shared.errors import Invalid
from shared.workdays import official_calendar

TODAY = date(2019, 9, 16)
AT = datetime(2019, 9, 16, 2, tzinfo=UTC)
FINDING = Finding(
    source=Source.COUNTY_INSPECTION,
    finder=Finder("t", "POV@511132"),
    found_on=date(2019, 8, 20),
    kind="HOUSING_UNSAFE",
    tier=Tier.GENERAL,
    object_type=ObjectType.HOUSEHOLD,
    object_ref="01990000-0000-7000-8000-000000000001",
    village_code="511132201205",
    description="墙体开裂",
)

# I-02.
CHANNELS = [
    "CENTRAL_INSPECTION",
    "NATIONAL_ASSESSMENT",
    "PROVINCE_INSPECTION",
    "CITY_INSPECTION",
    "COUNTY_INSPECTION",
    "SPECIAL_INSPECTION",
    "SELF_CHECK",
    "CROSS_CHECK",
    "SAMPLE",
    "DATA_COMPARISON",
    "VISIT",
    "AUDIT",
    "HOTLINE_12317",
    "HOTLINE_12345",
    "PETITION",
    "MEDIA",
]


def test_the_channels_and_hand_over_manners_are_those_of_the_rule() -> None:
    assert [source.value for source in Source] == CHANNELS
    assert [manner.value for manner in HandOver] == ["VIDEO", "RESEARCH", "SUPERVISION", "ROUTINE"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"found_on": TODAY},
        {"closed_on": TODAY},
        {"closed_on": date(2019, 8, 20)},
        {"suspected": True, "evidence": ({"ref": "a", "sha256": "0" * 64},)},
        {"object_type": ObjectType.VILLAGE, "object_ref": "511132201205"},
        {"object_type": ObjectType.TOWNSHIP, "object_ref": "511132201"},
        {
            "object_type": ObjectType.TOWNSHIP,
            "object_ref": "511132201",
            "village_code": "511132201",
        },
        {"object_type": ObjectType.COUNTY, "object_ref": "511132", "village_code": "511132"},
        {"object_type": ObjectType.PROJECT, "village_code": "511132"},
        {"object_type": ObjectType.FUND, "object_ref": "CENTRAL", "village_code": "511132"},
        {"object_type": ObjectType.PERSON},
    ],
)
def test_a_finding_in_order_passes(changes: dict[str, Any]) -> None:
    check_finding(replace(FINDING, **changes), TODAY)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"found_on": date(2019, 9, 17)}, FoundInFuture),
        ({"closed_on": date(2019, 8, 19)}, ClosedOutOfTime),
        ({"closed_on": date(2019, 9, 17)}, ClosedOutOfTime),
        ({"suspected": True}, EvidenceRequired),
        ({"village_code": "511132201"}, VillageRequired),
        ({"village_code": "511132", "object_type": ObjectType.PERSON}, VillageRequired),
        ({"village_code": "5111", "object_type": ObjectType.FUND}, VillageRequired),
        ({"object_type": ObjectType.VILLAGE, "object_ref": "511132201"}, ObjectCodeInvalid),
        ({"object_type": ObjectType.COUNTY, "object_ref": "511132201"}, ObjectCodeInvalid),
        ({"object_type": ObjectType.VILLAGE, "object_ref": "511132201206"}, ObjectMisplaced),
        ({"object_type": ObjectType.TOWNSHIP, "object_ref": "511132202"}, ObjectMisplaced),
    ],
)
def test_a_finding_out_of_order_is_refused(changes: dict[str, Any], refusal: type[Invalid]) -> None:
    with pytest.raises(refusal) as refused:
        check_finding(replace(FINDING, **changes), TODAY)
    assert [error.code for error in refused.value.errors] == [refusal.code]


def test_the_same_channel_and_finder_on_the_same_day_is_a_repetition() -> None:
    known = [FINDING.source_record(AT)]
    assert is_repeated(FINDING.source_record(AT), known)
    assert is_repeated(replace(FINDING, description="另一处").source_record(AT), known)
    for changes in (
        {"source": Source.AUDIT},
        {"found_on": date(2019, 8, 21)},
        {"finder": Finder("u", "POV@511132")},
        {"finder": Finder("t", "LG@511132")},
    ):
        changed = replace(FINDING, **changes)
        assert not is_repeated(changed.source_record(AT), known)


def test_a_suspicion_is_settled_within_three_workdays_across_the_national_holiday() -> None:
    # Monday 30 September 2019 is followed by the holiday of 1 to 7 October.
    assert confirm_by(date(2019, 9, 30), 3, official_calendar()) == date(2019, 10, 10)
