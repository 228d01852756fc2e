"""What every command shares: how a graph is named and loaded, and how errors become words and an exit code."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.launch.run.options import AUTO, EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_RUN_FAILED

from . import completing

if TYPE_CHECKING:
    from lightlag.bus.errors import LightlagError
    from lightlag.launch.graph.spec import Graph
    from lightlag.launch.placement.sky import Sky

GRAPH_HELP = "A shipped graph (mars2020), a graph file (my.yaml), or a graph in Python (my_file.py:GRAPH)."
GraphName = Annotated[str, typer.Argument(metavar="GRAPH", help=GRAPH_HELP, autocompletion=completing.graphs)]
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME:=VALUE", help="Arguments of the graph; see: lightlag show GRAPH --args"),
]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="The directory of a live run.", autocompletion=completing.runs)
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
A_RECORDING = "A run directory, finished or not, or a recording (run.mcap)."
Recording = Annotated[Path, typer.Argument(metavar="RUN|FILE", help=A_RECORDING, autocompletion=completing.runs)]
LATEST = Path("runs/latest")
At = Annotated[
    str | None,
    typer.Option("--at", metavar="UTC", help="The instant; else now or, where nodes of a graph are named, its epoch."),
]
OfGraph = Annotated[
    str | None,
    typer.Option(
        "--graph",
        metavar="GRAPH",
        help="The graph whose nodes are meant; else mars2020, for names that are no bodies or stations.",
        autocompletion=completing.graphs,
    ),
]


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


def sky_of(names: Sequence[str], graph: str | None, at: str | None) -> tuple[Sky, int]:
    """What is asked about places and the instant (run time, ns); a graph is loaded only where it is needed.

    Raises:
        GraphError: the graph is wrong, or the instant is outside of the ephemeris.
        TimeError: ``at`` is no UTC instant.
    """
    from datetime import UTC, datetime

    from lightlag.bus.time import Epoch
    from lightlag.launch.placement.sky import Sky, is_known_anywhere

    if graph is None and all(map(is_known_anywhere, names)):
        sky = Sky(epoch=Epoch.parse(at or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"))
        return sky, 0
    loaded = load(graph or completing.GRAPH, None, None)
    sky = Sky(loaded)
    t_ns = loaded.epoch.t_ns(at) if at else 0
    if not 0 <= t_ns <= loaded.until_ns:
        ends = f"{loaded.epoch.utc(0, 0)} to {loaded.epoch.utc(loaded.until_ns, 0)}"
        typer.echo(
            f"note: {loaded.name} runs from {ends}; where its nodes are at other times is extrapolated", err=True
        )
    return sky, t_ns


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


def speed_asked(text: str) -> float | None:
    """What --speed asks for: simulated seconds a second; None: as fast as it goes."""
    if text == "max":
        return None
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < inf:
        raise typer.BadParameter(f"--speed is {text!r}; give max, or how much faster than real time: 1x, 60x, 0.5x")
    return factor


@contextmanager
def errors_taught(*, nothing: str = "nothing was started", refused: int = EXIT_RUN_FAILED) -> Iterator[None]:
    """Errors that lightlag raises on purpose become lines on standard error and an exit code; no traceback.

    ``nothing`` is what bad input has come to, ``refused`` the exit code of what a run, rather than the input, refuses.
    """
    from lightlag.bus.errors import LightlagError

    try:
        yield
    except LightlagError as error:
        raise typer.Exit(tell(error, nothing=nothing, refused=refused)) from None
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def tell(error: LightlagError, *, nothing: str = "nothing was started", refused: int = EXIT_RUN_FAILED) -> int:
    """Say on standard error what was wrong, and return the exit code; see ``errors_taught``."""
    from lightlag.bus.errors import GraphError

    if not isinstance(error, GraphError):
        typer.echo(f"error: {error}", err=True)
        return refused
    from lightlag.launch.graph.diagnostics import Diagnostic, InvalidGraph

    from .display import show_errors

    show_errors(error if isinstance(error, InvalidGraph) else InvalidGraph([Diagnostic(str(error))]), nothing)
    return EXIT_BAD_INPUT


@contextmanager
def recording_errors_taught() -> Iterator[None]:
    """What is wrong with a recording, or with a file, becomes a line on standard error and exit code 2."""
    from lightlag.bus.errors import LightlagError

    try:
        yield
    except (LightlagError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # whoever read has had enough
            raise
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
