"""The hub: a ROUTER socket around the coordinator, and the journal in front of it.

Hosts say hello, are granted, report, until the run is finished, stopped or failed; then each is handed its last
emissions, says its digest chains, and is let go after everybody has. A host that was killed says hello again as a new
incarnation, and is brought through its past; a hub that was killed starts from the journal, and the hosts say hello
to it and repeat their last report. Operators (a person, the launcher) ask things over the same socket.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import zmq

from . import multipart, wire
from .activation import Failure, Tally
from .coordinator import Coordinator, Wait
from .cores import Cores
from .emission import Buffer, Emission
from .errors import LightlagError, ProtocolError, RunError
from .fingerprint import arithmetic_fingerprint
from .journal import Journal
from .operator import OPERATOR
from .outcome import Outcome
from .pace import Pace
from .past import Past
from .tap import Tap
from .time import NEVER_NS

#: Messages handled before grants are given: more than one report makes better bounds.
_AT_ONCE = 64
#: How long what was said last may take to leave (wall ms).
_LINGER_MS = 2_000
_POLLIN = int(zmq.POLLIN)


class Hub:
    """Carries messages between the hosts of one run, and time.

    ``past(host)`` is what a host that was started again must go through; ``watch`` is told the frontier and the news
    of each report; ``answer(what, arguments)`` is asked what operators ask, except to stop and to tap. ``acts`` is how
    many acts from outside the journal holds. ``receive`` takes a message from the socket, or refuses it
    (``security.Guard``); ``notice`` is told what was refused, now and then. ``share_cores``: all hosts are processes of
    this machine, and may be put together (``cores``). ``mixed``: hosts may compute otherwise.
    """

    def __init__(
        self,
        run_id: str,
        hosts: Sequence[str],
        coordinator: Coordinator,
        journal: Journal,
        *,
        past: Callable[[int], Past],
        watch: Callable[[int, list[tuple[Any, ...]]], None],
        answer: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None,
        pace: Pace | None = None,
        acts: int = 0,
        tap: Tap | None = None,
        receive: Callable[[zmq.Socket[bytes]], list[Buffer]] = multipart.receive,
        notice: Callable[[str], None] = lambda text: None,
        share_cores: bool = False,
        mixed: bool = False,
    ) -> None:
        self._run_id = run_id
        self.hosts = list(hosts)
        self._names = {name.encode(): index for index, name in enumerate(hosts)}
        #: The line of each host that said hello last, and the host at its end.
        self._identities = [name.encode() for name in hosts]
        self._index: dict[bytes, int] = {}
        self._lines: list[tuple[int, ...]] = [()] * len(hosts)
        self.coordinator = coordinator
        self._journal = journal
        self._past = past
        self._watch = watch
        #: Of each report that was accepted and not told of yet, with the frontier that it made.
        self._news: list[tuple[int, list[tuple[Any, ...]]]] = []
        self._answer = answer or (lambda what, arguments: {"error": f"nobody here knows {what!r}"})
        self._pace = pace or Pace(None)
        self._fingerprint = arithmetic_fingerprint()
        self._mixed = mixed
        self._outcome = Outcome()
        #: Where the pace stood when the run was stopped.
        self._stopped_ns = NEVER_NS
        self._absent = set(range(len(hosts)))
        #: Hosts that were told to finish, and that have.
        self._finishing: set[int] = set()
        self._finished: dict[int, tuple[Any, ...]] = {}
        self._begun_s: float | None = None
        #: Acts from outside so far.
        self._acts = acts
        self._tap = tap
        #: By host, what it says that the activation recorded which it reports next.
        self._tapped: dict[int, tuple[Any, ...]] = {}
        #: When each host was granted last (wall s), and its process id: for people.
        self.granted_s = [0.0] * len(hosts)
        self.pids = [0] * len(hosts)
        #: Messages that were refused: how many, and the last of them.
        self.refusals = 0
        self.refused: list[str] = []
        self._refusing = threading.Lock()  # the guard has a thread of its own
        self._receive = receive
        self._notice = notice
        self._cores = Cores(lambda: [os.getpid(), *self.pids]) if share_cores else None

    def state(self, wait: Wait) -> str:
        """In a word, what a host does."""
        if wait.host in self._absent:
            return "starting"
        if wait.repeating:
            return "repeating"
        if wait.host in self._finished:
            return "finished"
        if wait.running:
            return "running"
        return "paced" if self.coordinator.paced_ns <= wait.earliest_ns < self.coordinator.until_ns else "waiting"

    @property
    def stopping(self) -> bool:
        """Whether an operator has stopped the run."""
        return self._outcome.interrupted

    def due_s(self, t_ns: int) -> float:
        """Wall time until the pace lets ``t_ns`` happen (s)."""
        return (self._pace.wait_ms(t_ns) or 0) / 1000

    @property
    def paced_ns(self) -> int:
        """Where the wall clock stands in the run; ``NEVER_NS`` without a pace."""
        return self._pace.now_ns()

    def soonest_ns(self, hosts: Iterable[int]) -> int:
        """The earliest instant at which somebody outside may act upon all of these hosts, until the next grant.

        Raises:
            RunError: some hosts are still starting, or the run is ending.
        """
        if self._absent or self._finishing:
            raise RunError("the run is starting or ending; nothing can be sent now")
        return max(self._pace.reached_ns(), *map(self.coordinator.act_ns, hosts))

    def act(
        self,
        host: int,
        node: str,
        port: str,
        type: str,
        body: bytes,
        arrays: Sequence[Buffer],
        at_ns: int | None = None,
    ) -> int:
        """Have a node of a host receive what somebody outside sends, as soon as it can be, or at ``at_ns``, if
        that is not before ``soonest_ns``; returns when it is sent; raises as that does."""
        self.soonest_ns([host])
        sent_ns = self._stamp(host, at_ns)
        emission = Emission(OPERATOR, self._acts + 1, f"@{port}", type, sent_ns, body, arrays, to=node)
        self._journal.append(host, wire.encode(self._run_id, wire.ACT, (), [emission]), [emission])
        self._acts += 1
        self.coordinator.act(host, emission)
        return sent_ns

    def _stamp(self, host: int, at_ns: int | None) -> int:
        return self.coordinator.stamp(host, self._pace.reached_ns(), at_ns)

    def stop(self) -> None:
        """Grant nothing more: the run ends where it is, a paced one where its pace stands."""
        if not self._outcome.interrupted:
            self._outcome.interrupted, self._stopped_ns = True, self._pace.now_ns()

    def serve(self, socket: zmq.Socket[bytes]) -> Outcome:
        """Run the whole graph over a bound ROUTER socket; hosts may leave when ``release`` says so.

        Raises:
            RunError: a host has another arithmetic fingerprint, or nobody can go on.
            NondeterminismError: a host did something else the second time.
        """
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.LINGER, _LINGER_MS)
        while len(self._finished) < len(self.hosts):
            try:
                self._listen(socket)
                if not self._absent:
                    self._go_on(socket)
            finally:
                for frontier_ns, news in self._news:  # after the hosts: they wait, people do not
                    self._watch(frontier_ns, news)
                self._news.clear()
        outcome = self._outcome
        for chains, tally, peak_kb, failure in self._finished.values():
            if failure:
                self.coordinator.fail(Failure(*failure))
            outcome.chains.update(chains)
            outcome.tally.include(Tally(*tally))
            outcome.peak_rss_kb += peak_kb
        outcome.failure = self.coordinator.failure
        outcome.reached_ns = min(self.coordinator.frontier_ns, self._stopped_ns)
        outcome.refusals = self.refusals
        outcome.grants = self.coordinator.answered()
        return outcome

    def release(self, socket: zmq.Socket[bytes]) -> None:
        """Let the hosts go: all they had to say was received."""
        for host in range(len(self.hosts)):
            self._say(socket, host, wire.encode(self._run_id, wire.BYE, ()))

    # -- time ---------------------------------------------------------------------------------------------------

    def _go_on(self, socket: zmq.Socket[bytes]) -> None:
        """Grant what is due; when nothing is left to happen, have the hosts finish."""
        coordinator = self.coordinator
        if self._begun_s is None:
            self._begun_s = time.perf_counter()
            self._pace.start(coordinator.frontier_ns)
        if self._pace.speed is not None:
            coordinator.paced_ns = self._pace.now_ns()
        interrupted = self._outcome.interrupted
        if grants := coordinator.replays() if interrupted else coordinator.grants():
            now_s = time.perf_counter()
            for grant in grants:
                host = grant.host
                self.granted_s[host] = now_s
                self._send(socket, self._identities[host], wire.encode_grant(self._run_id, grant))
            if self._cores is not None:
                self._cores.granted(len(grants), coordinator.running, now_s)
        elif not coordinator.running:
            self._rest(socket)

    def _rest(self, socket: zmq.Socket[bytes]) -> None:
        """Nobody runs, and nobody is granted anything."""
        if self._outcome.interrupted or self.coordinator.finished:
            self._end(socket)
        elif self.coordinator.stuck:
            raise RunError(
                "no host can go on and the run is not finished: this is a fault of lightlag, please report it"
            )

    def _end(self, socket: zmq.Socket[bytes]) -> None:
        """Have the hosts finish, once all of them wait."""
        coordinator = self.coordinator
        if all(map(coordinator.settled, range(len(self.hosts)))):
            if not self._finishing:
                if self._cores is not None:
                    self._cores.apart()
                self._outcome.drive_s = time.perf_counter() - (self._begun_s or 0.0)
            for host in range(len(self.hosts)):
                if host not in self._finishing:
                    self._finish(socket, host)

    def _finish(self, socket: zmq.Socket[bytes], host: int) -> None:
        last = self.coordinator.last_grant(host)
        fields = (last.incarnation, last.first, self.coordinator.failure is not None)
        self._finishing.add(host)
        self._say(socket, host, wire.encode(self._run_id, wire.FINISH, fields, last.emissions))

    # -- messages -----------------------------------------------------------------------------------------------

    def _listen(self, socket: zmq.Socket[bytes]) -> None:
        """Wait for a message, or until the pace lets somebody go on; handle what has come."""
        if self._pace.speed is not None and not self._absent:
            wait_ms = self._pace.wait_ms(self.coordinator.next_due_ns)
            if wait_ms is not None and not socket.poll(wait_ms):
                return
        for _ in range(_AT_ONCE):
            try:
                identity, *frames = self._receive(socket)
            except ProtocolError as error:
                self.refuse(str(error))
            else:
                self._hear(socket, bytes(identity), frames)
            # While nobody runs, nobody has anything to say; operators are heard a little later.
            if not self.coordinator.running or not int(socket.get(zmq.EVENTS)) & _POLLIN:
                return

    def _hear(self, socket: zmq.Socket[bytes], identity: bytes, frames: list[Buffer]) -> None:
        host = self._index.get(identity)
        try:
            envelope = wire.decode(self._run_id, frames)
            kind = envelope.kind
            if host is None and kind != wire.ASK:
                host = self._names.get(wire.name_and_line(identity)[0])
                if host is None:
                    raise ProtocolError(f"a {kind} of {identity!r}, which is no host of this run")
                if kind != wire.HELLO:
                    return  # of a line that is not the host's any more, or not yet: it will be said again after a hello
        except LightlagError as error:
            self.refuse(str(error))
            return
        if kind == wire.REPORT and host is not None and host not in self._absent:
            self._report(socket, host, envelope, frames)
        elif kind == wire.ASK:
            self._told(socket, identity, envelope)
        elif host is not None and kind == wire.HELLO:
            self._hello(socket, host, identity, envelope)
        elif host is not None and kind == wire.TAPPED:
            self._tapped[host] = envelope.fields
        elif kind == wire.FINISHED and host in self._finishing:
            self._finished[host] = envelope.fields[1:]
            if self._tapped:
                self._publish(socket, host, envelope.fields[0])
        else:
            self.refuse(f"{identity.decode()}: a {kind} where a report was due")

    def _report(self, socket: zmq.Socket[bytes], host: int, envelope: wire.Envelope, frames: Sequence[Buffer]) -> None:
        coordinator, report = self.coordinator, wire.report_of(host, envelope)
        if not coordinator.is_news(report):
            return
        if coordinator.repeats(host):
            coordinator.accept(report)
            self._tapped.pop(host, None)  # it was published the first time
            return
        self._journal.append(host, frames, envelope.emissions)
        coordinator.accept(report)
        if self._tapped:
            self._publish(socket, host, report.incarnation, report.number)
        self._news.append((coordinator.frontier_ns, wire.news_of(envelope)))

    def _hello(self, socket: zmq.Socket[bytes], host: int, identity: bytes, envelope: wire.Envelope) -> None:
        incarnation, fingerprint, pid, number, bound_ns = envelope.fields
        line = (incarnation, *wire.name_and_line(identity)[1])
        if line < self._lines[host]:
            return  # of the dead, or of a line that was given up
        self._index.pop(self._identities[host], None)
        self._lines[host], self._identities[host], self._index[identity] = line, identity, host
        known = self._outcome.fingerprints.get(self.hosts[host])
        if fingerprint not in (self._fingerprint, known):
            reason = (
                f"host {self.hosts[host]} computes with arithmetic fingerprint {fingerprint}, the hub with "
                f"{self._fingerprint}; their digests could differ"
            )
            if not self._mixed:
                reason += ": use one machine type and one build of NumPy for the whole run, or launch it --mixed"
                self.refuse(reason)
                self._say(socket, host, wire.encode(self._run_id, wire.REFUSED, (reason,)))
                raise RunError(reason)
            self._notice(f"{reason}, which --mixed allows")
        self._outcome.fingerprints[self.hosts[host]] = fingerprint
        try:
            self.coordinator.joined(host, incarnation, number, bound_ns, lambda: self._past(host))
        except ProtocolError as error:
            self.refuse(str(error))
            self._say(socket, host, wire.encode(self._run_id, wire.AGAIN, ()))
            return
        self.pids[host] = pid
        self.granted_s[host] = time.perf_counter()
        if self._tap is not None and self._tap.wanted:
            self._say(socket, host, wire.encode(self._run_id, wire.TAP, (True, self._tap.whole)))
        if self._cores is not None:
            self._cores.joined(pid)
        self._absent.discard(host)
        self._finishing.discard(host)
        self._finished.pop(host, None)

    def _told(self, socket: zmq.Socket[bytes], identity: bytes, envelope: wire.Envelope) -> None:
        what, arguments = envelope.fields
        if what == "stop":
            self.stop()
            told: dict[str, Any] = {}
        elif what in ("tap", "untap") and self._tap is not None:
            told = self._tap.answer(what, identity)
            self._tell_of_tap(socket)
        else:
            told = self._answer(what, arguments)
        self._send(socket, identity, wire.encode(self._run_id, wire.TOLD, (told,)))

    def _publish(self, socket: zmq.Socket[bytes], host: int, incarnation: int, number: int | None = None) -> None:
        """Publish what the report that was accepted just now came with; what went with none is nobody's business."""
        of_incarnation, of_number, found = self._tapped.pop(host, (None, None, ()))
        if self._tap is None or not self._tap.wanted:
            self._tapped.clear()
            self._tell_of_tap(socket)
        elif of_incarnation == incarnation and number in (None, of_number):
            self._tap.publish(found)

    def _tell_of_tap(self, socket: zmq.Socket[bytes]) -> None:
        """Tell hosts whether they are to say what they record."""
        told = (self._tap is not None and self._tap.wanted, self._tap is not None and self._tap.whole)
        for host in range(len(self.hosts)):
            self._say(socket, host, wire.encode(self._run_id, wire.TAP, told))

    def refuse(self, reason: str) -> None:
        """Count something that was not let in or not understood, and tell: the first, the second, the fourth ..."""
        with self._refusing:
            self.refusals += 1
            self.refused = [*self.refused[-99:], reason]
            if self.refusals.bit_count() == 1:
                self._notice(f"refused by the hub ({self.refusals} so far): {reason}")

    def _say(self, socket: zmq.Socket[bytes], host: int, frames: Sequence[Buffer]) -> None:
        self._send(socket, self._identities[host], frames)

    def _send(self, socket: zmq.Socket[bytes], identity: bytes, frames: Sequence[Buffer]) -> None:
        try:
            multipart.send(socket, (identity, *frames))
        except zmq.ZMQError as error:
            # Whom it was for has died; as a new incarnation it will say hello and be told again.
            if error.errno != zmq.EHOSTUNREACH:
                raise
