"""What notify knows of problems and places: who may hear, who is meant, how a village is called."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.mirror.domain import (
    derived_id,
    may_hear,
    organisation_of,
    short_place,
    township_organisation,
)
from tests.notify.conftest import TOWNSHIP, VILLAGE


@pytest.mark.parametrize(
    ("organisation", "style", "corruption"),
    [
        ("POV@511132", True, False),
        ("LG@511132", True, False),
        ("DISC@511132", True, True),
        ("HOUS@511132", False, False),
        ("GOV@511132", False, False),
        (TOWNSHIP, False, False),
    ],
)
def test_who_may_hear_of_style_and_corruption(
    organisation: str, style: bool, corruption: bool
) -> None:
    assert may_hear(organisation, "STYLE") is style
    assert may_hear(organisation, "CORRUPTION_NEPOTISM") is corruption
    assert may_hear(organisation, "HOUSING_UNSAFE") is True


@pytest.mark.parametrize(
    ("department", "organisation"),
    [("HOUS", "HOUS@511132"), ("HOUS@511132", "HOUS@511132"), ("POV@5111", "POV@5111")],
)
def test_a_department_code_becomes_the_countys_organisation(
    department: str, organisation: str
) -> None:
    assert organisation_of(department, VILLAGE) == organisation


@pytest.mark.parametrize(
    ("code", "organisation"),
    [(VILLAGE, "TOWN@511132201"), ("511132201", "TOWN@511132201"), ("511132", None)],
)
def test_the_township_of_a_place(code: str, organisation: str | None) -> None:
    assert township_organisation(code) == organisation


@pytest.mark.parametrize(
    ("official", "short"),
    [
        ("桐花村村民委员会", "桐花村"),
        ("高桥村民委员会", "高桥村"),
        ("桂花村委会", "桂花村"),
        ("城南社区居民委员会", "城南社区"),
        ("龙门社区居委会", "龙门社区"),
        ("王家居民委员会", "王家居民委员会"),
        ("宜坪乡", "宜坪乡"),
    ],
)
def test_a_village_is_named_without_its_committee(official: str, short: str) -> None:
    assert short_place(official) == short


@given(st.uuids(), st.text(), st.text())
def test_derived_ids_are_the_same_again_and_differ_by_name(
    origin: Any, one: str, other: str
) -> None:
    derived = derived_id(origin, one)
    assert derived == derived_id(origin, one)
    assert (derived == derived_id(origin, other)) == (one == other)
    assert (derived.version, derived.bytes[:6]) == (8, origin.bytes[:6])
