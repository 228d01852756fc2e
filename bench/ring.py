"""The ring: a token passed round N nodes, one node per process; a hop takes 1 ms of simulated time.

    bench/ring.py --processes 4 --peer tuned        # HELICS: a broker and a process per node
    bench/ring.py --processes 4 --peer raw          # bare DEALER-ROUTER round trips between two processes
    bench/ring.py --processes 0 --nodes 8 --peer simpy

The figure is hops per wall second: nothing can be done ahead or in parallel, so it is the latency of the coordination.
Every hop must happen, in turn. ``--size`` is the number of hops.
"""

from __future__ import annotations

import alone
import harness
import workloads as work
from peers.federation import Helics

#: Hops of a measurement where no size is asked for.
_HOPS, _HOPS_IN_PROCESS = 10_000, 100_000
_HELICS_HOPS = {"suite": 3_000, "tuned": 8_000}


def main() -> int:
    """Measure, and write the result."""
    peers = ("suite", "tuned", "raw", "simpy", "none")
    given = harness.parse(harness.parser(__doc__, peers, peer="suite", processes=2, nodes=0))
    processes = given.processes
    nodes = given.nodes or processes
    helics = Helics.named("ring", given.peer)
    size = given.size or (_HOPS if processes else _HOPS_IN_PROCESS)
    peer_size = given.size or _HELICS_HOPS.get(given.peer, size)

    def ours() -> float:
        figures = alone.call("ours:measure", "ring", [nodes, size], processes)
        harness.require("hops", figures["receptions"], size)
        return float(size / figures["drive_s"])

    def peer() -> float:
        if helics:
            return peer_size / helics.elapsed_s(nodes, {"nodes": nodes, "size": peer_size}, peer_size)
        if given.peer == "raw":
            return float(peer_size / alone.call("peers.sockets:round_trips", peer_size, work.RING_BYTES))
        elapsed_s, hops = alone.call("peers.stores:ring", nodes, peer_size)
        harness.require("hops", hops, peer_size)
        return float(peer_size / elapsed_s)

    config = {"processes": processes, "nodes": nodes, "peer": given.peer, "hops": size, "peer_hops": peer_size}
    comparison = harness.Comparison("ring", "hops/s", config, ours, peer)
    return harness.conduct(comparison, given, helics.facts if helics else dict)


if __name__ == "__main__":
    raise SystemExit(main())
