"""The ZeroMQ shell of a host process: a DEALER socket around ``activate``.

It blocks until the hub grants, activates the host, writes what came of it, then reports: write first, so that a report
never speaks of something that the recording could lose. It leaves when the hub says BYE, or when the pipe from the
launcher ends, because then nobody is left to run for.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Sequence

import zmq

from . import wire
from .activation import Activatable, Completion, Tally
from .emission import Emission
from .errors import ProtocolError, RunError
from .fingerprint import arithmetic_fingerprint

#: Receptions and losses after which a host reports early, so that queues stay short and the view stays live.
EARLY_REPORT_EVENTS = 2_000


def run_shell(
    host: Activatable,
    endpoint: str,
    run_id: str,
    write: Callable[[Completion], None],
    *,
    incarnation: int = 1,
    control_fd: int | None = None,
) -> None:
    """Serve the hub at ``endpoint`` until it says BYE.

    ``write`` stores what an activation did (the recording); ``control_fd`` is the launcher's pipe.

    Raises:
        RunError: the hub refused this host, or the launcher is gone.
    """
    tally = Tally()
    number = got = 0
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.IDENTITY, host.name.encode())
        socket.setsockopt(zmq.LINGER, 2_000)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.connect(endpoint)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        if control_fd is not None:
            poller.register(control_fd, zmq.POLLIN)

        def say(kind: str, fields: tuple[object, ...], emissions: Sequence[Emission] = ()) -> None:
            socket.send_multipart(wire.encode(run_id, kind, fields, emissions), copy=False)

        say(wire.HELLO, (incarnation, arithmetic_fingerprint(), os.getpid()))
        while True:
            ready = dict(poller.poll())
            if socket not in ready:
                raise RunError(f"host {host.name}: the launcher is gone")
            envelope = wire.decode(run_id, socket.recv_multipart())
            if envelope.kind == wire.GRANT:
                _, bound_ns, first = envelope.fields
                fresh = _not_yet(envelope.emissions, first, got)
                done = host.activate(bound_ns, fresh, EARLY_REPORT_EVENTS)
                write(done)
                tally.add(done)
                number += 1
                got += len(fresh)
                fields = (incarnation, number, done.next_ns, got, done.failure, done.news, tally.fields())
                say(wire.REPORT, fields, done.outbox)
            elif envelope.kind == wire.FINISH:
                first, failed = envelope.fields
                done = host.finish(_not_yet(envelope.emissions, first, got), failed=failed)
                write(done)
                tally.add(done)
                say(wire.FINISHED, (incarnation, host.chains(), tally.fields(), peak_rss_kb(), done.failure))
            elif envelope.kind == wire.BYE:
                return
            elif envelope.kind == wire.REFUSED:
                raise RunError(f"host {host.name}: the hub refused it: {envelope.fields[0]}")
            else:
                raise ProtocolError(f"host {host.name}: the hub sent a {envelope.kind}, which only hosts send")


def _not_yet(emissions: list[Emission], first: int, got: int) -> list[Emission]:
    """Those of ``emissions``, numbered from ``first``, that come after the ``got`` taken in already."""
    if first > got + 1:
        raise ProtocolError(f"the hub sent emission {first} after emission {got}; some are missing")
    return emissions[got + 1 - first :]


def peak_rss_kb() -> int:
    """Peak resident set of this process, in kB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
