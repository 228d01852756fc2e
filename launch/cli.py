"""The command line. ``main`` is the console entry and returns the exit code.

0: done. 1: a node failed, or the run itself. 2: bad input, nothing was started. 130: interrupted. Every command is a
function registered on ``app``; what is heavy is imported inside it, so that ``--help`` is quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lightlag.launch.command.commands import register
from lightlag.launch.command.launch import launch
from lightlag.launch.command.teaching import errors_taught
from lightlag.launch.run.options import EXIT_RUN_FAILED

app = typer.Typer(
    name="lightlag",
    help="A space simulation in which every message travels at the speed of light.",
    epilog="Start with:  lightlag launch mars2020",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(launch)
register(app)


@app.command(hidden=True)
def host(
    name: str,
    run_dir: Annotated[Path | None, typer.Option()] = None,
    endpoint: Annotated[str, typer.Option()] = "",
    incarnation: Annotated[int, typer.Option()] = 1,
) -> None:
    """Run some nodes of a graph in this process; the launcher starts these.

    Without a run directory the launcher is on another machine, and says over standard input what to run.
    """
    from lightlag.launch.run.agent import agent
    from lightlag.launch.run.children import run_host

    with errors_taught():
        code = agent(name) if run_dir is None else run_host(name, run_dir, endpoint, incarnation)
    raise typer.Exit(code)


@app.command(hidden=True)
def hub(
    run_dir: Annotated[Path, typer.Option()],
    endpoint: Annotated[str, typer.Option()],
    feed_fd: Annotated[int, typer.Option()],
    speed: Annotated[float | None, typer.Option()] = None,
) -> None:
    """Coordinate the hosts of a run in this process; the launcher starts it."""
    from lightlag.launch.run.children import run_hub

    with errors_taught():
        code = run_hub(run_dir, endpoint, feed_fd, speed)
    raise typer.Exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the console entry. Returns the exit code."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="lightlag")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_RUN_FAILED
    return 0
