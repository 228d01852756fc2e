"""``lightlag replay``: one node alone against its record; what is different is told with what went before it."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT, EXIT_INTERRUPTED

from .launch import settings_of
from .teaching import AsJson, errors_taught

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightlag.bus.emission import Reception
    from lightlag.launch.run.check import Difference
    from lightlag.launch.run.replay import Replay
    from lightlag.launch.run.replaying import Replayed

EXIT_SAME, EXIT_DIFFERENT = 0, 1

#: A replay that takes longer (wall s) says on a terminal how far it is.
_LONG_S = 1.0
_MOST_CHARACTERS = 100


def replay(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN|FILE", help="A run directory, finished or not, or a run.mcap beside its graph."),
    ],
    node: Annotated[str, typer.Option(metavar="NODE", help="Which node.")],
    cls: Annotated[
        str | None,
        typer.Option("--class", metavar="MODULE:CLASS", help="Another class for it, from here or the graph."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NODE.PARAM=VALUE", help="Another parameter, from the start.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="T", help="Go no further: 20min after the epoch, or a UTC instant.")
    ] = None,
    whole: Annotated[bool, typer.Option("--all", "-a", help="Go on to the end, and list every difference.")] = False,
    pdb: Annotated[
        bool, typer.Option("--pdb", help="Stop in a debugger at the first difference, or where the node raises.")
    ] = False,
    stop_first: Annotated[bool, typer.Option("--break", help="The same, and also where the node starts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run one node alone on what it received, and compare.

    \b
    lightlag replay runs/latest --node mro
    lightlag replay runs/latest --node mro --pdb              stop and look
    lightlag replay runs/latest --node mro --class mine:Mro2  another class
    lightlag replay runs/latest --node mro --set mro.xband.rate_bps='1 Mbit/s' -a

    The node is given what it received, and what came from outside, at the recorded instants; no other node runs.
    Compared with the recording are its emissions, with how they end for whoever can hear them, the lines of its log,
    and its files. In the debugger simulated time stands still. Exit code 0: the same; 1: not; 2: bad input.
    """
    pdb = pdb or stop_first
    if pdb and (whole or as_json):
        raise typer.BadParameter("--pdb stops at the first difference, for a person; leave out --all and --json")
    with errors_taught(nothing="nothing was replayed", refused=EXIT_BAD_INPUT):
        from lightlag.launch.run.replay import prepare

        ready = prepare(run, node, cls=cls, settings=settings_of(settings or []), until=until)
        for warning in ready.warnings:
            typer.echo(f"warning: {warning}", err=True)
        with _progress() as progress:
            if whole:
                found = ready.all_differences(progress=progress)
            elif pdb:
                from lightlag.launch.run.debugger import Debugger

                tell: Callable[[Difference], None] = lambda it: typer.echo("\n".join(_difference(ready, it)))  # noqa: E731
                found = ready.first_difference(debugger=Debugger(tell, at_the_start=stop_first))
            else:
                found = ready.first_difference(progress=progress)
    if as_json:
        typer.echo(json.dumps(_data(ready, found, whole=whole)))
    else:
        told = _all(ready, found) if whole and found.differences else _first(run, ready, found)
        lines = ["", "different, as told above"] if pdb and found.differences else ["", *told]
        typer.echo("\n".join([*_head(run, ready, found), *lines]))
    raise typer.Exit(EXIT_INTERRUPTED if found.left else EXIT_SAME if found.same else EXIT_DIFFERENT)


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """How far a replay is, on a terminal, if it takes long; the line goes away."""
    begun_s, shown = time.monotonic(), False

    def progress(done: float) -> None:
        nonlocal shown
        if sys.stderr.isatty() and time.monotonic() - begun_s > _LONG_S:
            shown = True
            sys.stderr.write(f"\rreplaying {done:4.0%} ")
            sys.stderr.flush()

    try:
        yield progress
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


# -- as text ----------------------------------------------------------------------------------------------------------


def _head(run: Path, ready: Replay, found: Replayed) -> Iterator[str]:
    graph, counts = ready.graph, found.counts
    until = graph.epoch.utc(found.until_ns)
    yield f"node        {ready.node} of {run} ({graph.name}, seed {graph.seed}), as {ready.cls}"
    outside = f", {counts.from_outside:,} from outside" if counts.from_outside else ""
    yield f"given       {counts.given:,} receptions{outside}"
    yield f"the same    {counts.emissions:,} emissions, {counts.lines:,} lines of its log, {counts.files:,} files"
    if counts.by_header:
        yield f"            {counts.by_header:,} of the emissions by header alone: nobody received them as they were"
    if counts.unheard:
        yield f"            besides, {counts.unheard:,} emissions that nobody could hear, which are not recorded"
    if counts.beyond:
        yield f"            besides, {counts.beyond:,} emissions that nobody had heard when the record ends"
    if not found.to_the_end and found.reached_ns == found.until_ns:
        yield f"compared    up to {until} SCET; {_why_not_further(ready)}"
    yield f"replayed    {found.reached_ns / 1e9:,.1f} s in {found.wall_s:.2f} s of wall time"


def _why_not_further(ready: Replay) -> str:
    if ready.account.is_whole:
        return "as was asked"
    return "where the node failed" if ready.failed else "the record knows of no later deed of the node"


def _first(run: Path, ready: Replay, found: Replayed) -> Iterator[str]:
    if found.left:
        yield "left the debugger before anything was different"
        return
    if not found.differences:
        yield "the same: the node does again what is recorded" + (", and fails as it had:" if found.failure else "")
        yield from (found.failure or "").rstrip().splitlines()
        return
    first = found.differences[0]
    yield from _difference(ready, first)
    epoch = ready.graph.epoch
    if found.received:
        yield ""
        yield "received before it, last:"
        yield from (f"  {epoch.utc(it.received_ns, 6)}  {_received(it)}" for it in found.received)
    if found.noted:
        yield ""
        yield "noted since then:"
        yield from (f"  {epoch.utc(it.t_ns, 6)}  {it.level}  {it.text}  {_short(it.fields)}" for it in found.noted)
    yield ""
    words = shlex.join(["lightlag", "replay", str(run), "--node", ready.node])
    yield f"to look closer: {words} --pdb, which stops there; or --until '{first.t_ns} ns', which stops before"


def _difference(ready: Replay, difference: Difference) -> Iterator[str]:
    epoch = ready.graph.epoch
    yield f"first difference: {difference.what}, at {epoch.utc(difference.t_ns, 6)} SCET (t_ns {difference.t_ns})"
    yield f"record  {_side(difference.record)}"
    yield f"replay  {_side(difference.replay)}"
    if note := difference.note or _moved(difference):
        yield note
    raised = [(difference.record or {}).get("raised"), (difference.replay or {}).get("raised")]
    if any(raised):
        yield from (raised[1] or raised[0] or "").rstrip().splitlines()
    elif difference.record is not None and difference.replay is not None:
        from lightlag.launch.look.difference import differing_fields

        fields = differing_fields(difference.record, difference.replay)
        yield ""
        yield from _columns([("field", "record", "replay"), *((name, a, b) for name, (a, b) in fields.items())])


def _side(side: Mapping[str, Any] | None) -> str:
    if side is None:
        return "nothing"
    if "raised" in side:
        return f"raised {side['raised'].rstrip().splitlines()[-1]}"
    if "source" in side:
        lost = sorted({end["lost"] for end in side["ends"].values() if "lost" in end})
        heard = [receiver for receiver, end in side["ends"].items() if "lost" not in end]
        ends = f"received by {', '.join(heard)}" if heard else f"lost: {', '.join(lost)}" if lost else "heard by nobody"
        to = f" to {side['to']}" if "to" in side else ""
        return f"{side['type']} {side['seq']} on {side['channel']}{to}, sent {side['sent_ns']} ns, {ends}"
    return _short(side)


def _received(reception: Reception) -> str:
    from lightlag.bus.errors import MessageError
    from lightlag.bus.schema import json_value

    it = reception.emission
    via = f" via {' > '.join(it.via)}" if it.via else ""
    try:
        message = _short(json_value(reception.message))
    except MessageError as error:
        message = str(error)
    return f"{it.type} {it.source}:{it.seq} on {it.channel}{via}  {message}"


def _all(ready: Replay, found: Replayed) -> Iterator[str]:
    epoch = ready.graph.epoch
    rows = [(epoch.utc(it.t_ns, 6), it.what, _kind(it), _where(it)) for it in found.differences]
    yield from _columns(rows)
    yield ""
    only = [sum(it.replay is None for it in found.differences), sum(it.record is None for it in found.differences)]
    yield (
        f"{len(found.differences):,} differences: {only[0]:,} only in the record, {only[1]:,} only in the replay, "
        f"{len(found.differences) - sum(only):,} in both, but not the same"
    )


def _kind(difference: Difference) -> str:
    side = difference.record or difference.replay or {}
    return str(side.get("type") or side.get("text") or "")


def _where(difference: Difference) -> str:
    a, b = difference.record, difference.replay
    if a is None or b is None:
        return "only in the replay" if a is None else "only in the record"
    return _moved(difference) or difference.note or "another line"


def _moved(difference: Difference) -> str:
    """By how much what is in both came later or sooner; empty if it did not."""
    a, b = ((side or {}).get("sent_ns", (side or {}).get("t_ns")) for side in (difference.record, difference.replay))
    if a is None or b is None or a == b:
        return ""
    amount = f"{abs(b - a) / 1e9:,.9f}".rstrip("0").rstrip(".")
    return f"{amount} s {'later' if b > a else 'sooner'}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


# -- as data ----------------------------------------------------------------------------------------------------------


def _data(ready: Replay, found: Replayed, *, whole: bool) -> dict[str, Any]:
    from lightlag.bus.schema import json_value
    from lightlag.launch.look.difference import differing_fields

    def told(difference: Difference) -> dict[str, Any]:
        scet = ready.graph.epoch.utc(difference.t_ns, 9)
        fields = (
            differing_fields(difference.record, difference.replay) if difference.record and difference.replay else {}
        )
        return {**asdict(difference), "scet": scet, "fields": fields}

    data: dict[str, Any] = {
        "same": found.same,
        "node": ready.node,
        "class": ready.cls,
        "until_ns": found.until_ns,
        "to_the_end": found.to_the_end,
        "counts": asdict(found.counts),
        "wall_s": round(found.wall_s, 3),
        "failure": found.failure,
        "warnings": ready.warnings,
    }
    if whole:
        return {**data, "differences": [told(difference) for difference in found.differences]}
    received = [
        {"t_ns": it.received_ns, "source": it.emission.source, "seq": it.emission.seq, "type": it.emission.type}
        for it in found.received
    ]
    noted = [
        {"t_ns": it.t_ns, "level": it.level, "text": it.text, "fields": json_value(it.fields)} for it in found.noted
    ]
    first = told(found.differences[0]) if found.differences else None
    return {**data, "first": first, "received": received, "noted": noted}
