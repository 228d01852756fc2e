"""The ZeroMQ shell of a host process: a DEALER socket around ``activate``.

It blocks until the hub grants, activates the host, reports, then writes what came of it: what a host had not written
when it died its next incarnation writes, which begins its part of the recording anew. Over the pipe from the launcher
it learns that the hub was started again, and then says hello and repeats its last report. So it does when a network had
broken the line to the hub, for what was under way then is lost. When the pipe ends, nobody is left to run for.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Sequence
from typing import Any

import zmq

from . import multipart, wire
from .activation import Activatable, Completion, Tally
from .emission import Buffer, Emission
from .errors import ProtocolError, RunError
from .face import patient_collector
from .fingerprint import arithmetic_fingerprint
from .security import Keys, check_sizes
from .tap import bunches, whole

#: Emissions, receptions, losses and KiB for other hosts after which a host reports early, so that queues stay short,
#: the view stays live, and what is large travels while more of it is made.
EARLY_REPORT_EVENTS = 8_000
#: What the launcher says over the control pipe: the hub was started again; the hub has died after the end, leave.
HUB_AGAIN = b"hub"
LEAVE = b"leave"
_RECONNECT_MS = 10
#: After so long without a word of the hub a host watches the launcher, too (wall ms).
_SOON_MS = 20
_POLLIN = int(zmq.POLLIN)


class HostAgain(RunError):
    """The hub asks for this host to be started again."""


def run_shell(
    host: Activatable,
    endpoint: str,
    run_id: str,
    write: Callable[[Completion], None],
    *,
    incarnation: int = 1,
    control_fd: int | None = None,
    keys: Keys | None = None,
) -> None:
    """Serve the hub at ``endpoint`` until it says BYE.

    ``write`` stores what an activation did (the recording); ``control_fd`` is the launcher's pipe; ``keys`` are needed
    where the run reaches over a network.

    Raises:
        RunError: the hub refused this host, or the launcher is gone.
        HostAgain: the hub asks for a new incarnation.
    """
    with zmq.Context() as context, patient_collector():
        line = _Line(context, host.name, endpoint, incarnation, keys, control_fd)
        shell = _Shell(host, run_id, write, incarnation, line.send)
        shell.hello()
        try:
            while True:
                control, again, frames = line.wait()
                if control:
                    said = os.read(control_fd or 0, 4096)
                    if not said:
                        raise RunError(f"host {host.name}: the launcher is gone")
                    if LEAVE in said.split():
                        return
                if control or again:
                    line.renew()
                    shell.hello()
                elif frames and not shell.hear(wire.decode(run_id, frames)):
                    return
        finally:
            line.close()


class _Line:
    """The line to the hub: a socket, made anew for a hub that was started again.

    What the old one still holds, grants of the dead hub or words that never reached it, goes with it. Over a network
    it is also heard when the line to the same hub breaks and stands again.

    While grants come one after the other it listens to nothing but the socket, which takes a third of the system calls
    that it takes to watch all there is: a launcher has something to say only where the hub has fallen silent. What is
    in the socket before that is heard, and what came of it is said in the hello to the next hub.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        name: str,
        endpoint: str,
        incarnation: int,
        keys: Keys | None,
        control_fd: int | None,
    ) -> None:
        self._incarnation = incarnation
        self._context = context
        self._control_fd = control_fd
        self._number = 0
        self._name = name
        self._endpoint = endpoint
        self._keys = keys
        self._open()

    def _open(self) -> None:
        self._number += 1
        self.socket = socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.IDENTITY, wire.identity_of(self._name, self._incarnation, self._number))
        socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RCVTIMEO, _SOON_MS)
        self._watched: list[tuple[Any, int]] = [(socket, _POLLIN)]
        if self._control_fd is not None:
            self._watched.append((self._control_fd, _POLLIN))
        self._connections = 0
        self._monitor: zmq.Socket[bytes] | None = None
        if self._keys is None:
            socket.connect(self._endpoint)
        else:
            self._monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            self._watched.append((self._monitor, _POLLIN))
            self._keys.connect(socket, self._endpoint)

    def renew(self) -> None:
        """A new line, to a new hub or in place of one that had broken: of what was under way on that, some is lost, and
        the hub may still take it for standing."""
        self.close()
        self._open()

    def close(self) -> None:
        """Hang up at once: who leaves in peace has heard that everything was received."""
        if self._monitor is not None:
            self.socket.disable_monitor()
            self._monitor.close(0)
        self.socket.close(0)

    def wait(self) -> tuple[bool, bool, list[Buffer] | None]:
        """Wait; whether the launcher has said something, whether the line stands again, what the hub has said."""
        if self._monitor is None:
            try:
                return False, False, multipart.receive(self.socket)
            except zmq.Again:
                pass  # it has been silent for a while
        ready = dict(zmq.zmq_poll(self._watched, -1))
        if self._control_fd in ready:
            return True, False, None
        if self._monitor is not None and self._monitor in ready:
            self._monitor.recv_multipart()
            self._connections += 1
            if self._connections > 1:
                return False, True, None
        return False, False, multipart.receive(self.socket) if self.socket in ready else None

    def send(self, frames: Sequence[Buffer]) -> None:
        """Say something to the hub."""
        if self._keys is not None:
            check_sizes(frames)
        multipart.send(self.socket, frames)


class _Shell:
    """What a host process has said, and answers."""

    def __init__(
        self,
        host: Activatable,
        run_id: str,
        write: Callable[[Completion], None],
        incarnation: int,
        send: Callable[[list[Buffer]], None],
    ) -> None:
        self._host = host
        self._run_id = run_id
        self._write = write
        self._incarnation = incarnation
        self._send = send
        self._tally = Tally()
        #: Whether somebody writes receptions.
        self._lists = host.lists_receptions
        #: The number of the latest report; emissions taken in; the highest bound granted.
        self._number = 0
        self._got = 0
        self._bound_ns = 0
        #: Whether the hub wants to hear what activations recorded.
        self._tapped = self._whole = False
        #: The latest report, and what was said at the end, as sent.
        self._report: list[Buffer] = []
        self._finished: list[Buffer] = []

    def hello(self) -> None:
        """Say hello, and repeat the last report: the hub that heard it may have died of it."""
        fields = (self._incarnation, arithmetic_fingerprint(), os.getpid(), self._number, self._bound_ns)
        self._send(wire.encode(self._run_id, wire.HELLO, fields))
        if self._report:
            self._send(self._report)

    def hear(self, envelope: wire.Envelope) -> bool:
        """Do what the hub says; False: leave."""
        kind, fields, emissions = envelope
        if kind == wire.GRANT:
            self._granted(fields, emissions)
        elif kind == wire.FINISH:
            self._finish(fields, emissions)
        elif kind == wire.BYE:
            return False
        elif kind == wire.TAP:
            self._tapped, self._whole = fields
            self._host.lists_receptions = self._lists or self._tapped
        elif kind == wire.AGAIN:
            raise HostAgain(f"host {self._host.name}: the hub does not know how far it has come")
        elif kind == wire.REFUSED:
            raise RunError(f"host {self._host.name}: the hub refused it: {fields[0]}")
        else:
            raise ProtocolError(f"host {self._host.name}: the hub sent a {kind}, which hubs do not send")
        return True

    def _granted(self, asked: tuple[int, int, int, int], emissions: list[Emission]) -> None:
        incarnation, number, bound_ns, first = asked
        if incarnation != self._incarnation or number <= self._number:
            return  # to a dead incarnation, or answered already
        got = self._got
        if number != self._number + 1 or first != got + 1:
            raise self._out_of_turn(number, first)
        if self._finished:
            raise HostAgain(f"host {self._host.name}: it has finished, and the hub asks for more")
        done = self._host.activate(bound_ns, emissions, EARLY_REPORT_EVENTS)
        self._number = number
        self._got = got = got + len(emissions)
        if bound_ns > self._bound_ns:
            self._bound_ns = bound_ns
        fields = (incarnation, number, bound_ns, done.next_ns, got, done.failure, done.news)
        self._report = wire.encode(self._run_id, wire.REPORT, fields, done.outbox)
        if self._tapped:
            self._say_recorded(done, number)
        self._send(self._report)
        self._store(done)  # while the hub reads; a host that dies over it writes everything anew

    def _finish(self, asked: tuple[int, int, bool], emissions: list[Emission]) -> None:
        incarnation, first, failed = asked
        if incarnation != self._incarnation:
            return
        if not self._finished:
            if first != self._got + 1:
                raise self._out_of_turn(self._number + 1, first)
            done = self._host.finish(emissions, failed=failed)
            self._store(done)
            if self._tapped:
                self._say_recorded(done, self._number + 1)
            fields: tuple[Any, ...] = (incarnation, self._host.chains(), self._tally.fields(), peak_rss_kb())
            self._finished = wire.encode(self._run_id, wire.FINISHED, (*fields, done.failure))
        self._send(self._finished)

    def _out_of_turn(self, number: int, first: int) -> ProtocolError:
        return ProtocolError(
            f"host {self._host.name}: the hub asks for report {number} with emissions from {first} on, after "
            f"report {self._number} and {self._got} emissions"
        )

    def _store(self, done: Completion) -> None:
        self._write(done)
        self._tally.add(done)

    def _say_recorded(self, done: Completion, number: int) -> None:
        """Tell the hub what the activation recorded that will be reported with this number."""
        if found := whole(done) if self._whole else bunches(done):
            self._send(wire.encode(self._run_id, wire.TAPPED, (self._incarnation, number, found)))


def peak_rss_kb() -> int:
    """Peak resident set of this process, in kB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
