"""The agenda: what is going to happen, in the order of contract 2.

One heap serves all the nodes of a host: receptions on their way and timers. Its entries are ordered by time, then by
the node's place in its host, then receptions by source and number, then timers in the order in which they were set.
"""

from __future__ import annotations

import heapq
from typing import Any

#: Stands where a source would: greater than any name, because receptions of an instant come before its timers.
TIMER = "\U0010ffff"
#: Stands where a source would: less than any name. What a host itself does to a node: it joins, it leaves.
TURN = ""

#: (t_ns, the node's place, source or TIMER or TURN, the source's number or the node's timer count, what happens, and
#: None if it is a reception, or else why not: the reason of a loss, TIMER or TURN). The first four tell any two apart.
Entry = tuple[int, int, str, int, Any, str | None]


class Agenda:
    """What is going to happen to some nodes, soonest first in the heap ``entries``."""

    __slots__ = ("_cancelled", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._cancelled = 0

    def timer_cancelled(self) -> None:
        """Count a timer that was cancelled; sweep when most entries are such, as timeouts that were met leave it."""
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self.entries):
            self.keep([entry for entry in self.entries if entry[5] is not TIMER or not entry[4]._cancelled])

    def keep(self, entries: list[Entry]) -> None:
        """Put these in the place of all entries."""
        self.entries[:] = entries
        heapq.heapify(self.entries)
        self._cancelled = 0
