"""The command line. ``main`` is the console entry and returns the exit code.

0: done. 1: a node failed, or the run itself. 2: bad input, nothing was started. 130: interrupted. Every command is a
function registered on ``app``; what is heavy is imported inside it, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .bag import app as bag_app
from .options import AUTO, EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_RUN_FAILED, RunOptions

if TYPE_CHECKING:
    from .options import Observer
    from .spec import Graph

app = typer.Typer(
    name="lightlag",
    help="A space simulation in which every message travels at the speed of light.",
    epilog="Start with:  lightlag launch mars2020",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

GraphName = Annotated[
    str, typer.Argument(metavar="GRAPH", help="A shipped graph (mars2020) or the path of a graph file (my.yaml).")
]
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME:=VALUE", help="Arguments of the graph; see: lightlag show GRAPH --args"),
]


@app.command()
def launch(
    graph: Annotated[
        str | None,
        typer.Argument(metavar="GRAPH", help="A shipped graph (mars2020) or the path of a graph file (my.yaml)."),
    ] = None,
    arguments: Words = None,
    until: Annotated[
        str | None, typer.Option(metavar="DURATION", help="End after this long instead: 2h, 30min, '90 s'.")
    ] = None,
    in_process: Annotated[bool, typer.Option("--in-process", help="All nodes in this process.")] = False,
    processes: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="Spread the nodes over N processes; auto (default): where it is faster."),
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="max|1x|60x", help="Simulated seconds a second; max: as fast as it goes.")
    ] = "max",
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", file_okay=False, help="Go on with a run that was interrupted or killed."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="T", help="With --resume and --set: a new run that leaves the old one at T (20min, UTC)."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NODE.PARAM=VALUE", help="What is different in the new run from T on."),
    ] = None,
    restarts: Annotated[
        int, typer.Option(metavar="N", min=0, help="How often a killed process is started again.")
    ] = 10,
    check_determinism: Annotated[
        bool, typer.Option("--check-determinism", help="Run it twice, in differing processes, and compare.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the last lines.")] = False,
    run_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="Where files go; else runs/<utc>-<name>.")
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Do not write report.html.")] = False,
    no_record: Annotated[bool, typer.Option("--no-record", help="Do not write run.mcap.")] = False,
) -> None:
    """Run a graph: every node it declares, until its end.

    \b
    lightlag launch mars2020                        the landing of Perseverance
    lightlag launch mars2020 seed:=7 --until 30min  another seed (camera noise), a shorter run
    lightlag launch my.yaml --processes 4 -q        your own, spread out
    lightlag launch my.yaml --speed 60x             a minute of the mission each second
    lightlag launch --resume runs/latest            go on with a run that was killed
    lightlag launch --resume runs/latest --at 20min --set mro.uhf.rate_bps='16 kbit/s'

    The files of a run (recording, timeline, pictures, report) go to runs/, the last one under runs/latest.
    Ctrl-C ends a run gracefully; what had happened by then is recorded. The digest is the same in one process and
    in many, at any speed, and after processes were killed.
    """
    if in_process and processes is not None:
        raise typer.BadParameter("choose one of --in-process and --processes")
    if (graph is None) == (resume is None):
        raise typer.BadParameter("name a graph to run, or a run to --resume")
    if (at is None) != (not settings) or (at is not None and resume is None):
        raise typer.BadParameter("--at and --set belong together, with --resume: at T, what is to be different")
    pace = _speed(speed)
    count = None if in_process else _processes(processes)
    with _errors_taught():
        from .runner import resume as go_on
        from .runner import run

        options = RunOptions(
            processes=count,
            run_dir=run_dir,
            record=not no_record,
            report=not no_report,
            speed=pace,
            restarts=restarts,
        )
        if resume is not None:
            if at is not None:
                from .fork import fork

                resume = fork(resume, at, _settings(settings or []), run_dir).path
            with _display(quiet) as display:
                raise typer.Exit(go_on(resume, options, display).exit_code)
        assert graph is not None
        loaded = _load(graph, arguments, until)
        if check_determinism:
            from .determinism import check_and_tell

            raise typer.Exit(check_and_tell(loaded, options, quiet=quiet))
        with _display(quiet) as display:
            raise typer.Exit(run(loaded, options, display).exit_code)


@app.command()
def validate(graph: GraphName, arguments: Words = None) -> None:
    """Check a graph and its arguments; start nothing.

    \b
    lightlag validate my.yaml
    lightlag validate mars2020 uhf_rate:='8 kbit/s'

    Checked are the file, the arguments, the types of nodes and their parameters, and the channels; every error is
    shown at once, with its line. What takes longer (trajectories, the ephemeris, what a camera is to see) is checked
    by launch, before anything starts. Exit code 0: nothing wrong was found; 2: something was.
    """
    with _errors_taught():
        loaded = _load(graph, arguments, None)
        nodes, channels = len(loaded.nodes), len(loaded.channels)
        typer.echo(f"{loaded.name} is right: {nodes} nodes, {channels} channels")


@app.command()
def show(
    graph: GraphName,
    arguments: Words = None,
    only_arguments: Annotated[bool, typer.Option("--args", help="The arguments it takes.")] = False,
    resolved: Annotated[bool, typer.Option("--resolved", help="The graph file with every argument put in.")] = False,
) -> None:
    """Show what a graph declares: in short, its arguments, or the resolved file.

    \b
    lightlag show mars2020 --args
    lightlag show mars2020 seed:=7 --resolved > mine.yaml
    """
    if only_arguments and resolved:
        raise typer.BadParameter("choose one of --args and --resolved")
    with _errors_taught():
        from . import summary

        if only_arguments:
            from .graph import read_declarations

            typer.echo(summary.of_arguments(read_declarations(graph)))
            return
        loaded = _load(graph, arguments, None)
        typer.echo(loaded.to_yaml().rstrip() if resolved else summary.of_graph(loaded))


@app.command()
def plan(
    graph: GraphName,
    arguments: Words = None,
    processes: Annotated[str, typer.Option(metavar="N|auto", help="How many processes, at most.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Show which nodes would run together, by light time, how far they can run ahead of each other, and why.

    \b
    lightlag plan mars2020
    lightlag plan mars2020 --processes 4
    """
    count = _processes(processes)
    with _errors_taught():
        from .plan import show_plan

        show_plan(_load(graph, arguments, None), None if count == AUTO else count, as_json=as_json)


@app.command()
def lint(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="GRAPH|PATH", help="Graphs (with NAME:=VALUE), .py files, or folders."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Find in node code what may give another result in another run.

    \b
    lightlag lint my.yaml                  a graph's node classes
    lightlag lint escapade.py src/         files; all .py files in a folder
    lightlag lint my.yaml seed:=7 --json   as data

    Found are the wall clock, randomness without a seed, the order of sets and
    folders, hash() and id(), threads, programs, sockets. What is right for a
    reason says so on its line:  # lightlag: allow RULE (the reason)

    Exit code 0: nothing, or warnings only; 1: something; 2: it cannot be read.
    """
    with _errors_taught():
        from .lint.command import lint as look

        raise typer.Exit(look(targets, as_json=as_json))


app.add_typer(bag_app)


@app.command(hidden=True)
def host(
    name: str,
    run_dir: Annotated[Path, typer.Option()],
    endpoint: Annotated[str, typer.Option()],
    incarnation: Annotated[int, typer.Option()] = 1,
) -> None:
    """Run some nodes of a graph in this process; the launcher starts these."""
    from .children import run_host

    with _errors_taught():
        code = run_host(name, run_dir, endpoint, incarnation)
    raise typer.Exit(code)


@app.command(hidden=True)
def hub(
    run_dir: Annotated[Path, typer.Option()],
    endpoint: Annotated[str, typer.Option()],
    feed_fd: Annotated[int, typer.Option()],
    speed: Annotated[float | None, typer.Option()] = None,
) -> None:
    """Coordinate the hosts of a run in this process; the launcher starts it."""
    from .children import run_hub

    with _errors_taught():
        code = run_hub(run_dir, endpoint, feed_fd, speed)
    raise typer.Exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the console entry. Returns the exit code."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="lightlag")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_RUN_FAILED
    return 0


def _processes(text: str | None) -> int | None:
    """What --processes asks for: a number, or ``AUTO``."""
    if text is None or text == "auto":
        return AUTO
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"--processes is {text!r}; give a number from 1 on, or auto")
    return int(text)


def _speed(text: str) -> float | None:
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


def _settings(words: Sequence[str]) -> dict[str, str]:
    """What --set says, by NODE.PARAM."""
    settings: dict[str, str] = {}
    for word in words:
        path, equals, text = word.partition("=")
        if not equals or "." not in path:
            raise typer.BadParameter(f"--set {word}: write NODE.PARAM=VALUE, for example mro.uhf.rate_bps='16 kbit/s'")
        settings[path.removesuffix(":")] = text
    return settings


def _display(quiet: bool) -> AbstractContextManager[Observer]:
    from .display import make_display

    return make_display(quiet=quiet)


def _load(graph: str, words: Sequence[str] | None, until: str | None) -> Graph:
    """The graph that a command line names, or every error of the file and of the command line at once."""
    from .arguments import split_words
    from .diagnostics import Report
    from .graph import read_graph

    if (file := Path(graph)).is_file():  # a node class may lie beside the graph file, as with a script
        sys.path.append(str(file.resolve().parent))
    report = Report()
    loaded = read_graph(graph, split_words(words or (), report), until, report)
    from .summary import loose_ends

    for warning in loose_ends(loaded):
        typer.echo(f"warning: {warning}", err=True)
    return loaded


@contextmanager
def _errors_taught() -> Iterator[None]:
    """Errors that lightlag raises on purpose become lines on standard error and an exit code; no traceback."""
    from lightlag.bus.errors import GraphError, LightlagError

    try:
        yield
    except GraphError as error:
        from .diagnostics import Diagnostic, InvalidGraph
        from .display import show_errors

        show_errors(error if isinstance(error, InvalidGraph) else InvalidGraph([Diagnostic(str(error))]))
        raise typer.Exit(EXIT_BAD_INPUT) from None
    except LightlagError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_RUN_FAILED) from None
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    raise SystemExit(main())
