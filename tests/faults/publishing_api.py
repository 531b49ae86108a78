"""A broken inspection service: it publishes inside the request instead of through the outbox."""

import asyncio
import os
import sys

import uvicorn
from aiokafka import AIOKafkaProducer
from starlette.types import ASGIApp, Receive, Scope, Send

from services.inspection.main import SERVICE
from shared.app import create_app


class PublishFirst:
    """Answers a POST only after the broker has acknowledged that it came."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._producer: AIOKafkaProducer | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            if self._producer is None:
                self._producer = AIOKafkaProducer(
                    bootstrap_servers=os.environ["INSPECTION_KAFKA_BOOTSTRAP"],
                    enable_idempotence=False,
                    request_timeout_ms=1500,
                )
                await self._producer.start()
            await asyncio.wait_for(self._producer.send_and_wait("inspection.problem", b"{}"), 3)
        await self._app(scope, receive, send)


if __name__ == "__main__":
    app = create_app(SERVICE)
    app.add_middleware(PublishFirst)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[-1]), log_config=None)
