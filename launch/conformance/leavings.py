"""A run in a fresh process, and what is left after it: threads, sockets, files; and how long it took.

This module's ``__main__`` is that process: it gets the path of a graph file, and the folders in which the graph's own
files lie, and tells what it found in a line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from lightlag.bus.errors import LightlagError
from lightlag.launch.graph.spec import Graph

_DESCRIPTORS = Path("/proc/self/fd")
_SAID_CHARACTERS = 2000


def leavings(graph: Graph) -> dict[str, Any]:
    """Run a graph in a fresh process, in an empty folder; what is left, and how long it took.

    ``threads``, ``open`` (sockets and files) and ``written`` are lists of words, ``wall_s``, ``peak_mb``, ``emissions``
    and ``simulated_s`` numbers; or there is an ``error``.
    """
    with tempfile.TemporaryDirectory() as room:
        graph_file = Path(room) / "graph.yaml"
        graph_file.write_text(graph.to_yaml(), encoding="utf-8")
        here, temporary, home = (Path(room) / name for name in ("here", "temporary", "home"))
        for folder in (here, temporary, home):
            folder.mkdir()
        path = os.pathsep.join([*filter(None, sys.path), graph.folder])
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__, str(graph_file), graph.folder, *graph.beside],
            cwd=here,
            env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(temporary), "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        written = [str(it.relative_to(room)) for folder in (here, temporary, home) for it in folder.rglob("*")]
    try:
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return {"error": f"exit code {done.returncode}: {done.stderr.strip()[-_SAID_CHARACTERS:] or '(nothing)'}"}
    return {**told, "written": sorted(written)}


def _threads() -> list[str]:
    return sorted(it.name for it in threading.enumerate() if it is not threading.main_thread())


def _open() -> list[str]:
    """What this process has open: sockets, and files by their paths; nothing where the system does not tell."""
    found = []
    for descriptor in sorted(_DESCRIPTORS.iterdir()) if _DESCRIPTORS.is_dir() else []:
        try:
            target = os.readlink(descriptor)
        except OSError:  # the folder itself
            continue
        if target.startswith(("socket:", "/")):
            found.append(target)
    return found


def _child(graph_file: str, folder: str, *beside: str) -> dict[str, Any]:
    from lightlag.bus.shell import peak_rss_kb
    from lightlag.launch.run.beginning import resolved_graph
    from lightlag.launch.run.simulation import Simulation
    from lightlag.orbiters import Ephemeris

    graph = resolved_graph(graph_file, folder, beside)
    Ephemeris.open()  # whose files stay open
    threads, opened = _threads(), _open()
    begun = time.perf_counter()
    with Simulation(graph) as sim:
        sim.run()
    wall_s = time.perf_counter() - begun
    return {
        "threads": [it for it in _threads() if it not in threads],
        "open": [it for it in _open() if it not in opened],
        "wall_s": wall_s,
        "peak_mb": peak_rss_kb() / 1024,
        "emissions": sim.tally.emissions,
        "simulated_s": graph.until_ns / 1e9,
    }


def _main(*words: str) -> int:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what node code prints is not for the parent
    try:
        told = _child(*words)
    except LightlagError as error:
        told = {"error": str(error)}
    with out:
        out.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(*sys.argv[1:]))
