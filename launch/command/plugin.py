"""``lightlag plugin``: what is installed beside lightlag, and whether a run can rely on it."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.launch.run.options import EXIT_DONE, EXIT_RUN_FAILED

from .teaching import AsJson, errors_taught

if TYPE_CHECKING:
    from lightlag.launch.conformance.checks import Checked, Report

app = typer.Typer(name="plugin", help="See which plug-ins are installed, and check them.", no_args_is_help=True)

_COLOURS = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}
_WIDTH = 120
_NAME = 20


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """The distributions that bring node types or graphs.

    \b
    lightlag plugin list
    lightlag plugin list --json

    Told are the name and version of each, and its entry points; of one that cannot be imported, the reason. A package
    of your own: lightlag pkg create my-orbiter.
    """
    with errors_taught():
        from lightlag.launch.conformance.subject import GROUPS, plugins

        found = plugins()
    if as_json:
        told = [
            {
                "name": it.name,
                "version": it.version,
                "entries": [
                    {"kind": GROUPS[group], "name": name, "value": value, "imports": not error, "error": error or None}
                    for group, name, value, error in it.entries
                ],
            }
            for it in found
        ]
        typer.echo(json.dumps({"plugins": told}, indent=2))
        return
    for number, it in enumerate(found):
        typer.secho(f"{chr(10) if number else ''}{it.name} {it.version}", bold=True)
        width = max(len(name) for _, name, _, _ in it.entries)
        for group, name, value, error in it.entries:
            typer.echo(f"  {GROUPS[group]:<9}  {name:<{width}}  {value}")
            if error:
                typer.secho(textwrap.indent(error, " " * 13), fg=typer.colors.RED)


@app.command()
def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="A distribution, a node type (mro, package.module:Class), a graph or its file, or a module.",
        ),
    ],
    epoch: Annotated[
        str | None, typer.Option("--epoch", metavar="UTC", help="When node types are tried, for an hour.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try on a plug-in what a run relies on.

    \b
    lightlag plugin check my-orbiter          a distribution: its node types and its graphs
    lightlag plugin check mro --json          a node type
    lightlag plugin check my.yaml             a graph, and the node types in it
    lightlag plugin check my_orbiter.flown:OnFile --epoch 2027-03-01T18:00:00Z

    A node type is read (documents, parameters, ports, messages, lint), its trajectory is asked, and it is run for an
    hour in a small graph made for it: among peers that talk at random, twice in differing circumstances, over two
    processes, through the death of one, under ten thousand random messages. It takes half a minute. That hour begins at
    --epoch; else when a graph that is installed uses the type, or at the epoch that its trajectory declares.

    Exit code 0: nothing failed; 1: something did; 2: there is no such thing.
    """
    with errors_taught(nothing="nothing was checked"):
        from lightlag.bus.time import Epoch
        from lightlag.launch.conformance.checks import examine
        from lightlag.launch.conformance.subject import subject_of

        sys.path.append(str(Path.cwd()))  # a module may lie in this folder, and in that of the processes of a run
        subject = subject_of(target)
        if epoch is not None:
            Epoch.parse(epoch)
        report = examine(subject, _progress, epoch=epoch or "")
        _progress("", "", 0, 0)
    if as_json:
        typer.echo(json.dumps(report.data(), indent=2))
    else:
        _show(report)
    raise typer.Exit(EXIT_DONE if report.passed == len(report.checked) else EXIT_RUN_FAILED)


def _progress(of: str, name: str, number: int, count: int) -> None:
    """How far it is, on standard error: on a terminal in one line, which goes away."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{f'{number} of {count}  {of}: {name}' if count else ''}")
    elif count:
        sys.stderr.write(f"{number} of {count}  {of}: {name}\n")
    sys.stderr.flush()


def _show(report: Report) -> None:
    typer.secho(f"{report.subject}, seed {report.seed}", bold=True)
    of = ""
    for it in report.checked:
        if it.of != of:
            of = it.of
            typer.echo(f"\n{of}\n")
        for line, colour in _lines(it):
            typer.secho(line, fg=colour)
    warned = sum(it.finding.level == "warn" for it in report.checked)
    typer.echo(f"\n{warned} with a warning" if warned else "")
    typer.echo(f"{report.passed} of {len(report.checked)} checks passed")


def _lines(it: Checked) -> Iterator[tuple[str, str | None]]:
    """A check in lines: how it is, what was found and, if it could be better, what to do."""
    finding = it.finding
    margin = " " * (8 + _NAME)
    said = [line for part in finding.said.splitlines() for line in textwrap.wrap(part, _WIDTH - len(margin)) or [""]]
    for number, line in enumerate(said or [""]):
        first = f"  {finding.level:<4}  {it.check:<{_NAME}}"
        yield f"{margin if number else first}{line}", _COLOURS[finding.level] if finding.level != "ok" else None
    if finding.advice:
        for number, line in enumerate(textwrap.wrap(finding.advice, _WIDTH - len(margin) - 3)):
            yield f"{margin}{'   ' if number else '-> '}{line}", None
