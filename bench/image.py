"""The image: 100 MB in pieces of 64 KiB, from a rover by an orbiter (2 ms away) to Earth (682 s away).

    bench/image.py --peer tuned
    bench/image.py --peer raw           # PUSH to PULL to PUSH to PULL, nothing else

Rover, orbiter and Earth are processes of their own; all pieces must arrive. The figure is MB (10^6 bytes) per wall
second. Ours sends a piece every millisecond of simulated time, HELICS all at once, which is quickest for it.
``--size`` is the number of pieces.
"""

from __future__ import annotations

import alone
import harness
import workloads as work
from peers.federation import Helics


def main() -> int:
    """Measure, and write the result."""
    given = harness.parse(harness.parser(__doc__, ("suite", "tuned", "raw", "none"), peer="suite", processes=3))
    processes = given.processes
    helics = Helics.named("image", given.peer)
    pieces = given.size or work.IMAGE_PIECES
    megabytes = pieces * work.PIECE_BYTES / 1e6

    def ours() -> float:
        figures = alone.call("ours:measure", "image", [pieces, work.PIECE_BYTES, work.PIECE_PERIOD_NS], processes)
        harness.require("receptions, losses", (figures["receptions"], figures["losses"]), (2 * pieces, {}))
        return float(megabytes / figures["drive_s"])

    def peer() -> float:
        if helics:
            task = {"size": pieces, "bytes": work.PIECE_BYTES, "period_ns": 0}
            return megabytes / helics.elapsed_s(3, task, 2 * pieces)
        return float(megabytes / alone.call("peers.sockets:two_hops", pieces, work.PIECE_BYTES))

    config = {"processes": processes, "nodes": 3, "peer": given.peer, "pieces": pieces}
    comparison = harness.Comparison("image", "MB/s", config, ours, peer)
    return harness.conduct(comparison, given, helics.facts if helics else dict)


if __name__ == "__main__":
    raise SystemExit(main())
