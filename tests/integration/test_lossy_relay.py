"""Two days on links that lose and spoil, through reboots and cuts, are the same two days every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightlag.nodes.telemetry import Housekeeping

GRAPH = Path(__file__).parents[2] / "bench" / "lossy.yaml"
DIGESTS: dict[str, None] = {}


@pytest.mark.parametrize("number", range(20))
async def test_it_has_one_digest(launch_graph, number):
    """Twenty times here; bench/lossy.py does it a thousand times, on a machine that is kept busy."""
    async with launch_graph(GRAPH) as run:
        word = await run.reception("goldstone", Housekeeping, source="lander", within="12 h")
        assert word.path == ("lander", "mro", "goldstone")
        with run.partition("mro", "*", lasting="15 min"):
            await run.expect_loss("goldstone", Housekeeping, reason="fault", sender="mro", within="1 h")
        DIGESTS[await run.to_the_end()] = None
        assert run.tally.losses["fault"] > 80
    assert len(DIGESTS) == 1
