"""The timeline: who learnt of which event, when, by which path.

News comes from hosts in bunches, each in order, but hosts run ahead of each other. ``Timeline`` lets it out in the
order of simulated time, once the frontier has passed it, and only the first time that a receiver learns of an event.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.events import Learnt

COLUMNS = ("event", "source", "scet_utc", "receiver", "path", "ert_utc", "delay_s")


class Timeline:
    """What has been learnt so far, in order."""

    def __init__(self) -> None:
        self.items: list[Learnt] = []
        #: Everything before this has been let out.
        self.frontier_ns = 0
        self._waiting: list[tuple[int, str, Learnt]] = []
        self._known: dict[tuple[str, str, str], None] = {}

    def add(self, news: Sequence[tuple[Any, ...]], frontier_ns: int) -> list[Learnt]:
        """Take news in; returns what is certain now, everything before ``frontier_ns``, oldest first."""
        self.frontier_ns = max(self.frontier_ns, frontier_ns)
        for item in news:
            learnt = Learnt(*item)
            heapq.heappush(self._waiting, (learnt.ert_ns, learnt.receiver, learnt))
        fresh: list[Learnt] = []
        while self._waiting and self._waiting[0][0] < frontier_ns:
            learnt = heapq.heappop(self._waiting)[2]
            key = (learnt.source, learnt.event, learnt.receiver)
            if key not in self._known:
                self._known[key] = None
                fresh.append(learnt)
        self.items += fresh
        return fresh

    def write(self, path: Path, epoch: Epoch) -> None:
        """Write ``timeline.csv``: a row for each event and receiver that learnt of it."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for item in self.items:
                delay_s = (item.ert_ns - item.scet_ns) / NS_PER_S
                writer.writerow(
                    (
                        item.event,
                        item.source,
                        epoch.utc(item.scet_ns),
                        item.receiver,
                        item.path,
                        epoch.utc(item.ert_ns),
                        f"{delay_s:.6f}",
                    )
                )
