"""The hub: a ROUTER socket around the coordinator.

It waits until every host has said READY-to-run (HELLO), then forwards reports to the coordinator and grants to the
hosts until the run is finished, stopped or failed; last it hands every host its final emissions, collects the digest
chains, and lets the hosts go only after it has all they had to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import zmq

from . import wire
from .activation import Failure, Tally
from .coordinator import Coordinator, Report
from .emission import Buffer
from .errors import LightlagError, ProtocolError, RunError
from .fingerprint import arithmetic_fingerprint
from .journal import Entry, Journal

#: How often the hub looks after its children while no host says anything (wall ms).
_LOOK_MS = 250


@dataclass(slots=True)
class Outcome:
    """What a run came to: chains by node, counts, the failure if a node raised, whether it was interrupted."""

    chains: dict[str, bytes] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    failure: Failure | None = None
    interrupted: bool = False
    #: Everything before this has happened (ns).
    reached_ns: int = 0
    #: Sum of the peak resident sets of the hosts, in kB.
    peak_rss_kb: int = 0


class Hub:
    """Carries messages between the hosts of one run, and time.

    ``check`` is called now and then and raises if a host process has died; ``stopping`` says whether a person asked
    for the end; ``watch`` is told the frontier and the news of each report.
    """

    def __init__(
        self,
        run_id: str,
        hosts: Sequence[str],
        coordinator: Coordinator,
        journal: Journal | None,
        *,
        watch: Callable[[int, list[tuple[Any, ...]]], None],
        check: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._run_id = run_id
        self._hosts = list(hosts)
        self._index = {name.encode(): index for index, name in enumerate(hosts)}
        self._coordinator = coordinator
        self._journal = journal
        self._watch = watch
        self._check = check
        self._stopping = stopping
        self._tallies = [Tally() for _ in hosts]
        #: Messages that were refused: what and why.
        self.refused: list[str] = []

    def serve(self, socket: zmq.Socket[bytes]) -> Outcome:
        """Run the whole graph over a bound ROUTER socket.

        Raises:
            RunError: a host died, or has another arithmetic fingerprint.
            NondeterminismError: a host sent something else the second time.
        """
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        socket.setsockopt(zmq.LINGER, 2_000)
        self._await_hosts(socket)
        outcome = Outcome()
        coordinator = self._coordinator
        busy = 0
        while True:
            outcome.interrupted = outcome.interrupted or self._stopping()
            if not outcome.interrupted:
                for grant in coordinator.grants():
                    busy += 1
                    fields = (grant.incarnation, grant.bound_ns, grant.first)
                    self._say(socket, grant.host, wire.GRANT, fields, grant.emissions)
            if not busy:
                break
            host, envelope = self._hear(socket)
            if envelope.kind != wire.REPORT:
                self._refuse(socket, host, f"a {envelope.kind} where a report was due")
                continue
            incarnation, number, next_ns, got, failure, news, tally = envelope.fields
            report = Report(
                host, incarnation, number, next_ns, got, envelope.emissions, Failure(*failure) if failure else None
            )
            if not coordinator.is_news(report):
                continue
            fresh = coordinator.accept(report)
            if self._journal is not None:
                self._journal.append(Entry(host, incarnation, number, next_ns, got, fresh))
            busy -= 1
            self._tallies[host] = Tally(*tally)
            self._watch(coordinator.frontier_ns, list(news))
        if not (outcome.interrupted or coordinator.finished):
            raise RunError(
                "no host can go on and the run is not finished: this is a fault of lightlag, please report it"
            )
        self._finish(socket, outcome)
        outcome.failure = coordinator.failure
        outcome.reached_ns = coordinator.frontier_ns
        return outcome

    def _await_hosts(self, socket: zmq.Socket[bytes]) -> None:
        missing = set(range(len(self._hosts)))
        mine = arithmetic_fingerprint()
        while missing:
            host, envelope = self._hear(socket)
            if envelope.kind != wire.HELLO:
                self._refuse(socket, host, f"a {envelope.kind} before its hello")
                continue
            _, theirs, _ = envelope.fields
            if theirs != mine:
                reason = (
                    f"host {self._hosts[host]} computes with arithmetic fingerprint {theirs}, the hub with {mine}; "
                    f"their digests could differ: use one machine type and one build of NumPy for the whole run"
                )
                self._refuse(socket, host, reason)
                raise RunError(reason)
            missing.discard(host)

    def _finish(self, socket: zmq.Socket[bytes], outcome: Outcome) -> None:
        for host in range(len(self._hosts)):
            last = self._coordinator.last_grant(host)
            failed = self._coordinator.failure is not None
            self._say(socket, host, wire.FINISH, (last.first, failed), last.emissions)
        missing = set(range(len(self._hosts)))
        while missing:
            host, envelope = self._hear(socket)
            if envelope.kind != wire.FINISHED:
                self._refuse(socket, host, f"a {envelope.kind} where its end was due")
                continue
            _, chains, tally, peak_kb, failure = envelope.fields
            if failure:
                self._coordinator.fail(Failure(*failure))
            outcome.chains.update(chains)
            outcome.tally.include(Tally(*tally))
            outcome.peak_rss_kb += peak_kb
            missing.discard(host)
        for host in range(len(self._hosts)):
            self._say(socket, host, wire.BYE, ())

    def _hear(self, socket: zmq.Socket[bytes]) -> tuple[int, wire.Envelope]:
        """The next message of a known host; strangers and malformed messages are refused and kept in ``refused``."""
        while True:
            while not socket.poll(_LOOK_MS):
                self._check()
            identity, *frames = socket.recv_multipart()
            try:
                if identity not in self._index:
                    raise ProtocolError(f"a message of {identity!r}, which is no host of this run")
                return self._index[identity], wire.decode(self._run_id, frames)
            except LightlagError as error:
                self.refused.append(str(error))

    def _say(
        self, socket: zmq.Socket[bytes], host: int, kind: str, fields: tuple[Any, ...], emissions: Sequence[Any] = ()
    ) -> None:
        try:
            self._send(socket, host, wire.encode(self._run_id, kind, fields, emissions))
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            time.sleep(_LOOK_MS / 1000)  # its socket is closed before the system says that the process has died
            self._check()
            raise RunError(f"host {self._hosts[host]} has left the hub before the end of the run") from error

    def _refuse(self, socket: zmq.Socket[bytes], host: int, reason: str) -> None:
        self.refused.append(f"{self._hosts[host]}: {reason}")
        with suppress(zmq.ZMQError):  # it may have left, and then it need not know
            self._send(socket, host, wire.encode(self._run_id, wire.REFUSED, (reason,)))

    def _send(self, socket: zmq.Socket[bytes], host: int, frames: Sequence[Buffer]) -> None:
        socket.send_multipart([self._hosts[host].encode(), *frames], copy=False)
