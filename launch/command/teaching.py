"""What every command shares: how a graph is named and loaded, and how errors become words and an exit code."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.launch.run.options import AUTO, EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_RUN_FAILED

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph

GRAPH_HELP = "A shipped graph (mars2020), a graph file (my.yaml), or a graph in Python (my_file.py:GRAPH)."
GraphName = Annotated[str, typer.Argument(metavar="GRAPH", help=GRAPH_HELP)]
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME:=VALUE", help="Arguments of the graph; see: lightlag show GRAPH --args"),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a live run.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
LATEST = Path("runs/latest")


def load(graph: str, words: Sequence[str] | None, until: str | None, hosts: Path | None = None) -> Graph:
    """The graph that a command line names, or every error of the files and of the command line at once."""
    with collector_paused():
        from lightlag.launch.graph.arguments import split_words
        from lightlag.launch.graph.diagnostics import Report
        from lightlag.launch.graph.loading import read_graph
        from lightlag.launch.graph.summary import loose_ends

        report = Report()
        loaded = read_graph(graph, split_words(words or (), report), until, report, hosts)
    for warning in loose_ends(loaded):
        typer.echo(f"warning: {warning.message}", err=True)
    return loaded


@contextmanager
def collector_paused() -> Iterator[None]:
    """Load modules and graphs without the garbage collector.

    What is loaded stays; going through it again and again takes a seventh of the time of ``lightlag validate``.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def processes_asked(text: str | None) -> int | None:
    """What --processes asks for: a number, or ``AUTO``."""
    if text is None or text == "auto":
        return AUTO
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"--processes is {text!r}; give a number from 1 on, or auto")
    return int(text)


@contextmanager
def errors_taught(*, nothing: str = "nothing was started", refused: int = EXIT_RUN_FAILED) -> Iterator[None]:
    """Errors that lightlag raises on purpose become lines on standard error and an exit code; no traceback.

    ``nothing`` is what bad input has come to, ``refused`` the exit code of what a run, rather than the input, refuses.
    """
    from lightlag.bus.errors import GraphError, LightlagError

    try:
        yield
    except GraphError as error:
        from lightlag.launch.graph.diagnostics import Diagnostic, InvalidGraph

        from .display import show_errors

        show_errors(error if isinstance(error, InvalidGraph) else InvalidGraph([Diagnostic(str(error))]), nothing)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except LightlagError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(refused) from None
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
