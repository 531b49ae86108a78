"""Who may read and who may steer; region and department are applied in every query."""

from typing import Annotated

from shared.security import Actor, Role
from shared.web.dependencies import allows

Reader = Annotated[Actor, allows(*(role for role in Role if role is not Role.HOUSEHOLD))]
"""Whoever works with problems; each sees the own place or department."""

Steerer = Annotated[Actor, allows(Role.POVERTY_OFFICE, Role.LEADING_GROUP, Role.OPS)]
"""Whoever sets up campaigns and routing."""
