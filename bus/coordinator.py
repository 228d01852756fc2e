"""The coordination rule, without I/O: who may run how far.

Hosts report how far they are and what they sent; the coordinator answers with grants, up to which a host may run.
With E_i the earliest instant at which anything can still happen in host i, and D the closed lookahead of the window
that holds e = min E_i:

    E_i = min(next_i, lower bound of the arrival of every emission that i had not taken in when it last reported)
    B_j = min(end of the window, min over all i, j included, of E_i + D[i][j], e + run_ahead, until)

and host j, if idle, is granted B_j when B_j > E_j. Whatever j has not been sent yet starts at an event of some i at or
after E_i and crosses at least one hop, so it arrives at or after E_i + D[i][j]: hosts run events strictly before their
bound and nothing ever arrives in their past. Since every D is at least 1 ns, the host with E_i = e can always go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from .activation import Failure
from .emission import Emission
from .errors import NondeterminismError, ProtocolError
from .lookahead import Lookahead
from .time import NEVER_NS


class Report(NamedTuple):
    """What a host says after an activation; see ``Completion``. ``got`` counts all emissions it has taken in."""

    host: int
    incarnation: int
    number: int
    next_ns: int
    got: int
    outbox: Sequence[Emission]
    failure: Failure | None = None


class Grant(NamedTuple):
    """Host ``host`` may run every event before ``bound_ns``, after it took the emissions in.

    Emissions to a host are numbered from 1; ``first`` is the number of the first of these, so that a host that has
    some of them already (the hub was restarted) knows which.
    """

    host: int
    incarnation: int
    bound_ns: int
    first: int
    emissions: Sequence[Emission]


@dataclass(slots=True)
class _Lane:
    """What the coordinator knows of one host."""

    #: Raised by one each time the host is started again; reports of a dead incarnation are ignored.
    incarnation: int = 1
    idle: bool = True
    next_ns: int = 0
    #: How many emissions were routed to it, had been taken in at its latest report, were sent to this incarnation.
    routed: int = 0
    got: int = 0
    sent: int = 0
    #: The number of its latest report, in this incarnation.
    number: int = 0
    #: Highest bound ever granted.
    bound_ns: int = 0
    #: Everything before it has been run and reported, by whichever incarnation.
    settled_ns: int = 0


class Coordinator:
    """Sans-I/O: feed it reports, take grants from it until ``finished``.

    ``host_of`` maps a node to its host's index; ``destinations(emission)`` gives the indices of the other hosts where
    members of its channel live.
    """

    def __init__(
        self,
        hosts: int,
        lookahead: Lookahead,
        host_of: Mapping[str, int],
        destinations: Callable[[Emission], Sequence[int]],
        until_ns: int,
        run_ahead_ns: int = NEVER_NS,
    ) -> None:
        self.until_ns = until_ns
        self.failure: Failure | None = None
        self._lookahead = lookahead
        self._host_of = host_of
        self._destinations = destinations
        self._run_ahead_ns = run_ahead_ns
        self._lanes = [_Lane() for _ in range(hosts)]
        #: Emissions each host had not taken in when it last reported, oldest first, with their numbers.
        self._unacknowledged: list[deque[Emission]] = [deque() for _ in range(hosts)]
        #: Of those, the (number, lower bound of arrival) that can still be a minimum: a sliding-window minimum.
        self._soonest: list[deque[tuple[int, int]]] = [deque() for _ in range(hosts)]
        #: For a restarted host: its whole inbox so far, to be sent with the next grant.
        self._replay: dict[int, list[Emission]] = {}
        #: For a restarted host: what it sent before and has not sent again yet, by (source, seq).
        self._expected: dict[int, dict[tuple[str, int], bytes]] = {}
        self._last_seq: dict[str, int] = {}

    # -- the rule -----------------------------------------------------------------------------------------------

    def earliest_ns(self, host: int) -> int:
        """E_i: the earliest instant at which anything can still happen in a host; the same idle or running."""
        soonest = self._soonest[host]
        next_ns = self._lanes[host].next_ns
        return min(next_ns, soonest[0][1]) if soonest else next_ns

    def bounds_ns(self) -> list[int]:
        """B_j of every host, by the rule above."""
        earliest = [self.earliest_ns(host) for host in range(len(self._lanes))]
        frontier = min(earliest)
        window = self._lookahead.window(min(frontier, self.until_ns))
        ceiling = min(window.end_ns, frontier + self._run_ahead_ns, self.until_ns)
        closed = window.closed
        return [
            min(ceiling, *[earliest_i + closed[i][j] for i, earliest_i in enumerate(earliest)])
            for j in range(len(self._lanes))
        ]

    @property
    def frontier_ns(self) -> int:
        """e: everything before it has happened, everywhere."""
        return min(self.until_ns, *[self.earliest_ns(host) for host in range(len(self._lanes))])

    @property
    def finished(self) -> bool:
        """Whether nothing before ``until_ns`` can happen any more, and no host has yet to repeat its past."""
        return not self._replay and all(
            lane.idle and self.earliest_ns(host) >= self.until_ns for host, lane in enumerate(self._lanes)
        )

    def grants(self) -> list[Grant]:
        """The grants that are due now; each makes its host busy until it reports."""
        due: list[Grant] = []
        bounds: list[int] | None = None
        for host, lane in enumerate(self._lanes):
            if host in self._replay:
                due.append(self._grant(host, lane.bound_ns))
            elif lane.idle:
                if bounds is None:
                    bounds = self.bounds_ns()
                if bounds[host] > self.earliest_ns(host):
                    due.append(self._grant(host, bounds[host]))
        return due

    def _grant(self, host: int, bound_ns: int) -> Grant:
        lane = self._lanes[host]
        first = lane.sent + 1
        if host in self._replay:
            fresh = self._replay.pop(host) + list(self._unacknowledged[host])
        else:
            fresh = self._unsent(host)
        lane.sent = lane.routed
        lane.idle = False
        lane.bound_ns = max(lane.bound_ns, bound_ns)
        return Grant(host, lane.incarnation, bound_ns, first, fresh)

    def _unsent(self, host: int) -> list[Emission]:
        lane, waiting = self._lanes[host], self._unacknowledged[host]
        return list(islice(waiting, len(waiting) - (lane.routed - lane.sent), None))

    # -- what hosts say -----------------------------------------------------------------------------------------

    def is_news(self, report: Report) -> bool:
        """Whether a report is of the living incarnation and was not accepted before; journal it, then accept it.

        Raises:
            ProtocolError: the report speaks of something that was never granted or sent.
        """
        lane = self._lanes[report.host]
        if report.incarnation != lane.incarnation or report.number <= lane.number:
            return False
        strangers = [e.source for e in report.outbox if self._host_of.get(e.source) != report.host]
        if strangers:
            raise ProtocolError(f"host {report.host} reported emissions of {strangers[0]!r}, which does not live there")
        if report.number != lane.number + 1 or lane.idle or report.got > lane.sent:
            raise ProtocolError(
                f"host {report.host} reported number {report.number} with {report.got} emissions taken in, after "
                f"number {lane.number} and {lane.sent} sent to it ({'idle' if lane.idle else 'running'})"
            )
        return True

    def accept(self, report: Report) -> list[Emission]:
        """Apply a report, atomically; returns those of its emissions that are new.

        Raises:
            NondeterminismError: a restarted host sent something else than it had sent before, or left something out.
            ProtocolError: a host sent something twice, or in its own past.
        """
        fresh = [emission for emission in report.outbox if self._is_fresh(report.host, emission)]
        for emission in fresh:
            self._route(emission)
        lane = self._lanes[report.host]
        missing = self._expected.get(report.host)
        if missing is not None and report.next_ns > lane.settled_ns:  # it has caught up with its past
            if missing:
                source, seq = min(missing)
                raise _nondeterminism(source, f"its emission {seq} did not come again")
            del self._expected[report.host]
        waiting, soonest = self._unacknowledged[report.host], self._soonest[report.host]
        for _ in range(report.got - lane.got):
            waiting.popleft()
        while soonest and soonest[0][0] <= report.got:
            soonest.popleft()
        lane.got = max(lane.got, report.got)
        lane.number = report.number
        lane.next_ns = report.next_ns
        lane.settled_ns = max(lane.settled_ns, min(report.next_ns, lane.bound_ns))
        lane.idle = True
        if report.failure is not None:
            self.fail(report.failure)
        return fresh

    def restart(self, host: int, inbox: Sequence[Emission], sent_before: Mapping[tuple[str, int], bytes]) -> int:
        """A host died and was started again; returns its new incarnation.

        ``inbox`` is all that it had taken in by its latest accepted report, ``sent_before`` the fingerprints of all
        that was accepted from it; both come out of the journal.
        """
        lane = self._lanes[host]
        if len(inbox) != lane.got:
            raise ProtocolError(f"the journal gives host {host} {len(inbox)} emissions, it had taken in {lane.got}")
        lane.incarnation += 1
        lane.number = 0
        lane.sent = 0
        self._replay[host] = list(inbox)
        self._expected[host] = dict(sent_before)
        return lane.incarnation

    def last_grant(self, host: int) -> Grant:
        """What a finished run still owes a host: emissions that will not arrive before the end."""
        lane = self._lanes[host]
        return Grant(host, lane.incarnation, self.until_ns, lane.sent + 1, self._unsent(host))

    def unacknowledged(self, host: int) -> int:
        """How many emissions the coordinator holds for a host."""
        return len(self._unacknowledged[host])

    def _is_fresh(self, host: int, emission: Emission) -> bool:
        source, seq, lane = emission.source, emission.seq, self._lanes[host]
        what = f"its emission {seq} ({emission.type}, sent at {emission.sent_ns} ns)"
        if seq > self._last_seq.get(source, 0):
            if emission.sent_ns >= lane.settled_ns:
                self._last_seq[source] = seq
                return True
            if lane.incarnation > 1:
                raise _nondeterminism(source, f"{what} is new")
            raise ProtocolError(f"{source}: {what} comes after a report that all before {lane.settled_ns} ns was done")
        expected = self._expected.get(host)
        if expected is None:
            raise ProtocolError(f"{source}: {what} was accepted before; a source's numbers only grow")
        if expected.pop((source, seq), None) != emission.fingerprint():
            raise _nondeterminism(source, f"{what} differs from the first time")
        return False

    def _route(self, emission: Emission) -> None:
        direct = self._lookahead.window(emission.sent_ns).direct[self._host_of[emission.source]]
        for host in self._destinations(emission):
            lane, soonest = self._lanes[host], self._soonest[host]
            lane.routed += 1
            self._unacknowledged[host].append(emission)
            arrives_ns = emission.sent_ns + direct[host]
            while soonest and soonest[-1][1] >= arrives_ns:
                soonest.pop()
            soonest.append((lane.routed, arrives_ns))

    def fail(self, failure: Failure) -> None:
        """A node has failed: nothing after that instant will happen, and the least of several failures counts."""
        if self.failure is None or failure[:2] < self.failure[:2]:
            self.failure = failure
        self.until_ns = min(self.until_ns, failure.t_ns + 1)


def _nondeterminism(source: str, what: str) -> NondeterminismError:
    return NondeterminismError(
        f"{source} was run again from the same journal and {what}; look for wall clock, unseeded randomness or "
        f"iteration over a set in its code"
    )
