"""Whether this machine can run what is asked of it: one finding after another, each with what to do about it.

Nothing is changed by looking.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from lightlag.bus.errors import LightlagError
from lightlag.bus.time import NS_PER_S, Epoch

OK, WARN, FAIL = "ok", "warn", "fail"

_PYTHON = (3, 11)
#: A run of some hundred megabytes needs this.
_LEAST_MEMORY_MB, _LEAST_DISK_MB = 500, 1_000
#: The longest path of a Unix socket (Linux: sun_path has 108 bytes, the last of them 0).
_LONGEST_SOCKET = 107
#: Where sockets of runs lie, and what a private directory of them begins with (``launch.run.sockets``).
_SOCKETS, _PREFIX = Path("/tmp"), "ll-"
#: From the centre of Mars to that of the Earth, one way, at the touchdown of Perseverance. Source: JPL's DE421, by
#: skyfield; published as 11 min 22 s.
_INSTANT, _OWLT_S, _OFF_S = "2021-02-18T20:43:49.64Z", 682.314, 0.001


class Finding(NamedTuple):
    """What was looked at, how it is (``ok``, ``warn``, ``fail``), what was found, and what to do."""

    what: str
    level: str
    text: str
    advice: str = ""


def look(runs: Path) -> Iterator[Finding]:
    """Look at everything; ``runs`` is where runs of this folder lie."""
    looks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("cores", _cores),
        ("memory", _memory),
        ("disk", lambda: _disk(Path())),
        ("sockets", _sockets),
        ("processes", _processes),
        ("arithmetic", _arithmetic),
        ("ephemeris", _ephemeris),
        ("node types", _node_types),
        ("graphs", _graphs),
        ("runs", lambda: _runs(runs)),
    )
    for what, each in looks:
        try:
            yield from each()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it is what was to be found out
            yield Finding(what, FAIL, f"{type(error).__name__}: {error}", "this should not be; please report it")


def _python() -> Iterator[Finding]:
    said = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < _PYTHON:
        yield Finding("python", FAIL, said, f"lightlag needs Python {_PYTHON[0]}.{_PYTHON[1]} or later")
    else:
        yield Finding("python", OK, said)


def _packages() -> Iterator[Finding]:
    names = [_name(line) for line in requires("lightlag") or () if "extra ==" not in line]
    found, missing = [f"lightlag {version('lightlag')}"], []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        install = f"install what is missing: {sys.executable} -m pip install {' '.join(missing)}"
        yield Finding("packages", FAIL, f"not installed: {', '.join(missing)}", install)
    yield Finding("packages", OK, ", ".join(found))


def _name(requirement: str) -> str:
    """The name at the head of a requirement."""
    end = next((k for k, mark in enumerate(requirement) if not (mark.isalnum() or mark in "-_.")), len(requirement))
    return requirement[:end]


def _cores() -> Iterator[Finding]:
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    all_of_them = os.cpu_count() or mine
    text = f"{mine}" + (f" of {all_of_them}, the others are not for this process" if mine < all_of_them else "")
    if mine == 1:
        yield Finding("cores", WARN, text, "every run is in one process here: --processes will not make it faster")
    else:
        yield Finding("cores", OK, text)


def _memory() -> Iterator[Finding]:
    with suppress(OSError):
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free_mb = int(lines["MemAvailable"].split()[0]) / 1e3
        text = f"{free_mb:,.0f} MB free"
        if free_mb < _LEAST_MEMORY_MB:
            yield Finding("memory", WARN, text, "a run of mars2020 takes 300 MB, and 100 MB more with each process")
        else:
            yield Finding("memory", OK, text)
        return
    yield Finding("memory", OK, "not known: this system has no /proc/meminfo")


def _disk(here: Path) -> Iterator[Finding]:
    free_mb = shutil.disk_usage(here).free / 1e6
    text = f"{free_mb:,.0f} MB free in {here.resolve()}"
    if not os.access(here, os.W_OK):
        yield Finding(
            "disk", FAIL, f"{here.resolve()} cannot be written to", "change to a folder of yours, or --run-dir"
        )
    elif free_mb < _LEAST_DISK_MB:
        yield Finding("disk", WARN, text, "runs write recordings; make room, or launch with --no-record")
    else:
        yield Finding("disk", OK, text)


def _sockets() -> Iterator[Finding]:
    """Whether hub and hosts can reach each other, and what runs that were killed have left."""
    import zmq

    try:
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_SOCKETS) as private, zmq.Context() as context:
            path = f"{private}/host-999"
            with context.socket(zmq.ROUTER) as end:
                end.bind(f"ipc://{path}")
    except (OSError, zmq.ZMQError) as error:
        advice = f"{_SOCKETS} must be a folder in which you can make Unix sockets; --in-process runs need none but one"
        yield Finding("sockets", FAIL, f"none can be made in {_SOCKETS}: {error}", advice)
        return
    text = f"in {_SOCKETS}, paths of {len(path)} bytes of {_LONGEST_SOCKET}; ZeroMQ {zmq.zmq_version()}"
    if len(path) > _LONGEST_SOCKET:
        yield Finding("sockets", FAIL, text, f"{_SOCKETS} leads too deep; make it a folder with a shorter path")
    else:
        yield Finding("sockets", OK, text)
    stale = [str(folder) for folder in sorted(_SOCKETS.glob(f"{_PREFIX}*")) if _is_stale(folder)]
    if stale:
        yield Finding("sockets", WARN, f"left by runs that were killed: {', '.join(stale)}", f"rm -r {' '.join(stale)}")


def _is_stale(folder: Path) -> bool:
    """Whether a directory of sockets is this user's, and nobody listens at its hub."""
    hub = folder / "hub"
    try:
        if folder.stat().st_uid != os.getuid() or not hub.is_socket():
            return False
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(hub))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _processes() -> Iterator[Finding]:
    if sys.platform != "linux":
        text = f"{platform.system()}: a process whose launcher is killed ends when its control pipe does"
        yield Finding("processes", WARN, text, "on Linux the system ends it at once")
        return
    import ctypes

    pr_get_pdeathsig, number = 2, ctypes.c_int()
    if ctypes.CDLL(None).prctl(pr_get_pdeathsig, ctypes.byref(number)) != 0:
        yield Finding(
            "processes", WARN, "prctl is refused here", "after kill -9 of a launcher, look for 'lightlag host'"
        )
    elif not Path("/proc/self/stat").exists():
        yield Finding("processes", WARN, "there is no /proc", "lightlag why and ps know less without it; mount it")
    else:
        yield Finding("processes", OK, "the system ends processes whose launcher was killed")


def _arithmetic() -> Iterator[Finding]:
    from lightlag.bus.fingerprint import arithmetic_fingerprint

    yield Finding("arithmetic", OK, f"{arithmetic_fingerprint()}; machines with the same give the same digest")


def _ephemeris() -> Iterator[Finding]:
    from lightlag.orbiters import Ephemeris, Space
    from lightlag.orbiters.geometry import light_time_ns

    advice = "its kernels come with skyfield-data and lightlag; install both again: pip install --force-reinstall"
    try:
        space = Space(Epoch.parse(_INSTANT), Ephemeris.open())
        owlt_s = light_time_ns(space.body_state("mars", 0).position_km, 0, space.body("earth")) / NS_PER_S
    except (LightlagError, OSError) as error:
        yield Finding("ephemeris", FAIL, str(error), advice)
        return
    begin, end = (Epoch(0).utc(round(at_s) * NS_PER_S, 0)[:10] for at_s in space.ephemeris.covers_et_s)
    text = f"{space.ephemeris.planets}, from {begin} to {end}; Mars to Earth at {_INSTANT}: {owlt_s:.3f} s"
    if abs(owlt_s - _OWLT_S) > _OFF_S:
        yield Finding("ephemeris", FAIL, f"{text}, where {_OWLT_S} s are right", advice)
    else:
        yield Finding("ephemeris", OK, text)


def _node_types() -> Iterator[Finding]:
    from lightlag.launch.graph.plugins import PluginError, node_type, node_types

    good = []
    for entry in node_types():
        try:
            node_type(entry.name)
            good.append(entry.name)
        except PluginError as error:
            of = entry.dist.name if entry.dist is not None else entry.value.partition(".")[0]
            yield Finding("node types", FAIL, f"{entry.name}: {error}", f"mend {of}, or: pip uninstall {of}")
    yield Finding("node types", OK, ", ".join(good))


def _graphs() -> Iterator[Finding]:
    from lightlag.launch.graph.plugins import GRAPHS, PluginError, graph_path, names

    good = []
    for name in names(GRAPHS):
        try:
            path = graph_path(name)
        except PluginError as error:
            yield Finding("graphs", FAIL, f"{name}: {error}", "mend or remove the distribution that it came with")
            continue
        if path is None or not path.is_file():
            yield Finding("graphs", FAIL, f"{name}: there is no file {path}", "install its distribution again")
        else:
            good.append(name)
    yield Finding("graphs", OK, ", ".join(good))


def _runs(folder: Path) -> Iterator[Finding]:
    from .runs import LIVE, find_runs, look_at

    found = look_at(find_runs([folder]))
    live = sum(run.state == LIVE for run in found)
    text = f"{len(found)} under {folder}, {live} live"
    if dead := [run.path for run in found if run.can_be_resumed]:
        yield Finding(
            "runs", WARN, f"{text}; not at their end: {', '.join(dead)}", "go on: lightlag launch --resume RUN"
        )
    else:
        yield Finding("runs", OK, text)
