"""The revision read from the scripts' text is the one Alembic finds."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from deploy.embedded.postgres import EmbeddedPostgres
from shared.database import Database
from shared.migrate import alembic_config
from shared.revision import expected_revision, is_at_head
from tests.conftest import ROLE, NewDatabase

SERVICES = Path(__file__).parents[2] / "services"


@pytest.mark.parametrize("service", ["households", "funds", "inspection", "notify"])
def test_the_expected_revision_is_alembics_head(service: str) -> None:
    head = ScriptDirectory.from_config(alembic_config(service)).get_current_head()
    assert expected_revision(SERVICES / service / "migrations" / "versions") == head


async def test_a_database_is_at_head_only_after_its_migrations(
    new_database: NewDatabase, postgres: EmbeddedPostgres
) -> None:
    migrated = Database(await new_database("funds"), service="funds")
    head = expected_revision(SERVICES / "funds" / "migrations" / "versions")
    assert await is_at_head(migrated, head)
    assert not await is_at_head(migrated, "9999")
    await migrated.close()
    postgres.create_database("never_migrated", ROLE)
    empty = Database(postgres.url("never_migrated", ROLE), service="funds")
    assert not await is_at_head(empty, head)
    await empty.close()
    postgres.drop_database("never_migrated")
