"""Which schema a service's code expects, and whether its database has it.

Reads the migration scripts as text: Alembic itself would cost every service process 13 MB that
only `shared.migrate` needs.
"""

import re
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from shared.database import Database

_REVISION = re.compile(r'^(down_)?revision(?:: [^=]+)? = (?:"([^"]+)"|None)', re.MULTILINE)


def expected_revision(versions: Path) -> str:
    """The newest revision among the scripts in `versions`: the one that no other builds on."""
    revisions: set[str] = set()
    built_on: set[str] = set()
    for script in versions.glob("*.py"):
        for down, revision in _REVISION.findall(script.read_text()):
            (built_on if down else revisions).add(revision)
    (newest,) = revisions - built_on
    return newest


async def is_at_head(database: Database, expected: str) -> bool:
    """Whether the schema of `database` is the expected one."""
    async with database.reading() as session:
        try:
            current = await session.scalar(text("SELECT version_num FROM alembic_version"))
        except ProgrammingError:  # never migrated
            return False
    return bool(current == expected)
