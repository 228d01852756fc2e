"""``lightlag doctor``: whether this machine can run what is asked of it, and what to do where it cannot."""

from __future__ import annotations

import json
import textwrap

import typer

from lightlag.launch.run.options import EXIT_RUN_FAILED

from . import completing
from .page import columns, painted
from .teaching import AsJson, errors_taught

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_WHAT, _LEVEL = 10, 4


def doctor(as_json: AsJson = False) -> None:
    """Check that this machine can run what you ask of it.

    \b
    lightlag doctor
    lightlag doctor --json

    Looked at are Python and the packages, cores, memory, disk, sockets, the ephemeris, the arithmetic, installed node
    types and graphs, and what runs have left. Exit code 0: nothing fails; 1: something does.
    """
    from lightlag.launch.look.health import FAIL, look

    found = []
    with errors_taught():
        for finding in look(completing.RUNS):
            found.append(finding)
            if not as_json:
                lead = f"{painted(f'{finding.level:<{_LEVEL}}', _STYLES[finding.level])}  {finding.what:<{_WHAT}}  "
                indent = " " * (_LEVEL + _WHAT + 4)
                first, *rest = textwrap.wrap(finding.text, columns() - len(indent), break_on_hyphens=False) or [""]
                typer.echo("\n".join([lead + first, *(indent + line for line in rest)]))
                for line in textwrap.wrap(finding.advice, columns() - len(indent), break_on_hyphens=False):
                    typer.echo(indent + painted(line, "cyan"))
    failing = sum(finding.level == FAIL for finding in found)
    if as_json:
        typer.echo(json.dumps({"findings": [finding._asdict() for finding in found], "failing": failing}))
    raise typer.Exit(EXIT_RUN_FAILED if failing else 0)
