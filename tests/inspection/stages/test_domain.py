"""What stages ask for, by themselves: minimums and shares, duties, stamps, signatures, checks."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.campaigns.domain import (
    STAGES,
    CampaignState,
    CampaignTerms,
    CampaignType,
    OutsideCampaign,
    OwnTownship,
)
from services.inspection.deadlines.domain import ObjectType
from services.inspection.ledger.domain import Figures
from services.inspection.routing.domain import Department
from services.inspection.stages.domain.checks import (
    Check,
    CheckedOutOfStage,
    Checker,
    CheckObjectElsewhere,
    CheckObjectInvalid,
    CheckProblemMismatch,
    Result,
    judge_check,
)
from services.inspection.stages.domain.conditions import EXIT_CONDITIONS, Condition
from services.inspection.stages.domain.duties import DUTIES, duty_stage, is_missing
from services.inspection.stages.domain.ledgers import LedgerDiffers, check_figures, unconfirmed
from services.inspection.stages.domain.reports import (
    AlreadySigned,
    ReportNotSigned,
    SameSigner,
    Signatory,
    check_signed,
    decide_signatory,
)
from services.inspection.stages.domain.sampling import (
    Minimum,
    PoolTooSmall,
    SampleTooSmall,
    TargetInvalid,
    ZoneKind,
    allot,
    check_pool,
    check_size,
    check_target,
)
from shared.errors import DomainError, Forbidden, NotFound
from shared.ids import new_id

VILLAGE = "511132201205"
MARCH_21, MARCH_25, MARCH_31 = date(2020, 3, 21), date(2020, 3, 25), date(2020, 3, 31)


def test_each_stage_asks_for_what_b7_says() -> None:
    assert EXIT_CONDITIONS == {
        CampaignState.SELF_CHECK: (Condition.COVERAGE, Condition.LEDGERS),
        CampaignState.CROSS_CHECK: (Condition.COVERAGE,),
        CampaignState.RECTIFY: (Condition.OPEN_PROBLEMS,),
        CampaignState.SAMPLE_SUMMARY: (Condition.REPORT,),
        CampaignState.SUMMARY: (Condition.REPORT,),
    }
    for stages in STAGES.values():  # no campaign ends without its signed report
        assert Condition.REPORT in EXIT_CONDITIONS[stages[-1]]


# -- duties (I-15) -------------------------------------------------------------------------------


def test_nineteen_departments_have_a_duty_and_the_discipline_commission_has_none() -> None:
    assert set(DUTIES) == set(Department) - {Department.DISC}
    assert len(DUTIES) == 19
    assert all(text.endswith("。") and len(text) > 10 for text in DUTIES.values())


def test_duties_belong_to_the_stage_after_preparing() -> None:
    assert duty_stage(CampaignType.LOOK_BACK) is CampaignState.SELF_CHECK
    assert duty_stage(CampaignType.SELF_ACCEPTANCE) is CampaignState.RECTIFY


@pytest.mark.parametrize(
    ("submitted_on", "until", "stage_left", "today", "missing"),
    [
        (None, MARCH_31, False, MARCH_31, False),
        (None, MARCH_31, False, date(2020, 4, 1), True),
        (None, MARCH_31, True, MARCH_25, True),
        (MARCH_31, MARCH_31, True, date(2020, 4, 1), False),
        (date(2020, 4, 1), MARCH_31, True, date(2020, 4, 2), True),
        (None, None, False, date(2020, 4, 2), False),
        (None, None, True, date(2020, 4, 2), True),
        (date(2020, 4, 1), None, True, date(2020, 4, 2), False),
    ],
)
def test_a_duty_is_missing_when_nothing_was_submitted_by_the_stage_s_end(
    submitted_on: date | None, until: date | None, stage_left: bool, today: date, missing: bool
) -> None:
    told = is_missing(submitted_on=submitted_on, until=until, stage_left=stage_left, today=today)
    assert told is missing


# -- ledgers (I-54) ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stamp:
    """A stamp of a test."""

    found: int


def test_a_stamp_says_what_the_ledger_says() -> None:
    check_figures(150, 115, Figures("HOUS", 150, 35))
    for found, still_open in ((149, 115), (150, 114)):
        with pytest.raises(LedgerDiffers) as refusal:
            check_figures(found, still_open, Figures("HOUS", 150, 35))
        assert refusal.value.members == {
            "given": {"found": found, "open": still_open},
            "ledger": {"found": 150, "open": 115},
        }


def test_a_department_without_a_stamp_of_all_it_has_found_is_unconfirmed() -> None:
    ledgers = [Figures("EDU", 3, 3), Figures("HOUS", 5, 1), Figures("POV", 0, 0)]
    assert unconfirmed(ledgers, {}) == ["EDU", "HOUS"]
    assert unconfirmed(ledgers, {"EDU": Stamp(3), "HOUS": Stamp(4)}) == ["HOUS"]
    assert unconfirmed(ledgers, {"EDU": Stamp(3), "HOUS": Stamp(5)}) == []


# -- sampling (I-52) -----------------------------------------------------------------------------

COUNTY = Minimum(200, 10)


def test_a_county_s_sample_has_at_least_200_households_and_10_villages() -> None:
    check_size(200, 10, COUNTY)
    for households, villages in ((199, 10), (200, 9)):
        with pytest.raises(SampleTooSmall) as refusal:
            check_size(households, villages, COUNTY)
        assert refusal.value.members == {"required": {"households": 200, "villages": 10}}
        assert "200" in refusal.value.detail("zh")
        assert "10 villages" in refusal.value.detail("en")


def test_a_pool_must_hold_what_is_drawn_from_it() -> None:
    check_pool("HOUSEHOLD", 5, 5)
    with pytest.raises(PoolTooSmall) as refusal:
        check_pool("VILLAGE", 10, 9)
    assert refusal.value.members == {"role": "VILLAGE", "need": 10, "available": 9}


@pytest.mark.parametrize(
    ("target", "kind", "good"),
    [
        ("511132", ZoneKind.COUNTY, True),
        ("511132", ZoneKind.ADMIN_ZONE, True),
        ("511132201", ZoneKind.ADMIN_ZONE, True),
        ("511132201", ZoneKind.COUNTY, False),
        ("5111", ZoneKind.COUNTY, False),
        (VILLAGE, ZoneKind.ADMIN_ZONE, False),
    ],
)
def test_a_spot_check_is_of_a_county_or_a_zone(target: str, kind: ZoneKind, good: bool) -> None:
    if good:
        check_target(target, kind)
        return
    with pytest.raises(TargetInvalid):
        check_target(target, kind)


def test_shares_follow_the_largest_remainder_and_the_lower_key_breaks_ties() -> None:
    assert allot(10, {"a": 30, "b": 30, "c": 30}) == {"a": 4, "b": 3, "c": 3}
    assert allot(10, {"a": 47, "b": 16, "c": 37}) == {"a": 5, "b": 1, "c": 4}
    assert allot(0, {"a": 3}) == {"a": 0}
    assert allot(0, {}) == {}
    villages = (19, 8, 8, 9, 11, 8, 5, 5, 4, 5, 4, 8, 5)  # F.3
    shares = allot(5873, {f"{place:02d}": size for place, size in enumerate(villages)})
    assert tuple(shares.values()) == (
        *(1127, 475, 475, 534, 652, 474, 297, 297, 237, 297, 237, 474, 297),
    )


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers(0, 1000), min_size=1),
    st.floats(0, 1),
)
def test_shares_add_up_lie_within_one_of_the_proportion_and_never_exceed_a_group(
    populations: dict[str, int], part: float
) -> None:
    total = sum(populations.values())
    number = int(part * total)
    shares = allot(number, populations)
    assert sum(shares.values()) == number
    for key, size in populations.items():
        assert 0 <= shares[key] <= size
        assert abs(shares[key] * total - number * size) <= total


# -- the report (I-47) ---------------------------------------------------------------------------

SECRETARY = {"as": "SECRETARY", "person": "a"}
MAYOR = {"as": "MAYOR", "person": "b"}


def test_a_report_counts_as_signed_with_both_signatures_only() -> None:
    check_signed([SECRETARY, MAYOR])
    for signatures, missing in (
        ([], ["SECRETARY", "MAYOR"]),
        ([SECRETARY], ["MAYOR"]),
        ([MAYOR], ["SECRETARY"]),
    ):
        with pytest.raises(ReportNotSigned) as refusal:
            check_signed(signatures)
        assert refusal.value.members == {"missing": missing}


@pytest.mark.parametrize(
    ("roles", "asked", "person", "signatures", "expected"),
    [
        ({"leading_group"}, None, "a", [], Signatory.SECRETARY),
        ({"county_gov"}, None, "b", [SECRETARY], Signatory.MAYOR),
        ({"county_gov"}, Signatory.MAYOR, "b", [], Signatory.MAYOR),
        ({"leading_group", "county_gov"}, None, "b", [SECRETARY], Signatory.MAYOR),
        ({"leading_group", "county_gov"}, Signatory.MAYOR, "b", [], Signatory.MAYOR),
        ({"leading_group"}, Signatory.MAYOR, "a", [], Forbidden),
        ({"poverty_office"}, None, "a", [], Forbidden),
        ({"leading_group"}, None, "c", [SECRETARY], AlreadySigned),
        ({"county_gov"}, None, "a", [SECRETARY], SameSigner),
        ({"leading_group", "county_gov"}, None, "a", [SECRETARY], SameSigner),
    ],
)
def test_the_role_says_who_signs_and_nobody_signs_twice(
    roles: set[str],
    asked: Signatory | None,
    person: str,
    signatures: list[dict[str, Any]],
    expected: Signatory | type[DomainError],
) -> None:
    if isinstance(expected, Signatory):
        assert decide_signatory(roles, asked, person, signatures) is expected
        return
    with pytest.raises(expected):
        decide_signatory(roles, asked, person, signatures)


# -- checks (I-51) -------------------------------------------------------------------------------

TERMS = CampaignTerms(
    new_id(), 1, CampaignType.LOOK_BACK, "511132", CampaignState.SELF_CHECK, None, None
)
CROSS = replace(TERMS, state=CampaignState.CROSS_CHECK)
GOOD = Check(ObjectType.HOUSEHOLD, str(new_id()), VILLAGE, MARCH_25, "一组", Result.OK)
OFFICE = Checker("POV", "511132", {"poverty_office"})
TOWN = Checker("TOWN", "511132201", {"township_reviewer"})
OTHER_TOWN = Checker("TOWN", "511132202", {"township_reviewer"})


def judged(check: Check, terms: CampaignTerms = TERMS, checker: Checker = OFFICE) -> None:
    """Judge a check in a stage that began on 21 March, on the 31st."""
    judge_check(check, terms, checker, not_before=MARCH_21, today=MARCH_31)


def test_a_check_of_a_household_or_a_village_within_the_stage_is_good() -> None:
    judged(GOOD)
    judged(replace(GOOD, object_type=ObjectType.VILLAGE, object_ref=VILLAGE))
    judged(replace(GOOD, result=Result.PROBLEM, problem_id=new_id()))
    judged(GOOD, TERMS, TOWN)
    judged(GOOD, CROSS, OTHER_TOWN)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"object_type": ObjectType.PROJECT}, CheckObjectInvalid),
        ({"village_code": "511132201"}, CheckObjectInvalid),
        ({"object_type": ObjectType.VILLAGE, "object_ref": "511132201206"}, CheckObjectElsewhere),
        ({"village_code": "511133201205"}, OutsideCampaign),
        ({"checked_on": date(2020, 3, 20)}, CheckedOutOfStage),
        ({"checked_on": date(2020, 4, 1)}, CheckedOutOfStage),
        ({"result": Result.PROBLEM}, CheckProblemMismatch),
        ({"problem_id": new_id()}, CheckProblemMismatch),
    ],
)
def test_a_check_that_cannot_be_is_refused(
    changes: dict[str, Any], refusal: type[DomainError]
) -> None:
    with pytest.raises(DomainError) as raised:
        judged(replace(GOOD, **changes))
    assert isinstance(raised.value, refusal)
    assert [error.code for error in raised.value.errors] == [refusal.code]


def test_townships_check_themselves_first_and_then_each_other() -> None:
    with pytest.raises(NotFound):
        judged(GOOD, TERMS, OTHER_TOWN)
    with pytest.raises(OwnTownship):
        judged(GOOD, CROSS, TOWN)
