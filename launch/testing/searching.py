"""A test under faults: run again and again, each time with what a seed has drawn, until it fails; then the least of it.

For ``pytest --lightlag-faults 1..200``. The faults go to the first graph that the test launches, beside its own.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightlag.launch.graph.spec import Graph
from lightlag.launch.run.search import search

from .pending import ExpectationFailed

if TYPE_CHECKING:
    from .under_test import RunUnderTest

_SEEDS = re.compile(r"(seed:=)?(?P<first>\d+)(\.\.(?P<last>\d+))?")


def read_seeds(text: str) -> Sequence[int]:
    """The seeds of ``A..B`` or of one number, after ``seed:=`` if you like.

    Raises:
        ValueError: it is neither.
    """
    found = _SEEDS.fullmatch(text)
    first, last = (int(found["first"]), int(found["last"] or found["first"])) if found else (1, 0)
    if last < first:
        raise ValueError(f"{text!r} are no seeds; write seed:=1..200, or 7 alone")
    return range(first, last + 1)


class Trials:
    """The trials of one test; it launches its graphs through ``faulty``."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._seeds = seeds
        self._plain: Graph | None = None
        self._faulty: Graph | None = None
        self._launched = 0

    def faulty(self, graph: Graph) -> Graph:
        """The graph to launch where a test names this one."""
        self._launched += 1
        if self._launched > 1:
            return graph
        if self._plain is None:
            self._plain = graph
        return graph if self._faulty is None else replace(graph, faults=self._faulty.faults)

    def conduct(self, test: Callable[[], object], runs: list[RunUnderTest]) -> None:
        """Run the test as it is, then with what each seed draws.

        Raises:
            ExpectationFailed: it fails with some; with the least of them that is enough.
            BaseException: it fails as it is.
        """
        __tracebackhide__ = True
        self._launched = 0
        test()
        if self._plain is None:
            return
        errors: list[Exception] = []

        def run_one(graph: Graph) -> str | None:
            self._faulty, self._launched = graph, 0
            try:
                test()
            except Exception as error:  # noqa: BLE001 - whatever a test raises, it has failed
                errors.append(error)
                return str(error) or type(error).__name__
            finally:
                while len(runs) > 1:  # what the latest trial has left is enough
                    _forget(runs.pop(0))
            return None

        found = search(self._plain, self._seeds, run_one)
        if found is None:
            return
        enough = f"of {len(found.drawn)} faults {len(found.faults)} {'is' if len(found.faults) == 1 else 'are'} enough"
        raise ExpectationFailed(
            f"with the faults of seed {found.seed} the test fails; {enough}, found in {found.runs} runs:\n\n"
            f"{found.yaml}\n\n{found.failure}"
        ) from errors[-1]


def _forget(run: RunUnderTest) -> None:
    run.close()
    if run.run_dir is not None:
        shutil.rmtree(run.run_dir, ignore_errors=True)
