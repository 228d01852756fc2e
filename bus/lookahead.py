"""Lookahead: how soon an emission of one host can reach another.

``L[i][j]`` is a lower bound, in integer nanoseconds of at least 1, of the delay of any emission from host i to host j
sent within a window of time; ``NEVER_NS`` where no channel joins them. ``closure`` turns it into the soonest that
anything starting in i can come to matter in j, over any number of hops. In space the bounds are light time and change
as planets and spacecraft move, so they hold for one window each.
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
    """The lookahead of emissions sent in [start_ns, end_ns): direct bounds, and their closure."""

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

    ``bounds(start_ns, end_ns)`` gives the matrix L for emissions sent in that window; ``window_ns`` is the length of
    a window, None for one window that lasts for ever.
    """

    _KEPT = 16

    def __init__(self, bounds: Callable[[int, int], Matrix], window_ns: int | None = None) -> None:
        self._bounds = bounds
        self._window_ns = window_ns
        self._windows: dict[int, Window] = {}

    def window(self, t_ns: int) -> Window:
        """The window that holds ``t_ns``."""
        index = 0 if self._window_ns is None else t_ns // self._window_ns
        found = self._windows.get(index)
        if found is None:
            start = 0 if self._window_ns is None else index * self._window_ns
            end = NEVER_NS if self._window_ns is None else start + self._window_ns
            direct = self._bounds(start, end)
            _check(direct)
            found = self._windows[index] = Window(start, end, direct, closure(direct))
            if len(self._windows) > self._KEPT:
                del self._windows[min(self._windows)]
        return found


def _check(direct: Matrix) -> None:
    for i, row in enumerate(direct):
        for j, bound in enumerate(row):
            if bound < 1:
                raise GraphError(
                    f"lookahead from host {i} to host {j} is {bound} ns; it must be at least 1 ns: put their nodes "
                    f"into one process"
                )
