"""What is measured: the parameters of every work, the draws of PHOLD, and PHOLD as a plain event heap.

Ours and every peer take their sizes and their random numbers from here, so that they do the same work. Times are
integer nanoseconds of simulated time. Nothing but the standard library is imported: a peer's process stays a peer's.
"""

from __future__ import annotations

import heapq
from math import log
from random import Random

NS_PER_S = 1_000_000_000

#: PHOLD as in HELICS's own suite: messages that each node starts with, least delay, mean of what is drawn on top.
PHOLD_MESSAGES = 16
PHOLD_LOOKAHEAD_NS = 100_000_000
PHOLD_MEAN_NS = 900_000_000
PHOLD_SEED = 1

#: The ring: how long a hop takes, and what the token weighs.
RING_HOP_NS = 1_000_000
RING_BYTES = 100

#: Time requests with nothing to send: the step, which is also the lookahead.
TIMING_STEP_NS = NS_PER_S

#: The relay: rover -> orbiter -> Earth.
RELAY_PERIOD_NS = 100_000_000
RELAY_BYTES = 1_000
UP_NS = 2_000_000
LONG_NS = 682 * NS_PER_S

#: The image: pieces of 100 MB over the relay's path.
PIECE_BYTES = 65_536
IMAGE_PIECES = 1_526
PIECE_PERIOD_NS = 1_000_000


class Draws:
    """Where a node of PHOLD sends next, and how long it waits beyond the lookahead: one stream a node."""

    __slots__ = ("_nodes", "_random")

    def __init__(self, index: int, nodes: int, seed: int = PHOLD_SEED) -> None:
        self._random = Random(seed * 1_000_003 + index).random
        self._nodes = nodes

    def next(self) -> tuple[int, int]:
        """(target, wait in ns), the wait exponential."""
        draw = self._random
        return int(draw() * self._nodes), int(-log(1.0 - draw()) * PHOLD_MEAN_NS)


def phold_events(nodes: int, until_ns: int) -> int:
    """How many messages arrive before ``until_ns``: the plain event heap that every implementation must equal."""
    draws = [Draws(index, nodes) for index in range(nodes)]
    heap: list[tuple[int, int]] = []
    for draw in draws:
        for _ in range(PHOLD_MESSAGES):
            target, wait_ns = draw.next()
            heap.append((PHOLD_LOOKAHEAD_NS + wait_ns, target))
    heapq.heapify(heap)
    count = 0
    while heap[0][0] < until_ns:
        now_ns, node = heap[0]
        count += 1
        target, wait_ns = draws[node].next()
        heapq.heapreplace(heap, (now_ns + PHOLD_LOOKAHEAD_NS + wait_ns, target))
    return count
