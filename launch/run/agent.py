"""The agent: the body of ``lightlag host NAME`` for a run whose launcher is on another machine.

It reads its task from standard input, runs the host in this very process and a directory of its own, and writes what
the host has left to standard output. Standard input stays open as the launcher's control pipe: where it ends, nobody
is left to run for, and the agent goes and takes its directory with it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from lightlag.bus.errors import RunError
from lightlag.bus.journal import Journal
from lightlag.launch.rundir.directory import RunDirectory

from .children import serve_host
from .remote import BEGIN, Task, send_home


def agent(name: str) -> int:
    """Run the host that the launcher on the other end of standard input asks for; returns the exit code.

    Raises:
        LightlagError: there is no launcher, or it is not of this version; the host cannot run, or the hub refused it.
    """
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0) as asked:
        task = Task.read(asked)
    if task.host != name:
        raise RunError(f"this agent was started for host {name!r} and asked to be {task.host!r}")
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what nodes print must not get between the files
    prefix = f"ll-agent-{task.facts['run']}-{name}-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):  # by an incarnation that was killed
        shutil.rmtree(left, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        control_fd = _control(path)
        directory = RunDirectory.create(name, path)
        directory.graph.write_text(task.graph, encoding="utf-8")
        Journal(directory.journal, task.facts).close()
        with out:
            out.write(BEGIN)
            out.flush()
            code = serve_host(name, directory, task.endpoint, task.incarnation, control_fd, task.keys)
            send_home(directory, name, out)
        return code
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _control(path: Path) -> int:
    """What the launcher says, as it comes; once it is gone this process goes at once, whatever it is computing."""
    reading, writing = os.pipe()

    def listen() -> None:
        while said := os.read(sys.stdin.fileno(), 4096):
            os.write(writing, said)
        shutil.rmtree(path, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    return reading
