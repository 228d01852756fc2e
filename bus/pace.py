"""The pace of a run against the wall clock: nothing happens before its time, at ``speed`` simulated seconds a second.

The pace caps grants, at the hub; hosts know nothing of it, so it changes no result. A run that cannot keep up goes on
as fast as it can, and says how far behind it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from .time import NEVER_NS, NS_PER_S


class Pace:
    """``speed`` is simulated seconds per wall second; None is as fast as it goes."""

    def __init__(self, speed: float | None, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._clock_s = clock_s
        self._begun: tuple[float, int] | None = None

    def start(self, t_ns: int) -> None:
        """The run is at ``t_ns`` now."""
        self._begun = (self._clock_s(), t_ns)

    def now_ns(self) -> int:
        """Where the run should be now; ``NEVER_NS`` without a pace."""
        if self.speed is None or self._begun is None:
            return NEVER_NS
        begun_s, begun_ns = self._begun
        return begun_ns + math.floor((self._clock_s() - begun_s) * self.speed * NS_PER_S)

    def reached_ns(self) -> int:
        """Where the wall clock stands in the run; 0 without a pace. Nobody outside acts before."""
        now_ns = self.now_ns()
        return now_ns if now_ns < NEVER_NS else 0

    def wait_ms(self, next_ns: int) -> int | None:
        """Wall time (ms) until something at ``next_ns`` may run; None: there is nothing to wait for."""
        if self.speed is None or self._begun is None or next_ns >= NEVER_NS:
            return None
        ahead_ns = next_ns + 1 - self.now_ns()
        return max(0, math.ceil(ahead_ns / self.speed / 1e6))

    def behind_s(self, frontier_ns: int) -> float:
        """How far the run is behind its schedule, in wall seconds; 0 if it keeps up."""
        if self.speed is None or self._begun is None:
            return 0.0
        return max(0.0, (self.now_ns() - frontier_ns) / NS_PER_S / self.speed)
