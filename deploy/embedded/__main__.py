"""Command line of the one-machine stack: `python -m deploy.embedded up|down|status|token`."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import Annotated

import typer

from deploy.embedded.home import StackLock, prepare_home
from deploy.embedded.issuer import DEFAULT_LIFETIME_SECONDS, TokenIssuer
from deploy.embedded.logs import Console
from deploy.embedded.processes import StackError, tail
from deploy.embedded.settings import ROOT, SERVICES, StackSettings
from deploy.embedded.supervisor import Supervisor, answers_ready
from shared.errors import Unauthenticated
from shared.security import Actor, Role

READY_DESCRIPTOR = "BANGFU_READY_DESCRIPTOR"
STOP_SECONDS = 90.0
NOT_RUNNING = 3

app = typer.Typer(
    help="The Bangfu suite on one machine, with PostgreSQL and a broker of its own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", help="return when all is ready")] = False,
) -> None:
    """Start the stack; Ctrl-C stops it."""
    settings = StackSettings.from_environment(os.environ)
    if detach:
        _up_detached(settings)
        return
    descriptor = os.environ.pop(READY_DESCRIPTOR, None)

    def announce_ready(message: str) -> None:
        if descriptor is not None:
            with os.fdopen(int(descriptor), "w", encoding="utf-8") as pipe:
                pipe.write(message)

    console = Console(quiet=descriptor is not None)
    asyncio.run(Supervisor(settings, console, announce_ready).run())


@app.command()
def down() -> None:
    """Stop a running stack and wait until all of it has stopped."""
    lock = StackLock(StackSettings.from_environment(os.environ).home)
    supervisor = lock.holder()
    if supervisor is None:
        typer.echo("The stack is not running.")
        return
    os.kill(supervisor, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while lock.holder() == supervisor:
        if time.monotonic() > deadline:
            raise StackError(f"The stack (process {supervisor}) did not stop.")
        time.sleep(0.05)
    typer.echo("The stack has stopped.")


@app.command()
def status() -> None:
    """Say of each service whether it is ready; exit with 3 when the stack is not running."""
    settings = StackSettings.from_environment(os.environ)
    supervisor = StackLock(settings.home).holder()
    if supervisor is None:
        typer.echo("The stack is not running.")
        raise typer.Exit(NOT_RUNNING)

    async def ask() -> list[bool]:
        return await asyncio.gather(*(answers_ready(settings.port(name)) for name in SERVICES))

    ready = asyncio.run(ask())
    for name, is_ready in zip(SERVICES, ready, strict=True):
        typer.echo(f"{name:<12}{settings.url(name)}  {'ready' if is_ready else 'not ready'}")
    if not all(ready):
        raise typer.Exit(1)


@app.command()
def token(
    sub: Annotated[str, typer.Option(help="the person")],
    org: Annotated[str, typer.Option(help="the organisation and its region: HOUS@511132")],
    roles: Annotated[str, typer.Option(help="comma separated")],
    lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS,
) -> None:
    """Print one access token of the stack's own issuer."""
    named = [role.strip() for role in roles.split(",") if role.strip()]
    if unknown := set(named) - set(Role):
        raise StackError(
            f"No such role: {', '.join(sorted(unknown))}; there are {', '.join(Role)}."
        )
    try:
        Actor(sub, org, frozenset(named))
    except Unauthenticated:
        raise StackError("ORG is a unit and its region code, as in HOUS@511132.") from None
    home = StackSettings.from_environment(os.environ).home
    prepare_home(home)
    typer.echo(TokenIssuer(home).mint(sub, org, named, lifetime_seconds))


def _up_detached(settings: StackSettings) -> None:
    """Start a supervisor of its own session; it reports through a pipe once all is ready."""
    prepare_home(settings.home)
    output_file = settings.home / "logs" / "up.log"
    ready, report = os.pipe()
    with output_file.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "deploy.embedded", "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[report],
            cwd=ROOT,
            env={
                **os.environ,
                "BANGFU_HOME": str(settings.home),
                READY_DESCRIPTOR: str(report),
            },
        )
    os.close(report)
    with os.fdopen(ready, encoding="utf-8") as pipe:
        message = pipe.read()
    if not message:
        supervisor.wait()
        raise StackError(tail(output_file, lines=40))
    typer.echo(message)


def main() -> None:
    """Run a command; a StackError becomes its one sentence and exit code 1."""
    try:
        app()
    except StackError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
