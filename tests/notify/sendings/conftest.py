"""notify with the settings a test asks for."""

from typing import Any

import pytest

from tests.notify.conftest import NewNotify
from tests.notify.sendings.providers import Opened, People


@pytest.fixture
def opened(new_notify: NewNotify) -> Opened:
    """Open notify with settings of its own."""

    async def open_people(**settings: Any) -> People:
        return People(await new_notify(**settings))

    return open_people
