"""The coordination rule: every placement, order and kill gives the run of one process; wrong readings do not."""

import asyncio
import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bus.worlds import Deadlock, ModelHost, PastArrival, World, alone, drive, run_world

from lightlag.bus.coordinator import Coordinator
from lightlag.bus.digest import run_digest
from lightlag.bus.errors import ProtocolError
from lightlag.bus.lookahead import Lookahead
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
        chains, killed = run_world(world, random.Random(seed), kill_share=0.12)
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

    def earliest_ns(self):
        return [lane.next_ns for lane in self._lanes]


class NextWhileRunning(Coordinator):
    """Believes that what was sent down with a grant is accounted for."""

    def earliest_ns(self):
        right = super().earliest_ns()
        return [at_ns if lane.idle else lane.next_ns for at_ns, lane in zip(right, self._lanes, strict=True)]


class GrantWhileRunning(Coordinator):
    """Believes that a host that was granted a bound has reached it."""

    def earliest_ns(self):
        right = super().earliest_ns()
        return [at_ns if lane.idle else lane.bound_ns for at_ns, lane in zip(right, self._lanes, strict=True)]


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
