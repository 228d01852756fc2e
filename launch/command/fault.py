"""``lightlag fault``: have something go wrong in a live run, on purpose, and end it.

The hub stamps and journals it as it does what is sent, so that a run that is resumed, or whose hosts are started again,
has the same fault at the same instant.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT

from .teaching import LATEST, AsJson, errors_taught

#: How sides are called, by verb; the other verbs have nodes alone.
_SIDES = {"drop": ("from", "to"), "corrupt": ("from", "to"), "delay": ("from", "to")}


def fault(
    verb: Annotated[str, typer.Argument(metavar="VERB", help="What goes wrong; or: end.")],
    whom: Annotated[list[str], typer.Argument(metavar="NODES", help="Whom it concerns: mro, mro,maven, or '*'.")],
    lasting: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Else until it is ended.")] = None,
    p: Annotated[float | None, typer.Option("--p", help="Of drop and corrupt: the share of what is met.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="DURATION", help="Of delay and clock_jump.")] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="On this channel only.")] = None,
    run: Annotated[Path, typer.Option("--run", metavar="RUN", help="The directory of the run.")] = LATEST,
    as_json: AsJson = False,
) -> None:
    """Have something go wrong in a live run, from now on.

    \b
    lightlag fault partition mro goldstone --for 5min    neither hears the other
    lightlag fault hold mro '*'                          what it says, and is told, waits until the end
    lightlag fault drop mro goldstone --p 0.1            so many are lost, one way; corrupt: get one bit wrong
    lightlag fault delay mro goldstone --by 3s
    lightlag fault blackout mro --for 2min               it neither hears nor is heard
    lightlag fault crash mro --for 2min                  it is down, then starts again
    lightlag fault safe_mode mro,maven
    lightlag fault stuck_receiver mro.uhf
    lightlag fault clock_jump mro --by 2s
    lightlag fault end partition-3f2a                    end one by the id that was printed

    It begins as soon as nothing that was granted to anybody can depend on it, and is part of the run from then on: in
    its journal, its recording and its digest. In a graph file, faults stand under 'faults'.
    """
    with errors_taught(nothing="nothing was sent", refused=EXIT_BAD_INPUT):
        from lightlag.launch.rundir.live import operator

        ends = verb == "end"
        asked: dict[str, Any] = {"end": whom[0]} if ends else {"fault": entry(verb, whom, lasting, p, by, channel)}
        with operator(run) as line:
            told = line.ask("fault", **asked)
        typer.echo(json.dumps(told) if as_json else told_text(told, ends=ends))


def entry(verb: str, whom: list[str], lasting: str | None, p: float | None, by: str | None, channel: str | None) -> str:
    """The fault as an entry of a graph file in one line, without when it begins."""
    sides: list[Any] = [side.split(",") if "," in side else side for side in whom]
    what: Any = sides[0] if len(sides) == 1 else sides
    if verb in _SIDES:
        what = dict(zip(_SIDES[verb], sides, strict=False))
    if verb == "clock_jump":
        what = {"node": what}
    if isinstance(what, dict):
        what |= {key: value for key, value in (("p", p), ("by", by)) if value is not None}
    said = {"bounce" if verb == "crash" and lasting else verb: what, "for": lasting, "channel": channel}
    return json.dumps({key: value for key, value in said.items() if value is not None})


def told_text(told: dict[str, Any], *, ends: bool) -> str:
    """What has begun, or ended, and when, for people."""
    if ends:
        return f"ends      {told['id']}\nfrom      {told['from_scet']} SCET\nat        {', '.join(told['nodes'])}"
    until = f"{told['until_scet']} SCET" if told["until_scet"] else f"it is ended: lightlag fault end {told['id']}"
    at = f"from      {told['from_scet']} SCET\nuntil     {until}"
    return f"fault     {told['id']}\n{at}\nat        {', '.join(told['nodes'])}"
