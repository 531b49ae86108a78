"""`python -m shared.serve <service> --host … --port …`: run one service under uvicorn.

SIGTERM stops taking requests, finishes those under way, ends relay and consumer, and exits.
"""

import argparse
import gc
import socket
import sys
from importlib import import_module

import uvicorn
from fastapi import FastAPI

from shared.web.connections import Connection

STARTUP_FAILURE = 3


class Server(uvicorn.Server):
    """A server of `application` that tells it to stop before it waits for open answers."""

    def __init__(self, application: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._application = application

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, finish those under way, end the application."""
        self._application.state.runtime.stopping.set()
        await super().shutdown(sockets)


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
    config = uvicorn.Config(
        application,
        host=arguments.host,
        port=arguments.port,
        loop="uvloop",
        http=Connection,
        log_config=None,  # the service configures structured logs itself
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = Server(application, config)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


if __name__ == "__main__":
    main()
