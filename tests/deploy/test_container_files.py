"""The container files say what they must, checked without a container engine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.settings import ENCRYPTING, SERVICES

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
DATABASES = ROOT / "deploy" / "compose" / "databases.sql"
EXAMPLE = ROOT / ".env.example"
RUNTIME = ROOT / "requirements" / "runtime.txt"
# Imports what a container runs, with nothing installed but the locked runtime requirements.
IMPORTS = """
import re, sys
from importlib.metadata import packages_distributions

locked = set(sys.argv[1].split())
names = lambda found: {{re.sub("[-_.]+", "-", name).lower() for name in found}}
absent = {{package for package, found in packages_distributions().items()
          if not names(found) & locked}}

class OnlyTheLocked:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError("not in requirements/runtime.txt", name=name)

sys.meta_path.insert(0, OnlyTheLocked)
import services.{service}.main, shared.serve, shared.migrate
"""
YAMLLINT = (
    "{extends: default, rules: {document-start: disable, line-length: {max: 120},"
    " comments: {min-spaces-from-content: 1}}}"
)

each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file with its anchors resolved."""
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


@pytest.mark.parametrize(
    "command",
    [
        ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)),
        ("yamllint", "--strict", "-d", YAMLLINT, str(COMPOSE)),
        ("hadolint", str(DOCKERFILE)),
    ],
    ids=lambda command: command[0],
)
def test_the_checker_finds_nothing(command: tuple[str, ...]) -> None:
    tool = Path(sys.executable).parent / command[0]
    done = subprocess.run([tool, *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_names_exactly_the_variables_that_are_used(compose: dict[str, Any]) -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    named = set(re.findall(r"^([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))
    assert used == named
    assert set(re.findall(r"\\getenv \w+ ([A-Z_]+)", DATABASES.read_text())) <= set(
        compose["services"]["postgres"]["environment"]
    )


def test_the_example_holds_no_password() -> None:
    assert not re.search(r"^[A-Z_]*PASSWORD=.", EXAMPLE.read_text(), re.MULTILINE)


def test_database_and_broker_are_reached_by_the_services_only(compose: dict[str, Any]) -> None:
    assert compose["networks"]["backend"] == {"internal": True}
    for name in ("postgres", "kafka"):
        assert "ports" not in compose["services"][name]
        assert compose["services"][name]["networks"] == ["backend"]
        assert compose["services"][name]["healthcheck"]["test"]


def test_what_must_outlive_a_container_lies_on_a_volume(compose: dict[str, Any]) -> None:
    assert "postgres:/var/lib/postgresql" in compose["services"]["postgres"]["volumes"]
    broker = compose["services"]["kafka"]
    assert f"kafka:{broker['environment']['KAFKA_LOG_DIRS']}" in broker["volumes"]
    assert broker["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


@each_service
def test_a_service_runs_confined_and_after_what_it_needs(
    compose: dict[str, Any], service: str
) -> None:
    running = compose["services"][service]
    migration = compose["services"][f"migrate-{service}"]
    for container in (running, migration):
        assert container["read_only"] is True
        assert container["tmpfs"] == ["/tmp"]  # noqa: S108 - the container's own
        assert container["cap_drop"] == ["ALL"]
        assert container["image"] == f"bangfu-{service}"
    assert running["build"] == {
        "context": ".",
        "dockerfile": "deploy/Dockerfile",
        "args": {"SERVICE": service},
    }
    assert running["depends_on"] == {
        f"migrate-{service}": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
        "kafka": {"condition": "service_healthy"},
    }
    assert migration["command"] == ["python", "-m", "shared.migrate", service]
    assert migration["restart"] == "no"


def _filled_in(value: object) -> str:
    """`value` as compose fills it in from an environment that names what has no default."""
    return re.sub(
        r"\$\{[A-Z_]+:([-+?])([^}]*)\}",
        lambda found: {"-": found[2], "+": "", "?": "x"}[found[1]],
        str(value),
    )


@each_service
def test_the_environment_of_a_service_is_what_it_reads(
    compose: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = compose["services"][service]["environment"]
    settings_class = import_module(f"services.{service}.main").SERVICE.settings
    prefix = f"{service.upper()}_"
    assert {name.removeprefix(prefix).lower() for name in environment} <= set(
        settings_class.model_fields
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, _filled_in(value))
    settings = settings_class()
    assert settings.database_url == f"postgresql://{service}:x@postgres:5432/{service}"
    assert settings.kafka_idempotent is True
    assert settings.environment.value == "production"
    assert settings.simulation_clock is False
    assert (settings.field_key_file is not None) == (service in ENCRYPTING)


@each_service
def test_an_image_holds_one_service_and_that_is_enough_to_start(
    service: str, tmp_path: Path
) -> None:
    """What the Dockerfile copies into the image, and nothing else."""
    allowed = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if "!" in line
    ]
    copied = re.findall(r"^COPY (?!--from)(\S+) (\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    for source, target in copied:
        path = source.replace("${SERVICE}", service)
        assert any(path == one or path.startswith(f"{one}/") for one in allowed), path
        if target.startswith("/"):
            continue
        destination = tmp_path / target.replace("${SERVICE}", service)
        destination.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, destination, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / path, destination)
    assert [one.name for one in (tmp_path / "services").iterdir() if one.is_dir()] == [service]
    locked = " ".join(re.findall(r"^([a-z0-9-]+)==", RUNTIME.read_text(), re.MULTILINE))
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(service=service), locked],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_an_image_does_not_run_as_root_and_trusts_hashes_only() -> None:
    text = DOCKERFILE.read_text()
    assert "USER 10001:10001" in text
    assert "--require-hashes" in text
    assert len(re.findall("^FROM python:3.13-slim", text, re.MULTILINE)) == 2


@pytest.fixture
def made_databases(postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """A server on which the initial script has run, with a password of its own for each role."""
    passwords = "".join(f"\\set {service}_password 'only-{service}'\n" for service in SERVICES)
    postgres.execute(passwords + DATABASES.read_text())
    yield postgres
    for service in SERVICES:
        postgres.drop_database(service)
        postgres.execute(f"DROP ROLE {service}")


def test_each_role_enters_its_own_database_and_no_other(made_databases: EmbeddedPostgres) -> None:
    entered = made_databases.execute(
        "SELECT rolname, datname FROM pg_roles, pg_database"
        " WHERE rolname::text = ANY ('{households,funds,inspection,notify}')"
        " AND datname::text = ANY ('{households,funds,inspection,notify}')"
        " AND has_database_privilege(rolname, datname, 'CONNECT') ORDER BY 1"
    )
    assert entered.splitlines() == [f"{service}|{service}" for service in sorted(SERVICES)]
