"""Who may read and who may keep the register; region and department are applied in every query."""

from typing import Annotated

from shared.security import Actor, Role
from shared.web.dependencies import allows

Reader = Annotated[
    Actor,
    allows(
        Role.VILLAGE_CADRE,
        Role.RESIDENT_TEAM,
        Role.HELPER,
        Role.TOWNSHIP_REVIEWER,
        Role.TOWNSHIP_PARTY_SECRETARY,
        Role.DEPT_HANDLER,
        Role.DEPT_HEAD,
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
        Role.COUNTY_GOV,
        Role.INSPECTOR,
        Role.FINANCE,
        Role.DISCIPLINE,
        Role.PROVINCE_PLATFORM,
    ),
]
"""Whoever works with households; masked rows of the caller's region."""

Keeper = Annotated[
    Actor,
    allows(Role.VILLAGE_CADRE, Role.RESIDENT_TEAM, Role.TOWNSHIP_REVIEWER, Role.POVERTY_OFFICE),
]
"""Whoever writes the register."""

Revealer = Annotated[Actor, allows(Role.POVERTY_OFFICE)]
"""Whoever may see a sensitive value in full (`pii:read`), for a reason that is kept."""
