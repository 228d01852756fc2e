"""A simulation goes as far as it is asked to, and what it has brought is there to be looked at."""

from __future__ import annotations

import pytest
from tests.launch.fixtures.graphs import TICKS
from tests.launch.fixtures.talk import TALK, Answer, Command

from lightlag.bus.errors import GraphError, NodeFailed, RunError
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.simulation import Simulation
from lightlag.nodes.events import Event

_S = 1_000_000_000


@pytest.fixture
def ticks(tmp_path):
    file = tmp_path / "ticks.yaml"
    file.write_text(TICKS)
    return load_graph(file)


@pytest.fixture
def talk(tmp_path):
    file = tmp_path / "talk.yaml"
    file.write_text(TALK)
    return load_graph(file)


def test_it_runs_up_to_an_instant_and_on_from_there(ticks):
    with Simulation(ticks) as sim:
        sim.run(until="10 s")
        assert (sim.now_ns, sim.now) == (10 * _S, "2021-02-18T20:26:10.000Z")
        assert [it.message.id for it in sim.receptions("listener")] == [f"tick-{n}" for n in range(1, 8)]
        sim.run(until="2021-02-18T20:26:11Z")
        assert len(sim.receptions("listener", Event)) == 8
        assert sim.receptions("listener", "lightlag.tone") == []
        sim.run(until="5 s")  # that has passed
        assert sim.now_ns == sim.epoch.t_ns("2021-02-18T20:26:11Z")


def test_it_steps_from_instant_to_instant(ticks):
    with Simulation(ticks) as sim:
        assert sim.peek().total_seconds() == 0
        seen = []
        while sim.step():
            seen.append(sim.now_ns / _S)
        assert seen[:5] == [0, 1, 2, 3, 3.5]
        assert seen[-1] == 19.5
        assert sim.peek() is None
        assert not sim.step()


def test_however_it_gets_to_its_end_the_digest_is_one(ticks):
    digests = set()
    for pieces in ([], ["1 s", "3500 ms", "7 s"], None):
        sim = Simulation(ticks)
        if pieces is None:
            while sim.step():
                pass
        for until in pieces or ():
            sim.run(until=until)
        sim.run()
        digests.add(sim.digest)
        assert sim.tally.fields() == (19, 17, {"in_flight": 2})
        assert sim.losses("listener")[0].reason == "in_flight"
    assert len(digests) == 1


def test_it_says_nothing_of_a_digest_before_its_end(ticks):
    with Simulation(ticks) as sim:
        sim.run(until="5 s")
        with pytest.raises(RunError, match="the run goes on; its digest is known once it is finished"):
            _ = sim.digest


def test_what_it_is_sent_arrives_a_nanosecond_later(talk):
    with Simulation(talk) as sim:
        sim.run(until="1 min")
        sim.send("probe.inlet", Command("look", 5))
        sim.run(until="20 min")
        (asked,), (answered,) = sim.receptions("probe"), sim.receptions("ground", Answer)
        assert (asked.emission.sent_ns, asked.received_ns) == (60 * _S, 60 * _S + 1)
        assert answered.received_ns == 670 * _S + 1
        assert answered.message.pixels.sum() == 20


def test_a_node_that_raises_ends_it_and_what_came_before_is_there(talk):
    sim = Simulation(talk)
    sim.send("probe.inlet", Command("explode", 5))
    with pytest.raises(NodeFailed, match=r"(?s)^probe failed at 2021-02-18T20:26:00.000Z SCET.*told to explode"):
        sim.run()
    assert len(sim.receptions("probe")) == 1
    with pytest.raises(NodeFailed):
        sim.run(until="3 min")
    sim.close()
    assert sim.peek() is None


def test_its_files_are_those_of_a_run(ticks, tmp_path):
    from lightlag.launch.look.recorded import open_recorded

    with Simulation(ticks, tmp_path / "run") as sim:
        sim.run(until="10 s")
    bag = open_recorded(tmp_path / "run")
    assert sum(1 for record in bag.records() if record.topic == "/listener/ticks/lightlag.event") == 7
    assert (tmp_path / "run" / "logs" / "listener.log").read_text().count("heard") == 7
    assert sim.run_dir == tmp_path / "run"
    assert len(sim.logs("listener")) == 7
    with pytest.raises(GraphError, match="exists and is not an empty directory"):
        Simulation(ticks, tmp_path / "run")


def test_without_a_directory_it_writes_nothing(ticks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    with Simulation(ticks) as sim:
        sim.run()
    assert sorted(tmp_path.iterdir()) == before
    assert sim.run_dir is None


def test_light_time_between_its_nodes_is_that_of_space():
    sim = Simulation(load_graph("mars2020"))
    assert sim.owlt_s("mro", "goldstone") == pytest.approx(681.9, abs=0.5)
    assert sim.owlt_s("goldstone", "mars", at="2021-02-18T20:43:50Z") == pytest.approx(682.0, abs=0.5)
    assert sim.node("mro").name == "mro"
    with pytest.raises(GraphError, match=r"there is no node 'mroo' in this graph; did you mean 'mro'\?"):
        sim.owlt_s("mroo", "goldstone")


@pytest.mark.parametrize(
    ("until", "wrong"),
    [
        ("2021-02-18T20:25:00Z", "is before the epoch of the run, 2021-02-18T20:26:00.000Z"),
        ("20", "'20' has no unit; a duration is written with one of"),
        (-1, "-1 is negative"),
    ],
)
def test_an_instant_that_is_none_is_told(ticks, until, wrong):
    with pytest.raises(GraphError, match=wrong):
        Simulation(ticks).run(until=until)
