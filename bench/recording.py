"""What recording everything costs, at the relay's rate: the relay with a recording, and as its peer without.

    bench/recording.py

``ratio`` is what is left of the rate while the run goes. The parts of the recording are merged when it is over:
``merge_s`` is the wall time that adds. ``--size`` is the number of messages.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import alone
import harness
import workloads as work

_MESSAGES = 40_000


def main() -> int:
    """Measure, and write the result."""
    given = harness.parse(harness.parser(__doc__, ("bare", "none"), peer="bare", processes=3))
    size, processes = given.size or _MESSAGES, given.processes
    beside_s: dict[bool, list[float]] = {True: [], False: []}

    def rate(record: bool) -> float:
        graph = [size, work.RELAY_BYTES, work.RELAY_PERIOD_NS]
        figures = alone.call("ours:measure", "relay", graph, processes, record)
        harness.require("receptions, losses", (figures["receptions"], figures["losses"]), (2 * size, {}))
        beside_s[record].append(figures["wall_s"] - figures["drive_s"])
        return float(size / figures["drive_s"])

    def facts() -> dict[str, Any]:
        if not beside_s[False]:
            return {}
        return {"merge_s": harness.significant(median(beside_s[True]) - median(beside_s[False]))}

    config = {"processes": processes, "nodes": 3, "peer": given.peer, "messages": size}
    comparison = harness.Comparison("recording", "messages/s", config, lambda: rate(True), lambda: rate(False))
    return harness.conduct(comparison, given, facts)


if __name__ == "__main__":
    raise SystemExit(main())
