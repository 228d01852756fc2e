"""``lightlag bag``: what a recording holds, finished after a kill, and compared with another.

What was found goes to standard output, what is said about it to standard error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completing
from .bag_export import export
from .bag_play import play
from .page import table
from .teaching import A_RECORDING, Recording, recording_errors_taught

if TYPE_CHECKING:
    from lightlag.launch.look.difference import Comparison
    from lightlag.launch.look.recorded import Recorded
    from lightlag.launch.rundir.directory import RunDirectory

EXIT_SAME = 0
EXIT_DIFFERENT = 1

app = typer.Typer(
    name="bag",
    help="Look into recordings: what is in one, where two differ.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


@app.command()
def info(run: Recording, as_json: AsJson = False) -> None:
    """What a recording holds: when, how much on which topic, what was lost and why, which run it was.

    \b
    lightlag bag info runs/latest
    lightlag bag info run.mcap --json

    A run that was killed, or is still under way, is read from the parts that its hosts write.
    """
    with recording_errors_taught():
        from lightlag.launch.look.recorded import open_recorded

        bag = open_recorded(run)
        found = _summary(bag)
        typer.echo(json.dumps(found) if as_json else _table_of(found))


@app.command()
def recover(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="The directory of a run that was killed.", autocompletion=completing.runs),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there; else RUN/run.mcap.")
    ] = None,
) -> None:
    """Make one recording of what a killed run has left, for any MCAP tool.

    \b
    lightlag bag recover runs/latest
    lightlag bag recover runs/latest -o what-was-left.mcap

    The parts stay where they are. To go on with the run instead: lightlag launch --resume RUN
    """
    with recording_errors_taught():
        from lightlag.launch.rundir.directory import RunDirectory

        directory = RunDirectory(run)
        if output is None and directory.recording.exists():
            typer.echo(f"{directory.recording} is there already; nothing to recover", err=True)
            return
        _recover(directory, output or directory.recording)


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help=A_RECORDING, autocompletion=completing.runs)],
    b: Annotated[Path, typer.Argument(metavar="B", help="The same, of the other run.", autocompletion=completing.runs)],
    as_json: AsJson = False,
) -> None:
    """Where two recordings part: the first reception or loss that is not the same, field by field.

    \b
    lightlag bag diff runs/20260101T120000Z-mars2020 runs/latest
    lightlag bag diff before.mcap after.mcap --json

    Compared is what every node got, in its order; logs are not. Exit code 0: the same; 1: not; 2: bad input.
    """
    with recording_errors_taught():
        from lightlag.launch.look.recorded import open_recorded

        code = _diff(open_recorded(a), open_recorded(b), as_json=as_json)
    raise typer.Exit(code)


app.command()(play)
app.command()(export)


def _summary(bag: Recorded) -> dict[str, Any]:
    epoch = bag.epoch
    topics: dict[str, list[int]] = {}
    losses: dict[str, int] = {}
    first_ns = last_ns = None
    for record in bag.records(lambda topic: False):
        of_topic = topics.setdefault(record.topic, [0, 0])
        of_topic[0] += 1
        if record.topic.endswith("/log"):
            continue
        data = record.data
        first_ns = data["sent_ns"] if first_ns is None else min(first_ns, data["sent_ns"])
        if reason := data.get("reason"):
            losses[reason] = losses.get(reason, 0) + 1
        else:
            of_topic[1] += data["bytes"]
            last_ns = data["t_ns"]
    return {
        "path": str(bag.path),
        "state": bag.state,
        **{key: bag.metadata.get(key, "") for key in ("graph", "seed", "epoch", "digest", "fingerprint", "lightlag")},
        "fork": json.loads(bag.metadata.get("fork", "null")),
        "first_sent_scet": None if first_ns is None else epoch.utc(first_ns),
        "last_received_ert": None if last_ns is None else epoch.utc(last_ns),
        "duration_s": None if first_ns is None or last_ns is None else (last_ns - first_ns) / 1e9,
        "records": sum(count for count, _ in topics.values()),
        "losses": dict(sorted(losses.items())),
        "topics": {topic: {"records": count, "bytes": size} for topic, (count, size) in sorted(topics.items())},
        "file_bytes": sum(file.stat().st_size for file in bag.files),
    }


def _table_of(found: dict[str, Any]) -> str:
    lost = ", ".join(f"{reason} {count:,}" for reason, count in found["losses"].items())
    rows = [(key, found[key] or "unknown") for key in ("graph", "seed", "epoch")]
    if found["fork"]:
        from lightlag.launch.look.recorded import fork_text

        rows.append(("fork of", fork_text(found["fork"])))
    rows.append(("digest", found["digest"] or "none; the run did not reach its end"))
    rows.append(("recording", found["state"]))
    if found["lightlag"]:
        rows.append(("made by", f"lightlag {found['lightlag']}, arithmetic {found['fingerprint'] or 'unknown'}"))
    if found["duration_s"] is not None:
        ends = f"{found['first_sent_scet']} SCET, first sent, to {found['last_received_ert']} ERT, last received"
        rows.append(("time", f"{ends}: {found['duration_s']:,.1f} s"))
    rows.append(("records", f"{found['records']:,} in {found['file_bytes'] / 1e6:,.1f} MB"))
    rows.append(("losses", f"{sum(found['losses'].values()):,}" + (f" ({lost})" if lost else "")))
    lines = [f"{label:<10}  {text}" for label, text in rows]
    topics = [("topic", "records", "bytes")]
    topics += [
        (name, f"{it['records']:,}", f"{it['bytes']:,}" if it["bytes"] else "") for name, it in found["topics"].items()
    ]
    return "\n".join([*lines, "", *table(topics, right=(1, 2))])


def _recover(directory: RunDirectory, output: Path) -> None:
    from importlib.metadata import version

    from lightlag.bus.part import Part
    from lightlag.bus.recording import merge
    from lightlag.launch.look.recorded import UNDER_WAY, open_parts

    bag = open_parts(directory)
    if bag.state == UNDER_WAY:
        typer.echo(f"{directory.path} is still running: this is what it has recorded so far", err=True)
    parts = {file.stem: Part(file).last_ns for file in bag.files}
    until = {host: bag.epoch.utc(t_ns) for host, t_ns in parts.items() if t_ns is not None}
    metadata = {"digest": "", "fingerprint": "", **bag.metadata, "lightlag": version("lightlag")}
    metadata["recovered"] = "; ".join(f"{host} up to {utc}" for host, utc in until.items())
    progress = lambda done, total: typer.echo(f"{done:,} of {total:,} records", err=True)  # noqa: E731
    count = merge(bag.files, output, metadata, progress=progress)
    for host in parts:
        typer.echo(f"host {host}: " + (f"up to {until[host]} SCET" if host in until else "nothing"), err=True)
    typer.echo(f"{output}: {count:,} records")


def _diff(a: Recorded, b: Recorded, *, as_json: bool) -> int:
    from lightlag.launch.look.difference import Comparison, compare, differing_fields

    keys = ("graph", "seed", "epoch", "fingerprint", "lightlag", "digest")
    known = {key: (a.metadata.get(key, ""), b.metadata.get(key, "")) for key in keys}
    unlike = {key: pair for key, pair in known.items() if all(pair) and pair[0] != pair[1]}
    digests = known["digest"]
    proven = digests[0] == digests[1] != ""
    found = Comparison() if proven else compare(a.messages(), b.messages())
    first = found.first
    fields = differing_fields(first.a, first.b) if first else {}
    same = first is None and "digest" not in unlike
    if as_json:
        told: dict[str, Any] = {"same": same, "metadata": unlike, "digest": digests[0] if proven else None}
        if not proven:
            told["agree"] = found.agree
        if first:
            where = {"receiver": first.receiver, "t_ns": first.t_ns, "agree": found.agree_there}
            told["first"] = {**where, "a": first.a, "b": first.b, "fields": fields}
        typer.echo(json.dumps(told))
    elif proven:
        typer.echo(f"the same: both have the digest {digests[0]}")
    else:
        typer.echo("\n".join(_told(a, b, unlike, found, fields)))
    return EXIT_SAME if same else EXIT_DIFFERENT


def _told(
    a: Recorded,
    b: Recorded,
    unlike: dict[str, tuple[str, str]],
    found: Comparison,
    fields: dict[str, tuple[str, str]],
) -> Iterator[str]:
    """The lines that say what came of a comparison."""
    yield from table([("", "", ""), ("A", str(a.path), a.state), ("B", str(b.path), b.state)])
    for key, (x, y) in unlike.items():
        yield f"not the same {key}: A {x}, B {y}"
    yield ""
    first = found.first
    if first is None:
        yield f"the same {found.agree:,} receptions and losses in both"
        if "digest" in unlike:
            yield "the digests differ in what a recording does not keep: what the medium stamped on the emissions"
        return
    when = f"{a.epoch.utc(first.t_ns, 6)} ERT (t_ns {first.t_ns})"
    yield f"first difference: what {first.receiver} got at {when}"
    yield f"before it {found.agree:,} receptions and losses are the same, {found.agree_there:,} of them its own"
    yield from (f"{name}  {_in_short(side)}" for name, side in (("A", first.a), ("B", first.b)))
    if first.a is not None and first.b is not None:
        yield ""
        yield from table([("field", "A", "B"), *((name, x, y) for name, (x, y) in fields.items())])


def _in_short(side: dict[str, Any] | None) -> str:
    if side is None:
        return "nothing more"
    lost = f", lost: {side['reason']}" if side["what"] == "lost" else ", received"
    return f"{side['type']} {side['source']}:{side['seq']} on {side['channel']}, sent {side['sent_ns']} ns{lost}"
