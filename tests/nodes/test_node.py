"""A node: time, randomness and ports come from the run it is in, and from nothing else."""

import asyncio

import pytest
from tests.nodes.worlds import Note, Scripted, Transmitter, run_to_end, wire

from lightlag.bus.errors import NodeError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.radio import Radio


def test_sleep_until_takes_run_time_or_utc_and_returns_at_once_if_it_has_passed():
    async def sleeper(node):
        await node.sleep_until(5)
        node.seen.append(node.now_ns)
        await node.sleep_until("2021-02-18T20:00:02Z")
        node.seen.append(round(node.now_ns / NS_PER_S, 6))
        at_ns = node.now_ns
        await node.sleep_until(3)
        assert node.now_ns == at_ns

    node = Scripted("a", sleeper)
    ran, _ = run_to_end([node], [], until_ns=10 * NS_PER_S)
    assert ran.failure is None, ran.failure.traceback
    assert node.seen == [5, 2.0]


def test_a_cancelled_sleep_leaves_no_timer():
    async def sleeper(node):
        task = asyncio.create_task(node.sleep_until(NS_PER_S))
        await asyncio.sleep(1e-9)
        task.cancel()
        await asyncio.sleep(1e-9)

    ran, _ = run_to_end([Scripted("a", sleeper)], [])
    assert ran.next_ns > NS_PER_S


def test_randomness_belongs_to_the_node_and_the_seed():
    draws = {}

    async def draw(node):
        draws[node.name] = node.rng.random()

    run_to_end([Scripted("a", draw), Scripted("b", draw)], [])
    first = dict(draws)
    run_to_end([Scripted("b", draw), Scripted("c", draw), Scripted("a", draw)], [])
    assert (draws["a"], draws["b"]) == (first["a"], first["b"])
    assert len(set(draws.values())) == 3


def test_a_node_outside_a_run_has_no_time():
    with pytest.raises(NodeError, match="a is not in a run yet"):
        _ = Scripted("a").epoch


def test_ports_and_radios_are_attributes_of_their_declared_names():
    assert sorted(Scripted("a").port) == ["link", "side"]
    node = Transmitter("b")
    assert node.uhf is node.port["uhf"]
    assert isinstance(node.uhf, Radio)


def test_logs_and_files_are_stamped_with_simulated_time():
    async def tell(node):
        await asyncio.sleep(7e-9)
        node.log("chute open", level="warning", height_km=11.2)
        node.publish("chute.png", b"png", range_km=697.0)

    ran, _ = run_to_end([Scripted("a", tell)], [])
    assert ran.logs == [(7, "a", "warning", "chute open", {"height_km": 11.2})]
    assert ran.products == [(7, "a", "chute.png", b"png", {"range_km": 697.0})]


def test_a_node_goes_on_receiving_after_run_returned():
    async def look_later(node):
        asyncio.get_running_loop().call_at_ns(50, lambda: node.seen.append(node.link.waiting))

    async def say(node):
        await asyncio.sleep(20e-9)
        node.link.send(Note("x"))

    node = Scripted("a", look_later)
    run_to_end([node, Scripted("b", say)], [wire("wire", "a", "b")])
    assert node.seen == [1]
