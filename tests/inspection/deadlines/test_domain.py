"""Due dates: the rules I-20 to I-25, policy S of the county run, and what holds for any policy."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.deadlines.domain import (
    LATE,
    RELATIVE_POLICY,
    REQUESTED,
    SYSTEMIC,
    UNMATCHED,
    Classes,
    Cohort,
    Deadline,
    DeadlinePolicy,
    DueBeforeFound,
    DueRule,
    DueTooLate,
    Match,
    NoDueForSystemic,
    ObjectType,
    PolicyInvalid,
    Scope,
    Severity,
    Term,
    Tier,
    decide_deadline,
    known_cohort,
    strictest,
)

FOUND = date(2019, 8, 20)

# I-22, the county run of 2019.
POLICY_S = DeadlinePolicy(
    rules=(
        DueRule(
            "S-EXIT",
            Term(date=date(2019, 9, 30)),
            Match(cohort=(Cohort.EXITED, Cohort.EXIT_THIS_YEAR)),
        ),
        DueRule(
            "S-SPECIAL", Term(date=date(2019, 12, 31)), Match(cohort=Cohort.NON_ARCHIVED_SPECIAL)
        ),
    )
)
# I-20, Gansu 2020.
GANSU = DeadlinePolicy(
    rules=(
        DueRule("IMMEDIATE", Term(days=1), Match(tier=Tier.IMMEDIATE)),
        DueRule("GENERAL", Term(date=date(2020, 4, 30)), Match(tier=Tier.GENERAL)),
        DueRule("COMPLEX", Term(date=date(2020, 6, 30)), Match(tier=Tier.COMPLEX)),
        DueRule("ALL", Term(date=date(2020, 6, 30))),
    )
)


def classes(
    tier: Tier = Tier.GENERAL,
    scope: Scope = Scope.INDIVIDUAL,
    cohort: Cohort = Cohort.EXITED,
    severity: Severity = Severity.GENERAL,
    object_type: ObjectType = ObjectType.HOUSEHOLD,
) -> Classes:
    return Classes(tier, scope, cohort, severity, object_type)


def decide(
    policy: DeadlinePolicy,
    of: Classes,
    found_on: date = FOUND,
    requested: date | None = None,
) -> Deadline:
    return decide_deadline(
        of, found_on, policy, late_days=7, unmatched_days=30, requested=requested
    )


@pytest.mark.parametrize(
    ("cohort", "due_on", "rule"),
    [
        (Cohort.EXITED, date(2019, 9, 30), "S-EXIT"),
        (Cohort.EXIT_THIS_YEAR, date(2019, 9, 30), "S-EXIT"),
        (Cohort.NON_ARCHIVED_SPECIAL, date(2019, 12, 31), "S-SPECIAL"),
    ],
)
def test_policy_s_dates_a_problem_by_its_cohort(cohort: Cohort, due_on: date, rule: str) -> None:
    assert decide(POLICY_S, classes(cohort=cohort)) == Deadline(due_on, (rule,))


@pytest.mark.parametrize(
    ("tier", "due_on", "rules"),
    [
        (Tier.IMMEDIATE, date(2020, 3, 11), ("IMMEDIATE",)),
        (Tier.GENERAL, date(2020, 4, 30), ("GENERAL",)),
        (Tier.COMPLEX, date(2020, 6, 30), ("COMPLEX", "ALL")),
    ],
)
def test_the_earliest_of_all_matching_rules_holds_and_every_reason_is_named(
    tier: Tier, due_on: date, rules: tuple[str, ...]
) -> None:
    assert decide(GANSU, classes(tier), date(2020, 3, 10)) == Deadline(due_on, rules)


@pytest.mark.parametrize(
    ("tier", "days"), [(Tier.IMMEDIATE, 1), (Tier.GENERAL, 30), (Tier.COMPLEX, 90)]
)
def test_work_without_a_campaign_is_dated_by_its_tier(tier: Tier, days: int) -> None:
    due = decide(RELATIVE_POLICY, classes(tier))
    assert due.due_on == FOUND + timedelta(days=days)
    assert due.rules == (f"RELATIVE_{tier}",)


def test_a_fixed_date_before_the_finding_is_skipped() -> None:
    deadline = decide(GANSU, classes(Tier.GENERAL), date(2020, 5, 15))
    assert deadline == Deadline(date(2020, 6, 30), ("ALL",))


def test_a_fixed_date_on_the_day_of_finding_still_holds() -> None:
    assert decide(POLICY_S, classes(), date(2019, 9, 30)) == Deadline(
        date(2019, 9, 30), ("S-EXIT",)
    )


def test_a_problem_found_after_every_date_is_late_and_gets_seven_days() -> None:
    late = decide(POLICY_S, classes(), date(2019, 10, 1))
    assert late == Deadline(date(2019, 10, 8), (LATE,), late_found=True)


def test_the_policy_s_own_late_days_go_before_the_configured_ones() -> None:
    policy = DeadlinePolicy(POLICY_S.rules, late_days=3)
    assert decide(policy, classes(), date(2019, 10, 1)).due_on == date(2019, 10, 4)


def test_a_problem_no_rule_matches_gets_thirty_days() -> None:
    assert decide(POLICY_S, classes(cohort=Cohort.NONE)) == Deadline(
        date(2019, 9, 19), (UNMATCHED,)
    )


def test_the_policy_s_own_unmatched_days_go_before_the_configured_ones() -> None:
    policy = DeadlinePolicy((), unmatched_days=5)
    assert decide(policy, classes()).due_on == date(2019, 8, 25)


def test_a_rule_matches_only_when_each_of_its_classes_does() -> None:
    match = Match(
        Tier.COMPLEX,
        Scope.INDIVIDUAL,
        (Cohort.EXITED,),
        Severity.PROMINENT,
        (ObjectType.VILLAGE, ObjectType.HOUSEHOLD),
    )
    assert match.covers(classes(Tier.COMPLEX, severity=Severity.PROMINENT))
    assert not match.covers(classes(Tier.GENERAL, severity=Severity.PROMINENT))
    assert not match.covers(classes(Tier.COMPLEX, severity=Severity.GENERAL))
    assert not match.covers(
        classes(Tier.COMPLEX, severity=Severity.PROMINENT, cohort=Cohort.NOT_EXITED)
    )
    assert not match.covers(
        classes(Tier.COMPLEX, severity=Severity.PROMINENT, object_type=ObjectType.FUND)
    )


def test_a_systemic_problem_has_no_single_deadline() -> None:
    systemic = classes(scope=Scope.SYSTEMIC)
    assert decide(GANSU, systemic, date(2020, 3, 10)) == Deadline(None, (SYSTEMIC,))
    with pytest.raises(NoDueForSystemic):
        decide(GANSU, systemic, date(2020, 3, 10), date(2020, 4, 1))


def test_the_finder_may_shorten_the_deadline_but_not_lengthen_it() -> None:
    assert decide(POLICY_S, classes(), requested=date(2019, 9, 1)) == Deadline(
        date(2019, 9, 1), (REQUESTED,)
    )
    assert decide(POLICY_S, classes(), requested=date(2019, 9, 30)).rules == ("S-EXIT",)
    with pytest.raises(DueTooLate) as refused:
        decide(POLICY_S, classes(), requested=date(2019, 10, 1))
    assert refused.value.members == {"due_on": date(2019, 9, 30)}
    assert "2019-09-30" in refused.value.errors[0].message("zh")
    with pytest.raises(DueTooLate):
        decide(POLICY_S, classes(), requested=date.max)
    with pytest.raises(DueBeforeFound):
        decide(POLICY_S, classes(), requested=FOUND - timedelta(days=1))


def test_of_two_deadlines_the_earlier_wins_and_equal_ones_share_their_reasons() -> None:
    early, late = Deadline(date(2019, 9, 1), ("A",)), Deadline(date(2019, 9, 30), ("B",))
    assert strictest(early, late) == strictest(late, early) == early
    assert strictest(early, Deadline(early.due_on, ("A", "C"))).rules == ("A", "C")
    undated = Deadline(None, (SYSTEMIC,))
    assert strictest(undated, late) == strictest(late, undated) == late
    assert strictest(undated, undated) == undated


@pytest.mark.parametrize(
    "rules",
    [
        (DueRule("A", Term()),),
        (DueRule("A", Term(date=FOUND, days=1)),),
        (DueRule("A", Term(days=-1)),),
        (DueRule("A", Term(days=3651)),),
        (DueRule("A", Term(date=date(1999, 1, 1))),),
        (DueRule("A", Term(date=date(9999, 12, 31))),),
        (DueRule("", Term(days=1)),),
        (DueRule("\ud800", Term(days=1)),),
        (DueRule("A", Term(days=1)), DueRule("A", Term(days=2))),
        (DueRule(LATE, Term(days=1)),),
    ],
)
def test_a_policy_that_cannot_be_applied_is_refused(rules: tuple[DueRule, ...]) -> None:
    with pytest.raises(PolicyInvalid):
        DeadlinePolicy(rules)


def test_a_policy_with_impossible_days_is_refused() -> None:
    with pytest.raises(PolicyInvalid):
        DeadlinePolicy((), late_days=-1)
    with pytest.raises(PolicyInvalid):
        DeadlinePolicy((), unmatched_days=100_000)


def test_a_cohort_this_version_does_not_know_is_none() -> None:
    assert known_cohort("EXITED") is Cohort.EXITED
    assert known_cohort("OF_2030") is known_cohort(None) is Cohort.NONE


DAYS = st.dates(date(2010, 1, 1), date(2090, 12, 31))
TERMS = st.one_of(
    DAYS.map(lambda day: Term(date=day)), st.integers(0, 400).map(lambda days: Term(days=days))
)
CLASSES = st.builds(
    Classes,
    st.sampled_from(Tier),
    st.just(Scope.INDIVIDUAL),
    st.sampled_from(Cohort),
    st.sampled_from(Severity),
    st.sampled_from(ObjectType),
)
MATCHES = st.builds(
    Match,
    tier=st.none() | st.sampled_from(Tier) | st.lists(st.sampled_from(Tier)).map(tuple),
    cohort=st.none() | st.sampled_from(Cohort),
)
POLICIES = st.lists(st.tuples(TERMS, MATCHES), max_size=6).map(
    lambda pairs: DeadlinePolicy(
        tuple(DueRule(f"R{place}", term, match) for place, (term, match) in enumerate(pairs))
    )
)


@given(POLICIES, CLASSES, DAYS)
def test_a_deadline_is_never_before_the_finding_and_always_explained(
    policy: DeadlinePolicy, of: Classes, found_on: date
) -> None:
    deadline = decide(policy, of, found_on)
    assert deadline.due_on is not None
    assert deadline.due_on >= found_on
    assert deadline.rules


@given(POLICIES, CLASSES, DAYS)
def test_no_matching_rule_that_still_can_hold_is_stricter(
    policy: DeadlinePolicy, of: Classes, found_on: date
) -> None:
    deadline = decide(policy, of, found_on)
    assert deadline.due_on is not None
    for rule in policy.rules:
        if rule.match.covers(of):
            day = rule.due.date or found_on + timedelta(days=rule.due.days or 0)
            assert day < found_on or day >= deadline.due_on
            assert (rule.id in deadline.rules) == (day == deadline.due_on and day >= found_on)


@given(POLICIES, CLASSES, DAYS, st.integers(-400, 400))
def test_what_the_finder_asks_for_never_lengthens_a_deadline(
    policy: DeadlinePolicy, of: Classes, found_on: date, days: int
) -> None:
    ruled = decide(policy, of, found_on).due_on
    assert ruled is not None
    requested = ruled + timedelta(days=days)
    if found_on <= requested <= ruled:
        assert decide(policy, of, found_on, requested).due_on == requested
    else:
        with pytest.raises((DueTooLate, DueBeforeFound)):
            decide(policy, of, found_on, requested)
