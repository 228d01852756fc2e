"""How a run is begun and found again: the facts at the head of its journal, where operators reach it while it lives,
and where each of its processes writes, on request, what it is computing.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from lightlag.bus.errors import RunError
from lightlag.bus.journal import Journal
from lightlag.bus.operator import Operator
from lightlag.bus.security import Keys

from .rundir import RunDirectory

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph

    from .placement import Groups

#: The name of the hub among the processes of a run.
HUB = "@hub"
#: The name of the only host of a run in one process.
HERE = "all"
#: How long a process may take to write its stack, and how often that is looked at (wall s).
_STACK_S = 1.0
_LOOK_S = 0.01
#: What the last line of a stack ends with: the outermost function of a program, or that there are more.
_OUTERMOST = (" in <module>", " in _run_module_as_main", "  ...")
_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)$')


def begin_journal(
    graph: Graph,
    groups: Groups,
    directory: RunDirectory,
    *,
    processes: bool,
    record: bool,
    mixed: bool = False,
    fork: Mapping[str, Any] | None = None,
) -> None:
    """Begin a journal with what every process of the run must know; ``fork`` is what the run is a fork of."""
    from .placement import host_names

    facts: dict[str, Any] = {
        "run": secrets.token_hex(8),
        "graph": graph.name,
        "seed": graph.seed,
        "processes": processes,
        "record": record,
        "mixed": mixed,
        "fork": fork,
        "hosts": host_names(groups) if processes else [HERE],
        "groups": groups,
        "folder": graph.folder,
    }
    Journal(directory.journal, facts).close()


def find_beside(facts: dict[str, Any]) -> None:
    """Let node classes that lie beside the graph file of a run be imported, as when it was launched."""
    folder = facts.get("folder")
    if folder and folder not in sys.path:
        sys.path.append(folder)


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
        return _state(pid) != "Z"  # one that was killed, and that nobody has waited for, does not run
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


# -- stacks -----------------------------------------------------------------------------------------------------------


class Frame(NamedTuple):
    """Where a process is: a place in a file of code, as its stack says."""

    file: str
    line: int
    function: str


def show_stack_on_request(directory: RunDirectory, name: str) -> IO[str]:
    """At SIGUSR1 write where this process is computing, even inside of a library, into ``parts/NAME.stack``.

    The file begins with the process id, so that nobody signals a process that is not ready for it. From here on the
    signal does no harm, even if it comes while the process ends.
    """
    if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    file = _stack_file(directory, name).open("w", encoding="utf-8")
    faulthandler.register(signal.SIGUSR1, file=file, all_threads=False)
    file.write(f"pid {os.getpid()}\n")
    file.flush()
    return file


@contextmanager
def showing_stack_on_request(directory: RunDirectory, name: str) -> Iterator[None]:
    """The same for a while."""
    file = show_stack_on_request(directory, name)
    try:
        yield
    finally:
        faulthandler.unregister(signal.SIGUSR1)
        file.close()


def pid_of(directory: RunDirectory, name: str) -> int | None:
    """The process of this machine that runs the hub or a host, if it lives and has come so far as to say so."""
    try:
        with _stack_file(directory, name).open(encoding="utf-8") as file:
            pid = int(file.readline().removeprefix("pid "))
    except (OSError, ValueError):
        return None
    here = name == HERE and pid == launcher_pid(directory.live)
    return pid if here or _is_child(pid, name) else None


def stack_of(directory: RunDirectory, name: str) -> list[Frame]:
    """Where the process of a host, or the hub, is now, innermost first; empty if it does not say (it is suspended).

    Raises:
        ProcessLookupError: it runs no more, or not on this machine.
    """
    pid = pid_of(directory, name)
    if pid is None:
        raise ProcessLookupError(f"no process of this machine runs {name}")
    path = _stack_file(directory, name)
    told, until_s = "", time.monotonic() + _STACK_S
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        os.kill(pid, signal.SIGUSR1)
        while time.monotonic() < until_s and not told.endswith(tuple(f"{end}\n" for end in _OUTERMOST)):
            time.sleep(_LOOK_S)
            told += file.read().decode(errors="replace")
    first, _, _ = told.removeprefix("Stack").partition("\nStack")
    return [Frame(it["file"], int(it["line"]), it["function"]) for it in map(_FRAME.match, first.splitlines()) if it]


def is_suspended(pid: int) -> bool:
    """Whether a process was stopped from outside, by Ctrl-Z, SIGSTOP or a debugger (told on Linux only)."""
    return _state(pid) in ("T", "t")


def _state(pid: int) -> str:
    """The letter by which Linux tells the state of a process; empty where there is no telling."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def _stack_file(directory: RunDirectory, name: str) -> Path:
    return directory.parts / f"{name}.stack"


def _is_child(pid: int, name: str) -> bool:
    """Whether the process is what it says: after a death its number may be another's."""
    words = ["hub"] if name == HUB else ["host", name]
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
        with suppress(OSError):  # a system without /proc
            os.kill(pid, 0)
            return True
        return False
    return b"\0".join([b"", *(word.encode() for word in words), b""]) in told
