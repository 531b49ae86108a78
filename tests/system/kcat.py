"""Reading topics with kcat, a Kafka client that shares no code with this project.

Where the machine has none, it is taken from the distribution's packages and unpacked into the
cache: that needs apt's tools and a mirror, but no right to install anything.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import files
from pathlib import Path
from typing import Any

from deploy.maven import cached

FETCH_SECONDS = 300.0
READ_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic as text; `value` is JSON."""

    key: str
    headers: Mapping[str, str]
    value: str


def read_topic(bootstrap: str, topic: str, *, key: str | None = None) -> list[Record]:
    """The records of a topic from its beginning to its present end; those of one `key` in order."""
    arguments = ("-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q", "-J")
    output = _run([*_command(), *arguments], READ_SECONDS, _environment())
    # Topics are long and JSON is slow to read: only what may be meant is read at all.
    lines = (line for line in output.splitlines() if key is None or key in line)
    records = [_record(json.loads(line)) for line in lines]
    return [record for record in records if key is None or record.key == key]


def _record(read: Mapping[str, Any]) -> Record:
    headers: list[str] = read["headers"]
    return Record(read["key"], dict(zip(headers[::2], headers[1::2], strict=True)), read["payload"])


def _command() -> list[str]:
    installed = shutil.which("kcat")
    return [installed] if installed else [str(_unpacked() / "usr/bin/kcat")]


def _environment() -> dict[str, str]:
    """kcat with the librdkafka of the confluent-kafka wheel: distributions keep one that cannot
    read the embedded broker's newest greeting."""
    libraries = [file for file in files("confluent-kafka") or () if ".so" in file.suffixes]
    (newest,) = (file for file in libraries if file.name.startswith("librdkafka"))
    environment = {**os.environ, "LD_PRELOAD": str(newest.locate())}
    if shutil.which("kcat") is None:
        found = {str(library.parent) for library in _unpacked().glob("usr/lib/**/*.so.*")}
        environment["LD_LIBRARY_PATH"] = ":".join(sorted(found))
    return environment


@cache
def _unpacked() -> Path:
    """The directory that kcat's packages lie in, unpacked; fetched once."""
    target = cached("kcat")
    if target.exists():
        return target
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    assert not missing, f"kcat is neither installed nor to be had without {missing}: install kcat"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        staged = Path(scratch) / "kcat"
        for package in _packages(Path(scratch)):
            _run(["dpkg-deb", "--extract", str(package), str(staged)], FETCH_SECONDS)
        try:
            staged.rename(target)
        except OSError:
            if not target.exists():  # else another process was first
                raise
    return target


def _packages(scratch: Path) -> list[Path]:
    """kcat's package and what it needs beyond what the machine has, downloaded."""
    for directory in ("lists/partial", "cache/archives/partial"):
        (scratch / directory).mkdir(parents=True)
    apt = [
        *("apt-get", "--yes", "--quiet", "-o", "Debug::NoLocking=1"),
        *("-o", f"Dir::State::lists={scratch}/lists", "-o", f"Dir::Cache={scratch}/cache"),
        *("-o", "APT::Sandbox::User="),
    ]
    # A hook of the machine that needs root may fail here; without lists the next step does.
    subprocess.run(
        [*apt, "update"], check=False, capture_output=True, text=True, timeout=FETCH_SECONDS
    )
    wanted = ("--download-only", "--no-install-recommends", "install", "kcat")
    _run([*apt, *wanted], FETCH_SECONDS)
    return sorted((scratch / "cache/archives").glob("*.deb"))


def _run(
    command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None
) -> str:
    done = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}{done.stderr}"
    return done.stdout
