"""The names of the tests: the same in every process, or they cannot share the work."""

import os
import subprocess
import sys

import pytest


def test_every_test_has_the_same_name_in_another_process(request: pytest.FixtureRequest) -> None:
    # Another process hashes otherwise and starts at another time: neither may show in a name.
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *request.config.args],
        cwd=request.config.rootpath,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = set(collected.stdout.splitlines())
    assert [item.nodeid for item in request.session.items if item.nodeid not in theirs] == []
