"""Who does the work, whom a task is handed to, when silence is told (I-14, I-34)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.work.domain.execution import (
    DelegateInvalid,
    Organisation,
    check_delegation,
    next_reminder,
)

VILLAGE = "511132201205"


@pytest.mark.parametrize(
    ("organisation", "place", "executes"),
    [
        ("HOUS@511132", VILLAGE, True),
        ("FIN@511132", VILLAGE, False),
        ("POV@511132", VILLAGE, False),
        ("TOWN@511132201", VILLAGE, True),
        ("TOWN@511132202", VILLAGE, False),
        ("VILLAGE@511132201205", VILLAGE, True),
        ("VILLAGE@511132201206", VILLAGE, False),
        ("TOWN@511132201", "511132201", True),
        ("TOWN@511132201", "511132", False),
    ],
)
def test_the_lead_department_and_the_place_do_the_work(
    organisation: str, place: str, executes: bool
) -> None:
    assert Organisation.of(organisation).executes("HOUS", place) is executes


@pytest.mark.parametrize(
    ("organisation", "must"),
    [("HOUS@511132", True), ("TOWN@511132201", True), ("VILLAGE@511132201205", False)],
)
def test_only_the_village_needs_no_own_check(organisation: str, must: bool) -> None:
    assert Organisation.of(organisation).must_check_itself is must


@pytest.mark.parametrize(
    ("giver", "taker", "kind", "allowed"),
    [
        ("HOUS@511132", "TOWN@511132201", "HOUSING_UNSAFE", True),
        ("HOUS@511132", "VILLAGE@511132201205", "HOUSING_UNSAFE", True),
        ("HOUS@511132", "FIN@511132", "HOUSING_UNSAFE", True),
        ("TOWN@511132201", "VILLAGE@511132201205", "HOUSING_UNSAFE", True),
        ("FIN@511132", "TOWN@511132201", "HOUSING_UNSAFE", True),
        ("FIN@511132", "CIVIL@511132", "HOUSING_UNSAFE", False),
        ("TOWN@511132201", "FIN@511132", "HOUSING_UNSAFE", False),
        ("VILLAGE@511132201205", "TOWN@511132201", "HOUSING_UNSAFE", False),
        ("TOWN@511132201", "TOWN@511132201", "HOUSING_UNSAFE", False),
        ("HOUS@511132", "HOUS@511132", "HOUSING_UNSAFE", False),
        ("HOUS@511132", "TOWN@511132202", "HOUSING_UNSAFE", False),
        ("HOUS@511132", "GOV@511132", "HOUSING_UNSAFE", False),
        ("HOUS@511132", "TOWN@511132201", "STYLE", False),
        ("HOUS@511132", "TOWN@511132201", "CORRUPTION_BRIBERY", False),
    ],
)
def test_a_task_goes_down_or_to_a_co_department(
    giver: str, taker: str, kind: str, allowed: bool
) -> None:
    def check() -> None:
        check_delegation(
            Organisation.of(giver),
            Organisation.of(taker),
            lead_dept="HOUS",
            kind=kind,
            place=VILLAGE,
        )

    if allowed:
        check()
    else:
        with pytest.raises(DelegateInvalid):
            check()


@given(silent=st.integers(0, 400), every=st.integers(1, 30))
def test_silence_is_told_at_each_multiple_of_the_days(silent: int, every: int) -> None:
    last = date(2019, 9, 16)
    following = next_reminder(last, silent, every)
    assert following > last + timedelta(days=silent)
    assert (following - last).days % every == 0
    assert (following - last).days - silent <= every
