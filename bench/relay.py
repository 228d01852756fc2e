"""The relay: a rover sends 1,000 bytes at 10 Hz to an orbiter 2 ms away, which passes them on to Earth, 682 s away.

    bench/relay.py --peer suite

Rover, orbiter and Earth are processes of their own. The figure is messages delivered on Earth per wall second; all
must be. ``long_leg_grants`` is how often Earth was granted time, per light time of the long leg. ``--size`` is the
number of messages.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import alone
import harness
import workloads as work
from peers.federation import Helics

_MESSAGES = 40_000
_HELICS_MESSAGES = {"suite": 3_000, "tuned": 10_000}


def main() -> int:
    """Measure, and write the result."""
    given = harness.parse(harness.parser(__doc__, ("suite", "tuned", "none"), peer="suite", processes=3))
    processes = given.processes
    helics = Helics.named("relay", given.peer)
    size = given.size or _MESSAGES
    peer_size = given.size or _HELICS_MESSAGES.get(given.peer, _MESSAGES)

    long_leg_grants: list[float] = []

    def ours() -> float:
        figures = alone.call("ours:measure", "relay", [size, work.RELAY_BYTES, work.RELAY_PERIOD_NS], processes)
        harness.require("receptions, losses", (figures["receptions"], figures["losses"]), (2 * size, {}))
        if processes == 3:
            light_times = (size * work.RELAY_PERIOD_NS + work.UP_NS + work.LONG_NS) / work.LONG_NS
            long_leg_grants.append(figures["grants"]["earth"] / light_times)
        return float(size / figures["drive_s"])

    def peer() -> float:
        assert helics is not None
        task = {"size": peer_size, "bytes": work.RELAY_BYTES, "period_ns": work.RELAY_PERIOD_NS}
        return peer_size / helics.elapsed_s(3, task, 2 * peer_size)

    def facts() -> dict[str, Any]:
        grants = {"long_leg_grants": round(median(long_leg_grants), 2)} if long_leg_grants else {}
        return grants | (helics.facts() if helics else {})

    config = {"processes": processes, "nodes": 3, "peer": given.peer, "messages": size, "peer_messages": peer_size}
    comparison = harness.Comparison("relay", "messages/s", config, ours, peer)
    return harness.conduct(comparison, given, facts)


if __name__ == "__main__":
    raise SystemExit(main())
