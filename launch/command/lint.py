"""``lightlag lint``: what is looked at, and how it is told.

Exit code 0: nothing found, or warnings only; 1: something was found; 2: what was named cannot be read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lightlag.launch.lint.findings import Finding
from lightlag.launch.run.options import EXIT_DONE, EXIT_RUN_FAILED

from .page import painted

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph

_COLOURS = {"message": "red", "caret": "yellow", "hint": "cyan"}


def lint(targets: Sequence[str], *, as_json: bool) -> int:
    """Look at what is named, print what was found, and return the exit code.

    Raises:
        GraphError: something named cannot be read.
    """
    found, looked_at = look_at(targets)
    if as_json:
        typer.echo(json.dumps({"looked_at": looked_at, "findings": [finding.data() for finding in found]}, indent=2))
    else:
        show(found)
        typer.echo(in_short(found, looked_at))
    return EXIT_DONE if all(finding.is_warning for finding in found) else EXIT_RUN_FAILED


def look_at(targets: Sequence[str]) -> tuple[list[Finding], int]:
    """What is found in the graphs, files and folders named, and how many modules were looked at.

    Raises:
        GraphError: one of them cannot be read.
    """
    from lightlag.launch.lint.linting import lint_file, lint_graph, modules_of

    words = [target for target in targets if ":=" in target]
    found: list[Finding] = []
    looked_at = 0
    for target in targets:
        path = Path(target)
        if target in words:
            continue
        if path.suffix == ".py" or path.is_dir():
            files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
            for file in files:
                found += lint_file(file)
            looked_at += len(files)
        else:
            graph = _load(target, words)
            found += lint_graph(graph)
            looked_at += len(modules_of(graph))
    return list(dict.fromkeys(found)), looked_at


def show(found: Sequence[Finding], *, err: bool = False) -> None:
    """Print findings, in colour on a terminal."""
    for finding in found:
        for role, text in finding.lines():
            typer.echo(painted(text, _COLOURS.get(role, ""), sys.stderr if err else sys.stdout), err=err)
        typer.echo(err=err)


def in_short(found: Sequence[Finding], looked_at: int) -> str:
    """One line: how much was found, in how many modules."""
    modules = f"{looked_at} module{'s' if looked_at != 1 else ''}"
    warnings = sum(finding.is_warning for finding in found)
    counts = [(len(found) - warnings, "finding"), (warnings, "warning")]
    told = [f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count]
    return f"{modules}: {', '.join(told) or 'nothing found'}"


def _load(target: str, words: Sequence[str]) -> Graph:
    from lightlag.launch.graph.arguments import split_words
    from lightlag.launch.graph.diagnostics import Report
    from lightlag.launch.graph.loading import read_graph

    report = Report()
    return read_graph(target, split_words(words, report), None, report)
