"""A service that only says it is ready, tells its environment, and crashes when asked."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

SERVICE = sys.argv[1]
PORT = int(sys.argv[-1])


class Handler(BaseHTTPRequestHandler):
    """Answers every path with the process id and the environment of this service."""

    def do_GET(self) -> None:
        """Answer, or end at once on /crash."""
        if self.path == "/crash":
            os._exit(1)
        prefix = f"{SERVICE.upper()}_"
        environment = {key: value for key, value in os.environ.items() if key.startswith(prefix)}
        body = json.dumps({"pid": os.getpid(), "environment": environment}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Say nothing about requests."""


if os.environ.get("STANDIN_FAILS") == SERVICE:
    sys.exit("this stand-in was told to fail")
sys.stdout.write(f"{SERVICE} listens\n")
HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
