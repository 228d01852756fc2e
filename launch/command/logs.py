"""``lightlag logs``: what the nodes of a run have noted, in the order of simulated time."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT

from . import completing
from .page import painted
from .teaching import LATEST, errors_taught

if TYPE_CHECKING:
    from lightlag.launch.look.logs import Line, Wanted
    from lightlag.launch.rundir.directory import RunDirectory

_STYLES = {"debug": "dim", "warning": "yellow", "error": "bold red", "critical": "bold red"}
#: How often a live run is looked at (wall s), and how long its hub may take to say how far it is.
_LOOK_S = 0.25
_ANSWER_S = 1.0


def logs(
    nodes: Annotated[
        list[str] | None,
        typer.Argument(metavar="NODE", help="Of these nodes; else of all.", autocompletion=completing.nodes_of_run),
    ] = None,
    run: Annotated[
        Path,
        typer.Option(
            "--run", metavar="RUN", help="The directory of a run, live or not.", autocompletion=completing.runs
        ),
    ] = LATEST,
    since: Annotated[
        str | None, typer.Option(metavar="T", help="From then on: 10min after the epoch, or an instant in UTC (SCET).")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="T", help="Up to then.")] = None,
    level: Annotated[str, typer.Option(metavar="LEVEL", help="That urgent at least: info, warning, error.")] = "debug",
    grep: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Only lines in which this is found, in text or fields.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on while the run is live.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, one object a line.")] = False,
) -> None:
    """What the nodes of a run have noted.

    \b
    lightlag logs                                   of the run under runs/latest
    lightlag logs mro goldstone --since 15min --until 2021-02-18T20:50:00Z
    lightlag logs --level warning --run runs/20260101T120000Z-mars2020
    lightlag logs -f --grep touchdown --json        of a live run, as it goes on

    They are told in the order of simulated time. With -f a line is told when every host has come that far, so that
    none comes too late. The logs are files of JSON lines, too: RUN/logs/NODE.log.
    """
    with errors_taught(nothing="nothing was read", refused=EXIT_BAD_INPUT):
        from lightlag.launch.graph.instants import interval_ns
        from lightlag.launch.look.logs import Wanted, level_named
        from lightlag.launch.rundir.directory import RunDirectory

        directory = RunDirectory(run)
        wanted = Wanted(*interval_ns(directory.epoch(), since, until), level_named(level), _pattern(grep))
        known = _known(directory, nodes or [])
        width = max(map(len, known), default=0)
        for line in _lines(directory, nodes or [], wanted, follow=follow):
            typer.echo(json.dumps(line.data()) if as_json else _written(line, width))


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise typer.BadParameter(f"--grep {text!r} is no regular expression: {error}") from None


def _known(directory: RunDirectory, nodes: Sequence[str]) -> list[str]:
    """The nodes of the run.

    Raises:
        GraphError: one that is asked for is none of them.
    """
    from lightlag.bus.errors import GraphError
    from lightlag.bus.journal import read_facts
    from lightlag.launch.graph.diagnostics import did_you_mean

    known = sorted(node for group in read_facts(directory.journal)["groups"] for node in group)
    for node in nodes:
        if node not in known:
            hint = did_you_mean(node, known) or f"nodes of this run: {', '.join(known)}"
            raise GraphError(f"{directory.path} has no node {node!r}; {hint}")
    return known


def _lines(directory: RunDirectory, nodes: Sequence[str], wanted: Wanted, *, follow: bool) -> Iterator[Line]:
    from lightlag.bus.time import NEVER_NS
    from lightlag.launch.look.logs import Follower, nodes_of, read_logs
    from lightlag.launch.rundir.live import is_alive

    if not follow:
        yield from filter(wanted.has, read_logs(directory, nodes or nodes_of(directory)))
        return
    follower = Follower(directory, nodes)
    while is_alive(directory.live):
        yield from filter(wanted.has, follower.news(_frontier_ns(directory)))
        time.sleep(_LOOK_S)
    yield from filter(wanted.has, follower.news(NEVER_NS))


def _frontier_ns(directory: RunDirectory) -> int:
    """How far every host of a live run has come; before everything if the hub does not say."""
    from lightlag.bus.errors import LightlagError
    from lightlag.bus.time import NEVER_NS
    from lightlag.launch.rundir.live import operator

    with suppress(LightlagError, OSError), operator(directory.path) as line:
        return directory.epoch().t_ns(line.ask("status", _ANSWER_S)["scet"])
    return -NEVER_NS


def _written(line: Line, width: int) -> str:
    """A line for people: when, who, how urgent, what."""
    style = _STYLES.get(line.level, "")
    fields = " ".join(f"{painted(name, 'dim')}={text}" for name, text in _fields(line.fields))
    return (
        f"{painted(line.scet + ' SCET', 'dim')}  {painted(line.node, 'cyan')}{' ' * (width - len(line.node))}  "
        f"{painted(f'{line.level:<7}', style)}  {painted(line.text, style)}  {fields}"
    ).rstrip()


def _fields(fields: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Fields by dotted name, as text; numbers to six digits."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{before}{name}.")
        elif isinstance(value, float):
            yield before + name, f"{value:.6g}"
        else:
            is_word = isinstance(value, str) and value and " " not in value and value.isprintable()
            yield before + name, value if is_word else json.dumps(value, ensure_ascii=False)
