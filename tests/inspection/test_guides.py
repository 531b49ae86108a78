"""The guides name what a caller cannot guess: units, roles, kinds, configured values."""

import re
from pathlib import Path

from services.inspection.routing.domain import KINDS_LED
from services.inspection.slices import SETTINGS
from shared.labels import department_name, kind_name
from shared.regions import PLACE_UNITS
from shared.security import Role

DOCS = Path(__file__).parents[2] / "docs"


def test_every_kind_stands_with_its_name_beside_the_department_that_leads_it() -> None:
    lines = (DOCS / "codes.md").read_text("utf-8").splitlines()
    for department, kinds in KINDS_LED.items():
        listed = ", ".join(f"`{kind}` {kind_name(kind)}" for kind in kinds)
        assert f"| `{department}` | {department_name(department)} | {listed} |" in lines


def test_every_unit_and_role_is_named() -> None:
    named = set(re.findall("`([A-Za-z_]+)`", (DOCS / "codes.md").read_text("utf-8")))
    assert named >= PLACE_UNITS | set(Role)


def test_every_configured_value_of_inspection_is_named_with_its_rule() -> None:
    rows = [
        line
        for line in (DOCS / "rectification.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    for setting in SETTINGS:
        named = [row for row in rows if f"`{setting.key}`" in row]
        assert len(named) == 1, setting.key
        assert setting.rule in named[0] or setting.key.startswith("evidence_"), setting.key
