"""Which events a subscription lets through, who may be told of them, and its life."""

from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.deadlines.domain import Severity, Tier
from services.inspection.problems.domain.states import State as ProblemState
from services.notify.feeds.domain import (
    MOVES,
    PROBLEM_STATES,
    SEVERITIES,
    TIERS,
    Action,
    Fact,
    Filters,
    FiltersInvalid,
    State,
    check_filters,
    mandatory_id,
    matches,
    next_state,
    sees,
)
from services.notify.mirror.domain import may_hear
from shared.errors import IllegalMove
from shared.events.copies import topic_of
from shared.ids import new_id
from shared.labels import KINDS

AT = datetime.fromisoformat("2086-03-02T10:00:00+08:00")
TYPES = ("inspection.problem.dispatched.v1", "inspection.problem.closed.v1")
PLACES = ("511132", "511132201", "511132201205", "511132202", "511133", "5111", "51", "52")
PLACE_UNITS = ("POV", "LG", "GOV", "TOWN", "CITY", "PROV")
DEPARTMENTS = ("HOUS", "WATER", "DISC", "FIN")

kinds = st.sampled_from(sorted(KINDS))
places = st.sampled_from([place for place in PLACES if len(place) >= 6])
organisations = st.builds(
    lambda unit, place: f"{unit}@{place}",
    st.sampled_from(PLACE_UNITS + DEPARTMENTS),
    st.sampled_from(PLACES),
)
few_organisations = st.frozensets(organisations, max_size=3)
problems = st.builds(
    Fact,
    event_id=st.builds(new_id),
    event_type=st.sampled_from(TYPES),
    at=st.just(AT),
    problem_id=st.builds(new_id),
    kind=kinds,
    tier=st.sampled_from(TIERS),
    severity=st.sampled_from(SEVERITIES),
    state=st.sampled_from(PROBLEM_STATES),
    village_code=places,
    leads=few_organisations,
    partners=few_organisations,
)
cases = problems.map(
    lambda fact: replace(fact, problem_id=None, tier=None, severity=None, state=None)
)
facts = st.one_of(problems, cases)


def some(values: tuple[str, ...] | list[str]) -> st.SearchStrategy[frozenset[str]]:
    """No filter, or one on a few of the values."""
    return st.frozensets(st.sampled_from(values), max_size=3)


filters = st.builds(
    Filters,
    kinds=some(sorted(KINDS)),
    region_prefix=st.none() | st.sampled_from(PLACES),
    tiers=some(TIERS),
    severities=some(SEVERITIES),
    states=some(PROBLEM_STATES),
    event_types=some(TYPES),
)


@given(facts)
def test_empty_filters_let_everything_through(fact: Fact) -> None:
    assert matches(Filters(), fact)


@given(filters, facts)
def test_an_event_passes_when_it_passes_every_filter_alone(wanted: Filters, fact: Fact) -> None:
    alone = [
        Filters(**{name: getattr(wanted, name)})
        for name in ("kinds", "region_prefix", "tiers", "severities", "states", "event_types")
    ]
    assert matches(wanted, fact) == all(matches(one, fact) for one in alone)


@given(problems)
def test_filters_made_of_an_event_let_it_through(fact: Fact) -> None:
    own = Filters(
        kinds=frozenset({fact.kind}),
        region_prefix=fact.village_code,
        tiers=frozenset({fact.tier or ""}),
        severities=frozenset({fact.severity or ""}),
        states=frozenset({fact.state or ""}),
        event_types=frozenset({fact.event_type}),
    )
    assert matches(own, fact)
    assert not matches(replace(own, kinds=frozenset(KINDS) - {fact.kind}), fact)


@given(filters, problems, st.sampled_from(PLACES))
def test_a_wider_region_lets_no_less_through(wanted: Filters, fact: Fact, region: str) -> None:
    if matches(replace(wanted, region_prefix=region), fact):
        for length in (2, 4, 6, 9):
            wider = replace(wanted, region_prefix=region[:length])
            assert matches(wider, fact)


@given(cases, filters)
def test_a_filter_on_what_a_case_does_not_have_keeps_it_out(fact: Fact, wanted: Filters) -> None:
    if wanted.tiers or wanted.severities or wanted.states:
        assert not matches(wanted, fact)


@given(filters)
def test_filters_are_the_same_after_they_were_stored(wanted: Filters) -> None:
    assert Filters.from_json(wanted.to_json()) == wanted


@given(organisations, facts)
def test_who_leads_a_problem_sees_it_whatever_it_is(organisation: str, fact: Fact) -> None:
    assert sees(organisation, replace(fact, leads=fact.leads | {organisation}))


@given(organisations, facts)
def test_nobody_sees_besides_the_lead_what_he_may_not_hear_of(
    organisation: str, fact: Fact
) -> None:
    if organisation not in fact.leads and sees(organisation, fact):
        assert may_hear(organisation, fact.kind)  # I-13


@given(organisations, facts)
def test_nobody_sees_beyond_the_region_but_who_takes_part(organisation: str, fact: Fact) -> None:
    region = organisation.partition("@")[2]
    concerned = organisation in fact.leads | fact.partners
    if sees(organisation, fact) and not concerned:
        assert fact.village_code.startswith(region)


@given(st.sampled_from(DEPARTMENTS), st.sampled_from(PLACES), facts)
def test_a_department_sees_only_what_it_leads_or_takes_part_in(
    unit: str, place: str, fact: Fact
) -> None:
    organisation = f"{unit}@{place}"
    concerned = organisation in fact.leads | fact.partners
    assert not sees(organisation, fact) or concerned


@given(st.sampled_from(PLACE_UNITS), st.sampled_from(PLACES), problems)
def test_a_unit_of_a_place_sees_all_of_its_region_it_may_hear_of(
    unit: str, place: str, fact: Fact
) -> None:
    organisation = f"{unit}@{place}"
    inside = fact.village_code.startswith(place) and may_hear(organisation, fact.kind)
    assert sees(organisation, fact) == (inside or organisation in fact.leads)


@given(cases)
def test_a_township_sees_no_case_of_accountability(fact: Fact) -> None:
    assert not sees(f"TOWN@{fact.village_code[:9]:0<9}", replace(fact, leads=frozenset()))


@pytest.mark.parametrize(
    ("filters", "fields"),
    [
        (Filters(kinds=frozenset({"NONSENSE", "HOUSING_UNSAFE"})), ["filters.kinds"]),
        (Filters(tiers=frozenset({"SOON"})), ["filters.tiers"]),
        (Filters(severities=frozenset({"SEVERE"})), ["filters.severities"]),
        (Filters(states=frozenset({"DONE"})), ["filters.states"]),
        (Filters(event_types=frozenset({"notify.reminder.sent.v1"})), ["filters.event_types"]),
        (Filters(region_prefix="511133"), ["filters.region_prefix"]),
        (
            Filters(region_prefix="51", states=frozenset({"DONE"})),
            ["filters.states", "filters.region_prefix"],
        ),
    ],
)
def test_filters_name_only_what_there_is(filters: Filters, fields: list[str]) -> None:
    with pytest.raises(FiltersInvalid) as refused:
        check_filters(filters, "511132", TYPES)
    assert [error.field for error in refused.value.errors] == fields


def test_filters_that_name_what_there_is_are_accepted() -> None:
    check_filters(Filters(), "511132", TYPES)
    check_filters(
        Filters(kinds=frozenset(KINDS), region_prefix="511132201", states=frozenset({"CLOSED"})),
        "511132",
        TYPES,
    )


def test_filters_know_the_tiers_severities_and_states_there_are() -> None:
    assert set(TIERS) == {str(tier) for tier in Tier}
    assert set(SEVERITIES) == {str(severity) for severity in Severity}
    assert set(PROBLEM_STATES) == {str(state) for state in ProblemState}


def test_every_move_that_is_not_in_the_table_is_refused() -> None:
    for state, action in product(State, Action):
        if (state, action) in MOVES:
            assert next_state(state, action) is MOVES[state, action]
        else:
            with pytest.raises(IllegalMove):
                next_state(state, action)


def test_nothing_can_be_done_to_a_deleted_subscription() -> None:
    assert not [action for state, action in MOVES if state is State.DELETED]


def test_topics_and_mandatory_subscriptions_are_one_per_organisation() -> None:
    assert topic_of("HOUS@511132") == "notify.queue.hous-511132"
    assert mandatory_id("HOUS@511132") == mandatory_id("HOUS@511132")
    assert mandatory_id("HOUS@511132") != mandatory_id("HOUS@511133")
