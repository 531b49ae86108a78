"""The whole suite running as its users run it: one stack per broker for the whole test run."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from deploy.embedded.issuer import TokenIssuer
from deploy.embedded.ports import claim_ports
from deploy.embedded.settings import StackSettings

ROOT = Path(__file__).parents[2]
SERVICES = ("households", "funds", "inspection", "notify")
START_SECONDS = 180
FoundT = TypeVar("FoundT")


@dataclass
class Stack:
    """A running stack: its processes, its state and its HTTP interfaces."""

    home: Path
    port_base: int
    broker: str
    client: httpx.AsyncClient = field(init=False)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the stack's commands."""
        return {
            **os.environ,
            "BANGFU_HOME": str(self.home),
            "PORT_BASE": str(self.port_base),
            "BROKER": self.broker,
            "SIMULATION_CLOCK": "1",
        }

    @property
    def bootstrap(self) -> str:
        """Where the broker listens."""
        return f"127.0.0.1:{self.port_base + 92}"

    def command(self, *arguments: str, timeout: float = START_SECONDS) -> str:
        """Run a module of the project in the stack's environment; its output."""
        result = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def migrate(self, service: str, database_url: str) -> None:
        """Bring a service's database to the newest schema."""
        settings = StackSettings.from_environment(self.environment)
        subprocess.run(
            [sys.executable, "-m", "shared.migrate", service],
            cwd=ROOT,
            env=settings.environment(service, database_url),
            timeout=START_SECONDS,
            check=True,
        )

    def up(self) -> None:
        """Start it and wait until it is ready."""
        self.command("deploy.embedded", "up", "--detach")

    def down(self) -> None:
        """Stop it and wait until it has stopped."""
        self.command("deploy.embedded", "down")

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        caller: tuple[str, Sequence[str]],
        body: Any = None,
        *,
        person: str = "journey",
        **headers: str,
    ) -> httpx.Response:
        """Call a service as `caller` (organisation, roles)."""
        token = TokenIssuer(self.home).mint(person, caller[0], caller[1])
        port = self.port_base + 1 + SERVICES.index(service)
        return await self.client.request(
            method,
            f"http://127.0.0.1:{port}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )

    async def ok(
        self,
        service: str,
        method: str,
        path: str,
        caller: tuple[str, Sequence[str]],
        body: Any = None,
        *,
        person: str = "journey",
        **headers: str,
    ) -> Any:
        """The JSON of a call that must succeed."""
        response = await self.call(service, method, path, caller, body, person=person, **headers)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None


async def eventually(
    find: Callable[[], Awaitable[FoundT | None]], *, seconds: float, what: str
) -> FoundT:
    """What `find` answers as soon as it is truthy; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = await find()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)


@pytest.fixture(scope="session", params=["embedded", "apache"])
def running_stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The suite on the embedded broker, then on Apache Kafka."""
    stack = Stack(tmp_path_factory.mktemp(request.param), claim_ports(100), request.param)
    stack.up()
    yield stack
    stack.down()


@pytest.fixture
async def stack(running_stack: Stack) -> AsyncIterator[Stack]:
    """The running suite, with a client of this test."""
    async with httpx.AsyncClient(timeout=30) as client:
        running_stack.client = client
        yield running_stack
