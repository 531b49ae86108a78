"""Services as processes of their own, for the faults that only a whole service can show."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.embedded.home import keep_secret
from deploy.embedded.issuer import AUDIENCE, ISSUER, TokenIssuer
from deploy.embedded.ports import claim_ports
from deploy.embedded.processes import kill_group
from deploy.embedded.settings import ENCRYPTING
from tests.faults.stage import ROOT, until
from tests.system.county import COUNTY, INSPECTOR, finding

DEPARTMENT = f"HOUS@{COUNTY}"


@dataclass
class ServiceProcess:
    """A running service and a client that speaks to it as an inspector."""

    name: str
    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    database_url: str

    async def fetch(self, statement: str) -> list[asyncpg.Record]:
        """Rows of the service's database, past the service."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    async def ready(self) -> None:
        """Wait until it takes requests."""

        async def answers() -> bool:
            assert self.process.returncode is None, f"{self.name} ended early"
            try:
                return (await self.client.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await until(answers, 60, f"{self.name} is ready")

    async def log(self, body: dict[str, Any] | None = None) -> str | None:
        """Log a problem: its id, None when that was refused or no answer came."""
        try:
            answer = await self.client.post("/api/v1/problems", json=body or finding())
        except httpx.TransportError:
            return None
        return str(answer.json()["id"]) if answer.status_code == 201 else None


@asynccontextmanager
async def service(
    name: str,
    database_url: str,
    bootstrap: str,
    issuer: TokenIssuer,
    log: Path,
    command: tuple[str, ...] = (),
) -> AsyncIterator[ServiceProcess]:
    """`name` as a process; `command` instead of the usual start; killed with the block."""
    prefix, port = name.upper(), claim_ports()
    environment = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP": bootstrap,
        "KAFKA_REQUEST_TIMEOUT_MILLISECONDS": "1500",
        "JWKS_FILE": str(issuer.jwks_file),
        "TOKEN_ISSUER": ISSUER,
        "TOKEN_AUDIENCE": AUDIENCE,
    }
    if name in ENCRYPTING:
        keys = log.parent / "field.key"
        keep_secret(keys, lambda: secrets.token_hex(32).encode())
        environment["FIELD_KEY_FILE"] = str(keys)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *(command or ("shared.serve", name))),
            *("--host", "127.0.0.1", "--port", str(port)),
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                **{f"{prefix}_{key}": value for key, value in environment.items()},
            },
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    token = issuer.mint("tester", *INSPECTOR)
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
        limits=httpx.Limits(max_connections=200),
    )
    try:
        async with client:
            yield ServiceProcess(name, process, client, database_url)
    finally:
        kill_group(process.pid)
        await process.wait()
