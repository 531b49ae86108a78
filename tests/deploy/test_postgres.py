"""The embedded PostgreSQL: who may connect where, what survives, and what its log may not say."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.embedded.ports import claim_ports
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import StackError


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A durable server of these tests, for they restart it, with two services' databases."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("cluster"), port=claim_ports())
    server.start()
    server.ensure_database("households", "households")
    server.ensure_database("funds", "funds")
    yield server
    server.destroy()


async def value(url: str, query: str) -> object:
    """The one value a query answers on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_service_reaches_its_own_database_over_the_private_socket(
    cluster: EmbeddedPostgres,
) -> None:
    url = cluster.url("funds", "funds")
    assert await value(url, "SELECT current_user::text") == "funds"
    assert await value(url, "CREATE TABLE own ()") is None
    assert cluster.socket_directory.stat().st_mode & 0o077 == 0


async def test_a_service_cannot_connect_to_another_services_database(
    cluster: EmbeddedPostgres,
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(cluster.url("households", "funds"))


def test_a_service_role_holds_no_privilege_beyond_its_database(cluster: EmbeddedPostgres) -> None:
    privileges = cluster.execute(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
        " FROM pg_roles WHERE rolname = 'funds'"
    )
    assert privileges == "f"


async def test_tcp_asks_for_the_roles_password(cluster: EmbeddedPostgres) -> None:
    url = cluster.tcp_url("funds", "funds")
    assert await value(url, "SELECT 1") == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url.replace(cluster.password("funds"), "wrong"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(cluster.tcp_url("postgres", "postgres"))


async def test_what_was_committed_survives_a_crash_and_a_stop(cluster: EmbeddedPostgres) -> None:
    cluster.execute("CREATE TABLE kept AS SELECT 7 AS seven", "funds")
    cluster.restart("immediate")
    assert cluster.execute("SELECT seven FROM kept", "funds") == "7"
    cluster.restart()
    assert cluster.execute("SELECT seven FROM kept", "funds") == "7"


def test_it_never_runs_as_root(cluster: EmbeddedPostgres) -> None:
    assert Path(f"/proc/{cluster.pid}").stat().st_uid != 0


def test_it_is_durable_and_keeps_universal_time(cluster: EmbeddedPostgres) -> None:
    shown = [cluster.execute(f"SHOW {name}") for name in ("fsync", "timezone", "max_connections")]
    assert shown == ["on", "UTC", "200"]


def test_a_chinese_name_has_trigrams(cluster: EmbeddedPostgres) -> None:
    cluster.execute("CREATE EXTENSION pg_trgm", "households")
    assert cluster.execute("SELECT cardinality(show_trgm('长顺县'))", "households") == "4"


def test_the_log_quotes_no_row(cluster: EmbeddedPostgres) -> None:
    cluster.execute("CREATE TABLE person (id_number text PRIMARY KEY)", "households")
    insert = "INSERT INTO person VALUES ('511132199001019001')"
    cluster.execute(insert, "households")
    with pytest.raises(StackError):
        cluster.execute(insert, "households")
    log = (cluster.home / "postgres" / "postgres.log").read_text()
    assert "duplicate key value" in log
    assert "511132199001019001" not in log


def test_a_database_is_copied_from_a_template_and_dropped(cluster: EmbeddedPostgres) -> None:
    cluster.create_database("template_funds", "funds")
    cluster.execute("CREATE TABLE copied ()", "template_funds")
    cluster.create_database("funds_copy", "funds", template="template_funds")
    assert cluster.execute("SELECT to_regclass('copied')", "funds_copy") == "copied"
    cluster.drop_database("funds_copy")
    cluster.drop_database("funds_copy")
    assert not cluster.execute("SELECT FROM pg_database WHERE datname = 'funds_copy'")


def test_a_name_that_would_need_quoting_is_refused(cluster: EmbeddedPostgres) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        cluster.create_database('x"; DROP DATABASE funds', "funds")


def test_a_socket_directory_others_can_enter_is_refused(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, durable=False)
    server.socket_directory.mkdir(mode=0o755)
    with pytest.raises(StackError, match="belongs to someone else"):
        server.start()
    server.destroy()
