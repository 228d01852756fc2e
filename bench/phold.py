"""PHOLD: each node starts with 16 messages; each, on arrival, goes to a node drawn at random, 0.1 s + Exp(0.9 s) away.

    bench/phold.py --nodes 8 --peer simpy                   # in one process
    bench/phold.py --processes 4 --nodes 4 --peer tuned     # HELICS: a broker and a process per node

The figure is messages that arrived, per wall second. Their number must equal a plain event heap's, on every side.
``--size`` is the simulated time, in seconds; without it ours runs longer than HELICS, which is slower.
"""

from __future__ import annotations

import alone
import harness
import workloads as work
from peers.federation import Helics

#: Messages of a measurement where no size is asked for, in one process and in several.
_MESSAGES_IN_PROCESS, _MESSAGES = 192_000, 76_800
_HELICS_S = 100


def main() -> int:
    """Measure, and write the result."""
    given = harness.parse(
        harness.parser(__doc__, ("simpy", "suite", "tuned", "none"), peer="simpy", processes=0, nodes=8)
    )
    nodes, processes = given.nodes, given.processes
    helics = Helics.named("phold", given.peer)
    messages = _MESSAGES if processes else _MESSAGES_IN_PROCESS
    size_s = given.size or max(1, messages // (work.PHOLD_MESSAGES * nodes))
    peer_s = given.size or (_HELICS_S if helics else size_s)
    expected = {seconds: work.phold_events(nodes, seconds * work.NS_PER_S) for seconds in {size_s, peer_s}}

    def ours() -> float:
        figures = alone.call("ours:measure", "phold", [nodes, size_s * work.NS_PER_S], processes)
        harness.require("messages that arrived", figures["receptions"], expected[size_s])
        return float(expected[size_s] / figures["drive_s"])

    def peer() -> float:
        if helics:
            elapsed_s = helics.elapsed_s(nodes, {"nodes": nodes, "size": peer_s}, expected[peer_s])
        else:
            elapsed_s, count = alone.call("peers.stores:phold", nodes, peer_s * work.NS_PER_S)
            harness.require("messages that arrived", count, expected[peer_s])
        return expected[peer_s] / elapsed_s

    config = {"processes": processes, "nodes": nodes, "peer": given.peer, "size_s": size_s, "peer_size_s": peer_s}
    comparison = harness.Comparison("phold", "events/s", config, ours, peer)
    return harness.conduct(comparison, given, helics.facts if helics else dict)


if __name__ == "__main__":
    raise SystemExit(main())
