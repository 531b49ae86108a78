"""`python -m shared.migrate <service>`: bring a service's database to the newest schema.

Safe to run by several processes at once (advisory lock) and again (nothing to do). Each service's
scripts stand in `services/<service>/migrations/versions`.
"""

import asyncio
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, text

from shared.database import Database

_LOCK = 0x42414E47  # "BANG"


def alembic_config(service: str) -> Config:
    """Alembic's configuration for `service`, without an ini file."""
    package = importlib.import_module(f"services.{service}")
    config = Config()
    config.set_main_option("script_location", str(Path(package.__path__[0]) / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def run_migrations(metadata: Any = None) -> None:
    """What a service's `migrations/env.py` calls."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


def run_script(script: str) -> None:
    """Execute a script of statements separated by `;` at line ends (no dollar quoting)."""
    for statement in script.split(";\n"):
        if statement.strip().rstrip(";"):
            op.execute(text(statement.strip().rstrip(";").replace(":", r"\:")))


async def migrate(database: Database, service: str) -> None:
    """Upgrade `database` to the newest schema of `service`."""
    config = alembic_config(service)

    def upgrade(connection: Connection) -> None:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.engine.begin() as connection:
        await connection.run_sync(upgrade)


async def _main(service: str) -> None:
    database = Database(os.environ[f"{service.upper()}_DATABASE_URL"], service=service)
    try:
        await migrate(database, service)
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
