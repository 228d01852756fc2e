"""``lightlag pkg``: begin a package of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .teaching import errors_taught

app = typer.Typer(name="pkg", help="Begin a package of your own.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the package, its node type, its graph: my-orbiter.")],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="orbiter, lander, rover, station or instrument.")
    ] = "orbiter",
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", file_okay=False, help="The folder in which it gets its own.")
    ] = Path(),
) -> None:
    """Write a package: a node type, its graph, tests, a README.

    \b
    lightlag pkg create my-orbiter                    a relay orbiter of Mars, and a beacon
    lightlag pkg create my-lander --kind lander       on Mars, on sunlight
    lightlag pkg create my-rover --kind rover         drives from stop to stop, relayed by MRO
    lightlag pkg create my-station --kind station     on Earth, follows a spacecraft
    lightlag pkg create my-laser --kind instrument    measures, on a spacecraft of yours

    What is written runs as it is, and is yours to change. Installed (pip install -e my-orbiter), its node type and its
    graph are known by its name.
    """
    with errors_taught(nothing="nothing was written"):
        from lightlag.launch.package.creating import KINDS, create

        package = create(name, kind, into)
    folder = package.folder
    typer.echo(f"{folder}: {KINDS[kind][:1].lower()}{KINDS[kind][1:]}; {len(package.files)} files\n")
    for file in package.files:
        typer.echo(f"  {folder / file}")
    typer.echo(f"\nnext:\n\n  pip install -e '{folder}[test]'\n  pytest {folder}\n  lightlag launch {name}")
