"""A node that leaves is gone: what it would still do is not done by the garbage collector, sometime, elsewhere."""

from __future__ import annotations

import asyncio
import gc

import pytest
from tests.nodes.worlds import Scripted, wire

from lightlag.bus.time import NEVER_NS, NS_PER_S, Epoch
from lightlag.nodes.host import Host


async def clings(node):
    """Awaits again and again while it cleans up."""
    try:
        await asyncio.sleep(1000)
    finally:
        try:
            await asyncio.sleep(1)
        finally:
            node.seen.append("torn down")
            node.log("torn down")


async def makes_garbage(node):
    for _ in range(200):
        node.seen.append([object()])
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("threshold", [1, 700, 1_000_000])
def test_what_a_node_that_leaves_does_not_finish_ends_there_and_then(threshold):
    before = gc.get_threshold()
    gc.set_threshold(threshold)
    try:
        leaver, stayer = Scripted("leaver", clings), Scripted("stayer", makes_garbage)
        host = Host(
            "host",
            [leaver, stayer],
            [wire("air", "leaver", "stayer")],
            epoch=Epoch.parse("2021-02-18T20:00:00Z"),
            seed=7,
            until_ns=30 * NS_PER_S,
            presence={"leaver": (0, 5 * NS_PER_S)},
        )
        done = host.activate(NEVER_NS, [], NEVER_NS)
        assert leaver.seen == ["torn down"]
        assert [(log.t_ns, log.node) for log in done.logs if log.text == "torn down"] == [(5 * NS_PER_S, "leaver")]
        assert done.failure is None
        host.finish([])
    finally:
        gc.set_threshold(*before)
