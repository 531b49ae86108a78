"""What the stack's processes print: prefixed on the console, and kept in files of bounded size."""

import asyncio
import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES = 5 * 1024 * 1024
KEPT_FILES = 2
LINE_BYTES = 256 * 1024
COLOURS = (36, 32, 33, 35, 34, 96, 92)


class Console:
    """The terminal all processes share; `quiet` keeps it silent (a detached stack)."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._names: list[str] = []

    def write(self, name: str, line: str) -> None:
        """One line of the process `name`."""
        if self._quiet:
            return
        if name not in self._names:
            self._names.append(name)
        prefix = f"{name:<10} |"
        if self._colourful:
            colour = COLOURS[self._names.index(name) % len(COLOURS)]
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        try:
            print(prefix, line, flush=True)
        except BrokenPipeError:  # whoever read has gone; the files keep everything
            self._quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class ProcessLog:
    """The log of one process: its lines go to the console and to `directory`/<name>.log."""

    def __init__(self, name: str, directory: Path, console: Console) -> None:
        self.path = directory / f"{name}.log"
        self._name = name
        self._console = console
        self._file = RotatingFileHandler(
            self.path, maxBytes=FILE_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True
        )

    def write(self, line: str) -> None:
        """Keep one line."""
        self._file.emit(logging.makeLogRecord({"msg": line}))
        self._console.write(self._name, line)

    async def follow(self, output: asyncio.StreamReader) -> None:
        """Keep every line of `output` until its end; a line of any length, in pieces."""
        pending = b""
        while chunk := await output.read(64 * 1024):
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > LINE_BYTES:
                lines, pending = [*lines, pending], b""
            for line in lines:
                self.write(line.decode(errors="replace").rstrip("\r"))
        if pending:
            self.write(pending.decode(errors="replace"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
