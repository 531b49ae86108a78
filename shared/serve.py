"""`python -m shared.serve <service> --host … --port …`: run one service under uvicorn.

SIGTERM stops taking requests, finishes those under way, ends relay and consumer, and exits.
"""

import argparse
import gc
from importlib import import_module

import uvicorn


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", choices=["households", "funds", "inspection", "notify"])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    application = import_module(f"services.{arguments.service}.main").app
    # What was imported stays for good: the collector need not walk through it at every turn, nor
    # run after every few hundred objects of a request.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvicorn.run(
        application,
        host=arguments.host,
        port=arguments.port,
        loop="uvloop",
        http="httptools",
        log_config=None,  # the service configures structured logs itself
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
