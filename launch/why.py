"""Why a run does not get on: who waits for whom, and what the one that all wait for is computing.

``lightlag why`` asks the hub where everybody stands, and has the processes that compute write their stacks. The
launcher asks the same for itself: at Ctrl-\\ (SIGQUIT), and unasked when the frontier has not moved for a while.
Nobody's results change by it: hosts do not notice that they were looked at.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from lightlag.bus import errors as bus_errors
from lightlag.bus.errors import GraphError, LightlagError, RunError
from lightlag.bus.journal import read_facts

from .live import HUB, Frame, is_suspended, launcher_pid, operator, pid_of, stack_of
from .rundir import RunDirectory

#: The frontier may stand still for so long (wall s) before the launcher says why.
WATCHDOG_S = 10.0
#: How long the hub may take to answer (wall s): it may be reading its journal.
_ANSWER_S = 2.0
_LOOK_S = 0.25

_BUS = Path(bus_errors.__file__).resolve().parent
_PACKAGE = _BUS.parent
_KERNEL_FOLDERS = (_BUS, Path(asyncio.__file__).resolve().parent)
_KERNEL_FILES = ("host.py", "port.py", "radio.py")
#: What drives a host: whatever called these is no node.
_DRIVERS = ("shell.py", "memory.py", "hub.py")
_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()


def tell_why(run_dir: Path, *, as_json: bool) -> None:
    """Print why a run is where it is.

    Raises:
        RunError: there is no such run, or it is over.
    """
    found = explain(run_dir)
    typer.echo(json.dumps({**found, "why": sentences(found)}) if as_json else "\n".join(sentences(found)))


def watchdog_s(text: str) -> float | None:
    """The seconds of ``--watchdog``: a duration, or None for ``off``.

    Raises:
        GraphError: it is neither.
    """
    from lightlag.nodes.units import quantity

    if text.strip().lower() == "off":
        return None
    try:
        seconds = quantity(text, "duration")
    except GraphError as error:
        raise GraphError(f"--watchdog {text}: {error}; or off") from None
    if seconds <= 0:
        raise GraphError(f"--watchdog {text}: write a duration longer than nothing, like 30s, or off")
    return seconds


# -- what is found ----------------------------------------------------------------------------------------------------


def explain(run_dir: Path) -> dict[str, Any]:
    """Where everybody in a live run stands, as plain data: the hub's status, and ``at`` of each host that computes.

    ``at`` is a list of places (file, line, function): where it is, and the line of the user's own code that led there.

    Raises:
        RunError: no run is alive there.
    """
    directory = RunDirectory(run_dir)
    with operator(run_dir) as line:
        facts = read_facts(directory.journal)
        try:
            found: dict[str, Any] = {"answers": True, **line.ask("status", _ANSWER_S)}
        except RunError:
            names = facts["hosts"]
            found = {"answers": False, "hosts": [{"host": name, "pid": pid_of(directory, name)} for name in names]}
    found["processes"] = bool(facts["processes"])
    found["launcher_pid"] = launcher_pid(directory.live)
    for host in found["hosts"]:
        if host.get("state", "running") in ("running", "repeating") and host["pid"]:
            host.update(_seen(directory, host["host"], host["pid"]))
    if not found["answers"] and found["processes"]:
        pid = pid_of(directory, HUB)
        found["hub"] = {"pid": pid, **(_seen(directory, HUB, pid, whatever=True) if pid else {})}
    return found


def _seen(directory: RunDirectory, name: str, pid: int, *, whatever: bool = False) -> dict[str, Any]:
    """Where a process of this machine is; nothing is known of others."""
    if is_suspended(pid):
        return {"suspended": True}
    with suppress(OSError):
        frames = stack_of(directory, name)
        return {"at": [frame._asdict() for frame in culprit(frames) or (frames[:1] if whatever else [])]}
    return {}


def culprit(stack: Sequence[Frame]) -> list[Frame]:
    """Of a stack, innermost first: the innermost place that is not the kernel's, and the innermost of nobody's library.

    Empty if the kernel itself is at work, or waits.
    """
    found: list[Frame] = []
    for frame in stack:
        path = Path(frame.file).resolve()
        if path.parent == _PACKAGE / "launch" or (path.parent == _BUS and path.name in _DRIVERS):
            break
        if frame.file.startswith("<") or _is_kernel(path):
            continue
        if not found or not _is_library(path):
            found.append(frame)
        if not _is_library(path):
            return found
    return []


def _is_kernel(path: Path) -> bool:
    if path.parent == _PACKAGE / "nodes":
        return path.name in _KERNEL_FILES
    return any(path.is_relative_to(folder) for folder in _KERNEL_FOLDERS)


def _is_library(path: Path) -> bool:
    if path.is_relative_to(_PACKAGE):  # the package may itself be among the libraries, or have them below it
        path = path.relative_to(_PACKAGE)
    return path.is_relative_to(_LIBRARY) or "site-packages" in path.parts


# -- what is said -----------------------------------------------------------------------------------------------------


def sentences(found: dict[str, Any]) -> list[str]:
    """What ``explain`` found, for people: who waits, and then the cause."""
    if not found["answers"]:
        return list(_of_silence(found))
    day = found["scet"].partition("T")[0]
    hosts = found["hosts"]
    lines = [f"the run is at {found['scet']} SCET, of {found['until']}"]
    if found["stopping"]:
        lines.append("it was stopped by the operator, and ends as soon as every host has reported")
    waiting: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        if host["state"] == "waiting" and host["next_scet"] is not None:
            waiting.setdefault((host["waits_for"], host["beyond_scet"]), []).append(host["host"])
    for (holder, beyond), names in waiting.items():
        lines.append(f"{_names(names)} wait{_s(names)} for {holder} beyond {_clock(beyond, day)} SCET")
    if idle := [host["host"] for host in hosts if host["state"] == "waiting" and host["next_scet"] is None]:
        lines.append(
            f"{_names(idle)} {'has' if len(idle) == 1 else 'have'} nothing to do unless somebody sends something"
        )
    paced = [host for host in hosts if host["state"] == "paced"]
    if paced:
        next_ = min(paced, key=lambda host: host["due_s"])
        due = f"what comes next, at {_clock(next_['next_scet'], day)} SCET, is due in {next_['due_s']:.1f} s"
        names = [host["host"] for host in paced]
        if not found["processes"]:
            lines.append(f"all nodes wait for the wall clock: {due}")
        else:
            lines.append(f"{_names(names)} wait{_s(names)} for the wall clock: {due}")
    if starting := [host["host"] for host in hosts if host["state"] == "starting"]:
        lines.append(f"{_names(starting)} {_is(starting)} starting")
    lines += [_of_work(host, found) for host in hosts if host["state"] in ("running", "repeating")]
    if found["refusals"]:
        lines.append(f"{found['refusals']:,} messages were refused, the last: {found['refused'][-1]}")
    return lines


def is_stalled(found: dict[str, Any]) -> bool:
    """Whether somebody is to blame that nothing happens; not so while all wait for the wall clock."""
    hosts = found["hosts"]
    at_work = any(host.get("state") in ("running", "repeating", "starting") for host in hosts)
    return not found["answers"] or at_work or not any(host["state"] == "paced" for host in hosts)


def _of_work(host: dict[str, Any], found: dict[str, Any]) -> str:
    name = host["host"] if found["processes"] else "the launcher, in which all nodes run,"
    again = "was started again, repeats its past, and " if host["state"] == "repeating" else ""
    if host.get("suspended"):
        return f"{name} {again}is suspended (pid {host['pid']}); let it go on with: kill -CONT {host['pid']}"
    since = "" if host["since_s"] is None else f" for {host['since_s']:.1f} s"
    return f"{name} {again}has been computing{since}{_where(host)} (pid {host['pid']})"


def _of_silence(found: dict[str, Any]) -> Iterator[str]:
    """The hub, or the run in one process, did not answer."""
    if found["processes"]:
        hub = found["hub"]
        if hub["pid"] is None:
            yield "the hub is starting: it cannot be asked yet"
        elif hub.get("suspended"):
            yield f"the hub is suspended (pid {hub['pid']}); let it go on with: kill -CONT {hub['pid']}"
        else:
            yield f"the hub does not answer (pid {hub['pid']}); it is{_where(hub)}"
    elif found["launcher_pid"] is not None and is_suspended(found["launcher_pid"]):
        pid = found["launcher_pid"]
        yield f"the launcher, in which all nodes run, is suspended (pid {pid}); let it go on with: kill -CONT {pid}"
        return
    for host in found["hosts"]:
        name = host["host"] if found["processes"] else "the launcher, in which all nodes run,"
        if host["pid"] is None:
            yield f"{name} is starting"
        elif host.get("suspended"):
            yield f"{name} is suspended (pid {host['pid']}); let it go on with: kill -CONT {host['pid']}"
        elif host.get("at"):
            yield f"{name} is computing{_where(host)} (pid {host['pid']})"


def _where(host: dict[str, Any]) -> str:
    at = [f"in {frame['function']}(), {short_path(frame['file'])}:{frame['line']}" for frame in host.get("at", ())]
    return " " + ", called ".join(at) if at else ""


def short_path(file: str) -> str:
    """A path as short as it is clear: within this package, a library, or below the working directory."""
    path = Path(file).resolve()
    for root in (_PACKAGE, Path.cwd(), _LIBRARY):
        if path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts:
            return str(path.relative_to(root))
    if "site-packages" in path.parts:
        return str(Path(*path.parts[path.parts.index("site-packages") + 1 :]))
    return file


def _clock(utc: str, day: str) -> str:
    """Without the date, if it is that day's."""
    return utc.removeprefix(f"{day}T")


def _names(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} others"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _s(names: Sequence[str]) -> str:
    return "s" if len(names) == 1 else ""


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


# -- the launcher's own watch -----------------------------------------------------------------------------------------


class Watchdog:
    """Says why a run stands still, from a thread of its own, which a launcher that computes does not keep from it.

    Told every frontier by ``watch``; says something when it has not moved for ``after_s`` (wall s; None: never), again
    when that has doubled, and whenever ``ask`` is called. ``tell`` is called from its thread.
    """

    def __init__(
        self,
        run_dir: Path,
        tell: Callable[[str], None],
        after_s: float | None = WATCHDOG_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run_dir = run_dir
        self._tell = tell
        self._after_s = after_s
        self._clock_s = clock_s
        self._frontier_ns = -1
        self._moved_s = clock_s()
        self._next_s = after_s or 0.0
        self._over = False
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def watch(self, frontier_ns: int) -> None:
        """The run has got to ``frontier_ns``."""
        if frontier_ns != self._frontier_ns:
            self._frontier_ns = frontier_ns
            self._moved_s = self._clock_s()

    def ask(self) -> None:
        """Say it now. Safe in a signal handler."""
        self._asked.set()

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._asked.set()
        self._thread.join(_LOOK_S)

    def _run(self) -> None:
        while True:
            asked = self._asked.wait(_LOOK_S)
            self._asked.clear()
            if self._over:
                return
            still_s = self._clock_s() - self._moved_s
            if asked:
                self._say("")
            elif self._after_s is not None and still_s < self._after_s:
                self._next_s = self._after_s
            elif self._after_s is not None and still_s >= self._next_s:
                self._say(f"no progress for {still_s:.0f} s: ")
                self._next_s = 2 * still_s

    def _say(self, opening: str) -> None:
        try:
            found = explain(self._run_dir)
        except (LightlagError, OSError) as error:  # it is starting, or ends just now
            if not opening:
                self._tell(str(error))
            return
        if not self._over and (not opening or is_stalled(found)):
            self._tell(f"{opening}{'; '.join(sentences(found))}")


@contextmanager
def explaining(watchdog: Watchdog) -> Iterator[None]:
    """With the watchdog awake, and Ctrl-\\ asking it, while the run lives."""

    def pressed(signum: int, frame: FrameType | None) -> None:
        watchdog.ask()

    before = signal.signal(signal.SIGQUIT, pressed)
    try:
        with watchdog:
            yield
    finally:
        signal.signal(signal.SIGQUIT, before)
