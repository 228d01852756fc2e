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

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import add
from typing import NamedTuple

from .activation import Failure
from .emission import Emission
from .errors import LightlagError, ProtocolError, RunError
from .lane import Lane
from .lookahead import Lookahead
from .past import Past, nondeterminism
from .time import NEVER_NS


class Report(NamedTuple):
    """What a host says after an activation; see ``Completion``.

    ``number`` is that of the grant it answers, ``bound_ns`` that grant's bound; ``got`` counts all the emissions that
    this incarnation has taken in.
    """

    host: int
    incarnation: int
    number: int
    bound_ns: int
    next_ns: int
    got: int
    outbox: Sequence[Emission]
    failure: Failure | None = None


class Grant(NamedTuple):
    """Host ``host`` may run every event before ``bound_ns``, after it took the emissions in, and reports ``number``.

    A host answers every number once: a grant that it has answered already (the hub was restarted) is passed over.
    ``first`` is the number of the first of the emissions, which are counted from 1.
    """

    host: int
    incarnation: int
    number: int
    bound_ns: int
    first: int
    emissions: Sequence[Emission]


class Wait(NamedTuple):
    """Where a host stands, for people: idle hosts wait until ``for_host`` has got beyond ``beyond_ns``."""

    host: int
    running: bool
    repeating: bool
    earliest_ns: int
    bound_ns: int
    for_host: int
    beyond_ns: int


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
        #: With a pace: where the wall clock stands in the run. Nobody is granted more.
        self.paced_ns = NEVER_NS
        self._lookahead = lookahead
        self._host_of = host_of
        self._destinations = destinations
        self._run_ahead_ns = run_ahead_ns
        self._lanes = [Lane() for _ in range(hosts)]
        #: E_i: the earliest instant at which anything can still happen in a host; the same idle or running.
        self._earliest = [0] * hosts
        #: How many hosts run, and how many have a past to repeat.
        self.running = 0
        self._repeating = 0
        self._last_seq: dict[str, int] = {}
        #: When somebody outside acted last.
        self._acted_ns = 0

    # -- the rule -----------------------------------------------------------------------------------------------

    def earliest_ns(self) -> list[int]:
        """E_i of every host."""
        return self._earliest

    @property
    def frontier_ns(self) -> int:
        """e: everything before it has happened, everywhere."""
        return min(self.until_ns, *self.earliest_ns())

    @property
    def finished(self) -> bool:
        """Whether nothing before ``until_ns`` can happen any more, and no host has yet to repeat its past."""
        return not self.running and not self._repeating and min(self.earliest_ns()) >= self.until_ns

    def grants(self) -> list[Grant]:
        """The grants that are due now, by the rule above; each makes its host busy until it reports."""
        earliest = self.earliest_ns()
        frontier_ns = min(earliest)
        if frontier_ns >= self.until_ns:
            return self.replays()
        window = self._lookahead.window(frontier_ns)
        ceiling_ns = min(window.end_ns, frontier_ns + self._run_ahead_ns, self.until_ns, self.paced_ns)
        from_slowest = window.closed[earliest.index(frontier_ns)]
        grants = []
        for host, at_ns in enumerate(earliest):
            # The slowest host bounds most of the others; to look at it first spares them the sum over all.
            if at_ns < ceiling_ns and at_ns < frontier_ns + from_slowest[host]:
                lane = self._lanes[host]
                if lane.idle and lane.past is None:
                    bound_ns = min(ceiling_ns, *map(add, earliest, window.into[host]))
                    if bound_ns > at_ns:
                        grants.append(self._grant(host, lane, bound_ns))
        return grants + self.replays() if self._repeating else grants

    def replays(self) -> list[Grant]:
        """Of these, the grants to hosts that were started again and repeat their past."""
        return [self._replay(host) for host, lane in enumerate(self._lanes) if lane.idle and lane.past is not None]

    def soonest_ns(self, hosts: Collection[int]) -> int:
        """Before this nothing can happen in any of these hosts, whatever comes of all that goes on elsewhere."""
        earliest = self.earliest_ns()
        window = self._lookahead.window(self.frontier_ns)
        soonest_ns = window.end_ns
        for host in hosts:
            soonest_ns = min(soonest_ns, earliest[host], *map(add, earliest, window.into[host]))
        return soonest_ns

    @property
    def stuck(self) -> bool:
        """Whether nobody runs, nobody may, and the run is neither finished nor waiting for the wall clock."""
        return not self.running and not self.finished and self.frontier_ns < self.paced_ns

    @property
    def next_due_ns(self) -> int:
        """The earliest instant of an idle host that only the pace holds back; ``NEVER_NS`` if there is none."""
        return min(
            (
                at_ns
                for lane, at_ns in zip(self._lanes, self.earliest_ns(), strict=True)
                if lane.idle and at_ns >= self.paced_ns
            ),
            default=NEVER_NS,
        )

    def _grant(self, host: int, lane: Lane, bound_ns: int) -> Grant:
        self.running += 1
        lane.idle = False
        if bound_ns > lane.bound_ns:
            lane.bound_ns = bound_ns
        return Grant(host, lane.incarnation, lane.number + 1, bound_ns, lane.got + 1, list(lane.waiting))

    def _replay(self, host: int) -> Grant:
        lane = self._lanes[host]
        assert lane.past is not None
        emissions, bound_ns = lane.past.feed()
        lane.idle = False
        self.running += 1
        return Grant(host, lane.incarnation, lane.number + 1, bound_ns, lane.again + 1, emissions)

    # -- what hosts say -----------------------------------------------------------------------------------------

    def joined(self, host: int, incarnation: int, number: int, bound_ns: int, past: Callable[[], Past]) -> None:
        """A host said hello: for the first time, after it was started again, or after the hub was.

        ``number`` is that of its latest report and ``bound_ns`` the highest bound that it was granted; ``past`` is
        asked for if it has to be brought to where its dead incarnation stood.

        Raises:
            ProtocolError: it speaks of what this run does not know; it has to be started again.
        """
        lane = self._lanes[host]
        if incarnation < lane.incarnation:
            return
        if incarnation > lane.incarnation or lane.past is not None:
            lane.incarnation, lane.number, lane.again = incarnation, 0, 0
            self._repeating -= lane.past is not None
            lane.past = past() if lane.got or lane.settled_ns else None
            self._repeating += lane.past is not None
        # What a host repeats of its past is not journalled: one in the middle of it has to begin anew.
        if number - lane.number not in ((0, 1) if lane.past is None else (0,)):
            raise ProtocolError(
                f"host {host} says hello after its report {number}; the latest known here is {lane.number}"
            )
        self.running += lane.idle - (number == lane.number)
        lane.idle = number == lane.number
        lane.bound_ns = max(lane.bound_ns, bound_ns)

    def is_news(self, report: Report) -> bool:
        """Whether a report is of the living incarnation and was not accepted before; journal it, then accept it.

        Raises:
            ProtocolError: the report speaks of something that was never granted or sent, or was sent before.
            RunError: it shows that an emission arrived sooner than its lookahead.
            NondeterminismError: so does that of a host that was started again.
        """
        host, incarnation, number, _, _, got, outbox, _ = report
        lane = self._lanes[host]
        if incarnation != lane.incarnation or number <= lane.number:
            return False
        if number != lane.number + 1 or got > lane.routed:
            raise ProtocolError(
                f"host {host} reported number {number} with {got} emissions taken in, after number {lane.number} and "
                f"{lane.routed} sent to it"
            )
        if outbox and lane.past is None:
            self._check_outbox(host, lane, outbox)
        return True

    def accept(self, report: Report) -> None:
        """Apply a report, atomically.

        Raises:
            NondeterminismError: a restarted host sent something else than it had sent before, or left something out.
        """
        host, _, number, bound_ns, next_ns, got, outbox, failure = report
        lane = self._lanes[host]
        lane.number = number
        if not lane.idle:
            self.running -= 1
            lane.idle = True
        if lane.past is not None:
            self._repeat(lane, lane.past, report)
            return
        for emission in outbox:
            self._last_seq[emission.source] = emission.seq
            self._route(host, emission)
        lane.take_in(got)
        lane.answered += 1
        lane.next_ns = next_ns
        soonest = lane.soonest
        self._earliest[host] = min(next_ns, soonest[0][1]) if soonest else next_ns
        if bound_ns > lane.bound_ns:
            lane.bound_ns = bound_ns
        done_ns = next_ns if next_ns < bound_ns else bound_ns
        if done_ns > lane.settled_ns:
            lane.settled_ns = done_ns
        if failure is not None:
            self.fail(failure)

    def restore(self, report: Report) -> None:
        """Apply a report that was accepted before the hub was started again."""
        lane = self._lanes[report.host]
        lane.incarnation, lane.number = report.incarnation, report.number
        self.accept(report)

    def repeats(self, host: int) -> bool:
        """Whether a host is going through its past again: what it reports is in the journal already."""
        return self._lanes[host].past is not None

    def position(self, host: int) -> tuple[int, int]:
        """How many emissions a host had taken in by its latest report, and the instant before which all has been run.

        Its ``Past`` ends there.
        """
        lane = self._lanes[host]
        return lane.got, lane.settled_ns

    def answered(self) -> list[int]:
        """How many grants each host has answered."""
        return [lane.answered for lane in self._lanes]

    def last_grant(self, host: int) -> Grant:
        """What a finished run still owes a host: emissions that will not arrive before the end."""
        lane = self._lanes[host]
        return Grant(host, lane.incarnation, lane.number + 1, self.until_ns, lane.got + 1, list(lane.waiting))

    def unacknowledged(self, host: int) -> int:
        """How many emissions the coordinator holds for a host."""
        return len(self._lanes[host].waiting)

    def settled(self, host: int) -> bool:
        """Whether a host is idle and has no past to repeat."""
        lane = self._lanes[host]
        return lane.idle and lane.past is None

    def fail(self, failure: Failure) -> None:
        """A node has failed: nothing after that instant will happen, and the least of several failures counts."""
        if self.failure is None or failure[:2] < self.failure[:2]:
            self.failure = failure
        self.until_ns = min(self.until_ns, failure.t_ns + 1)

    # -- outside actors -----------------------------------------------------------------------------------------

    def act_ns(self, host: int) -> int:
        """The earliest instant at which somebody outside may act upon a host, 1 ns away from it.

        Nobody may have been granted beyond what the act can cause: it is no earlier than G_k - D[x][k] for the highest
        bound G_k of every host k, where D[x][k] is 1 ns and the way on from ``host``. A host that reported early, and
        was not granted since, has run no further than it said. No act comes before an earlier one.
        """
        frontier_ns = min(self.frontier_ns, self.paced_ns)  # a paced run has not got to its next event
        closed = self._lookahead.window(min(frontier_ns, self.until_ns)).closed[host]
        ways = [1 if k == host else 1 + closed[k] for k in range(len(self._lanes))]
        reach = [lane.settled_ns if lane.idle else lane.bound_ns for lane in self._lanes]
        return max(self._acted_ns, frontier_ns, *[at_ns - way for at_ns, way in zip(reach, ways, strict=True)])

    def stamp(self, host: int, reached_ns: int, sent_ns: int | None) -> int:
        """When an act upon a host is sent: at ``sent_ns``, or as soon as it can be, where the pace has ``reached_ns``.

        Raises:
            RunError: ``sent_ns`` is too soon.
        """
        soonest_ns = self.act_ns(host)
        if sent_ns is not None and sent_ns < soonest_ns:
            raise RunError(f"an act at {sent_ns} ns may be in somebody's past; the soonest is {soonest_ns} ns")
        return max(soonest_ns, reached_ns) if sent_ns is None else sent_ns

    def act(self, host: int, emission: Emission) -> None:
        """Route what somebody outside sends, stamped with ``act_ns`` or a later instant; journal it first."""
        # What was planned for later holds up nobody who acts before that.
        self._acted_ns = max(self._acted_ns, min(emission.sent_ns, self.act_ns(host)))
        self._queue(host, emission, emission.sent_ns + 1)

    # -- for people ---------------------------------------------------------------------------------------------

    def waits(self) -> list[Wait]:
        """Where every host stands, and who keeps it from going on."""
        earliest = self.earliest_ns()
        window = self._lookahead.window(min(*earliest, self.until_ns))
        waits = []
        for host, lane in enumerate(self._lanes):
            reach = [at_ns + way for at_ns, way in zip(earliest, window.into[host], strict=True)]
            holder = reach.index(min(reach))
            needed_ns = min(earliest[host] - window.into[host][holder], window.end_ns)
            beyond_ns = max(earliest[holder], needed_ns)
            waits.append(
                Wait(host, not lane.idle, lane.past is not None, earliest[host], lane.bound_ns, holder, beyond_ns)
            )
        return waits

    # -- within -------------------------------------------------------------------------------------------------

    def _check_outbox(self, host: int, lane: Lane, outbox: Sequence[Emission]) -> None:
        floor_ns = max(lane.settled_ns, self._earliest[host])
        numbers: dict[str, int] = {}
        for emission in outbox:
            source, seq = emission.source, emission.seq
            latest = numbers.get(source) or self._last_seq.get(source, 0)
            if self._host_of.get(source) != host or seq <= latest or emission.sent_ns < floor_ns:
                raise self._fault(host, lane, emission, latest)
            numbers[source] = seq

    def _fault(self, host: int, lane: Lane, emission: Emission, latest: int) -> LightlagError:
        """What is wrong with an emission, the latest of its source before it being ``latest``."""
        source, seq = emission.source, emission.seq
        what = f"its emission {seq} ({emission.type}, sent at {emission.sent_ns} ns)"
        if self._host_of.get(source) != host:
            return ProtocolError(f"host {host} reported emissions of {source!r}, which does not live there")
        if seq <= latest:
            return ProtocolError(f"{source}: {what} was accepted before; a source's numbers only grow")
        if emission.sent_ns >= lane.settled_ns:  # it reacts to what arrived sooner than its bound
            return RunError(
                f"{source}: {what} comes before {self._earliest[host]} ns, when by the lookahead nothing could have "
                f"reached its host yet: a trajectory or medium promises more than it keeps"
            )
        if lane.incarnation > 1:
            return nondeterminism(source, f"{what} is new")
        return ProtocolError(f"{source}: {what} comes after a report that all before {lane.settled_ns} ns was done")

    def _repeat(self, lane: Lane, past: Past, report: Report) -> None:
        """A host that was started again goes through its past."""
        failure = report.failure
        past.repeat(report.outbox)
        lane.again = report.got
        if failure is not None and (self.failure is None or failure[:2] < self.failure[:2]):
            raise nondeterminism(failure.node, "it failed where it had not")
        if past.is_over(report.next_ns, failed=failure is not None):
            lane.past = None
            self._repeating -= 1

    def _route(self, sender: int, emission: Emission) -> None:
        """Put what a host sent into the queues of those that it may reach."""
        sent_ns = emission.sent_ns
        direct = self._lookahead.window(sent_ns).direct[sender]
        for host in self._destinations(emission):
            self._queue(host, emission, sent_ns + direct[host])

    def _queue(self, host: int, emission: Emission, arrives_ns: int) -> None:
        """Put an emission, which arrives no earlier than that, into a host's queue."""
        self._lanes[host].queue(emission, arrives_ns)
        if arrives_ns < self._earliest[host]:
            self._earliest[host] = arrives_ns
