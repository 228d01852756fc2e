"""``lightlag bag play``: a recording once more, in its own time, as ``topic echo`` shows a live run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.bus.pace import Pace

from .page import Ticker, painted
from .records import labelled, records_text, yaml_lines
from .teaching import Recording, recording_errors_taught, speed_asked

if TYPE_CHECKING:
    from lightlag.launch.look.heard import Heard
    from lightlag.launch.look.recorded import Recorded

#: So long (wall s) is waited at a time; then it is told where the clock of the recording is.
_SLICE_S = 0.1


def play(
    run: Recording,
    speed: Annotated[
        str | None,
        typer.Option(metavar="1x|60x|max", help="Simulated seconds a second; else 1x on a terminal, max elsewhere."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="T", help="From then on: 10min after the epoch, or UTC (ERT).")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="T", help="Up to then.")] = None,
    topic: Annotated[str, typer.Option(metavar="GLOB", help="Only topics that match: '/goldstone/*'.")] = "*",
    as_json: Annotated[bool, typer.Option("--json", help="JSON, one object a line.")] = False,
) -> None:
    """Play a recording in its own time.

    \b
    lightlag bag play runs/latest --speed 60x
    lightlag bag play run.mcap --from 17min --until 18min --topic '/goldstone/*'

    What is shown is what lightlag topic echo shows, each at the instant at which it was received. The first is shown
    at once.
    """
    pace = speed_asked(speed or ("1x" if sys.stdout.isatty() else "max"))
    with recording_errors_taught():
        from lightlag.launch.look.recorded import open_recorded

        bag = open_recorded(run)
        count = 0
        for heard in _paced(bag, _wanted(bag, topic, since, until), pace):
            told = labelled(heard, bag.epoch)
            typer.echo(json.dumps(told) if as_json else "\n".join(_shown(told)))
            count += 1
        nothing = f"nothing was recorded on {topic!r} in that time; see: lightlag bag info {run}"
        typer.echo(f"{records_text(count)} shown" if count else nothing, err=True)


def _wanted(bag: Recorded, topic: str, since: str | None, until: str | None) -> Iterator[Heard]:
    from lightlag.launch.graph.instants import interval_ns
    from lightlag.launch.look.heard import recorded_on

    since_ns, until_ns = interval_ns(bag.epoch, since, until)
    for heard in recorded_on(bag, topic):
        t_ns = heard.data["t_ns"]
        if t_ns >= until_ns:
            return
        if t_ns >= since_ns:
            yield heard


def _paced(bag: Recorded, records: Iterator[Heard], speed: float | None) -> Iterator[Heard]:
    """Each when its time has come: ``speed`` simulated seconds a second after the first; None: at once."""
    pace = Pace(speed)
    begun = False
    with Ticker(sys.stderr) as ticker:
        for heard in records:
            t_ns = heard.data["t_ns"]
            if not begun:
                pace.start(t_ns)
                begun = True
            while wait_ms := pace.wait_ms(t_ns - 1):
                ticker.say(f"{bag.epoch.utc(pace.now_ns(), 0)} ERT")
                time.sleep(min(wait_ms / 1000, _SLICE_S))
            ticker.clear()
            yield heard


def _shown(told: dict[str, object]) -> Iterator[str]:
    """As YAML; the topic, by which one record is told from the next, is bold."""
    first, *rest = yaml_lines(told)
    yield painted(first, "bold")
    yield from rest
    yield "---"
