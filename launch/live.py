"""How a run is begun and found again: the facts at the head of its journal, and where operators reach it while it lives."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from lightlag.bus.errors import RunError
from lightlag.bus.journal import Journal
from lightlag.bus.operator import Operator

from .placement import Groups, host_names
from .rundir import RunDirectory
from .spec import Graph


def begin_journal(graph: Graph, groups: Groups, directory: RunDirectory, *, processes: bool, record: bool) -> None:
    """Begin a journal with what every process of the run must know."""
    facts: dict[str, Any] = {
        "run": secrets.token_hex(8),
        "graph": graph.name,
        "seed": graph.seed,
        "processes": processes,
        "record": record,
        "hosts": host_names(groups) if processes else ["all"],
        "groups": groups,
    }
    Journal(directory.journal, facts).close()


def say_alive(live: Path, endpoint: str, run_id: str) -> None:
    """Write where operators reach the run, for this user alone."""
    live.touch(mode=0o600)
    live.write_text(json.dumps({"endpoint": endpoint, "run": run_id, "pid": os.getpid()}), encoding="utf-8")


def is_alive(live: Path) -> bool:
    """Whether the launcher that wrote the file still runs."""
    try:
        os.kill(json.loads(live.read_text(encoding="utf-8"))["pid"], 0)
    except (OSError, ValueError, KeyError):
        return False
    return True


def operator(run_dir: Path) -> Operator:
    """A line to a live run.

    Raises:
        RunError: the run is over, or was never begun there.
    """
    live = RunDirectory(run_dir).live
    if not live.exists() or not is_alive(live):
        raise RunError(f"no run is alive in {run_dir}; start one with: lightlag launch GRAPH")
    found = json.loads(live.read_text(encoding="utf-8"))
    return Operator(found["endpoint"], found["run"])
