"""The two workdays of a dispute, and what may be ruled (I-11)."""

from datetime import date

import pytest

from services.inspection.disputes.domain import (
    DisputeWindowClosed,
    NoOtherDepartment,
    check_dispute,
    check_ruling,
    window_end,
)
from services.inspection.routing.domain import Department, RouteFixed
from shared.workdays import official_calendar


@pytest.mark.parametrize(
    ("dispatched", "last"),
    [
        ("2019-09-16", "2019-09-18"),  # Monday
        ("2019-09-12", "2019-09-17"),  # before Mid-Autumn: Friday to Sunday are free
        ("2019-09-27", "2019-09-30"),  # Sunday the 29th is worked for National Day
        ("2019-09-30", "2019-10-09"),  # over National Day
    ],
)
def test_the_window_counts_statutory_workdays(dispatched: str, last: str) -> None:
    end = window_end(date.fromisoformat(dispatched), 2, official_calendar())
    assert end == date.fromisoformat(last)


def test_a_dispute_names_another_department_in_time() -> None:
    day, until = date(2019, 9, 16), date(2019, 9, 18)

    def dispute(
        proposed: Department = Department.CIVIL, today: date = day, kind: str = "HOUSING_UNSAFE"
    ) -> None:
        check_dispute(
            kind=kind,
            lead="HOUS",
            proposed=proposed,
            dispatched_on=day,
            until=until,
            today=today,
        )

    dispute()
    dispute(today=until)
    with pytest.raises(NoOtherDepartment):
        dispute(Department.HOUS)
    with pytest.raises(DisputeWindowClosed) as refused:
        dispute(today=date(2019, 9, 19))
    assert refused.value.members == {"until": "2019-09-18"}
    for kind in ("STYLE", "CORRUPTION_WASTE"):
        with pytest.raises(RouteFixed):
            dispute(kind=kind)


@pytest.mark.parametrize(
    ("kind", "ruled", "lead", "allowed"),
    [
        ("HOUSING_UNSAFE", Department.CIVIL, "HOUS", True),
        ("HOUSING_UNSAFE", Department.HOUS, "HOUS", True),
        ("INCOME_BELOW_LINE", Department.AGRI, "AGRI", True),
        ("INCOME_BELOW_LINE", Department.CIVIL, "AGRI", False),
        ("INCOME_BELOW_LINE", Department.AGRI, "CIVIL", True),
        ("STYLE", Department.POV, "POV", True),
        ("STYLE", Department.HOUS, "POV", False),
        ("CORRUPTION_WASTE", Department.FIN, "DISC", False),
    ],
)
def test_income_shortfalls_stay_with_agriculture(
    kind: str, ruled: Department, lead: str, allowed: bool
) -> None:
    if allowed:
        check_ruling(kind, ruled, lead)
    else:
        with pytest.raises(RouteFixed):
            check_ruling(kind, ruled, lead)
