"""What a host and a program have said to each other, so that a program that was killed can hear it all again.

Everything that a program does is a function of what it was told. One that was killed is started again and told
everything anew; what it answers is compared with what it answered then, and goes no further. Requests are kept in
memory up to a bound, then in a file, and of answers what they are compared by.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import msgpack

from lightlag.bus.errors import NondeterminismError, ProgramError

from .codec import BYE, Done, Ready, framed, read_done, read_ready
from .process import Killed, Process

#: A program is started again so often.
RESTARTS = 10
#: Requests are kept in memory up to so many bytes.
_IN_MEMORY_BYTES = 1 << 24


class Conversation:
    """What is said with the program of one node, whichever process it runs in."""

    def __init__(self, node: str, command: Sequence[str], folder: str) -> None:
        self._node = node
        self._command = command
        self._folder = folder
        self._process: Process | None = None
        self._past = _Past()
        #: How often it was started again.
        self.restarts = 0
        #: What is to be noted in the node's log: that it was started again, and why.
        self.notes: list[str] = []

    def begin(self, hello: Mapping[str, Any]) -> Ready:
        """Say hello.

        Raises:
            ProgramError: there is no such program, or it does not answer as it should.
        """
        ready = self._ask(hello)
        assert isinstance(ready, Ready)
        return ready

    def activate(self, request: Mapping[str, Any]) -> Done:
        """What the program does in an instant.

        Raises:
            ProgramError: it has ended, or does not answer as it should.
            NondeterminismError: it was killed, and does something else the second time.
        """
        done = self._ask(request)
        assert isinstance(done, Done)
        return done

    def lines(self, *, last: bool = False) -> list[str]:
        """What the program has written to standard error since this was asked last."""
        return self._process.lines(last=last) if self._process is not None else []

    def end(self) -> None:
        """Say bye; the program has ended when this returns."""
        if self._process is not None:
            self._process.end(framed(BYE))
        self._past.close()

    def _ask(self, request: Mapping[str, Any]) -> Ready | Done:
        try:
            frame = framed(request)
            while True:
                try:
                    if self._process is None:
                        self._process = Process(self._command, self._folder)
                        self._repeat(self._process)
                    answer = _read(self._process.ask(frame), request)
                    break
                except Killed as killed:
                    self._note_death(killed)
        except ProgramError as error:
            raise self._told(error) from None
        self._past.append(frame, answer.proof())
        return answer

    def _note_death(self, killed: Killed) -> None:
        assert self._process is not None
        if self.restarts == RESTARTS:
            raise ProgramError(
                f"was killed by {killed} and had been started again {RESTARTS} times already; has memory run out?"
            )
        self.restarts += 1
        self.notes.append(f"the program was killed by {killed}; starting it again ({self.restarts} of {RESTARTS})")
        self._process.end()
        self._process = None

    def _told(self, error: ProgramError) -> ProgramError:
        """An error in whole sentences; the process has ended."""
        words = ""
        if self._process is not None:
            words = f"; {self._process.last_words()}"
            self._process.end()
            self._process = None
        return ProgramError(f"{self._node}: its program ({shlex.join(self._command)}) {error}{words}")

    def _repeat(self, process: Process) -> None:
        """Tell a new process all that the old one was told.

        Raises:
            NondeterminismError: it answers something else.
        """
        for frame, proof in self._past:
            request: dict[str, Any] = msgpack.unpackb(memoryview(frame)[4:])
            answer = _read(process.ask(frame), request)
            if answer.proof() != proof:
                raise _nondeterminism(self._node, request, answer, proof)
        process.lines(last=True)


class _Past:
    """Requests and proofs of their answers, in order."""

    def __init__(self) -> None:
        #: Made when it is first needed: most that make a world run none of its nodes.
        self._file: IO[bytes] | None = None

    def append(self, frame: bytes, proof: list[bytes]) -> None:
        """One more was answered."""
        if self._file is None:
            self._file = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - it lives as long as the conversation
        self._file.seek(0, os.SEEK_END)
        self._file.write(msgpack.packb((frame, proof)))

    def __iter__(self) -> Iterator[tuple[bytes, list[bytes]]]:
        if self._file is not None:
            self._file.seek(0)
            yield from msgpack.Unpacker(self._file, max_buffer_size=0)

    def close(self) -> None:
        """Forget it."""
        if self._file is not None:
            self._file.close()


def _read(content: bytes, request: Mapping[str, Any]) -> Ready | Done:
    return read_ready(content) if request["kind"] == "hello" else read_done(content, request["t_ns"])


def _nondeterminism(
    node: str, request: Mapping[str, Any], answer: Ready | Done, before: list[bytes]
) -> NondeterminismError:
    if isinstance(answer, Ready):
        what = "it declares other types"
    else:
        (wake, *emissions), (wake_before, *emissions_before) = answer.proof(), before
        differing = (k for k, (one, other) in enumerate(zip(emissions, emissions_before, strict=False)) if one != other)
        at = next(differing, min(len(emissions), len(emissions_before)))
        if at < len(emissions):
            said = answer.emissions[at]
            told = f"its emission {at + 1} ({said.type} on {said.port}) "
            what = told + ("differs from the first time" if at < len(emissions_before) else "is new")
        elif at < len(emissions_before):
            what = f"its emission {at + 1} did not come again"
        else:
            assert wake != wake_before
            what = f"it wants to be woken at {answer.next_ns} ns, which it did not"
        what = f"of what it does at {request['t_ns']} ns, {what}"
    return NondeterminismError(
        f"{node}: its program was killed, started again and told what it had been told before; {what}. Has it been "
        f"changed since? Else look in it for the wall clock, for randomness that does not come from node_seed, for "
        f"files, and for an order that is not fixed"
    )
