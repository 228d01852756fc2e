"""SimPy, as a peer: PHOLD and the ring in one process, one ``Store`` per node.

A message on its way is a ``Timeout`` whose callback puts it into the receiver's store; the receiver is a process that
gets from it. That is SimPy's quickest way to receive in a process: a process per message, as its example of a cable
has it, is half again as slow.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import simpy
import workloads as work

_Process = Generator[Any, Any, None]


def phold(nodes: int, until_ns: int) -> tuple[float, int]:
    """(wall seconds, messages that arrived before ``until_ns``)."""
    env = simpy.Environment()
    stores = [simpy.Store(env) for _ in range(nodes)]
    puts = [store.put for store in stores]  # called with the timeout itself, which is the message
    counts = [0] * nodes

    def emit(draws: work.Draws) -> None:
        target, wait_ns = draws.next()
        env.timeout(work.PHOLD_LOOKAHEAD_NS + wait_ns).callbacks.append(puts[target])

    def node(index: int, draws: work.Draws) -> _Process:
        store = stores[index]
        while True:
            yield store.get()
            counts[index] += 1
            emit(draws)

    begun = time.perf_counter()  # the first messages count, as they do for a node that sends them in its run()
    for index in range(nodes):
        draws = work.Draws(index, nodes)
        env.process(node(index, draws))
        for _ in range(work.PHOLD_MESSAGES):
            emit(draws)
    env.run(until=until_ns)
    return time.perf_counter() - begun, sum(counts)


def ring(nodes: int, hops: int) -> tuple[float, int]:
    """(wall seconds, hops)."""
    env = simpy.Environment()
    stores = [simpy.Store(env) for _ in range(nodes)]
    last = 0

    def emit(hop: int) -> None:
        env.timeout(work.RING_HOP_NS, hop).callbacks.append(stores[hop % nodes].put)

    def node(index: int) -> _Process:
        nonlocal last
        while True:
            last = (yield stores[index].get()).value
            if last < hops:
                emit(last + 1)

    for index in range(nodes):
        env.process(node(index))
    emit(1)
    begun = time.perf_counter()
    env.run()
    return time.perf_counter() - begun, last
