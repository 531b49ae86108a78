"""The routing table of C.4: every kind, the unknown ones, and rules by date."""

from datetime import date

import pytest

from services.inspection.routing.domain import (
    DEFAULT_ROUTES,
    KINDS_LED,
    Department,
    Route,
    default_route,
    in_force,
)
from services.inspection.routing.queries import RoutingTable

# C.4, read off the domain catalogue.
LEADS = """
ORG TEAM_ABSENCE TEAM_COVERAGE WEAK_BRANCH
EDU EDU_DROPOUT EDU_AID_MISSING EDU_HOME_TEACHING EDU_HISTORIC_DROPOUT
HOUS HOUSING_UNSAFE HOUSING_UNAPPRAISED HOLLOW_HOUSE
CIVIL SAFETYNET_MISSING
HEALTH HEALTH_DOCTOR_SIGN CLINIC_SUBSTANDARD
MEDINS MEDICAL_UNINSURED MEDICAL_SETTLEMENT
WATER WATER_UNSAFE
DPF DISABILITY_UNCERTIFIED DISABILITY_SUBSIDY
TRANS ROAD_SUBSTANDARD
NDRC RELOCATION_NOT_IN RELOCATION_OLD_HOUSE RELOCATION_FACILITY RELOCATION_FOLLOWUP
MIIT NETWORK_SUBSTANDARD
AGRI INCOME_BELOW_LINE INCOME_SUDDEN_DROP INDUSTRY_NOT_COVERED INDUSTRY_NO_LINKAGE
AGRI COLLECTIVE_ECONOMY AGRI_INSURANCE ENVIRONMENT
FIN FUND_SLOW FUND_IRREGULAR ONECARD_FAIL
HRSS EMPLOYMENT_SUBSIDY WORKSHOP PUBLIC_POST
FOREST FOREST_RANGER
BANK MICROCREDIT
CULT TV_SUBSTANDARD CULTURE_ROOM_SUBSTANDARD
POWER POWER_SUBSTANDARD PV_SETTLEMENT
POV ID_MISSED ID_WRONG EXIT_WRONG PROCEDURE_DEFECT ARCHIVE_DEFECT PLAN_COPY_PASTE HELPER_MISSING
POV ASSET_UNREGISTERED NON_COOPERATION STYLE FALSE_RECTIFICATION
DISC CORRUPTION_EMBEZZLE CORRUPTION_BRIBERY CORRUPTION_FALSE_CLAIM CORRUPTION_MISAPPROPRIATE
DISC CORRUPTION_WASTE CORRUPTION_EXTORTION CORRUPTION_NEPOTISM
"""
PAIRS = [
    (kind, line.split()[0]) for line in LEADS.strip().splitlines() for kind in line.split()[1:]
]


@pytest.mark.parametrize(("kind", "department"), PAIRS)
def test_each_kind_goes_to_the_department_of_the_table(kind: str, department: str) -> None:
    assert default_route(kind) == Route(Department(department))


def test_the_table_holds_nothing_else_and_no_kind_twice() -> None:
    assert sorted(DEFAULT_ROUTES) == sorted(kind for kind, _ in PAIRS)
    assert sum(map(len, KINDS_LED.values())) == len(DEFAULT_ROUTES)
    assert set(KINDS_LED) == set(Department)


def test_an_unknown_kind_goes_to_the_poverty_office_and_says_so() -> None:
    assert default_route("SOMETHING_NEW") == Route(Department.POV, unrouted=True)


def test_the_newest_rule_that_has_begun_is_in_force() -> None:
    rules = [(date(2019, 1, 1), Department.HOUS), (date(2019, 9, 1), Department.CIVIL)]
    assert in_force(rules, date(2018, 12, 31)) is None
    assert in_force(rules, date(2019, 8, 31)) is Department.HOUS
    assert in_force(rules, date(2019, 9, 1)) is Department.CIVIL


def test_the_nearest_region_s_rule_goes_before_its_parents() -> None:
    table = RoutingTable()
    day = date(2019, 1, 1)
    table.remember("HOUSING_UNSAFE", "51", day, Department.CIVIL)
    table.remember("HOUSING_UNSAFE", "511132201", day, Department.NDRC)
    assert table.route("HOUSING_UNSAFE", "511132201205", day) == Route(Department.NDRC)
    assert table.route("HOUSING_UNSAFE", "511132202200", day) == Route(Department.CIVIL)
    assert table.route("HOUSING_UNSAFE", "430703001001", day) == Route(Department.HOUS)
    assert table.route("WATER_UNSAFE", "511132201205", day) == Route(Department.WATER)


def test_a_region_may_route_a_kind_the_table_does_not_know() -> None:
    table = RoutingTable()
    table.remember("SOMETHING_NEW", "511132", date(2019, 1, 1), Department.CULT)
    assert table.route("SOMETHING_NEW", "511132201205", date(2019, 1, 1)) == Route(Department.CULT)
