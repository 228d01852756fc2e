"""One process of a run, as its launcher has it: started deaf to the terminal, spoken to over a pipe, ended."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lightlag.bus.errors import RunError
from lightlag.launch.rundir.live import HUB

from .children import OF_THE_TERMINAL
from .remote import has_begun

#: How long an agent may take to clear up once it hears that nobody needs it (wall s).
_CLEAR_UP_S = 2.0
#: With which exit code ssh says that the line broke, or that what it ran was killed; above which a shell says that.
_SSH_ENDED = 255
_SIGNALLED = 128


class Child:
    """One process; ``output`` is where an agent's standard output goes."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        incarnation: int,
        errors: Path,
        fds: Sequence[int],
        output: Path | None = None,
    ) -> None:
        self.name = name
        self.title = "the hub" if name == HUB else f"host {name}"
        self.incarnation = incarnation
        self.restarts = 0
        self._errors = errors
        self._output = output
        self._sent_bytes = 0
        self._selector: selectors.BaseSelector | None = None
        # A terminal sends its signals to children too; they are born deaf, since they may come while they start.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_TERMINAL)
        try:
            with errors.open("wb") as file, (output or Path(os.devnull)).open("wb") as sent:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=sent if output else file,
                    stderr=file,
                    env=_environment(),
                    pass_fds=fds,
                )
        except OSError as error:
            raise RunError(f"{self.title} cannot be started: {command[0]}: {error.strerror}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._pidfd = os.pidfd_open(self.process.pid) if hasattr(os, "pidfd_open") else -1

    @property
    def code(self) -> int | None:
        """The exit code; negative: the signal that killed it."""
        return self.process.returncode

    @property
    def was_cut_off(self) -> bool:
        """Whether an agent that was there is gone by no fault of its own: it was killed, or the line to it broke."""
        killed = self.code is not None and (self.code == _SSH_ENDED or self.code > _SIGNALLED)
        return killed and self._output is not None and has_begun(self._output)

    def has_sent_more(self) -> bool:
        """Whether more of what an agent sends home has come since this was asked last."""
        before = self._sent_bytes
        self._sent_bytes = self._output.stat().st_size if self._output else 0
        return self._sent_bytes > before

    def register(self, selector: selectors.BaseSelector) -> None:
        """Have its death wake the launcher."""
        if self._pidfd >= 0:
            self._selector = selector
            selector.register(self._pidfd, selectors.EVENT_READ, "death")

    def has_died(self) -> bool:
        """Whether it has ended."""
        died = self.process.poll() is not None
        if died:
            self._forget()
        return died

    def say(self, word: bytes) -> None:
        """Write a word to its control pipe."""
        self.write(word + b"\n")

    def write(self, data: bytes) -> None:
        """Write to its control pipe."""
        assert self.process.stdin is not None
        with suppress(OSError):  # it has died meanwhile
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def last_words(self) -> str:
        """What it wrote to standard error, the end of it."""
        return self._errors.read_text(encoding="utf-8", errors="replace").strip()[-4000:] or "(nothing)"

    def end(self) -> None:
        """Kill it if it lives, and let go of it; an agent may first clear up where it is."""
        assert self.process.stdin is not None
        if self._output is not None:
            with suppress(OSError):
                self.process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_CLEAR_UP_S)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._forget()
        with suppress(OSError):
            self.process.stdin.close()

    def _forget(self) -> None:
        if self._pidfd >= 0:
            if self._selector is not None:
                self._selector.unregister(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1


def own_command(words: Sequence[str]) -> list[str]:
    """The command of a process of lightlag on this machine; it reads ``lightlag host NAME``, for ``pgrep -f``."""
    return [sys.executable, "-P", "-m", "lightlag", *words]


def _environment() -> dict[str, str]:
    """What the launcher can import, its children can; and they compute with as many threads as it would.

    A BLAS counts cores when it is loaded, which may be while the hub has put the process on one (``bus.cores``); and
    with another number of threads it adds up in another order.
    """
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), cores)
    return {**threads, **os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
