"""One PostgreSQL and one token issuer for the whole run; one database per test from a template."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement

from deploy.embedded.issuer import AUDIENCE, ISSUER, TokenIssuer
from deploy.embedded.postgres import EmbeddedPostgres
from shared.app import Service
from shared.database import Database
from shared.migrate import migrate
from shared.regions import seed_regions
from shared.testing import RunningApp, running_app

ROLE = "tester"

NewDatabase = Callable[[str], Awaitable[str]]
Start = Callable[..., Awaitable[RunningApp]]


# Each test makes and drops some hundred files; in memory that takes half the time.
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of this run's own is made in it
MEMORY_NEEDED_BYTES = 4 << 30


def in_memory() -> bool:
    """Whether there is room for a cluster in memory."""
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED_BYTES


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a parameter of bytes by its argument: a packed file holds the time it was made at.

    Tests that run on several processes must have the same names in each.
    """
    return argname if isinstance(val, bytes) else None


async def kept_plan(database: Database, statement: str | ClauseElement) -> str:
    """The plan that is kept of a statement which was first used while there was next to nothing."""
    if not isinstance(statement, str):
        whole = {"render_postcompile": True}  # a parameter for each value of a list
        compiled = statement.compile(dialect=database.engine.dialect, compile_kwargs=whole)
        statement = str(compiled)
    async with database.driver_transaction() as connection:
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE kept AS {statement}")
        parameters = await connection.fetchval(
            "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'kept'"
        )
        given = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
        rows = await connection.fetch(f"EXPLAIN EXECUTE kept{given}")
        await connection.execute("DEALLOCATE kept")
    return "\n".join(row[0] for row in rows)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL 18 of this run. Not durable: no test of this directory pulls its plug."""
    if in_memory():
        home = Path(tempfile.mkdtemp(prefix="bangfu-", dir=MEMORY))
    else:
        home = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(home, durable=False)
    try:
        server.prepare()
        server.start()
        server.create_role(ROLE)
        yield server
        server.stop("immediate")
        server.destroy()
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> TokenIssuer:
    """An issuer of real tokens."""
    return TokenIssuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="session")
def field_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A master key of this run."""
    file = tmp_path_factory.mktemp("keys") / "field.key"
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32))
    return file


@pytest.fixture(scope="session")
def leshan() -> list[tuple[str, str, int]]:
    """The regions of 乐山市 and its province, as rows of a mirror."""
    return [
        (row.code, row.name, 0)
        for row in seed_regions()
        if row.code == "51" or row.code.startswith("5111")
    ]


@pytest.fixture(scope="session")
def templates() -> dict[str, str]:
    """The migrated template database of each service, made by its first test."""
    return {}


@pytest.fixture
async def new_database(
    postgres: EmbeddedPostgres, templates: dict[str, str]
) -> AsyncIterator[NewDatabase]:
    """Make an empty, migrated database of a service; dropped after the test."""
    made: list[str] = []

    async def make(service: str) -> str:
        if service not in templates:
            template = f"template_{service}"
            postgres.create_database(template, ROLE)
            database = Database(postgres.url(template, ROLE), service=service)
            await migrate(database, service)
            await database.close()
            templates[service] = template
        name = f"{service}_{next(_numbers)}"
        postgres.create_database(name, ROLE, template=templates[service])
        made.append(name)
        return postgres.url(name, ROLE)

    yield make
    for name in made:
        postgres.drop_database(name)


_numbers = count(1)


@pytest.fixture
async def start(new_database: NewDatabase, issuer: TokenIssuer) -> AsyncIterator[Start]:
    """Start a service in process on a database of its own, without a broker."""
    async with AsyncExitStack() as stack:

        async def start_service(service: Service, **overrides: Any) -> RunningApp:
            url = await new_database(service.name)
            settings = service.settings(
                **{
                    "database_url": url,
                    "jwks_file": issuer.jwks_file,
                    "token_issuer": ISSUER,
                    "token_audience": AUDIENCE,
                    "simulation_clock": True,
                    "database_pool_size": 5,
                    **overrides,
                }
            )
            return await stack.enter_async_context(running_app(service, settings, issuer.mint))

        yield start_service
