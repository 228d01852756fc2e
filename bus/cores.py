"""Together or apart: whether the processes of a run share one core.

Where hosts take turns, most of a hop is the time in which one core wakes another; on one core for all of them a hop
takes half as long. Where hosts run at the same time, one core would be a loss. So the hub counts how many run at once,
and where it is hardly ever more than one it tries out which way is quicker: a stretch of grants together, compared with
the better of two before (a machine has moments), again now and then. It is like where a host pauses: nothing but speed
depends on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

#: Grants in a stretch, or how long it lasts (wall s) where they are few.
STRETCH = 256
_STRETCH_S = 1.0
#: So many hosts at once, on average, still count as turns.
_TURNS = 1.2
#: The other way is kept if it is that much quicker.
_GAIN = 1.1
#: Stretches before the first trial; after one that changed something; and, doubled after each that did not, at most.
_SOON, _PATIENCE, _MOST_PATIENCE = 2, 8, 64


class Cores:
    """Puts the processes ``pids()`` of this machine on one core, and lets them apart.

    ``place`` is for tests: who puts them there.
    """

    def __init__(
        self, pids: Callable[[], Iterable[int]], place: Callable[[Iterable[int], bool], None] | None = None
    ) -> None:
        self.together = False
        self._pids = pids
        self._place = place or Placer().place
        self._patience = _SOON
        self._stretches = 0
        #: How quick it was when they were apart last (grants per wall s).
        self._apart = 0.0
        #: How quick the latest stretch was that was no trial.
        self._latest = 0.0
        #: While the other way is tried: how quick it was before, the better of two stretches.
        self._before: float | None = None
        #: When the stretch began (wall s); 0: at the next grant.
        self._begun_s = 0.0
        self._begin()

    def granted(self, grants: int, running: int, now_s: float) -> None:
        """Some hosts were granted, and so many run now; it is ``now_s`` (wall s)."""
        self._grants += grants
        self._calls += 1
        self._running += running
        if self._grants >= STRETCH or now_s > self._begun_s + _STRETCH_S:
            if not self._begun_s:
                self._begun_s = now_s
                return
            self._judge(self._grants / (now_s - self._begun_s), self._running / self._calls)
            self._begin(now_s)

    def joined(self, pid: int) -> None:
        """A process said hello: begin with all of them apart. A hub that has died may have left it on one core."""
        self.apart()
        self._place([pid], False)

    def apart(self) -> None:
        """Let every process run where it will: the run ends, say."""
        self._before, self._stretches = None, 0
        if self.together:
            self._switch()
        self._begin()

    def _judge(self, pace: float, at_once: float) -> None:
        if not self.together:
            self._apart = pace
        if at_once > _TURNS:
            self._patience = _PATIENCE
            self.apart()
        elif self._before is not None:
            kept = pace > self._before * _GAIN
            if not kept:
                self._switch()
            self._patience = _PATIENCE if kept else min(2 * self._patience, _MOST_PATIENCE)
            self._before, self._stretches, self._latest = None, 0, pace if kept else self._latest
        else:
            self._stretches += 1
            # Slower together than it was apart: somebody else may need that core, or did for a moment.
            if self._stretches >= self._patience or (self.together and pace < self._apart):
                self._before = max(pace, self._latest)
                self._switch()
            self._latest = pace

    def _begin(self, now_s: float = 0.0) -> None:
        """Begin a stretch."""
        self._grants = self._calls = self._running = 0
        self._begun_s = now_s

    def _switch(self) -> None:
        self.together = not self.together
        self._place(self._pids(), self.together)


class Placer:
    """Puts processes on the core on which this one runs, or on all that it had; without effect where the system has no
    such thing."""

    def __init__(self) -> None:
        self._all = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()

    def place(self, pids: Iterable[int], together: bool) -> None:
        """Put all threads of these processes on one core, or let them run on all."""
        if len(self._all) < 2:
            return
        cores = {_core()} & self._all or self._all if together else self._all
        for pid in pids:
            with suppress(OSError):  # it has died meanwhile
                for thread in os.listdir(f"/proc/{pid}/task"):
                    os.sched_setaffinity(int(thread), cores)


def _core() -> int:
    """The core on which this process runs."""
    return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[36])
