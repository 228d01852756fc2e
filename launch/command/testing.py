"""``lightlag test``: pytest, as it is, in this folder."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Annotated

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT


def run_tests(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORD", help="What pytest is to be told; see: pytest --help")
    ] = None,
) -> None:
    """Run the tests of this folder with pytest.

    \b
    lightlag test
    lightlag test tests/test_relay.py -x -k occulted

    In a test, the fixture launch_graph runs a graph in simulated time. Modules in this folder can be imported, as
    beside a graph file. The exit code is pytest's.
    """
    if importlib.util.find_spec("pytest") is None:
        typer.echo("error: pytest is not installed here; install it with: pip install 'lightlag[test]'", err=True)
        raise typer.Exit(EXIT_BAD_INPUT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *(words or ())])
