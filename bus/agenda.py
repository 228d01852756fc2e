"""The agenda: what is going to happen, in the order of contract 2.

One serves all the nodes of a host: receptions on their way and timers. Its entries are ordered by time, then by
the node's place in its host, then receptions by source and number, then timers in the order in which they were set.

It is a calendar queue (R. Brown, CACM 31, 1988): what comes later lies unsorted in buckets of equal width, and one
bucket at a time is opened and sorted. In a heap of all, each entry would be compared with a dozen others that lie
anywhere in memory; that a bucket holds a handful of entries, whatever their number, is seen to by its width.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import chain
from typing import Any

#: Stands where a source would: greater than any name, because receptions of an instant come before its timers.
TIMER = "\U0010ffff"
#: Stands where a source would: less than any name. What a host itself does to a node: it joins, it leaves.
TURN = ""
#: Stands where the reason of a loss would: somebody outside begins a fault, or ends one.
ACT = "\U0010fffe"

#: (t_ns, the node's place, source or TIMER or TURN, the source's number or the node's timer count, what happens, and
#: None if it is a reception, or else why not: the reason of a loss, TIMER, TURN or ACT; of a reception that a fault has
#: put off, what it has met). The first four tell any two apart.
Entry = tuple[int, int, str, int, Any, str | tuple[str, ...] | None]

#: Buckets are 2**n ns wide; to begin with, a millisecond.
_FIRST_WIDTH = 20
#: The mean number of entries in a bucket that is wanted, and how many buckets are opened before it is looked at.
_FEW, _MANY, _OPENED = 8, 64, 64
#: Fewer cancelled timers are left to lie.
_FEWEST_SWEPT = 64


class Agenda:
    """What is going to happen to some nodes.

    The soonest is the last of ``near`` or the first of ``soon``, whichever is less; ``open`` more when both are empty.
    """

    __slots__ = (
        "_buckets",
        "_cancelled",
        "_horizon_ns",
        "_opened",
        "_sorted",
        "_starts",
        "_swept_at",
        "_width",
        "near",
        "soon",
    )

    def __init__(self) -> None:
        #: The bucket that was opened last, soonest last; and a heap of what was put in before its end since then.
        self.near: list[Entry] = []
        self.soon: list[Entry] = []
        #: Where that bucket ends; the others, by their number, and a heap of those numbers.
        self._horizon_ns = 0
        self._buckets: dict[int, list[Entry]] = {}
        self._starts: list[int] = []
        self._width = _FIRST_WIDTH
        #: Buckets opened, and entries in them, since the width was looked at.
        self._opened = self._sorted = 0
        #: Timers that were cancelled, and how many of them make a sweep worth while.
        self._cancelled, self._swept_at = 0, _FEWEST_SWEPT

    def put(self, entry: Entry) -> None:
        """Something more is going to happen; never before what was taken last."""
        t_ns = entry[0]
        if t_ns < self._horizon_ns:
            heappush(self.soon, entry)
            return
        if not self._starts and len(self.soon) < _FEW:
            self._horizon_ns = t_ns + 1
            heappush(self.soon, entry)
            return
        number = t_ns >> self._width
        bucket = self._buckets.get(number)
        if bucket is None:
            self._buckets[number] = [entry]
            heappush(self._starts, number)
        else:
            bucket.append(entry)

    def open(self) -> bool:
        """Open the next bucket, when nothing is ``near`` nor ``soon``; False if there is none."""
        if not self._starts:
            return False
        number = heappop(self._starts)
        bucket = self._buckets.pop(number)
        bucket.sort(reverse=True)
        self.near.extend(bucket)
        self._horizon_ns = (number + 1) << self._width
        self._opened += 1
        self._sorted += len(bucket)
        if self._opened == _OPENED or self._sorted > _OPENED * _MANY:
            self._fit()
        return True

    def head(self) -> Entry | None:
        """The soonest entry."""
        near, soon = self.near, self.soon
        if not near and not soon and not self.open():
            return None
        return soon[0] if soon and (not near or soon[0] < near[-1]) else near[-1]

    def take(self) -> Entry:
        """Take the soonest entry out; there must be one."""
        head = self.head()
        assert head is not None
        if self.near and self.near[-1] is head:
            return self.near.pop()
        return heappop(self.soon)

    def entries(self) -> list[Entry]:
        """All entries, in no order."""
        return [*self.near, *self.soon, *chain.from_iterable(self._buckets.values())]

    def keep(self, entries: list[Entry]) -> None:
        """Put these in the place of all entries."""
        self.near.clear()
        self.soon.clear()
        self._cancelled, self._swept_at = 0, _FEWEST_SWEPT
        self._fill(entries)

    def timer_cancelled(self) -> None:
        """Count a timer that was cancelled; sweep when most entries are such, as timeouts that were met leave it."""
        self._cancelled += 1
        if self._cancelled > self._swept_at:
            entries = self.entries()
            if 2 * self._cancelled > len(entries):
                self.keep([entry for entry in entries if entry[5] is not TIMER or not entry[4]._cancelled])
            else:
                self._swept_at = len(entries) // 2

    def _fit(self) -> None:
        """Make the buckets wider if they hold too few entries, and narrower if too many."""
        mean = self._sorted // self._opened
        self._opened = self._sorted = 0
        if mean < _FEW:
            self._width += 2
        elif mean > _MANY:
            self._width = max(0, self._width - (mean // _MANY).bit_length())
        else:
            return
        self._fill(list(chain.from_iterable(self._buckets.values())))

    def _fill(self, entries: list[Entry]) -> None:
        self._buckets.clear()
        self._starts.clear()
        for entry in entries:
            self.put(entry)
