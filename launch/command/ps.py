"""``lightlag ps`` and ``lightlag stop``: the runs of this machine, and the end of one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT

from . import completing
from .page import painted, table
from .teaching import LATEST, AsJson, Run, errors_taught

if TYPE_CHECKING:
    from lightlag.launch.look import runs as looking

_STYLES = {"live": "green", "ending": "green", "dead": "yellow", "stopped": "yellow", "failed": "red"}
#: How often it is looked whether a run has ended, and after how long something is said about it (wall s).
_LOOK_S = 0.05
_LONG_S = 10.0


def ps(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER", help="Run directories, or folders of them; else runs/."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also runs that are over, and failed ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """The runs of this machine: how far, how fast, at what cost.

    \b
    lightlag ps
    lightlag ps -a
    lightlag ps runs /tmp/mine --json

    Of a live run: where it is (SCET), its speed (simulated seconds a second), and each of its processes with its share
    of a core and its memory. Of one that was stopped or killed: that it can be resumed.
    """
    from lightlag.launch.look.runs import FAILED, OVER, find_runs, look_at

    with errors_taught(refused=EXIT_BAD_INPUT):
        found = look_at(find_runs(folders or [completing.RUNS]))
    told = [run for run in found if everything or run.state not in (OVER, FAILED)]
    if as_json:
        typer.echo(json.dumps({"runs": [{**asdict(run), "can_be_resumed": run.can_be_resumed} for run in told]}))
        return
    if not told:
        more = f"; {len(found)} are over: lightlag ps -a" if found else "; start one with: lightlag launch GRAPH"
        typer.echo(f"no run is live, and none can be resumed{more}", err=True)
    for number, run in enumerate(told):
        typer.echo("\n".join(["" for _ in range(bool(number))] + [*_lines(run)]))


def stop(
    run: Run = LATEST,
    now: Annotated[bool, typer.Option("--now", help="Kill it: at once, and without a recording.")] = False,
) -> None:
    """End a live run.

    \b
    lightlag stop                          the run under runs/latest, gracefully, as Ctrl-C where it was launched
    lightlag stop runs/20260101T120000Z-mars2020 --now

    It is waited until the run has ended and its files are written. One that was stopped or killed can go on:
    lightlag launch --resume RUN. Exit code 0: it has ended; 2: no run is live there.
    """
    from lightlag.launch.look.runs import ask_to_end, has_ended, kill

    with errors_taught(nothing="nothing was stopped", refused=EXIT_BAD_INPUT):
        asked_s, said = time.monotonic(), False
        pid = kill(run) if now else ask_to_end(run)
        while not has_ended(run, pid):
            time.sleep(_LOOK_S)
            if not said and time.monotonic() - asked_s > _LONG_S:
                said = True
                why = f"see: lightlag why {run}; to end it at once: lightlag stop {run} --now"
                typer.echo(f"it has not ended within {_LONG_S:.0f} s; {why}", err=True)
    what = (
        "was killed; what was recorded: lightlag bag recover"
        if now
        else "has ended; what was recorded: lightlag bag info"
    )
    typer.echo(f"{run} {what} {run}; to go on with it: lightlag launch --resume {run}")


def _lines(run: looking.Run) -> Iterator[str]:
    facts = [painted(run.state, _STYLES.get(run.state, "dim"))]
    if run.scet is not None:
        facts.append(f"{run.scet} SCET" + (f", {run.done:.0%} of the run" if run.done is not None else ""))
    elif run.state == "live":
        facts.append("starting, or its hub does not answer")
    if run.speed is not None:
        facts.append(f"{run.speed:,.3g} x real time" if run.speed < 1000 else f"{run.speed:,.0f} x real time")
    yield f"{painted(run.path, 'bold')}  {run.graph}  {', '.join(facts)}"
    if run.can_be_resumed:
        yield f"  go on with it: lightlag launch --resume {run.path}"
    if run.processes:
        rows = [("process", "pid", "cpu", "memory", "state", "next at")]
        rows += [
            (
                it.name,
                "-" if it.pid is None else str(it.pid),
                "-" if it.cpu is None else f"{it.cpu:.0%}",
                "-" if it.rss_mb is None else f"{it.rss_mb:,.0f} MB",
                it.state,
                f"{it.at_scet} SCET" if it.at_scet else "",
            )
            for it in run.processes
        ]
        yield from (f"  {line}" for line in table(rows, right=(1, 2, 3)))
