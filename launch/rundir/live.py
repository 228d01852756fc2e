"""Where a run is found while it lives: what its launcher says of it, and how operators reach it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from lightlag.bus.errors import RunError
from lightlag.bus.operator import Operator
from lightlag.bus.security import Keys

from .directory import RunDirectory

#: The name of the hub among the processes of a run.
HUB = "@hub"
#: The name of the only host of a run in one process.
HERE = "all"


def say_alive(live: Path, endpoint: str, run_id: str, keys: Keys | None = None) -> None:
    """Write where operators reach the run, and the keys that they need for it if any, for this user alone."""
    live.touch(mode=0o600)
    told = {"endpoint": endpoint, "run": run_id, "pid": os.getpid(), "keys": keys}
    live.write_text(json.dumps(told), encoding="utf-8")


def is_alive(live: Path) -> bool:
    """Whether the launcher that wrote the file still runs."""
    pid = launcher_pid(live)
    if pid is None:
        return False
    with suppress(OSError):
        os.kill(pid, 0)
        return not is_zombie(pid)
    return False


def launcher_pid(live: Path) -> int | None:
    """The process id of the launcher that wrote the file; None if there is none."""
    try:
        return int(json.loads(live.read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError):
        return None


def operator(run_dir: Path) -> Operator:
    """A line to a live run.

    Raises:
        RunError: the run is over, or was never begun there.
    """
    directory = RunDirectory(run_dir)
    if not is_alive(directory.live):
        if directory.has_digest():
            raise RunError(f"the run in {run_dir} is over; what came of it: lightlag bag info {run_dir}")
        if directory.journal.exists():
            raise RunError(f"the run in {run_dir} is not alive; to go on with it: lightlag launch --resume {run_dir}")
        raise RunError(
            f"no run is alive in {run_dir}; start one with: lightlag launch GRAPH, or name another directory"
        )
    found = json.loads(directory.live.read_text(encoding="utf-8"))
    return Operator(found["endpoint"], found["run"], keys=Keys(*found["keys"]) if found.get("keys") else None)


def is_suspended(pid: int) -> bool:
    """Whether a process was stopped from outside, by Ctrl-Z, SIGSTOP or a debugger (told on Linux only)."""
    return _state(pid) in ("T", "t")


def is_zombie(pid: int) -> bool:
    """Whether a process was killed, and nobody has waited for it: it does not run (told on Linux only)."""
    return _state(pid) == "Z"


def _state(pid: int) -> str:
    """The letter by which Linux tells the state of a process; empty where there is no telling."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""
