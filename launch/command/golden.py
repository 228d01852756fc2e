"""``lightlag golden``: a run beside the golden one of its mission, and how that is brought up to date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT

from .teaching import AsJson, errors_taught

if TYPE_CHECKING:
    from lightlag.launch.look.golden import Comparison

EXIT_SAME, EXIT_DIFFERENT = 0, 1


def golden(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a run that reached its end.")],
    file: Annotated[Path, typer.Argument(metavar="GOLDEN", help="The golden run, a YAML file.")],
    update: Annotated[
        bool, typer.Option("--update", help="Write the run into the file, and show what is another now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare a run with the golden one of its mission.

    \b
    lightlag golden runs/latest tests/golden/mars2020.yaml
    lightlag golden runs/latest tests/golden/mars2020.yaml --update

    Compared are who learnt what and when, counts, pictures, last words, and the digest. What may depart, and how
    much, stands in the file; --update keeps that. Exit code 0: within the tolerances, or
    updated; 1: not; 2: bad input.
    """
    with errors_taught(nothing="nothing was compared", refused=EXIT_BAD_INPUT):
        from lightlag.bus.errors import GraphError
        from lightlag.launch.look.golden import changes, compare, departures_text, extract, read, write

        is_new = not file.exists()
        if is_new and not update:
            raise GraphError(f"there is no file {file}; make it with: lightlag golden {run} {file} --update")
        found = extract(run)
        known: dict[str, Any] = {} if is_new else read(file)
        compared = compare(found, known)
        if update:
            found_now = changes(found, known)
            write(file, found, known)
        else:
            found_now = compared.departures
    if as_json:
        told = {"same": not compared.departures, "updated": update, **asdict(compared)}
        typer.echo(json.dumps({**told, "changes": [asdict(it) for it in found_now]} if update else told))
    else:
        lines = departures_text(found_now, b="before" if update else "golden") if found_now and not is_new else []
        typer.echo("\n".join([*lines, *([""] if lines else []), *_summary(compared, file, update, is_new)]))
    raise typer.Exit(EXIT_DIFFERENT if compared.departures and not update else EXIT_SAME)


def _summary(compared: Comparison, file: Path, update: bool, is_new: bool) -> Iterator[str]:
    if is_new:
        yield f"{file} is new"
        return
    count = len(compared.departures)
    beyond = f"{count:,} depart from it further than is allowed" if count else "none departs further than is allowed"
    yield f"{compared.agree:,} values are as in {file}; {beyond}" + ("; it is brought up to date" if update else "")
    if compared.digest_not_compared:
        yield f"the digest was not compared: {compared.digest_not_compared}"
    if count and not update:
        yield f"if that is meant: lightlag golden RUN {file} --update"
