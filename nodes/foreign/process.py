"""The process of a foreign node's program: found, started, asked, ended; and never left behind.

It is spoken to over its standard input and output. What it writes to standard error is kept for the node's log, and
for the error if it ends. It has a session of its own, so that Ctrl-C is its host's business, and dies with its host:
its input ends then, and on Linux the kernel kills it.
"""

from __future__ import annotations

import os
import select  # lightlag: allow outside (the program is the node: what it says follows from what it is told)
import shutil
import signal
import subprocess  # lightlag: allow outside (as above)
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

from lightlag.bus.errors import GraphError, LightlagError, ProgramError

from .codec import Frames

#: How long a program may take for an answer (wall s), after which it is taken for dead.
PATIENCE_S = 300.0
#: How long it may take to leave when it has been told to, or when it has closed its output (wall s).
_LEAVE_S = 2.0
#: Of what it writes to standard error so much is kept for the log at a time, and for an error (bytes).
_MOST_SAID_BYTES, _LAST_WORDS_BYTES = 1 << 20, 4000
_READ_BYTES = 1 << 16
#: More than a pipe holds: all that was there, and not what comes for ever.
_READS = 16
#: By these somebody else ends a process; by others its own fault.
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Stands in for the program until the kernel has been asked to kill it when its host dies: it cannot ask for itself,
#: and code between fork and exec is not safe in a process with threads. Asked is prctl(PR_SET_PDEATHSIG, SIGKILL).
_LEAVING_WITH_HOST = """
import ctypes, os, signal, sys
_, host, program, *command = sys.argv
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(host):
    os._exit(1)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
try:
    os.execv(program, command)
except OSError as error:
    hint = "; begin it with a line like #!/usr/bin/env node, or name what runs it first" if error.errno == 8 else ""
    print(f"{program} cannot be run: {error.strerror}{hint}", file=sys.stderr)
    os._exit(126)
"""
_CANNOT_RUN = 126


class Killed(LightlagError):
    """Somebody has killed the process; the message is the name of the signal."""


def find_program(command: Sequence[str], folder: str) -> str:
    """The path of what ``command`` runs in ``folder``.

    A name without a slash is looked for where an activated virtual environment would have it first: beside the Python
    that runs, then on the PATH. One with a slash is relative to the folder.

    Raises:
        GraphError: there is no such program, or no such folder, or it may not be executed.
    """
    if not Path(folder).is_dir():
        raise GraphError(f"there is no folder {folder} to run {command[0]} in; on every machine it has the same path")
    name = command[0]
    path = Path(folder, name)
    if "/" not in name:
        if (found := shutil.which(name, path=_search_path())) is not None:
            return found
        beside = f"; the file beside the graph is written ./{name}" if path.is_file() else ""
        raise GraphError(
            f"the program {name!r} is neither beside the Python that runs ({Path(sys.executable).parent}) nor on the "
            f"PATH; install it, or write its path{beside}"
        )
    if not path.is_file():
        raise GraphError(f"there is no program {path}; a path in exec is relative to the graph file's folder")
    if not os.access(path, os.X_OK):
        raise GraphError(
            f"the program {path} is not executable; name what runs it first (exec: [node, {name}]), or chmod +x it"
        )
    return str(path)


def _search_path() -> str:
    path = os.environ.get("PATH", os.defpath)  # lightlag: allow environment (where programs are, not what they do)
    return os.pathsep.join([str(Path(sys.executable).parent), path])


class Process:
    """One process that runs a program.

    Raises:
        ProgramError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], folder: str) -> None:
        try:
            program = find_program(command, folder)
            first = [sys.executable, "-I", "-S", "-c", _LEAVING_WITH_HOST, str(os.getpid()), program]
            self._popen = popen = subprocess.Popen(
                [*first, *command] if sys.platform == "linux" else command,
                executable=None if sys.platform == "linux" else program,
                cwd=folder,
                env={**os.environ, "PATH": _search_path()},  # lightlag: allow environment (as above)
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (GraphError, OSError) as error:
            raise ProgramError(f"cannot be started: {error}") from None
        self._stdin, self._stdout, self._stderr = map(_pipe, (popen.stdin, popen.stdout, popen.stderr))
        self._frames = Frames()
        self._said = bytearray()
        self._last_words = bytearray()
        #: A run that is broken off forgets its processes rather than to end them.
        # lightlag: allow collector (nobody is left to notice when)
        self._forget = weakref.finalize(self, _kill, popen)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._popen.pid

    def ask(self, frame: bytes) -> bytes:
        """Hand a frame over and wait for the content of the frame that answers it; simulated time stands still.

        Raises:
            Killed: somebody has killed the process.
            ProgramError: it ended by itself, wrote what is no frame, or did not answer in ``PATIENCE_S``.
        """
        self._nothing_more()
        answer = self._wait_for_the_program(memoryview(frame))
        self._nothing_more()
        self._hear()
        return answer

    def _wait_for_the_program(self, unsent: memoryview) -> bytes:
        """Where ``lightlag why`` finds a host whose program computes."""
        poll = select.poll()
        poll.register(self._stdin, select.POLLOUT)
        poll.register(self._stdout, select.POLLIN)
        poll.register(self._stderr, select.POLLIN)
        until_s = time.monotonic() + PATIENCE_S  # lightlag: allow wall-clock (it ends a run that hangs, no more)
        while True:
            left_s = until_s - time.monotonic()  # lightlag: allow wall-clock (as above)
            ready = {fd for fd, _ in poll.poll(max(0.0, left_s) * 1000)}
            if not ready or left_s <= 0:
                raise ProgramError(
                    f"has not answered for {PATIENCE_S:g} s (pid {self.pid}): it computes without end, waits for "
                    f"something else than its standard input, or has not flushed its standard output"
                )
            if self._stderr.fileno() in ready and not self._hear():
                poll.unregister(self._stderr)
            if self._stdin.fileno() in ready:
                unsent = unsent[self._write(unsent) :]
                if not unsent:
                    poll.unregister(self._stdin)
            if self._stdout.fileno() in ready:
                data = _read(self._stdout)
                if data == b"":
                    self._gone()
                self._frames.feed(data or b"")
                if (answer := self._frames.next()) is not None:
                    return answer

    def lines(self, *, last: bool = False) -> list[str]:
        """The whole lines that it has written to standard error since this was asked last; ``last``: all there is."""
        end = len(self._said) if last else self._said.rfind(b"\n") + 1
        text = self._said[:end].decode("utf-8", errors="replace")
        del self._said[:end]
        return text.splitlines()

    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        self._hear()
        text = self._last_words.decode("utf-8", errors="replace").strip()
        return f"it said:\n{text}" if text else "it said nothing on standard error"

    def end(self, farewell: bytes = b"") -> None:
        """Have it leave, with a last frame if there is one to say; kill it if it does not."""
        self._write(memoryview(farewell))
        self._stdin.close()
        if farewell:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(_LEAVE_S)
        self._forget()
        self._hear()
        self._stdout.close()
        self._stderr.close()

    def _nothing_more(self) -> None:
        if self._frames.rest:
            raise ProgramError("said more than it was asked: it answers each frame with one, and else says nothing")

    def _write(self, data: memoryview) -> int:
        """Write what the pipe takes; what one takes that is broken, nobody reads."""
        try:
            return os.write(self._stdin.fileno(), data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)

    def _hear(self) -> bool:
        """Take in what is on standard error; False: it has ended."""
        if self._stderr.closed:
            return False
        for _ in range(_READS):
            data = _read(self._stderr)
            if not data:
                return data is None
            for kept, most in ((self._said, _MOST_SAID_BYTES), (self._last_words, _LAST_WORDS_BYTES)):
                kept += data
                del kept[: max(0, len(kept) - most)]
        return True

    def _gone(self) -> NoReturn:
        """Its output has ended."""
        try:
            code = self._popen.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            raise ProgramError("has closed its standard output, on which it answers") from None
        by = signal.Signals(-code).name if code < 0 else ""
        if -code in _FROM_OUTSIDE:
            raise Killed(by)
        if code == _CANNOT_RUN:
            raise ProgramError("could not be run")
        if code == 0:
            raise ProgramError("ended before the run did; it has to wait for 'bye', or the end of its standard input")
        raise ProgramError(f"died of {by}" if by else f"ended by itself, with exit code {code}")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    return pipe


def _read(pipe: IO[bytes]) -> bytes | None:
    """What is in a pipe; None: nothing now; empty: it has ended."""
    try:
        return os.read(pipe.fileno(), _READ_BYTES)
    except BlockingIOError:
        return None


def _kill(popen: subprocess.Popen[bytes]) -> None:
    popen.kill()
    popen.wait()
