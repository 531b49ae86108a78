"""Webhooks of a running notify, and the receiver they go to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.notify.webhooks.endpoints import Hooks, running_hooks


@pytest.fixture
async def hooks(start: Start, field_key_file: Path) -> AsyncIterator[Hooks]:
    """notify, sending by itself."""
    async with running_hooks(start, field_key_file) as running:
        await running.configure(per_second=0)
        yield running
