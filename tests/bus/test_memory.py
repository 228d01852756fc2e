"""The memory transport: several hosts in one process come to what one host comes to."""

from __future__ import annotations

import pytest
from tests.bus.worlds import ModelHost, World, alone

from lightlag.bus.activation import Completion
from lightlag.bus.coordinator import Coordinator
from lightlag.bus.errors import RunError
from lightlag.bus.memory import run_in_memory
from lightlag.bus.time import NEVER_NS


def coordinator(world):
    return Coordinator(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)


def hosts(world):
    return [ModelHost(world, at) for at in range(world.hosts)]


@pytest.mark.parametrize("seed", range(20))
def test_any_number_of_hosts_comes_to_the_same(seed):
    world = World(seed)
    frontiers = []
    outcome = run_in_memory(
        hosts(world), coordinator(world), watch=lambda frontier_ns, news: frontiers.append(frontier_ns)
    )
    assert outcome.chains == alone(world)
    assert outcome.reached_ns == world.until_ns
    assert frontiers == sorted(frontiers)


def test_what_every_activation_did_is_written():
    world = World(3)
    written = []
    run_in_memory(hosts(world), coordinator(world), write=written.append)
    assert all(isinstance(done, Completion) for done in written)
    assert len(written) > world.hosts


def test_a_run_that_is_stopped_ends_where_it_is():
    world = World(5)
    outcome = run_in_memory(hosts(world), coordinator(world), stopping=lambda: True)
    assert outcome.interrupted
    assert outcome.reached_ns < world.until_ns
    assert sorted(outcome.chains) == world.nodes


def test_a_run_in_which_nobody_may_go_on_is_told():
    class Stalled(Coordinator):
        def grants(self):
            return []

    world = World(1)
    stalled = Stalled(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)
    with pytest.raises(RunError, match="no host can go on"):
        run_in_memory(hosts(world), stalled)


def test_nodes_without_any_work_end_at_once():
    class Idle(ModelHost):
        def activate(self, bound_ns, emissions, limit):
            return Completion(next_ns=NEVER_NS)

    world = World(2)
    outcome = run_in_memory([Idle(world, at) for at in range(world.hosts)], coordinator(world))
    assert outcome.reached_ns == world.until_ns
