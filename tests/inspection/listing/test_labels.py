"""Every code that stands in a list for people has a Chinese name."""

from collections.abc import Iterable, Mapping

import pytest

from services.inspection import labels
from services.inspection.deadlines.domain import RESERVED_RULE_IDS, ObjectType, Severity, Tier
from services.inspection.problems.domain.findings import Source
from services.inspection.problems.domain.states import State
from services.inspection.routing.domain import DEFAULT_ROUTES, Department
from shared.labels import DEPARTMENTS, KINDS, department_name, kind_name


@pytest.mark.parametrize(
    ("named", "codes"),
    [
        (DEPARTMENTS, {*Department, "LG", "TOWN"}),
        (KINDS, DEFAULT_ROUTES),
        (labels.STATES, State),
        (labels.TIERS, Tier),
        (labels.SEVERITIES, Severity),
        (labels.OBJECT_TYPES, ObjectType),
        (labels.SOURCES, Source),
    ],
)
def test_each_code_has_a_name_of_its_own(named: Mapping[str, str], codes: Iterable[str]) -> None:
    assert set(named) == set(codes)
    assert len(set(named.values())) == len(named)


def test_the_reasons_of_deadlines_are_named_and_rules_keep_their_ids() -> None:
    assert all(labels.rule_name(code) != code for code in RESERVED_RULE_IDS)
    assert labels.rule_name("S-EXITED") == "S-EXITED"
    assert (kind_name("NEW_KIND"), department_name("XYZ@511132")) == ("NEW_KIND", "XYZ")
