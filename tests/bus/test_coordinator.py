"""The coordination rule: every placement, order and kill gives the run of one process; wrong readings do not."""

import asyncio
import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bus.worlds import Deadlock, ModelHost, PastArrival, World, alone, drive, run_world

from lightlag.bus.activation import Failure
from lightlag.bus.coordinator import Coordinator, Report
from lightlag.bus.digest import run_digest
from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError, NondeterminismError, ProtocolError
from lightlag.bus.lookahead import Lookahead, Window, closure
from lightlag.bus.medium import Channel, Wire
from lightlag.bus.message import message
from lightlag.bus.time import NEVER_NS, Epoch
from lightlag.nodes.host import Host
from lightlag.nodes.node import Node

#: Each wrong reading of the rule must show within so many worlds (the rarest first shows in the 14th).
WORLDS_TO_CATCH = 60

# -- the rule against the one-process run ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(0, 150, 10))
def test_every_interleaving_is_the_one_process_run(seed):
    for world in map(World, range(seed, seed + 10)):
        expected = alone(world)
        for order in range(2):
            assert run_world(world, random.Random(order))[0] == expected, world


@pytest.mark.parametrize("seed", range(0, 60, 10))
def test_killed_hosts_change_nothing(seed):
    kills = 0
    for world in map(World, range(seed, seed + 10)):
        chains, killed = run_world(world, random.Random(seed), kill_share=0.08)
        assert chains == alone(world), world
        kills += killed
    assert kills > 20


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(1000, 10**6), order=st.integers(0, 10**6), kill_share=st.sampled_from([0.0, 0.03]))
def test_no_world_that_hypothesis_finds_differs(seed, order, kill_share):
    world = World(seed)
    assert run_world(world, random.Random(order), kill_share=kill_share)[0] == alone(world)


# -- wrong readings of the rule -------------------------------------------------------------------------------------


class OnlyNext(Coordinator):
    """Forgets what is on the way to a host."""

    def earliest_ns(self, host):
        return self._lanes[host].next_ns


class NextWhileRunning(Coordinator):
    """Believes that what was sent down with a grant is accounted for."""

    def earliest_ns(self, host):
        lane = self._lanes[host]
        return super().earliest_ns(host) if lane.idle else lane.next_ns


class GrantWhileRunning(Coordinator):
    """Believes that a host that was granted a bound has reached it."""

    def earliest_ns(self, host):
        lane = self._lanes[host]
        return super().earliest_ns(host) if lane.idle else lane.bound_ns


class NoWayBack(Lookahead):
    """Forgets that what a host says may come back to it."""

    def window(self, t_ns):
        window = super().window(t_ns)
        closed = [[NEVER_NS if i == j else bound for j, bound in enumerate(row)] for i, row in enumerate(window.closed)]
        return dataclasses.replace(window, closed=closed)


class EndlessWindow(Lookahead):
    """Believes that today's lookahead holds for ever."""

    def window(self, t_ns):
        return dataclasses.replace(super().window(t_ns), end_ns=NEVER_NS)


class UpToAndIncluding(ModelHost):
    """Runs what happens at its bound, too."""

    def _may_run(self, t_ns, bound_ns):
        return t_ns <= bound_ns and t_ns < self._world.until_ns


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": OnlyNext},
        {"rule": NextWhileRunning},
        {"rule": GrantWhileRunning},
        {"lookahead": NoWayBack},
        {"lookahead": EndlessWindow},
        {"host": UpToAndIncluding},
    ],
    ids=lambda wrong: next(iter(wrong.values())).__name__,
)
def test_a_wrong_reading_of_the_rule_is_caught(wrong):
    caught = 0
    for world in map(World, range(WORLDS_TO_CATCH)):
        parts = dict(wrong)
        if "lookahead" in parts:
            parts["lookahead"] = parts["lookahead"](world.bounds, world.window_ns)
        try:
            caught += run_world(world, random.Random(world.seed), **parts)[0] != alone(world)
        except (PastArrival, Deadlock, ProtocolError):
            caught += 1
    assert caught >= 2


# -- real nodes in real hosts ---------------------------------------------------------------------------------------


@message("test.coordinator.rumour")
class Rumour:
    text: str
    hops: int


class Gossip(Node):
    """Passes on what it hears, after a while of its own choosing, and now and then says something new."""

    ports = ("a", "b")

    async def run(self):
        async with asyncio.TaskGroup() as tasks:
            for port in self.ports:
                tasks.create_task(self.listen(port))
            for k in range(3):
                await asyncio.sleep(self.rng.choice([1, 3, 3, 10]) * 1e-9)
                self.port[self.rng.choice(self.ports)].send(Rumour(f"{self.name} says {k}", 0))

    async def listen(self, port):
        async for reception in self.port[port].received(Rumour):
            if reception.message.hops < 4 and self.rng.random() < 0.7:
                asyncio.create_task(self.pass_on(reception))  # noqa: RUF006 - its loop keeps it

    async def pass_on(self, reception):
        await asyncio.sleep(self.rng.choice([0, 0, 1, 4]) * 1e-9)
        rumour = reception.message
        if self.rng.random() < 0.5:
            self.port[self.rng.choice(self.ports)].relay(reception)
        else:
            self.port[self.rng.choice(self.ports)].send(Rumour(rumour.text + "?", rumour.hops + 1))


class Village:
    """A random graph of gossips on wires, placed on hosts at random."""

    def __init__(self, seed):
        draw = random.Random(seed)
        self.seed = seed
        self.names = [f"g{k}" for k in range(draw.randint(3, 6))]
        self.hosts = draw.randint(2, 3)
        self.host_of = {name: k if k < self.hosts else draw.randrange(self.hosts) for k, name in enumerate(self.names)}
        ends = [(name, port) for name in self.names for port in Gossip.ports]
        draw.shuffle(ends)
        self.channels = []
        while len(ends) > 1:
            members = dict(ends.pop() for _ in range(min(len(ends), draw.choice([2, 2, 3]))))
            self.channels.append(Channel(f"wire{len(ends)}", Wire(draw.choice([1, 2, 7, 40])), members))
        self.until_ns = 200

    def bounds(self, start_ns, end_ns):
        matrix = [[NEVER_NS] * self.hosts for _ in range(self.hosts)]
        for channel in self.channels:
            places = sorted({self.host_of[name] for name in channel.members})
            for i in places:
                for j in places:
                    if i != j:
                        matrix[i][j] = min(matrix[i][j], channel.medium.latency_ns)
        return matrix

    def destinations(self, emission):
        channel = next(channel for channel in self.channels if channel.name == emission.channel)
        return sorted({self.host_of[name] for name in channel.members} - {self.host_of[emission.source]})

    def host(self, names):
        nodes = [Gossip(name) for name in names]
        return Host("h", nodes, self.channels, epoch=Epoch(0), seed=self.seed, until_ns=self.until_ns)

    def host_at(self, at):
        return self.host([name for name in self.names if self.host_of[name] == at])

    def alone(self):
        host = self.host(self.names)
        done = host.activate(NEVER_NS, [], NEVER_NS)
        assert done.failure is None, done.failure.traceback
        host.finish([])
        return host.chains(), done.emissions


@pytest.mark.parametrize("kill_share", [0.0, 0.05])
def test_real_nodes_give_one_digest_on_any_hosts(kill_share):
    emissions = 0
    for seed in range(40):
        village = Village(seed)
        expected, said = village.alone()
        emissions += said
        coordinator = Coordinator(
            village.hosts,
            Lookahead(village.bounds),
            village.host_of,
            village.destinations,
            village.until_ns,
            run_ahead_ns=random.Random(seed).choice([5, NEVER_NS]),
        )
        chains, _ = drive(coordinator, village.host_at, village.hosts, random.Random(seed), kill_share)
        assert coordinator.failure is None
        assert run_digest(chains) == run_digest(expected), seed
    assert emissions > 500


# -- one coordinator, step by step ----------------------------------------------------------------------------------


def two_hosts(delay_ns=10, until_ns=1000):
    """Host 0 with node a, host 1 with node b, joined by a channel in both directions."""
    matrix = [[NEVER_NS, delay_ns], [delay_ns, NEVER_NS]]
    return Coordinator(
        2,
        Lookahead(lambda start_ns, end_ns: matrix),
        {"a": 0, "b": 1},
        lambda emission: [1] if emission.source == "a" else [0],
        until_ns,
    )


def say(coordinator, report):
    assert coordinator.is_news(report)
    return coordinator.accept(report)


def sent(source, seq, sent_ns, body=b""):
    return Emission(source, seq, "channel", "x@1", sent_ns, body)


def test_the_host_at_the_frontier_can_always_go_on():
    coordinator = two_hosts()
    assert [(grant.host, grant.bound_ns) for grant in coordinator.grants()] == [(0, 10), (1, 10)]
    say(coordinator, Report(0, 1, 1, 500, 0, []))
    assert coordinator.grants() == []  # b may still say something at 0 ns
    say(coordinator, Report(1, 1, 1, 700, 0, []))
    assert [(grant.host, grant.bound_ns) for grant in coordinator.grants()] == [(0, 520)]


def test_an_emission_counts_from_its_acceptance_until_its_receiver_reports_it():
    coordinator = two_hosts()
    coordinator.grants()
    say(coordinator, Report(1, 1, 1, NEVER_NS, 0, []))
    say(coordinator, Report(0, 1, 1, NEVER_NS, 0, [sent("a", 1, 3)]))
    assert coordinator.earliest_ns(1) == 13
    assert coordinator.unacknowledged(1) == 1
    (grant,) = coordinator.grants()
    assert (grant.host, [e.seq for e in grant.emissions]) == (1, [1])
    assert coordinator.earliest_ns(1) == 13
    say(coordinator, Report(1, 1, 2, 40, 1, []))
    assert coordinator.earliest_ns(1) == 40
    assert coordinator.unacknowledged(1) == 0


def test_what_a_coordinator_holds_does_not_grow_with_the_run():
    coordinator = two_hosts(until_ns=20_000)
    numbers, got, said, highest = [0, 0], 0, 0, 0
    while not coordinator.finished:
        for host, incarnation, bound_ns, emissions in coordinator.grants():
            numbers[host] += 1
            outbox = []
            if host == 0:  # says something every 20 ns
                while said * 20 < bound_ns:
                    outbox.append(sent("a", said + 1, said * 20))
                    said += 1
            else:
                got += len(emissions)
            next_ns = (said * 20, NEVER_NS)[host]
            say(coordinator, Report(host, incarnation, numbers[host], next_ns, got if host else 0, outbox))
            highest = max(highest, coordinator.unacknowledged(1))
    assert said == 1_000
    assert highest <= 2


def test_after_a_failure_everybody_reaches_its_instant_and_nobody_goes_beyond():
    coordinator = two_hosts()
    coordinator.grants()
    say(coordinator, Report(0, 1, 1, NEVER_NS, 0, [], Failure(7, "a", "Traceback of a")))
    say(coordinator, Report(1, 1, 1, 7, 0, []))
    (grant,) = coordinator.grants()
    assert (grant.host, grant.bound_ns) == (1, 8)
    say(coordinator, Report(1, 1, 2, 9, 0, []))
    assert coordinator.finished
    assert coordinator.grants() == []
    assert coordinator.frontier_ns == 8


@pytest.mark.parametrize("first", [0, 1])
def test_of_several_failures_the_earliest_is_the_one_whoever_tells_first(first):
    failures = [Failure(7, "a", "later"), Failure(5, "b", "earlier")]
    coordinator = two_hosts()
    coordinator.grants()
    for host in (first, 1 - first):
        say(coordinator, Report(host, 1, 1, NEVER_NS, 0, [], failures[host]))
    assert coordinator.failure == failures[1]


def test_of_failures_in_one_instant_the_least_name_is_reported():
    coordinator = two_hosts()
    coordinator.grants()
    say(coordinator, Report(1, 1, 1, NEVER_NS, 0, [], Failure(7, "b", "")))
    say(coordinator, Report(0, 1, 1, NEVER_NS, 0, [], Failure(7, "a", "")))
    assert coordinator.failure.node == "a"


def test_reports_that_come_twice_or_from_the_dead_are_no_news():
    coordinator = two_hosts()
    coordinator.grants()
    report = Report(0, 1, 1, 50, 0, [sent("a", 1, 3)])
    say(coordinator, report)
    assert not coordinator.is_news(report)
    coordinator.restart(0, [], {("a", 1): sent("a", 1, 3).fingerprint()})
    assert not coordinator.is_news(Report(0, 1, 2, 60, 0, []))
    assert coordinator.unacknowledged(1) == 1


@pytest.mark.parametrize(
    "report",
    [
        Report(0, 1, 2, 50, 0, []),
        Report(0, 1, 1, 50, 1, []),
    ],
    ids=["out of turn", "more than it was sent"],
)
def test_a_report_that_cannot_be_is_refused(report):
    coordinator = two_hosts()
    coordinator.grants()
    with pytest.raises(ProtocolError, match="host 0 reported number"):
        coordinator.is_news(report)


def test_a_report_without_a_grant_is_refused():
    with pytest.raises(ProtocolError, match="idle"):
        two_hosts().is_news(Report(0, 1, 1, 50, 0, []))


def test_an_emission_in_the_past_of_its_own_host_is_refused():
    coordinator = two_hosts()
    coordinator.grants()
    say(coordinator, Report(1, 1, 1, 900, 0, []))
    say(coordinator, Report(0, 1, 1, 500, 0, []))
    coordinator.grants()
    with pytest.raises(ProtocolError, match=r"a: its emission 1 .* comes after a report"):
        coordinator.accept(Report(0, 1, 2, 600, 0, [sent("a", 1, 9)]))


def test_an_emission_that_comes_twice_without_a_restart_is_refused():
    coordinator = two_hosts()
    coordinator.grants()
    with pytest.raises(ProtocolError, match="accepted before"):
        coordinator.accept(Report(0, 1, 1, 50, 0, [sent("a", 1, 3), sent("a", 1, 3)]))


def restarted():
    """A coordinator whose host 0 had sent emissions 1 at 3 ns and 2 at 5 ns, was killed and granted again."""
    coordinator = two_hosts()
    coordinator.grants()
    before = [sent("a", 1, 3), sent("a", 2, 5)]
    say(coordinator, Report(0, 1, 1, 50, 0, before))
    incarnation = coordinator.restart(0, [], {("a", e.seq): e.fingerprint() for e in before})
    assert incarnation == 2
    (grant,) = coordinator.grants()
    assert (grant.host, grant.incarnation, grant.bound_ns) == (0, 2, 10)
    return coordinator, before


def test_a_restarted_host_repeats_its_past_and_nobody_hears_it_twice():
    coordinator, before = restarted()
    say(coordinator, Report(0, 2, 1, 5, 0, before[:1]))
    assert [grant.host for grant in coordinator.grants()] == [0]
    assert say(coordinator, Report(0, 2, 2, 50, 0, before[1:])) == []
    assert coordinator.unacknowledged(1) == 2


@pytest.mark.parametrize(
    ("outbox", "what"),
    [
        ([sent("a", 1, 4)], "emission 1 .* differs"),
        ([sent("a", 1, 3, b"other")], "emission 1 .* differs"),
        ([sent("a", 1, 3)], "emission 2 did not come again"),
        ([sent("a", 1, 3), sent("a", 2, 5), sent("a", 3, 7)], "emission 3 .* is new"),
    ],
    ids=["another time", "another content", "left out", "one more"],
)
def test_a_host_that_does_something_else_the_second_time_is_named(outbox, what):
    coordinator, _ = restarted()
    with pytest.raises(NondeterminismError, match=f"a was run again .* {what}"):
        coordinator.accept(Report(0, 2, 1, 50, 0, outbox))


def test_a_run_is_not_over_while_a_restarted_host_has_yet_to_repeat_it():
    coordinator = two_hosts()
    coordinator.grants()
    for host in (0, 1):
        say(coordinator, Report(host, 1, 1, NEVER_NS, 0, []))
    assert coordinator.finished
    coordinator.restart(0, [], {})
    assert not coordinator.finished
    assert [grant.host for grant in coordinator.grants()] == [0]
    say(coordinator, Report(0, 2, 1, NEVER_NS, 0, []))
    assert coordinator.finished


def test_a_journal_of_another_length_than_the_inbox_is_refused():
    with pytest.raises(ProtocolError, match="gives host 0 1 emissions"):
        two_hosts().restart(0, [sent("b", 1, 1)], {})


# -- lookahead ------------------------------------------------------------------------------------------------------


def test_the_way_back_to_a_host_is_its_shortest_cycle():
    never = NEVER_NS
    closed = closure([[never, 2, never], [never, never, 3], [4, never, never]])
    assert closed == [[9, 2, 5], [7, 9, 3], [4, 6, 9]]


def test_hosts_that_nothing_joins_stay_apart():
    closed = closure([[NEVER_NS, 5], [NEVER_NS, NEVER_NS]])
    assert closed == [[NEVER_NS, 5], [NEVER_NS, NEVER_NS]]


def test_a_lookahead_under_a_nanosecond_is_a_mistake_of_the_graph():
    with pytest.raises(GraphError, match=r"from host 0 to host 1 is 0 ns.*into one process"):
        Lookahead(lambda start_ns, end_ns: [[NEVER_NS, 0], [1, NEVER_NS]]).window(0)


def test_windows_are_fixed_to_the_epoch_and_asked_for_once():
    asked = []

    def bounds(start_ns, end_ns):
        asked.append((start_ns, end_ns))
        return [[NEVER_NS]]

    lookahead = Lookahead(bounds, 100)
    assert isinstance(lookahead.window(250), Window)
    assert [lookahead.window(t).start_ns for t in (299, 200, 100)] == [200, 200, 100]
    assert asked == [(200, 300), (100, 200)]
