"""Random worlds for the coordination rule: graphs, delays, windows, hosts that react, and a driver that interleaves.

A world is data drawn from its seed. Its delays have a lower bound that everybody knows (``bounds``) and a rest that
only the receiver computes. ``ModelHost`` runs the nodes of a world without any of the loop, the node or the medium, so
that what it shows is the coordinator's doing alone; ``drive`` brings any ``Activatable`` hosts to the end of a run
through a coordinator, with reports in random order, early reports, late grants, repeated reports and kills.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from lightlag.bus.activation import Activatable, Completion
from lightlag.bus.coordinator import Coordinator, Grant, Report
from lightlag.bus.digest import DigestChain
from lightlag.bus.emission import Emission
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.past import Past
from lightlag.bus.time import NEVER_NS

#: A node stops sending after so many events: worlds are busy, and end.
EVENTS_OF_A_NODE = 40
#: More turns than any world takes; a run that needs more goes round in circles.
MAX_TURNS = 20_000


class PastArrival(Exception):
    """Something reached a host at an instant that it had run already."""


class Deadlock(Exception):
    """Nobody is running, nobody may run, and the run is not over."""


def number(*key: object) -> int:
    """A number that depends on nothing but ``key``."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Route:
    """A channel of a world: who may send on it and, for each receiver, the least delay to it from anybody (ns)."""

    name: str
    senders: tuple[str, ...]
    least_ns: dict[str, int]


@dataclass
class World:
    """A graph of nodes on hosts; everything is drawn from ``seed``."""

    seed: int
    hosts: int = 0
    host_of: dict[str, int] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    until_ns: int = 0
    #: Length of a lookahead window, None for one that lasts for ever.
    window_ns: int | None = None
    #: The receiver adds less than this to every delay.
    spread_ns: int = 1

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        names = [f"n{index}" for index in range(draw.randint(2, 7))]
        self.hosts = draw.randint(2, min(4, len(names)))
        self.host_of = {
            name: index if index < self.hosts else draw.randrange(self.hosts) for index, name in enumerate(names)
        }
        for index in range(draw.randint(2, 2 * len(names))):
            members = draw.sample(names, draw.choice([1, 1, 2, 3]) if len(names) > 2 else 1)
            senders = tuple(sorted({*draw.sample(names, draw.randint(1, 2)), *draw.sample(members, 1)}))
            least = {name: draw.choice([1, 1, 2, 5, 30, 120]) for name in sorted(members)}
            self.routes[f"c{index}"] = Route(f"c{index}", senders, least)
        self.until_ns = draw.choice([60, 150])
        self.window_ns = draw.choice([None, 50, 7])
        self.spread_ns = draw.choice([1, 1, 3, 20])

    @property
    def nodes(self) -> list[str]:
        """Names, sorted."""
        return sorted(self.host_of)

    def swell_ns(self, t_ns: int) -> int:
        """What the lookahead window of ``t_ns`` adds to every delay."""
        return 0 if self.window_ns is None else (0, 9, 2)[t_ns // self.window_ns % 3]

    def delay_ns(self, emission: Emission, receiver: str) -> int:
        """The delay of an emission to one receiver."""
        extra = number(self.seed, emission.source, emission.seq, receiver) % self.spread_ns
        least = self.routes[emission.channel].least_ns[receiver]
        return least + self.swell_ns(emission.sent_ns) + extra

    def receivers(self, emission: Emission) -> list[str]:
        """Who gets an emission."""
        return [name for name in self.routes[emission.channel].least_ns if name != emission.source]

    def destinations(self, emission: Emission) -> list[int]:
        """The other hosts that an emission goes to."""
        here = self.host_of[emission.source]
        return sorted({self.host_of[name] for name in self.receivers(emission)} - {here})

    def bounds(self, start_ns: int, end_ns: int) -> list[list[int]]:
        """Lower bounds of the delay from host to host in the window [start_ns, end_ns)."""
        matrix = [[NEVER_NS] * self.hosts for _ in range(self.hosts)]
        for route in self.routes.values():
            for receiver, least_ns in route.least_ns.items():
                j = self.host_of[receiver]
                for i in {self.host_of[sender] for sender in route.senders} - {j}:
                    matrix[i][j] = min(matrix[i][j], least_ns + self.swell_ns(start_ns))
        return matrix

    def lookahead(self) -> Lookahead:
        """The lookahead of this world."""
        return Lookahead(self.bounds, self.window_ns, steps=1 + self.seed % 3)

    def in_one_host(self) -> World:
        """The same world, in one process."""
        alone = World(self.seed)
        alone.hosts, alone.host_of = 1, dict.fromkeys(self.host_of, 0)
        return alone


class ModelHost:
    """The nodes of one host of a world: each hashes what happens to it, and the hash says what it does next."""

    lists_receptions = True

    def __init__(self, world: World, host: int) -> None:
        self.name = f"h{host}"
        self.clock_ns = -1
        self._world = world
        self._nodes = [name for name in world.nodes if world.host_of[name] == host]
        self._state = {name: number(world.seed, name) for name in self._nodes}
        self._chain = {name: DigestChain() for name in self._nodes}
        self._seq = dict.fromkeys(self._nodes, 0)
        self._timers = dict.fromkeys(self._nodes, 0)
        self._events = dict.fromkeys(self._nodes, 0)
        #: (t, node, 0 reception | 1 timer, source, seq or timer count, emission)
        self._heap: list[tuple[int, str, int, str, int, Emission | None]] = []
        for name in self._nodes:
            self._set_timer(name, self._state[name] % 20)

    def activate(self, bound_ns: int, emissions: Sequence[Emission], limit: int) -> Completion:
        """Take emissions in, run what is before the bound."""
        for emission in emissions:
            self._take_in(emission)
        done = Completion()
        events = 0
        while self._heap and self._may_run(self._heap[0][0], bound_ns):
            if events >= limit and self._heap[0][0] > self.clock_ns:  # never within an instant
                break
            t_ns, node, kind, source, count, emission = heapq.heappop(self._heap)
            self.clock_ns = t_ns
            events += 1
            if emission is not None:
                self._chain[node].received(emission, t_ns)
            done.outbox.extend(self._react(node, t_ns, (kind, source, count)))
        done.next_ns = self._heap[0][0] if self._heap else NEVER_NS
        return done

    def finish(self, emissions: Sequence[Emission], *, failed: bool = False) -> Completion:
        """What has not arrived is in flight."""
        for emission in emissions:
            self._take_in(emission)
        for t_ns, node, _, _, _, emission in sorted(self._heap, key=lambda item: item[:5]):
            if emission is not None:
                self._chain[node].lost(emission, t_ns, "in_flight")
        return Completion()

    def chains(self) -> dict[str, bytes]:
        """The digest chain of every node."""
        return {name: chain.value() for name, chain in self._chain.items()}

    def _may_run(self, t_ns: int, bound_ns: int) -> bool:
        return t_ns < min(bound_ns, self._world.until_ns)

    def _set_timer(self, node: str, t_ns: int) -> None:
        self._timers[node] += 1
        heapq.heappush(self._heap, (t_ns, node, 1, "", self._timers[node], None))

    def _take_in(self, emission: Emission) -> None:
        for receiver in self._world.receivers(emission):
            if receiver in self._state:
                arrives_ns = emission.sent_ns + self._world.delay_ns(emission, receiver)
                if arrives_ns <= self.clock_ns:
                    raise PastArrival(f"{emission} reaches {receiver} at {arrives_ns}, {self.name} ran {self.clock_ns}")
                heapq.heappush(self._heap, (arrives_ns, receiver, 0, emission.source, emission.seq, emission))

    def _react(self, node: str, t_ns: int, what: tuple[int, str, int]) -> list[Emission]:
        self._state[node] = number(self._state[node], t_ns, what)
        self._events[node] += 1
        draw = random.Random(self._state[node])
        sent: list[Emission] = []
        channels = [route.name for route in self._world.routes.values() if node in route.senders]
        if channels and self._events[node] < EVENTS_OF_A_NODE:
            for _ in range(draw.choice([0, 1, 1, 2])):
                self._seq[node] += 1
                emission = Emission(node, self._seq[node], draw.choice(channels), "x@1", t_ns, b"")
                self._take_in(emission)
                if self._world.destinations(emission):
                    sent.append(emission)
        if draw.random() < 0.25:
            self._set_timer(node, t_ns + draw.choice([0, 1, 1, 5, 40]))
        return sent


def alone(world: World) -> dict[str, bytes]:
    """The digest chains of the world in one process: the truth."""
    host = ModelHost(world.in_one_host(), 0)
    host.activate(NEVER_NS, [], NEVER_NS)
    host.finish([])
    return host.chains()


@dataclass
class Turn:
    """A driver's view of one host: the process, what it took in, and what the journal holds of it."""

    process: Activatable
    incarnation: int = 1
    grant: Grant | None = None
    number: int = 0
    #: What this incarnation has taken in.
    taken: int = 0
    #: What the host had taken in by its latest accepted report, and what was accepted from it.
    inbox: list[Emission] = field(default_factory=list)
    sent: list[Emission] = field(default_factory=list)
    #: What the grant that it works on gives it.
    given: list[Emission] = field(default_factory=list)


def drive(
    coordinator: Coordinator,
    start: Callable[[int], Activatable],
    hosts: int,
    draw: random.Random,
    kill_share: float = 0.0,
    limits: Sequence[int] = (1, 3, NEVER_NS),
) -> tuple[dict[str, bytes], int]:
    """Bring hosts to the end of a run, in an order drawn from ``draw``; returns the digest chains and the kills.

    ``start(host)`` starts the process of a host. A share of turns kills a process instead: before it runs, after it
    ran but before its report got through, while it was idle, or when all was over. Reports of the dead, and reports
    that come twice, are offered too.
    """
    turns = [Turn(start(host)) for host in range(hosts)]
    late: list[Report] = []
    kills = 0
    for _ in range(MAX_TURNS):
        if coordinator.finished:
            if draw.random() >= kill_share:
                break
            kills += 1
            at = draw.randrange(hosts)
            turns[at] = killed(coordinator, turns[at], at, start)
            continue
        running = [host for host, turn in enumerate(turns) if turn.grant is not None]
        if not running or draw.random() < 0.8:
            for grant in coordinator.grants():
                turns[grant.host].grant = grant
        running = [host for host, turn in enumerate(turns) if turn.grant is not None]
        if not running:
            raise Deadlock
        if late and draw.random() < 0.5:
            assert not coordinator.is_news(late.pop())
        die = draw.random() < kill_share
        at = draw.randrange(hosts) if die else draw.choice(running)
        turn = turns[at]
        report = None
        if turn.grant is not None and not (die and draw.random() < 0.5):
            report = answer(turn, at, draw.choice(limits))
        if die:
            kills += 1
            turns[at] = killed(coordinator, turn, at, start)
        elif report is not None:
            assert coordinator.is_news(report)
            if not coordinator.repeats(at):
                turn.sent += report.outbox
                turn.inbox += turn.given
            coordinator.accept(report)
            turn.grant = None
        if report is not None and kill_share:
            late.append(report)
    else:
        raise Deadlock(f"no end after {MAX_TURNS} turns")
    chains: dict[str, bytes] = {}
    for at, turn in enumerate(turns):
        turn.process.finish(coordinator.last_grant(at).emissions)
        chains |= turn.process.chains()
    return chains, kills


def answer(turn: Turn, at: int, limit: int) -> Report:
    """Have a host do what it was granted, or about ``limit`` events of it."""
    grant = turn.grant
    assert grant is not None
    assert (grant.number, grant.first) == (turn.number + 1, turn.taken + 1)
    turn.given = list(grant.emissions)
    done = turn.process.activate(grant.bound_ns, turn.given, limit)
    turn.number += 1
    turn.taken += len(turn.given)
    return Report(
        at, turn.incarnation, turn.number, grant.bound_ns, done.next_ns, turn.taken, done.outbox, done.failure
    )


def killed(coordinator: Coordinator, turn: Turn, at: int, start: Callable[[int], Activatable]) -> Turn:
    """Kill a host and start it again; returns the view of its new incarnation."""
    turn.process.finish([])  # nobody hears of it; it only leaves no half-run coroutines to the garbage collector
    again = Turn(start(at), turn.incarnation + 1, inbox=turn.inbox, sent=turn.sent)
    got, settled_ns = coordinator.position(at)
    assert got == len(turn.inbox)
    inbox, sent = list(turn.inbox), list(turn.sent)
    coordinator.joined(at, again.incarnation, 0, 0, lambda: Past(lambda: inbox, sent, settled_ns))
    return again


def run_world(
    world: World,
    draw: random.Random,
    *,
    rule: type[Coordinator] = Coordinator,
    host: type[ModelHost] = ModelHost,
    lookahead: Lookahead | None = None,
    kill_share: float = 0.0,
) -> tuple[dict[str, bytes], int]:
    """Drive the model hosts of a world; returns their digest chains and the number of kills."""
    coordinator = rule(world.hosts, lookahead or world.lookahead(), world.host_of, world.destinations, world.until_ns)
    return drive(coordinator, lambda at: host(world, at), world.hosts, draw, kill_share)
