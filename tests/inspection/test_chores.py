"""The chores of inspection, of which a loop takes care that outlives everything."""

import pytest

from services.inspection.slices import CHORES
from shared.chores import Chore
from shared.housekeeping import CHORES as EVERY_SERVICES_CHORES
from tests.inspection.conftest import Inspection


@pytest.mark.parametrize("chore", [*EVERY_SERVICES_CHORES, *CHORES], ids=lambda chore: chore.name)
async def test_every_chore_can_be_done_where_there_is_nothing_to_do(
    inspection: Inspection, chore: Chore
) -> None:
    await chore.do(inspection.runtime)
    await chore.do(inspection.runtime)
