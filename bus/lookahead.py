"""Lookahead: how soon an emission of one host can reach another.

``L[i][j]`` is a lower bound, in integer nanoseconds of at least 1, of the delay of any emission from host i to host j
sent within a window of time; ``NEVER_NS`` where no channel joins them. ``closure`` turns it into the soonest that
anything starting in i can come to matter in j, over any number of hops. In space the bounds are light time and change
as planets and spacecraft move, so they are made for short steps of time, and a window reaches over a few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from .errors import GraphError
from .time import NEVER_NS

Matrix = Sequence[Sequence[int]]


def closure(bounds: Matrix) -> list[list[int]]:
    """Min-plus closure over paths of at least one hop; the diagonal is the shortest cycle out of a host and back."""
    n = len(bounds)
    best = [list(row) for row in bounds]
    for k in range(n):
        for i in range(n):
            through = best[i][k]
            if through < NEVER_NS:
                for j in range(n):
                    best[i][j] = min(best[i][j], through + best[k][j])
    return best


@dataclass(frozen=True)
class Window:
    """The lookahead of what is sent in [start_ns, end_ns), closed over the paths between hosts.

    ``direct`` are the bounds of emissions sent in the first part of it, up to where the next window starts.
    """

    start_ns: int
    end_ns: int
    direct: Matrix
    closed: Matrix

    @cached_property
    def into(self) -> Matrix:
        """The closure by receiving host: ``into[j][i]`` is ``closed[i][j]``."""
        return [list(column) for column in zip(*self.closed, strict=True)]


class Lookahead:
    """The windows of a run, made when they are first needed and the last few kept.

    ``bounds(start_ns, end_ns)`` gives the matrix L for emissions sent in a step of ``step_ns`` (None: one step that
    lasts for ever). A window starts with every step and reaches over ``steps`` of them, so that hosts are not held up
    at the end of each: its closure holds for all of these. Steps from ``until_ns`` on, when nothing is sent any more,
    do not count.
    """

    _KEPT = 16

    def __init__(
        self,
        bounds: Callable[[int, int], Matrix],
        step_ns: int | None = None,
        *,
        steps: int = 1,
        until_ns: int = NEVER_NS,
    ) -> None:
        self._bounds = bounds
        self._step_ns = step_ns
        self._steps = steps
        self._until_ns = until_ns
        self._direct: dict[int, Matrix] = {}
        self._windows: dict[int, Window] = {}

    def window(self, t_ns: int) -> Window:
        """The window that starts with the step of ``t_ns``."""
        index = 0 if self._step_ns is None else t_ns // self._step_ns
        try:
            return self._windows[index]
        except KeyError:
            made = self._windows[index] = self._made(index)
            if len(self._windows) > self._KEPT:
                del self._windows[min(self._windows)]
            return made

    def _made(self, index: int) -> Window:
        if self._step_ns is None:
            direct = self._step(0, NEVER_NS)
            return Window(0, NEVER_NS, direct, closure(direct))
        start_ns, end_ns = index * self._step_ns, (index + self._steps) * self._step_ns
        # What lies behind the end of the run is sent by nobody; its bounds would only tighten the others.
        last_ns = max(start_ns + 1, min(end_ns, self._until_ns))
        matrices = [self._step(at_ns, at_ns + self._step_ns) for at_ns in range(start_ns, last_ns, self._step_ns)]
        least = [[min(bounds) for bounds in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)]
        return Window(start_ns, end_ns, matrices[0], closure(least))

    def _step(self, start_ns: int, end_ns: int) -> Matrix:
        found = self._direct.get(start_ns)
        if found is None:
            found = self._direct[start_ns] = self._bounds(start_ns, end_ns)
            _check(found)
            if len(self._direct) > self._KEPT + self._steps:
                del self._direct[min(self._direct)]
        return found


def _check(direct: Matrix) -> None:
    for i, row in enumerate(direct):
        for j, bound in enumerate(row):
            if bound < 1:
                raise GraphError(
                    f"lookahead from host {i} to host {j} is {bound} ns; it must be at least 1 ns: put their nodes "
                    f"into one process"
                )
