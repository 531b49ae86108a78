"""How much each fault test does: little in the default run, all of it with FAULTS=full."""

import os

FULL = os.environ.get("FAULTS") == "full"


def count(default: int, full: int) -> int:
    """`default` in `make test`, `full` in `make faults`."""
    return full if FULL else default


def seconds(default: float, full: float) -> float:
    """`default` in `make test`, `full` in `make faults`."""
    return full if FULL else default
