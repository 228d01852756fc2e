"""``lightlag test``: pytest, as it is, in this folder."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT

#: pytest-asyncio says a paragraph about this option where nobody has chosen; to our fixture it makes no difference.
_SCOPE = "asyncio_default_fixture_loop_scope"
_CONFIGURATIONS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


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
    chosen = [] if _is_chosen(Path.cwd()) else ["-o", f"{_SCOPE}=function"]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *chosen, *(words or ())])


def _is_chosen(folder: Path) -> bool:
    """Whether a file that pytest may take its options from, here or above, says what the scope is."""
    files = [above / name for above in (folder, *folder.parents) for name in _CONFIGURATIONS]
    return any(_SCOPE in file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file())
