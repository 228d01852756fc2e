"""``lightlag launch --check-determinism``: how a person follows two runs of a graph, and reads what came of them."""

from __future__ import annotations

import sys
from typing import IO

from lightlag.launch.graph.spec import Graph
from lightlag.launch.run.determinism import check_determinism
from lightlag.launch.run.options import RunOptions

from .lint import show


def check_and_tell(graph: Graph, options: RunOptions, *, quiet: bool = False) -> int:
    """Check, print what was found, and return the exit code; for the command line."""
    with _Line(sys.stderr, quiet=quiet) as line:
        compared = check_determinism(
            graph, options, warn=lambda findings: show(findings, err=True), progress=line.progress
        )
    print(compared.text())  # noqa: T201
    return compared.exit_code


class _Line:
    """One line of progress on a terminal, which goes away; elsewhere nothing."""

    def __init__(self, stream: IO[str], *, quiet: bool) -> None:
        self._stream = stream
        self._shown = stream.isatty() and not quiet

    def progress(self, name: str, done: float) -> None:
        """Show how far a run is."""
        if self._shown:
            self._stream.write(f"\r{name} run {done:4.0%} ")
            self._stream.flush()

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
