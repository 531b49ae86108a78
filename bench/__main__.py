"""`python -m bench [names] [--quick] [--plans] [--broker apache]`: one table of every figure."""

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence

import uvloop

from bench.options import Options
from bench.rounds import HEADER, Figure
from bench.stack import running_bench
from deploy.embedded.settings import Broker, StackSettings

NAMES = (
    "log_problem",
    "logged_to_pulled",
    "relay_drain",
    "batch_import",
    "moves",
    "ledger_reads",
    "timers",
    "webhooks",
    "memory",
    "streams",
)


async def measure(names: Sequence[str], options: Options) -> list[Figure]:
    """Print the figures of the named modules as they come, and answer them."""
    home = StackSettings.from_environment(os.environ).home
    figures: list[Figure] = []
    print(HEADER, flush=True)
    with running_bench(home, options) as bench:
        for name in names:
            began = time.monotonic()
            found: list[Figure] = await importlib.import_module(f"bench.{name}").measure(bench)
            bench.clear()
            print(*found, sep="\n", flush=True)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            figures += found
        if options.plans:
            print("", *bench.plans, sep="\n\n")
    return figures


def main() -> int:
    """Measure and print; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less data: < 2 minutes")
    parser.add_argument("--plans", action="store_true", help="print the plans of the queries")
    parser.add_argument("--broker", type=Broker, choices=list(Broker), default=Broker.EMBEDDED)
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(NAMES))
    if unknown:
        parser.error(f"no figure is called {', '.join(unknown)}")
    options = Options(arguments.quick, arguments.plans, arguments.broker)
    figures = uvloop.run(measure(arguments.names or NAMES, options))
    return int(not all(figure.met for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
