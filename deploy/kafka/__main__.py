"""Command line of the Apache Kafka node: `python -m deploy.kafka fetch|run`."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from deploy.embedded.processes import StackError
from deploy.kafka import server

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def fetch() -> None:
    """Copy Kafka's artifacts from Maven Central into the cache and print where they lie."""
    typer.echo(server.fetch())


@app.command()
def run(
    home: Annotated[Path, typer.Option(envvar="BANGFU_HOME")] = Path(".bangfu"),
    port: Annotated[int, typer.Option(help="the controller takes the next one")] = 8092,
) -> None:
    """Run one node in the foreground until SIGINT or SIGTERM."""
    stopping = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)
    kafka = server.ApacheKafka(home, port)
    kafka.start()
    typer.echo(f"Apache Kafka {server.version()} answers at {kafka.bootstrap}")
    signal.sigwait(stopping)
    kafka.stop()


if __name__ == "__main__":
    try:
        app()
    except StackError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from None
