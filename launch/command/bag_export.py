"""``lightlag bag export``: what a recording holds, for other programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT

from .page import Ticker
from .records import records_text
from .teaching import Recording, recording_errors_taught
from .trajectories import SUFFIXES, write_trajectories

if TYPE_CHECKING:
    from lightlag.launch.look.recorded import Recorded


def _as_csv(bag: Recorded, topic: str, file: IO[str], ticker: Ticker) -> int:
    """A line for every record; the heading has every field of every message, for which it is read twice."""
    from lightlag.launch.look.rows import cell, columns, rows

    ticker.say("looking which fields there are")
    names = columns(bag, topic)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    return _count((writer.writerow([cell(row.get(name)) for name in names]) for row in rows(bag, topic)), ticker)


def _as_json(bag: Recorded, topic: str, file: IO[str], ticker: Ticker) -> int:
    """A JSON object a line; arrays as recordings have them, in base64."""
    from lightlag.launch.look.rows import rows

    return _count((file.write(json.dumps(row) + "\n") for row in rows(bag, topic)), ticker)


#: What can be written, by the name of the format.
FORMATS: dict[str, Callable[[Recorded, str, IO[str], Ticker], int]] = {"csv": _as_csv, "json": _as_json}


def _formats(incomplete: str) -> list[str]:
    return [name for name in (*FORMATS, *SUFFIXES) if name.startswith(incomplete)]


def export(
    run: Recording,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="|".join((*FORMATS, *SUFFIXES)), help="How it is written.", autocompletion=_formats
        ),
    ] = "csv",
    topic: Annotated[str, typer.Option(metavar="GLOB", help="Only topics that match: '/goldstone/*'.")] = "*",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there; else on standard output.")
    ] = None,
    node: Annotated[
        list[str] | None, typer.Option("--node", metavar="NODE", help="Of oem and spk: whose; else of all nodes.")
    ] = None,
    step: Annotated[str, typer.Option(metavar="DURATION", help="Of oem and spk: between two states, at most.")] = "60s",
    as_json: Annotated[bool, typer.Option("--json", help="Of oem and spk: what was written, as one object.")] = False,
) -> None:
    """Write a recording for other programs.

    \b
    lightlag bag export runs/latest --topic '/goldstone/*' > goldstone.csv
    lightlag bag export run.mcap --format json -o everything.jsonl
    lightlag bag export runs/latest --format oem --node mro
    lightlag bag export runs/latest --format spk --node mro --node maven -o orbiters.bsp

    csv and json are of receptions and losses.
    A row of the table, or a JSON object a line, for each: when it was sent (SCET) and received (ERT), in UTC and in ns
    of the run, from whom, by which path, why it was lost, and the fields of the message, as message.FIELD. Of an array
    a table has type and shape, JSON has all of it.

    oem (CCSDS, text) and spk (SPICE, binary) are of where nodes were, from the epoch to the end of a run. States are
    nearer to each other than the step where a cubic through them would stray by more than 10 cm. They are in the axes
    of the ICRF, about the planet that a node is near at the epoch, or about the sun. Of a node that steers it is the
    nominal trajectory, without its burns. A graph can fly what was written: trajectory: {oem: {file: mro.oem}}, of a
    node of type spacecraft.
    """
    if form in SUFFIXES:
        write_trajectories(run, form, node or (), output, step, as_json=as_json)
        return
    if form not in FORMATS:
        raise typer.BadParameter(f"there is no format {form!r}; formats: {', '.join((*FORMATS, *SUFFIXES))}")
    if node or as_json:
        raise typer.BadParameter("--node and --json go with --format oem or spk; of receptions name a --topic")
    with recording_errors_taught():
        from lightlag.launch.look.recorded import open_recorded

        bag = open_recorded(run)
        with Ticker(sys.stderr) as ticker, _opened(output) as file:
            count = FORMATS[form](bag, topic, file, ticker)
        if not count:
            typer.echo(f"nothing was recorded on {topic!r}; see: lightlag bag info {run}", err=True)
            raise typer.Exit(EXIT_BAD_INPUT)
        typer.echo(records_text(count) + (f" in {output}" if output else ""), err=True)


def _count(written: Iterable[Any], ticker: Ticker) -> int:
    count = 0
    for _ in written:
        count += 1
        ticker.say(f"{count:,} records")
    return count


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    """Where it is written; a file is there when all of it is, or not at all."""
    if output is None:
        yield sys.stdout
        return
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
