"""How long a graph takes on this machine, and how much memory: one launch after another, each on its own.

    .venv/bin/python bench/launches.py [mars2020|february-2021] [--repeats 5] [--json FILE]

Every launch is a process of its own, as a person would start it. ``wall`` is from the command to the prompt, with
the start of Python; ``run`` is ``wall_s`` of the run's summary, without it; memory is the sum of the peak resident
sets of the run's processes. The table gives medians with the least and greatest; the last line is the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: What is measured, by graph: a name, and the words after ``lightlag launch GRAPH``.
LAUNCHES = {
    "mars2020": {
        "whole, in process": [],
        "whole, 2 processes": ["--processes=2"],
        "whole, 4 processes": ["--processes=4"],
        "without pictures, recording, report": ["picture:=false", "--no-record", "--no-report"],
    },
    "february-2021": {
        "whole, in process": [],
        "whole, 2 processes": ["--processes=2"],
        "without recording, report": ["--no-record", "--no-report"],
    },
}
FIGURES = {"wall_s": "wall, s", "run_s": "run, s", "peak_rss_mb": "peak, MB"}


def measure(graph: str, words: Sequence[str]) -> dict[str, Any]:
    """Launch once; the figures and the digest."""
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        command = [sys.executable, "-m", "lightlag", "launch", graph, *words, "--quiet"]
        begun = time.perf_counter()
        subprocess.run([*command, "--run-dir", str(run_dir)], check=True, stdout=subprocess.DEVNULL)
        wall_s = time.perf_counter() - begun
        summary = json.loads((run_dir / "summary.json").read_text())
    return {
        "wall_s": round(wall_s, 3),
        "run_s": summary["wall_s"],
        "peak_rss_mb": summary["peak_rss_mb"],
        "digest": summary["digest"],
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as text."""
    width = max(map(len, results))
    lines = [f"{'':{width}}  " + "  ".join(f"{title:>22}" for title in FIGURES.values())]
    for name, result in results.items():
        cells = [
            f"{it['median']:.2f} ({it['least']:.2f}-{it['greatest']:.2f})"
            for it in (result[figure] for figure in FIGURES)
        ]
        lines.append(f"{name:{width}}  " + "  ".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def main() -> int:
    """Measure, print the table, then the JSON."""
    parser = argparse.ArgumentParser(description="Measure lightlag launch GRAPH on this machine.")
    parser.add_argument("graph", nargs="?", default="mars2020", choices=LAUNCHES, help="which (default mars2020)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="launches of each kind (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON there too")
    given = parser.parse_args()
    if given.repeats < 1:
        parser.error("--repeats must be at least 1")
    samples: dict[str, list[dict[str, Any]]] = {name: [] for name in LAUNCHES[given.graph]}
    for _ in range(given.repeats):  # in turn, so that what else the machine does falls on all of them
        for name, words in LAUNCHES[given.graph].items():
            samples[name].append(measure(given.graph, words))
    results = {
        name: {figure: spread([sample[figure] for sample in taken]) for figure in FIGURES}
        | {"digest": "; ".join(sorted({sample["digest"] for sample in taken}))}
        for name, taken in samples.items()
    }
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    text = json.dumps({"bench": given.graph, "repeats": given.repeats, "machine": machine, "results": results})
    print(table(results))  # noqa: T201
    print(text)  # noqa: T201
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
