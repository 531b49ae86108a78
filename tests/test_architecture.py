"""The architecture as a test: import contracts, house rules, a declared scope on every route."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from shared.app import api_routes, create_app, declared_scope
from shared.web.idempotency import Once

ROOT = Path(__file__).parent.parent
SERVICES = ("households", "funds", "inspection", "notify")
PUBLIC = {"/healthz", "/readyz", "/metrics"}


def sources(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file below `folders`, parsed."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def routes() -> list[tuple[str, APIRoute]]:
    """Every route of the four services with its service's name."""
    found = []
    for name in SERVICES:
        app = create_app(import_module(f"services.{name}.main").SERVICE)
        own = [(name, route) for route in api_routes(app)]
        assert len(own) > 10, f"the routes of {name} were not found"
        found += own
    return found


def calls_of(tree: ast.Module, attribute: str) -> list[int]:
    """The lines on which a method named `attribute` is called."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == attribute
    ]


def test_the_import_contracts_hold() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_only_the_database_module_commits() -> None:
    committing = {
        str(path)
        for path, tree in sources("shared", "services")
        if calls_of(tree, "commit") and path.name != "consumer.py"  # commits Kafka offsets
    }
    assert committing == {"shared/database.py"}


def test_state_is_assigned_only_by_the_gates_of_the_tables() -> None:
    def assigns_state(tree: ast.Module) -> bool:
        return any(
            isinstance(target, ast.Attribute) and target.attr in ("state", "status")
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
        )

    offenders = [
        str(path)
        for path, tree in sources("services")
        if path.name != "tables.py" and assigns_state(tree)
    ]
    assert offenders == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "helpers", "common", "core", "misc", "manager", "service"}
    found = [
        str(path)
        for path, _tree in sources("shared", "services", "deploy", "bench")
        if path.stem in vague or path.stem.startswith("base_")
    ]
    assert found == []


def test_every_module_says_in_a_sentence_what_it_is_for() -> None:
    silent = [
        str(path)
        for path, tree in sources("shared", "services", "deploy", "bench", "tests")
        if tree.body and ast.get_docstring(tree) is None
    ]
    assert silent == []


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    marks = ("skip", "skipif", "xfail", "importorskip")
    found = [
        f"{path}:{line}"
        for path, tree in sources("tests")
        for mark in marks
        for line in calls_of(tree, mark)
    ]
    assert found == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_main_of_a_service_fits_on_one_screen(service: str) -> None:
    lines = (ROOT / "services" / service / "main.py").read_text().splitlines()
    assert len(lines) <= 80


def test_every_route_declares_its_scope() -> None:
    undeclared = [
        f"{service} {route.path}"
        for service, route in routes()
        if declared_scope(route) is None and route.path not in PUBLIC
    ]
    assert undeclared == []


def test_every_creating_post_takes_an_idempotency_key() -> None:
    def takes_key(route: APIRoute) -> bool:
        names = {
            getattr(dependant.call, "__name__", "") for dependant in route.dependant.dependencies
        }
        once_by = {"once", "once_for_money", "idempotency_of_the_hot_path", "upload_by_content"}
        return bool(names & once_by)

    keyless = [
        f"{service} {route.path}"
        for service, route in routes()
        if route.methods == {"POST"} and route.status_code == 201 and not takes_key(route)
    ]
    assert keyless == [], f"return through {Once.__name__}.keep"


def test_operation_ids_are_unique_within_a_service() -> None:
    for service in SERVICES:
        names = [route.name for owner, route in routes() if owner == service]
        assert len(names) == len(set(names)), service
