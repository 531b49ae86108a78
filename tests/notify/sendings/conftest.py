"""notify with the settings a test asks for."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.notify.sendings.providers import People, open_people


@pytest.fixture
def opened(
    start: Start, leshan: list[tuple[str, str, int]], field_key_file: Path
) -> Callable[..., Awaitable[People]]:
    """Open notify with settings of its own."""
    return partial(open_people, start, leshan, field_key_file)
