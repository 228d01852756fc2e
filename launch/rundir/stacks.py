"""What each process of a run is computing: on request it writes its stack into the run directory."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from .directory import RunDirectory
from .live import HERE, HUB, launcher_pid

#: How long a process may take to write its stack, and how often that is looked at (wall s).
_STACK_S = 1.0
_LOOK_S = 0.01
#: What the last line of a stack ends with: the outermost function of a program, or that there are more.
_OUTERMOST = (" in <module>", " in _run_module_as_main", "  ...")
_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)$')


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
