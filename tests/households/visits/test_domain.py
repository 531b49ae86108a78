"""Which problem a NO stands for (C.4)."""

import pytest

from services.households.visits.domain import Answer, failed_looks

ALL_YES = {str(look): Answer.YES for look in range(1, 10)}


@pytest.mark.parametrize(
    ("look", "kind"),
    [
        (1, "INCOME_BELOW_LINE"),
        (2, "HOUSING_UNSAFE"),
        (3, "EDU_DROPOUT"),
        (4, "WATER_UNSAFE"),
        (5, "ARCHIVE_DEFECT"),
        (6, "HEALTH_DOCTOR_SIGN"),
        (7, "INDUSTRY_NOT_COVERED"),
        (8, "MEDICAL_UNINSURED"),
        (9, "PROCEDURE_DEFECT"),
    ],
)
def test_each_look_stands_for_a_kind_of_problem(look: int, kind: str) -> None:
    assert failed_looks(ALL_YES | {str(look): Answer.NO}) == [(look, kind)]


def test_where_all_is_well_nothing_failed() -> None:
    assert failed_looks(ALL_YES) == []


def test_where_nothing_is_well_all_nine_failed_in_order() -> None:
    failed = failed_looks(dict.fromkeys(ALL_YES, Answer.NO))
    assert [look for look, _kind in failed] == list(range(1, 10))
