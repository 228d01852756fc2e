"""``lightlag launch``: what is asked of a run, read from the command line, and the run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.launch.run.options import RunOptions

from . import completing
from .teaching import GRAPH_HELP, Words, errors_taught, load, processes_asked, speed_asked

if TYPE_CHECKING:
    from lightlag.launch.run.options import Observer


def launch(
    graph: Annotated[
        str | None, typer.Argument(metavar="GRAPH", help=GRAPH_HELP, autocompletion=completing.graphs)
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
    hosts: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="The machines for the places of the graph.")
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="max|1x|60x", help="Simulated seconds a second; max: as fast as it goes.")
    ] = "max",
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            file_okay=False,
            help="Go on with a run that was interrupted or killed.",
            autocompletion=completing.runs,
        ),
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
        int | None,
        typer.Option(
            metavar="N", min=0, help="How often a killed process is started again; else what the graph says, or 10."
        ),
    ] = None,
    faults: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="FAULT", help="What goes wrong, as it stands under 'faults' in a graph file."),
    ] = None,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Let machines take part whose arithmetic differs: no digest is promised.")
    ] = False,
    watchdog: Annotated[
        str, typer.Option(metavar="DURATION|off", help="Say why when the run has not got on for so long.")
    ] = "10s",
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
    lightlag launch mars2020 --fault 'partition: [mro, goldstone], from: 20 min, for: 5 min'
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
    if mixed and resume is not None:
        raise typer.BadParameter("--mixed is said when a run begins; one that is resumed keeps to what was said then")
    if faults and resume is not None:
        raise typer.BadParameter("--fault is said when a run begins; for one that is under way: lightlag fault")
    pace = speed_asked(speed)
    count = None if in_process else processes_asked(processes)
    with errors_taught():
        from lightlag.launch.run.runner import resume as go_on
        from lightlag.launch.run.runner import run
        from lightlag.launch.run.watchdog import watchdog_s

        options = RunOptions(
            processes=count,
            run_dir=run_dir,
            record=not no_record,
            report=not no_report,
            speed=pace,
            restarts=restarts,
            mixed=mixed,
            watchdog_s=watchdog_s(watchdog),
        )
        if resume is not None:
            if at is not None:
                from lightlag.launch.run.fork import fork

                resume = fork(resume, at, settings_of(settings or []), run_dir).path
            with _display(quiet) as display:
                raise typer.Exit(go_on(resume, options, display).exit_code)
        assert graph is not None
        loaded = load(graph, arguments, until, hosts)
        if faults:
            from lightlag.launch.graph.faults import with_faults

            loaded = with_faults(loaded, faults)
        if check_determinism:
            from .determinism import check_and_tell

            raise typer.Exit(check_and_tell(loaded, options, quiet=quiet))
        with _display(quiet) as display:
            raise typer.Exit(run(loaded, options, display).exit_code)


def settings_of(words: Sequence[str]) -> dict[str, str]:
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
