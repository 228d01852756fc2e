"""Ten sols of eight nodes with real geometry, passes found once, a word a minute from each to each receiver in view.

    bench/sols.py [--processes N] [--size SOLS] [--repeats R] [--json]

The graph is ``sols.yaml``, run by the public runner in one process (or N) with recording and report off. The figure is
simulated seconds per wall second, from the call of the runner to the digest; orbits, passes and all else that a run
computes once are in it. ``receivers`` says to how many a node wrote on average, of all minutes of all nodes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import alone
import harness
from ours import Silent as Silent

from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run

_GRAPH = Path(__file__).with_suffix(".yaml")
_NODES, _MINUTE_S, _SOL_S = 8, 60, 88_775


def measure(sols: float, processes: int) -> dict[str, Any]:
    """Run so many sols once; the files are gone after it.

    Raises:
        RuntimeError: the run failed.
    """
    graph = load_graph(_GRAPH, until=f"{sols * _SOL_S:.0f} s")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        options = RunOptions(processes=processes or None, run_dir=Path(folder) / "run", record=False, report=False)
        result = run(graph, options, Silent())
    if result.failure is not None or result.interrupted:
        raise RuntimeError(f"the run of sols failed: {result.failure or 'it was interrupted'}")
    return {
        "simulated_s": result.simulated_s,
        "wall_s": result.wall_s,
        "drive_s": result.drive_s,
        "emissions": result.emissions,
        "receptions": result.receptions,
        "losses": dict(result.losses),
        "peak_rss_mb": result.peak_rss_mb,
        "digest": result.digest,
    }


def main() -> int:
    """Measure, and write the result."""
    given = harness.parse(harness.parser(__doc__, ("none",), peer="none", processes=0))
    sols = given.size or 10
    last: dict[str, Any] = {}

    def ours() -> float:
        last.update(alone.call("sols:measure", sols, given.processes))
        return float(last["simulated_s"] / last["wall_s"])

    def facts() -> dict[str, Any]:
        instants = _NODES * int((last["simulated_s"] - 1) // _MINUTE_S)
        return {**last, "instants": instants, "receivers": round(last["emissions"] / instants, 2)}

    config = {"processes": given.processes, "nodes": _NODES, "peer": "none", "sols": sols}
    comparison = harness.Comparison("sols", "x real time", config, ours, None)
    return harness.conduct(comparison, given, facts)


if __name__ == "__main__":
    raise SystemExit(main())
