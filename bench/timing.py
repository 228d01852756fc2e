"""Time requests with nothing to send: every node sleeps, step by step, 1 s of simulated time.

    bench/timing.py --processes 4 --peer suite

The nodes could send to each other, 1 s ahead, and never do; so this is what advancing time costs by itself. In HELICS
each step is a time request of a federate with an endpoint; ``zmq+alone`` leaves the endpoints out, so that there is
nothing to coordinate. The figure is steps of all nodes per wall second. ``--size`` is the number of steps of each.
"""

from __future__ import annotations

import alone
import harness
from peers.federation import Helics

_STEPS = 4_000


def main() -> int:
    """Measure, and write the result."""
    given = harness.parse(harness.parser(__doc__, ("suite", "tuned", "none"), peer="suite", processes=4, nodes=0))
    processes = given.processes
    nodes = given.nodes or processes
    helics = Helics.named("timing", given.peer)
    size = given.size or _STEPS

    def ours() -> float:
        figures = alone.call("ours:measure", "timing", [nodes, size], processes)
        harness.require("messages", (figures["receptions"], figures["losses"]), (0, {}))
        return float(nodes * size / figures["drive_s"])

    def peer() -> float:
        assert helics is not None
        task = {"nodes": nodes, "size": size}
        return float(nodes * size / helics.elapsed_s(nodes, task, nodes * size))

    config = {"processes": processes, "nodes": nodes, "peer": given.peer, "steps": size}
    comparison = harness.Comparison("timing", "steps/s", config, ours, peer)
    return harness.conduct(comparison, given, helics.facts if helics else dict)


if __name__ == "__main__":
    raise SystemExit(main())
