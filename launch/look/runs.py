"""The runs of this machine: which live, how far they are and how fast, what their processes cost, which can be resumed.

A run is found by its directory. What a live one says of itself comes from its hub; what a process costs, from Linux
(``/proc``), where there is one.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightlag.bus.errors import LightlagError
from lightlag.bus.journal import read_facts
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import HUB, is_alive, is_suspended, is_zombie, launcher_pid, operator
from lightlag.launch.rundir.stacks import pid_of

#: How long a hub may take to answer, and how far two looks at a run are apart that tell its speed (wall s).
_ANSWER_S = 1.0
_APART_S = 0.4

#: ``ENDING``: its files are being written, or its launcher was killed while it wrote them.
LIVE, ENDING, OVER, FAILED, STOPPED, DEAD = "live", "ending", "over", "failed", "stopped", "dead"


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a live run; what is not known, because it runs on another machine or there is no /proc, is None."""

    name: str
    pid: int | None
    #: What the hub says of a host (running, waiting, paced ...), ``suspended``, or empty.
    state: str
    #: Part of one core while it was looked at; resident memory.
    cpu: float | None
    rss_mb: float | None
    #: Of a host: where it is (SCET); None if it has nothing more to do.
    at_scet: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run, by its directory; what only a live one has is None for others."""

    path: str
    graph: str
    #: ``live``; ``ending``; ``over``; ``failed``, by a node; ``stopped``, by Ctrl-C; ``dead``: its launcher was killed.
    state: str
    #: How far it is; of one that is not live, how far its last report goes.
    scet: str | None = None
    until: str | None = None
    #: Part of the run that is done.
    done: float | None = None
    #: Simulated seconds per wall second, while it was looked at.
    speed: float | None = None
    processes: tuple[Process, ...] = ()

    @property
    def can_be_resumed(self) -> bool:
        """Whether ``lightlag launch --resume`` goes on with it."""
        return self.state in (STOPPED, DEAD)


def find_runs(folders: Sequence[Path]) -> list[Path]:
    """The run directories among ``folders`` and directly below them, in the order of their names; links left out."""
    found = {
        path.resolve(): path
        for folder in folders
        for path in (folder, *sorted(folder.glob("*")))
        if (path / "journal").is_file() and (path == folder or not path.is_symlink())
    }
    return list(found.values())


def look_at(paths: Sequence[Path]) -> list[Run]:
    """What there is to say of each of these runs; live ones are looked at twice, together."""
    first = {path: _glance(path) for path in paths}
    if any(first.values()):
        time.sleep(_APART_S)
    runs = []
    for path, before in first.items():
        after = _glance(path) if before is not None else None
        try:
            runs.append(_recorded(path) if before is None or after is None else _live(path, before, after))
        except (LightlagError, OSError):  # a journal that is not one, a directory that was removed meanwhile
            continue
    return runs


@dataclass(frozen=True, slots=True)
class _Glance:
    wall_s: float
    status: dict[str, Any] | None
    facts: dict[str, Any]
    used_s: dict[str, float | None]
    pids: dict[str, int | None]


def _glance(path: Path) -> _Glance | None:
    """One look at a live run; None if it does not live."""
    directory = RunDirectory(path)
    if not is_alive(directory.live):
        return None
    status = None
    with suppress(LightlagError, OSError):
        facts = read_facts(directory.journal)
        with suppress(LightlagError), operator(path) as line:
            status = line.ask("status", _ANSWER_S)
        pids: dict[str, int | None] = {"launcher": launcher_pid(directory.live)}
        if facts["processes"]:
            pids |= {HUB: pid_of(directory, HUB)} | {name: pid_of(directory, name) for name in facts["hosts"]}
        used_s = {name: _used_s(pid) for name, pid in pids.items()}
        return _Glance(time.monotonic(), status, facts, used_s, pids)
    return None


def _live(path: Path, before: _Glance, after: _Glance) -> Run:
    directory = RunDirectory(path)
    epoch, wall_s = directory.epoch(), after.wall_s - before.wall_s
    hosts = {host["host"]: host for host in after.status["hosts"]} if after.status else {}
    processes = []
    for name, pid in after.pids.items():
        host = hosts.get(name, {})
        used = (before.used_s.get(name), after.used_s[name])
        cpu = (used[1] - used[0]) / wall_s if used[0] is not None and used[1] is not None else None
        state = "suspended" if pid and is_suspended(pid) else host.get("state", "")
        rss_mb = _rss_mb(pid)
        processes.append(Process(name.removeprefix("@"), pid, state, cpu, rss_mb, host.get("next_scet")))
    if after.status is None:
        return Run(str(path), after.facts["graph"], LIVE, processes=tuple(processes))
    until, scet = after.status["until"], after.status["scet"]
    speed = None
    if before.status is not None:
        speed = (epoch.t_ns(scet) - epoch.t_ns(before.status["scet"])) / NS_PER_S / wall_s
    done = _part(epoch, scet, until)
    return Run(str(path), after.facts["graph"], LIVE, scet, until, done, speed, tuple(processes))


def _recorded(path: Path) -> Run:
    """A run that does not live: what its summary and its journal say."""
    directory = RunDirectory(path)
    facts = read_facts(directory.journal)
    # A launcher that comes to its end takes the file away; one that is killed leaves it.
    state, scet = DEAD if directory.live.exists() else ENDING, None
    with suppress(OSError, ValueError):
        summary = json.loads(directory.summary.read_text(encoding="utf-8"))
        state = OVER if summary["digest"] else FAILED if summary["failure"] else STOPPED
        scet = directory.epoch().utc(round(summary["simulated_s"] * NS_PER_S))
    return Run(str(path), facts["graph"], state, scet)


def _part(epoch: Epoch, scet: str, until: str) -> float:
    return epoch.t_ns(scet) / max(1, epoch.t_ns(until))


def _used_s(pid: int | None) -> float | None:
    """Processor time (s) that a process of this machine has used."""
    with suppress(OSError, IndexError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return None


def _rss_mb(pid: int | None) -> float | None:
    """Resident memory (MB) of a process of this machine."""
    with suppress(OSError, IndexError, ValueError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return None


# -- to end one -------------------------------------------------------------------------------------------------------


def ask_to_end(path: Path) -> int:
    """Have a live run end gracefully, as Ctrl-C does; returns the process id of its launcher.

    Raises:
        RunError: no run is alive there.
    """
    return _signal(path, signal.SIGTERM)


def kill(path: Path) -> int:
    """Kill a live run, of which its directory is left; returns the process id that its launcher had.

    Raises:
        RunError: no run is alive there.
    """
    return _signal(path, signal.SIGKILL)


def has_ended(path: Path, pid: int) -> bool:
    """Whether a run whose launcher has, or had, this process id is over, and its files are written."""
    directory = RunDirectory(path)
    if not directory.live.exists() and directory.summary.exists():
        return True
    with suppress(OSError):
        os.kill(pid, 0)
        return is_zombie(pid)
    return True


def _signal(path: Path, number: signal.Signals) -> int:
    directory = RunDirectory(path)
    pid = launcher_pid(directory.live)
    if pid is None or not is_alive(directory.live):
        with operator(path):  # says what there is instead
            pass
    assert pid is not None
    os.kill(pid, number)
    return pid
