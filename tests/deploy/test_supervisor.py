"""The supervisor with stand-in services: one clear start, restarts, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.ports import claim_ports
from deploy.embedded.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
STANDIN = Path(__file__).parent / "standin"
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Stack:
    """One home and port base, driven through the command line."""

    home: Path
    port_base: int
    extra: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )

    def command(self, *arguments: str) -> list[str]:
        """The argument vector of a command."""
        return [sys.executable, "-m", "deploy.embedded", *arguments]

    def environment(self) -> dict[str, str]:
        """The variables that make it this stack."""
        ours = {
            "BANGFU_HOME": str(self.home),
            "BANGFU_SOURCE": str(STANDIN),
            "PORT_BASE": str(self.port_base),
            "SIMULATION_CLOCK": "1",
        }
        return os.environ | ours | self.extra

    def ask(self, service: int, path: str = "/") -> dict[str, Any]:
        """What the stand-in at base + `service` answers; empty while it is down."""
        url = f"http://127.0.0.1:{self.port_base + service}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except (urllib.error.URLError, ConnectionError):
            return {}

    def process(self, service: int) -> int:
        """Process id of a stand-in, 0 while it is down."""
        return int(self.ask(service).get("pid", 0))

    def processes(self) -> set[int]:
        """Every running process that names this home's ports or was started for it."""
        marks = [f"127.0.0.1:{self.port_base + 92}".encode(), os.fsencode(self.socket_directory())]
        marks += [b"--port\0%d\0" % (self.port_base + service) for service in range(1, 5)]
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if any(mark in arguments for mark in marks):
                found.add(int(entry.name))
        return found

    def broker(self) -> int:
        """Process id of the broker."""
        mark = f"tcp://127.0.0.1:{self.port_base + 92}".encode()
        (found,) = (p for p in self.processes() if mark in Path(f"/proc/{p}/cmdline").read_bytes())
        return found

    def socket_directory(self) -> Path:
        """Where this home's PostgreSQL listens."""
        return EmbeddedPostgres(self.home).socket_directory

    def supervisor(self) -> int:
        """Process id of the supervisor."""
        return int((self.home / "stack.lock").read_text())


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, within a bound."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that is not running yet, and is stopped and removed afterwards."""
    stack = Stack(tmp_path, claim_ports(100))
    yield stack
    remove(stack)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that runs for the tests which leave it running."""
    stack = Stack(tmp_path_factory.mktemp("running"), claim_ports(100))
    up = stack.run("up", "--detach")
    assert up.returncode == 0, up.stderr
    yield stack
    remove(stack)


def remove(stack: Stack) -> None:
    """Stop and forget a stack; nothing may be left of it."""
    stack.run("down")
    assert not stack.processes()
    EmbeddedPostgres(stack.home).destroy()


def test_up_returns_when_all_is_ready_and_down_when_nothing_is_left(stack: Stack) -> None:
    up = stack.run("up", "--detach")
    assert up.returncode == 0, up.stderr
    assert f"http://127.0.0.1:{stack.port_base + 4}" in up.stdout
    assert stack.run("status").returncode == 0
    assert len(stack.processes()) == 6
    assert "already running" in stack.run("up").stderr
    assert stack.run("down").returncode == 0
    assert not stack.processes()
    assert stack.run("status").returncode == 3


def test_a_service_is_told_its_database_its_broker_and_its_keys(running: Stack) -> None:
    told = running.ask(1)["environment"]
    assert told["HOUSEHOLDS_DATABASE_URL"].startswith("postgresql://households@/households?host=/")
    assert told["HOUSEHOLDS_KAFKA_BOOTSTRAP"] == f"127.0.0.1:{running.port_base + 92}"
    assert told["HOUSEHOLDS_KAFKA_IDEMPOTENT"] == "false"
    assert told["HOUSEHOLDS_SIMULATION_CLOCK"] == "true"
    key = Path(told["HOUSEHOLDS_FIELD_KEY_FILE"])
    assert len(bytes.fromhex(key.read_text())) == 32
    assert key.stat().st_mode & 0o777 == 0o600
    assert Path(told["HOUSEHOLDS_JWKS_FILE"]).exists()
    assert running.ask(4)["environment"]["NOTIFY_FIELD_KEY_FILE"] == str(key)
    told = running.ask(3)["environment"]
    assert "INSPECTION_FIELD_KEY_FILE" not in told
    assert told["INSPECTION_OBJECT_STORE_URL"] == (running.home / "objects").as_uri()
    assert len(bytes.fromhex(Path(told["INSPECTION_LINK_KEY_FILE"]).read_text())) == 32


def test_a_crashed_service_comes_back_alone(running: Stack) -> None:
    crashing, bystander = running.process(3), running.process(4)
    running.ask(3, "/crash")
    eventually(lambda: running.process(3) not in (0, crashing))
    assert running.process(4) == bystander
    told = (running.home / "logs" / "stack.log").read_text()
    assert "inspection ended with code 1; starting it in 0.5 s" in told


def test_with_the_forgetful_broker_all_services_are_restarted(running: Stack) -> None:
    before = {running.process(service) for service in range(1, 5)}
    os.kill(running.broker(), signal.SIGKILL)
    eventually(lambda: before.isdisjoint(running.process(service) for service in range(1, 5)))
    eventually(lambda: running.run("status").returncode == 0)


def test_state_and_secrets_survive_a_restart(running: Stack) -> None:
    key = (running.home / "field.key").read_text()
    EmbeddedPostgres(running.home).execute("CREATE TABLE kept AS SELECT 7 AS seven", "funds")
    running.run("down")
    running.run("up", "--detach")
    assert EmbeddedPostgres(running.home).execute("SELECT seven FROM kept", "funds") == "7"
    assert (running.home / "field.key").read_text() == key


def test_a_killed_supervisor_leaves_no_process_and_no_lock(running: Stack) -> None:
    before = running.processes()
    os.kill(running.supervisor(), signal.SIGKILL)
    again = running.run("up", "--detach")
    assert again.returncode == 0, again.stderr
    assert len(running.processes()) == 6
    assert running.processes().isdisjoint(before)


def test_in_the_foreground_ctrl_c_stops_it_cleanly(stack: Stack) -> None:
    with subprocess.Popen(
        stack.command("up"), cwd=ROOT, env=stack.environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Bangfu is ready" in line:
                process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    assert "funds      | funds listens\n" in lines
    assert lines[-1].endswith("| stopped\n")


def test_a_port_in_use_is_named_in_one_sentence(tmp_path: Path) -> None:
    stack = Stack(tmp_path, claim_ports(100))
    with socket.create_server(("127.0.0.1", stack.port_base + 3)):
        refused = stack.run("up")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"Port {stack.port_base + 3} (inspection) is in use" in refused.stderr


def test_a_home_that_cannot_be_written_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = Stack(tmp_path / "file" / "home", 23_000).run("up")
    assert refused.returncode == 1
    assert "cannot be written: Not a directory." in refused.stderr


def test_a_service_that_does_not_start_fails_up_with_the_end_of_its_log(stack: Stack) -> None:
    failed = Stack(stack.home, stack.port_base, {"STANDIN_FAILS": "notify"}).run("up", "--detach")
    assert failed.returncode == 1
    assert "notify ended with code 1" in failed.stderr
    assert "this stand-in was told to fail" in failed.stderr
    assert not stack.processes()


def test_a_token_is_minted_for_known_roles_only(tmp_path: Path) -> None:
    stack = Stack(tmp_path, 23_000)
    person = ("token", "--sub", "li", "--org", "HOUS@511132", "--roles")
    assert stack.run(*person, "dept_handler,dept_head").stdout.count(".") == 2
    assert "No such role: emperor" in stack.run(*person, "emperor").stderr
