"""Flakes: a lossy two-day relay, again and again on a machine that is kept busy, and how many digests that gives.

    bench/lossy.py [--repeats N] [--workers W] [--load L]

The graph is ``lossy.yaml``. ``W`` worker processes, each with another hash seed, run it one after the other; every
twentieth time over two processes of its own, as ``lightlag launch --processes 2`` does. ``L`` processes do nothing but
compute meanwhile. The figure that counts is the number of different digests, which must be one; the exit code is 1 if
it is not, or if a run failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

_GRAPH = Path(__file__).with_suffix(".yaml")
_RESULT = Path(__file__).parent / "results" / "lossy.json"
_OVER_PROCESSES_EVERY = 20
_BUSY = "x = 0\nwhile True:\n    x += 1\n"


def work(worker: int, repeats: int) -> None:
    """Run the graph so often and write a digest a line; the body of a worker."""
    from ours import Silent

    from lightlag.launch.graph.loading import load_graph
    from lightlag.launch.run.options import RunOptions
    from lightlag.launch.run.runner import run
    from lightlag.launch.run.simulation import Simulation

    graph = load_graph(_GRAPH)
    for number in range(repeats):
        if number % _OVER_PROCESSES_EVERY == _OVER_PROCESSES_EVERY - 1:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                options = RunOptions(processes=2, run_dir=Path(folder) / "run", report=False)
                digest = run(graph, options, Silent()).digest
        else:
            sim = Simulation(graph)
            sim.run()
            digest = sim.digest
        print(f"{worker} {digest}", flush=True)  # noqa: T201


def conduct(repeats: int, workers: int, load: int) -> dict[str, Any]:
    """Have the workers work beside the load; what came of it."""
    begun_s = time.perf_counter()
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(load)]
    try:
        shares = [repeats // workers + (at < repeats % workers) for at in range(workers)]
        started = [
            subprocess.Popen(
                [sys.executable, __file__, "--worker", str(at), "--repeats", str(share)],
                env={**os.environ, "PYTHONHASHSEED": str(at + 1)},
                stdout=subprocess.PIPE,
                text=True,
            )
            for at, share in enumerate(shares)
        ]
        outputs = [process.communicate()[0] for process in started]
        codes = [process.returncode for process in started]
    finally:
        for process in busy:
            process.kill()
    digests = Counter(line.split()[1] for output in outputs for line in output.splitlines() if len(line.split()) == 2)
    return {
        "work": "lossy",
        "repeats": repeats,
        "ended": sum(digests.values()),
        "digests": dict(digests),
        "workers": workers,
        "load": load,
        "failed_workers": sum(code != 0 for code in codes),
        "wall_s": round(time.perf_counter() - begun_s, 1),
    }


def main() -> int:
    """Measure, write the result, and say it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--load", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        work(given.worker, given.repeats)
        return 0
    told = conduct(given.repeats, given.workers, given.load)
    _RESULT.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=2))  # noqa: T201
    good = len(told["digests"]) == 1 and told["ended"] == given.repeats and not told["failed_workers"]
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
