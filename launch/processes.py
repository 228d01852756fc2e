"""Hosts as processes: started, watched, and never left behind.

The launcher binds the hub's socket in a short private directory, starts ``lightlag host NAME`` for every group of
nodes, and serves. A host leaves when the hub says so; it also leaves when its standard input, a pipe from the
launcher, ends, so that nothing outlives a launcher that was killed.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import zmq

from lightlag.bus.errors import RunError
from lightlag.bus.hub import Hub, Outcome
from lightlag.bus.journal import Journal
from lightlag.bus.shell import run_shell

from .graph import load_graph
from .placement import Groups, host_names
from .rundir import HostFiles, RunDirectory
from .world import World

#: How long a host may take to leave after BYE before it is killed (wall s).
_LEAVE_S = 10.0
#: What a terminal sends to every process in it: Ctrl-C, and that it is closing.
_OF_THE_TERMINAL = (signal.SIGINT, signal.SIGHUP)


def run_in_processes(
    world: World,
    groups: Groups,
    directory: RunDirectory,
    *,
    record: bool,
    watch: Callable[[int, list[tuple[Any, ...]]], None],
    stopping: Callable[[], bool],
) -> Outcome:
    """Run each group of nodes in a process of its own.

    Raises:
        RunError: a host died, or could not start.
    """
    names = host_names(groups)
    run_id = secrets.token_hex(8)
    private = Path(tempfile.mkdtemp(prefix="ll-", dir="/tmp"))  # ipc paths over 107 bytes fail
    endpoint = f"ipc://{private}/hub"
    coordinator = world.coordinator(groups)
    facts = {"graph": world.graph.name, "seed": world.graph.seed, "run": run_id, "hosts": names, "groups": groups}
    children: dict[str, subprocess.Popen[bytes]] = {}

    def check() -> None:
        for name, child in children.items():
            if child.poll() is not None:
                raise _died(directory, name, child.returncode)

    try:
        with (
            Journal(directory.journal, facts) as journal,
            zmq.Context() as context,
            context.socket(zmq.ROUTER) as socket,
        ):
            socket.setsockopt(zmq.SNDHWM, 0)  # before bind: it holds for the connections made from then on
            socket.bind(endpoint)
            for name, group in zip(names, groups, strict=True):
                children[name] = _start(name, group, endpoint, run_id, directory, record=record)
            hub = Hub(run_id, names, coordinator, journal, watch=watch, check=check, stopping=stopping)
            outcome = hub.serve(socket)
            for name, child in children.items():
                with suppress(subprocess.TimeoutExpired):
                    if code := child.wait(_LEAVE_S):
                        raise _died(directory, name, code)
            return outcome
    finally:
        for child in children.values():
            if child.poll() is None:
                child.kill()
            child.wait()
            if child.stdin is not None:
                child.stdin.close()
        shutil.rmtree(private, ignore_errors=True)


def run_host(name: str, nodes: list[str], endpoint: str, run_id: str, run_dir: Path, *, record: bool) -> None:
    """The body of ``lightlag host NAME``: run some nodes of the graph in ``run_dir`` until the hub says BYE."""
    _die_with_parent()
    for number in _OF_THE_TERMINAL:  # the launcher's business: it stops granting
        signal.signal(number, signal.SIG_IGN)
    directory = RunDirectory(run_dir)
    world = World(load_graph(str(directory.graph), {}))
    host = world.host(name, nodes)
    files = HostFiles(directory, name, world.graph.epoch, record=record)
    try:
        run_shell(host, endpoint, run_id, files.write, control_fd=sys.stdin.fileno())
    finally:
        files.close()


def _start(
    name: str, group: list[str], endpoint: str, run_id: str, directory: RunDirectory, *, record: bool
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "lightlag.launch.cli", "host", name]
    command += ["--nodes", ",".join(group), "--endpoint", endpoint, "--run-id", run_id]
    command += ["--run-dir", str(directory.path), "--record" if record else "--no-record"]
    # A terminal sends its signals to hosts too; they are born deaf to them, since they may come while they start.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_TERMINAL)
    try:
        with _stderr_of(directory, name).open("wb") as errors:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=errors, stderr=errors, env=_environment())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _environment() -> dict[str, str]:
    """What the launcher can import, its hosts can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _stderr_of(directory: RunDirectory, name: str) -> Path:
    return directory.parts / f"{name}.stderr"


def _died(directory: RunDirectory, name: str, code: int) -> RunError:
    said = _stderr_of(directory, name).read_text(encoding="utf-8", errors="replace").strip()[-4000:] or "(nothing)"
    return RunError(f"host {name} died with exit code {code}; it said:\n{said}")


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux); elsewhere the pipe's end does it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        parent = os.getppid()
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:  # it died meanwhile
            os._exit(1)
