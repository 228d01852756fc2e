"""Why a run does not get on: who waits for whom, and what the one that all wait for is computing.

``lightlag why`` asks the hub where everybody stands, has the processes that compute write their stacks, and looks
twice at where they are in simulated time: one that is slow gets on meanwhile, one that hangs does not. The launcher
asks the same for itself (``lightlag.launch.run.watchdog``). Nobody's results change by it: hosts do not notice that
they were looked at.
"""

from __future__ import annotations

import asyncio
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightlag.bus import errors as bus_errors
from lightlag.bus.errors import RunError
from lightlag.bus.journal import read_facts
from lightlag.bus.time import NS_PER_S
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import HUB, is_suspended, launcher_pid, operator
from lightlag.launch.rundir.stacks import Frame, pid_of, stack_of
from lightlag.launch.rundir.whereabouts import Whereabouts, ask

#: How long the hub may take to answer (wall s): it may be reading its journal.
_ANSWER_S = 2.0
#: So long (wall s) lies between two looks at a host that computes, which tell whether it gets on.
_GLANCE_S = 0.2

#: In these states a host computes.
_AT_WORK = ("running", "repeating")

_BUS = Path(bus_errors.__file__).resolve().parent
_PACKAGE = _BUS.parent
_KERNEL_FOLDERS = (_BUS, Path(asyncio.__file__).resolve().parent)
_KERNEL_FILES = ("host.py", "port.py", "radio.py")
#: What drives a host: whatever called these is no node.
_DRIVERS = ("shell.py", "memory.py", "hub.py")
_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()


# -- what is found ----------------------------------------------------------------------------------------------------


def explain(run_dir: Path) -> dict[str, Any]:
    """Where everybody in a live run stands, as plain data: the hub's status, and of each host that computes more.

    ``at`` is a list of places (file, line, function): where it is, and the line of the user's own code that led there;
    ``node`` whose instant it is, ``now_ns`` and ``now_scet`` that instant; ``stands`` whether it was the same for
    ``looked_s`` (wall s), ``advanced_ns`` by how much simulated time it got on meanwhile.

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
    at_work = [each for each in found["hosts"] if each["pid"] and each.get("state", "running") in _AT_WORK]
    numbers = [facts["hosts"].index(host["host"]) for host in at_work]
    looked_s, before = time.monotonic(), [ask(line.endpoint, number) for number in numbers]
    for host in at_work:
        host.update(_seen(directory, host["host"], host["pid"]))
    if at_work:
        time.sleep(_GLANCE_S)
    for host, number, first in zip(at_work, numbers, before, strict=True):
        host.update(_gait(first, ask(line.endpoint, number), time.monotonic() - looked_s))
    if found["answers"]:
        found["scet"] = _reached_scet(found)
    if not found["answers"] and found["processes"]:
        pid = pid_of(directory, HUB)
        found["hub"] = {"pid": pid, **(_seen(directory, HUB, pid, whatever=True) if pid else {})}
    return found


def _gait(first: Whereabouts | None, last: Whereabouts | None, looked_s: float) -> dict[str, Any]:
    """Whether a host gets on, of two looks at it; nothing if its nodes do not compute, or it did not say."""
    if first is None or last is None or not last.node:
        return {}
    return {
        "node": last.node,
        "now_ns": last.t_ns,
        "now_scet": last.scet,
        "stands": first == last,
        "advanced_ns": last.t_ns - first.t_ns if first.node else 0,
        "looked_s": round(looked_s, 3),
    }


def _reached_scet(found: dict[str, Any]) -> str:
    """How far the run is: a host that runs may have got beyond where it was granted."""
    if not any("now_ns" in host for host in found["hosts"]):
        return str(found["scet"])
    reached = [
        (host["now_ns"], host["now_scet"])
        if host["state"] == "running" and "now_ns" in host
        else (host["next_ns"], host["next_scet"] or found["until"])
        for host in found["hosts"]
    ]
    return str(min(reached)[1])


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
        if path.is_relative_to(_PACKAGE / "launch") or (path.parent == _BUS and path.name in _DRIVERS):
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
    known = {host["host"]: host for host in hosts}
    for (holder, beyond), names in waiting.items():
        whom = _whom(known.get(holder, {"host": holder}))
        lines.append(f"{_names(names)} wait{_s(names)} for {whom} beyond {_clock(beyond, day)} SCET")
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
    lines += [_of_work(host, found, day) for host in hosts if host["state"] in _AT_WORK]
    if found["refusals"]:
        lines.append(f"{found['refusals']:,} messages were refused, the last: {found['refused'][-1]}")
    return lines


def is_stalled(found: dict[str, Any]) -> bool:
    """Whether somebody is to blame that nothing happens; not so while all wait for the wall clock."""
    hosts = found["hosts"]
    at_work = any(host.get("state") in ("running", "repeating", "starting") for host in hosts)
    return not found["answers"] or at_work or not any(host["state"] == "paced" for host in hosts)


def _whom(host: dict[str, Any]) -> str:
    """Whom others wait for: the node that stands, or all nodes of a host."""
    nodes = [host["node"]] if host.get("stands") else host.get("nodes") or [host["host"]]
    return _names(nodes) if nodes == [host["host"]] else f"{_names(nodes)} (host {host['host']})"


def _of_work(host: dict[str, Any], found: dict[str, Any], day: str) -> str:
    """What a host that was granted does; one of which nothing is known but the code may be taking in or writing."""
    name = host["host"] if found["processes"] else "the launcher, in which all nodes run,"
    again = "was started again, repeats its past, and " if host.get("state") == "repeating" else ""
    pid = f"(pid {host['pid']})"
    if host.get("suspended"):
        return f"{name} {again}is suspended {pid}; let it go on with: kill -CONT {host['pid']}"
    since = f" for {host['since_s']:.1f} s" if host.get("since_s") is not None else ""
    computes = f"has been computing{since}" if since else "is computing"
    if "node" not in host:
        return f"{name} {again}{computes}{_where(host)} {pid}"
    at = f"{_clock(host['now_scet'], day)} SCET"
    if found["processes"] and "granted_scet" in host:
        at += f", of {_clock(host['granted_scet'], day)} granted"
    if host["stands"]:
        whose = _whom(host) if found["processes"] else f"{host['node']}, in the launcher as all nodes,"
        return f"{whose} {again}{computes}{_where(host)}; it stands at {at} {pid}"
    by = f"by {host['advanced_ns'] / NS_PER_S:.3g} s of simulated time" if host["advanced_ns"] else "node by node"
    now = f"{host['node']} computes{_where(host)}"
    return f"{name} {again}gets on, {by} in {host['looked_s']:.1f} s: it is at {at}, where {now} {pid}"


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
        elif host.get("suspended") or host.get("at") or host.get("node"):
            yield _of_work(host, found, "")


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
