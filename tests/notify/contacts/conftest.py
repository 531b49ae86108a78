"""notify with the settings a test asks for."""

from tests.notify.sendings.conftest import opened  # noqa: F401 - a fixture
