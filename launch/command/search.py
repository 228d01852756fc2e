"""``lightlag search``: look for a schedule of faults that a graph does not survive."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Annotated

import typer

from lightlag.launch.run.options import EXIT_DONE, EXIT_RUN_FAILED

from .teaching import AsJson, GraphName, Words, errors_taught, load

if TYPE_CHECKING:
    from lightlag.launch.run.search import Found, Map

_SEEDS = re.compile(r"(?P<first>\d+)(?:\.\.(?P<last>\d+))?")
_BAR_CHARACTERS = 24


def search(
    graph: GraphName,
    arguments: Words = None,
    seeds: Annotated[str, typer.Option(metavar="A..B", help="A schedule of faults is drawn for each.")] = "1..100",
    check: Annotated[
        str | None,
        typer.Option(metavar="MODULE:FUNCTION", help="What is demanded of a run: it is called with it, and raises."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Runs at a time.")] = 1,
    until: Annotated[
        str | None, typer.Option(metavar="DURATION", help="End runs after this long instead: 2h, 30min, '90 s'.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for faults that a graph does not survive.

    \b
    lightlag search my.yaml                               does any node raise?
    lightlag search my.yaml --seeds 1..1000 --jobs 4
    lightlag search my.yaml --check checks.py::picture_arrives

    What is printed is the least that is enough. For each seed up to five faults are drawn from what the graph has,
    the same for ever: partitions, holds, drops, delays, crashes and so on. The first schedule that fails is shrunk:
    faults are left out, made shorter and put at round times as long as it fails. What is printed reproduces it when
    it is pasted into the graph file.

    Exit code 0: nothing was found; 1: something was; 2: bad input.
    """
    with errors_taught():
        from lightlag.launch.run.search import search as look
        from lightlag.launch.run.trial import find_check, try_out

        asked = read_seeds(seeds)
        loaded = load(graph, arguments, until)
        demanded = find_check(check) if check is not None else None
        with _mapped(jobs) as mapped, _Bar(quiet=quiet) as bar:
            found = look(loaded, asked, partial(try_out, check=demanded), mapped=mapped, progress=bar.show)
        typer.echo(json.dumps(told(found)) if as_json else told_text(found, len(asked)))
        raise typer.Exit(EXIT_DONE if found is None else EXIT_RUN_FAILED)


def read_seeds(text: str) -> Sequence[int]:
    """The seeds of ``A..B``, or of one number."""
    given = _SEEDS.fullmatch(text)
    first, last = (int(given["first"]), int(given["last"] or given["first"])) if given else (1, 0)
    if last < first:
        raise typer.BadParameter(f"--seeds is {text!r}; give a number or a range of them: 1..200")
    return range(first, last + 1)


def told(found: Found | None) -> dict[str, object] | None:
    """What was found, as data."""
    if found is None:
        return None
    return {"seed": found.seed, "failure": found.failure, "faults": found.yaml, "drawn": len(found.drawn)}


def told_text(found: Found | None, tried: int) -> str:
    """What was found, for people."""
    if found is None:
        return f"nothing was found in {tried} schedules of faults"
    if found.seed is None:
        return f"it fails as it is, before anything is drawn: {found.failure}"
    enough = f"of {len(found.drawn)} faults {len(found.faults)} {'is' if len(found.faults) == 1 else 'are'} enough"
    return f"seed {found.seed} fails: {found.failure}\n\n{enough}, found in {found.runs} runs:\n\n{found.yaml}"


@contextmanager
def _mapped(jobs: int) -> Iterator[Map]:
    """A map that runs several at a time, in processes, and drops what is left when it is over."""
    if jobs == 1:
        yield map
        return
    executor = ProcessPoolExecutor(jobs, mp_context=get_context("fork"))
    try:
        yield executor.map
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


class _Bar:
    """One line of progress on a terminal, which goes away; elsewhere nothing."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = sys.stderr.isatty() and not quiet

    def show(self, what: str, done: int, total: int) -> None:
        """How far it is."""
        if self._shown:
            full = _BAR_CHARACTERS * done // total
            sys.stderr.write(f"\r{what:<9} [{'#' * full:<{_BAR_CHARACTERS}}] {done} of {total} ")
            sys.stderr.flush()

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
