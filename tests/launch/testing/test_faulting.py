"""In a test something goes wrong at the test's instant, and is undone; here and over processes alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.launch.fixtures.graphs import TICKS
from tests.launch.fixtures.talk import TALK, Answer, Command

from lightlag.bus.errors import GraphError
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.simulation import Simulation
from lightlag.nodes.events import Event

pytest_plugins = ["pytester"]

_S = 1_000_000_000
FAULTY = TICKS + "faults:\n  - {drop: {from: ticker, to: listener, p: 0.3}, from: 0 s}\n"


async def test_a_partition_lasts_as_long_as_the_block(launch_graph):
    async with launch_graph(TICKS) as run:
        await asyncio.sleep(5)
        with run.partition("ticker", "listener"):
            loss = await run.expect_loss("listener", Event, reason="fault")
            await asyncio.sleep(2)
        assert loss.t_ns == round(5.5 * _S)
        assert (await run.expect("listener", Event)).id == "tick-6"
        assert [loss.t_ns / _S for loss in run.losses("listener", Event)] == [5.5, 6.5, 7.5]


async def test_a_fault_may_last_for_a_while_by_itself(launch_graph):
    async with launch_graph(TICKS) as run:
        run.partition("ticker", "listener", lasting="4 s")
        assert (await run.expect("listener", Event)).id == "tick-2"
        run.bounce("ticker", "2500 ms")
        await asyncio.sleep(10)
        heard = [reception.message.id for reception in run.receptions("listener", Event)]
        assert heard[:3] == ["tick-2", "tick-3", "tick-4"]  # the last two were on their way
        assert "tick-1" in heard[3:]  # who starts again counts anew


async def test_what_is_held_comes_when_it_is_released(launch_graph):
    async with launch_graph(TALK) as run:
        held = run.hold("ground", "probe")
        run.send("ground.desk", Command("look", 1))
        run.send("ground.desk", Command("look", 2))
        await asyncio.sleep(1000)
        assert run.receptions("probe", Command) == []
        run.release(held)
        first = await run.reception("probe", Command, within="1 s")
        second = await run.reception("probe", Command, within="1 s")
        assert [it.message.number for it in (first, second)] == [1, 2]
        assert first.received_ns == second.received_ns == 1000 * _S + 1


async def test_delay_corruption_and_dropping_are_one_way(launch_graph):
    async with launch_graph(TALK) as run:
        run.delay("probe", "ground", "30 s")
        run.send("ground.desk", Command("look", 1))
        assert (await run.reception("ground", Answer)).received_ns == 1240 * _S + 1
        with run.drop("ground", "probe", 1.0, channel="up"):
            run.send("ground.desk", Command("look", 2))
            await run.expect_loss("probe", Command, reason="fault")
        with run.corrupt("ground", "probe", 1.0):
            run.send("ground.desk", Command("look", 3))
            await asyncio.sleep(700)
        wrong = run.receptions("probe", Command)[1:]
        assert len(wrong) + len(run.losses("probe", Command)) == 2
        assert all(it.message != Command("look", 3) for it in wrong)


async def test_blackouts_stuck_receivers_and_safe_modes(launch_graph):
    async with launch_graph(TICKS) as run:
        with run.blackout("ticker"):
            await asyncio.sleep(3)
        with run.stuck_receiver("listener.heard"):
            await asyncio.sleep(4)
        await asyncio.sleep(1)
        lost = [loss.emission.sent_ns // _S for loss in run.losses("listener", Event)]
        assert lost == [1, 2, 3, 4]  # what was sent in the blackout, then what came to the stuck receiver
        with run.safe_mode("ticker"):
            await asyncio.sleep(3)
        await asyncio.sleep(1)
        assert [log.text for log in run.logs("ticker")][-2:] == ["fault safe_mode-1 begins", "fault safe_mode-1 ends"]


async def test_a_crash_ends_with_a_new_start(launch_graph):
    async with launch_graph(TICKS) as run:
        crash = run.crash("ticker")
        await asyncio.sleep(6)
        crash.end()
        crash.end()  # once is enough
        assert (await run.expect("listener", Event, within="5 s")).id == "tick-1"


async def test_names_that_are_none_are_told(launch_graph):
    async with launch_graph(TICKS) as run:
        with pytest.raises(GraphError, match="partition names 'tiker', which is no node"):
            run.partition("tiker", "listener")
        with pytest.raises(GraphError, match="the clock of ticker is to jump, but Ticker has none"):
            run.clock_jump("ticker", "2 s")
        with pytest.raises(GraphError, match="it lasts longer than nothing"):
            run.crash("ticker", lasting="0 s")
        with pytest.raises(GraphError, match=r"drop got probability 1\.5"):
            run.drop("ticker", "listener", 1.5)


async def test_a_fault_of_the_graph_is_there_too(launch_graph):
    async with launch_graph(FAULTY) as run:
        assert run.drop("ticker", "listener", 0.5).id == "drop-2"
        digest = await run.to_the_end()
        assert run.tally.losses["fault"] > 3
    async with launch_graph(FAULTY) as again:
        again.drop("ticker", "listener", 0.5)
        assert await again.to_the_end() == digest


def test_a_simulation_has_the_same_verbs(tmp_path):
    file = tmp_path / "ticks.yaml"
    file.write_text(TICKS)
    with Simulation(load_graph(file)) as sim:
        with sim.partition("ticker", "listener"):
            sim.run(until="6 s")
        sim.run()
        assert [loss.reason for loss in sim.losses("listener", Event)] == ["fault"] * 3 + ["in_flight"] * 2


def test_a_lossy_run_over_processes_has_the_digest_of_one_here(pytester, monkeypatch):
    """The same test, with acts and faults at its own instants, in one process and in two."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini(f"[pytest]\nasyncio_default_fixture_loop_scope = function\npythonpath = {pytester.path}")
    pytester.makepyfile(
        f"""
import asyncio
from pathlib import Path
from lightlag.nodes.events import Event
GRAPH = {FAULTY!r}

async def test_it(launch_graph, capsys):
    async with launch_graph(GRAPH) as run:
        await run.expect("listener", Event)
        with run.partition("ticker", "listener"):
            await run.expect_loss("listener", Event)
            await asyncio.sleep(1)
        run.bounce("ticker", "1 s")
        digest = await run.to_the_end()
    with capsys.disabled():
        print("digest", digest, run.tally.fields())
"""
    )
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    told = []
    for processes in ("0", "2"):
        result = pytester.runpytest_subprocess("-q", "-s", "-p", "no:cacheprovider", "--lightlag-processes", processes)
        result.assert_outcomes(passed=1)
        told += [line for line in result.outlines if "digest" in line]
    assert len(told) == 2
    assert told[0] == told[1]
