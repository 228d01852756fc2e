"""The search for faults: schedules are drawn the same for ever, and what is found is the least that is enough."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.launch.fixtures.graphs import TICKS

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.cli import main
from lightlag.launch.graph.faults import acts_of_graph, fault_text
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.spec import FaultSpec
from lightlag.launch.run.search import MOST_FAULTS, draw_faults, search, shrink
from lightlag.launch.run.simulation import Simulation
from lightlag.launch.run.trial import find_check, try_out
from lightlag.nodes import faults
from lightlag.nodes.events import Event

HOUR_NS = 3600 * NS_PER_S
LONGER = TICKS.replace("until: 20 s", "until: 10 min")


@pytest.fixture
def graph(tmp_path):
    """Ten minutes of ticks."""
    path = tmp_path / "ticks.yaml"
    path.write_text(LONGER)
    return load_graph(path)


def no_tick_is_missing(sim):
    """What is demanded of a run."""
    heard = {reception.message.id for reception in sim.receptions("listener", Event)}
    missing = [number for number in range(1, 590) if f"tick-{number}" not in heard]
    assert not missing, f"{len(missing)} ticks are missing"


def nothing_ever_crashes(sim):
    """Another demand."""
    assert not [log for node in sim.graph.nodes for log in sim.logs(node) if "crash" in log.text]


# -- drawing --------------------------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_schedule_for_ever(graph):
    assert draw_faults(graph, 1) == draw_faults(graph, 1)
    assert [fault_text(spec) for spec in draw_faults(graph, 3)] == [
        "{stuck_receiver: listener.heard, from: 355800 ms, for: 259100 ms}",
        "{drop: {from: ticker, to: listener, p: 0.01}, from: 471700 ms, for: 165300 ms}",
        "{bounce: listener, at: 479 s, for: 600 ms}",
    ]
    assert len({draw_faults(graph, seed) for seed in range(50)}) == 50


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9))
def test_whatever_is_drawn_can_stand_in_the_graph(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("graph") / "ticks.yaml"
    path.write_text(TICKS)
    graph = load_graph(path)
    drawn = draw_faults(graph, seed)
    assert 1 <= len(drawn) <= MOST_FAULTS
    assert list(drawn) == sorted(drawn, key=lambda spec: spec.from_ns)
    assert acts_of_graph(replace(graph, faults=drawn))
    path.write_text(f"{TICKS}\nfaults: [{', '.join(map(fault_text, drawn))}]")
    assert load_graph(path).faults == drawn


def test_every_verb_is_drawn_that_the_graph_has_something_for(graph):
    drawn = {spec.fault.verb for seed in range(300) for spec in draw_faults(graph, seed)}
    assert drawn == {
        "partition", "hold", "drop", "corrupt", "delay", "crash", "safe_mode", "blackout", "stuck_receiver",
    }  # fmt: skip


# -- shrinking ------------------------------------------------------------------------------------------------------


def test_what_is_not_needed_is_left_out_and_what_is_needed_is_short_and_at_round_times():
    guilty = FaultSpec(faults.drop("a", "b", 0.5), 1_234_567_891_011, 3_001_002_003_004)
    others = [FaultSpec(faults.crash(name), 7 * k, NEVER_NS) for k, name in enumerate("abcd")]

    def fails(specs):
        return any(spec.fault.verb == "drop" and spec.from_ns <= 2_000 * NS_PER_S < spec.until_ns for spec in specs)

    (least,) = shrink((*others[:2], guilty, *others[2:]), fails, HOUR_NS)
    assert fault_text(least) == "{drop: {from: a, to: b, p: 1.0}, from: 33 min, for: 1 min}"


def test_two_that_are_needed_together_stay_together():
    one, two = FaultSpec(faults.crash("a"), 5, NEVER_NS), FaultSpec(faults.crash("b"), 6, NEVER_NS)
    idle = FaultSpec(faults.crash("c"), 7, NEVER_NS)

    def fails(specs):
        return {"a", "b"} <= {name for spec in specs for name in spec.fault.nodes}

    least = shrink((idle, one, idle, two), fails, HOUR_NS)
    assert [spec.fault for spec in least] == [one.fault, two.fault]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, MOST_FAULTS), st.floats(0, 1, exclude_max=True))
def test_what_is_shrunk_still_fails_and_nothing_of_it_can_be_left_out(tmp_path_factory, seed, which, share):
    path = tmp_path_factory.mktemp("graph") / "ticks.yaml"
    path.write_text(LONGER)
    drawn = draw_faults(load_graph(path), seed)
    guilty = drawn[which % len(drawn)]
    at_ns = guilty.from_ns + int(share * (min(guilty.until_ns, 600 * NS_PER_S) - guilty.from_ns))

    def fails(specs):
        return any(s.fault.verb == guilty.fault.verb and s.from_ns <= at_ns < s.until_ns for s in specs)

    assert fails(drawn)
    (least,) = shrink(drawn, fails, 600 * NS_PER_S)
    assert fails([least])
    assert least.fault.probability == 1
    assert least.until_ns == NEVER_NS or least.until_ns - least.from_ns <= 2 * 30 * NS_PER_S


# -- searching ------------------------------------------------------------------------------------------------------


def test_what_is_found_fails_again_when_it_is_pasted_into_the_graph_file(graph, tmp_path):
    found = search(graph, range(1, 50), partial(try_out, check=no_tick_is_missing))
    assert found is not None
    assert len(found.faults) == 1
    assert found.failure.startswith("no_tick_is_missing\n")
    assert "ticks are missing" in found.failure
    path = tmp_path / "again.yaml"
    path.write_text(LONGER + found.yaml)
    assert load_graph(path).faults == found.faults
    assert try_out(load_graph(path), no_tick_is_missing) == found.failure


def test_the_first_failing_seed_is_the_same_however_many_run_at_a_time(graph):
    one = search(graph, range(1, 20), partial(try_out, check=nothing_ever_crashes))
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as executor:
        two = search(graph, range(1, 20), partial(try_out, check=nothing_ever_crashes), mapped=executor.map)
    assert one == two
    assert one is not None
    assert [spec.fault.verb for spec in one.faults] == ["crash"]


def test_a_graph_that_survives_everything_is_not_found_fault_with(graph):
    told = []
    assert search(graph, range(5), lambda graph: None, progress=lambda *it: told.append(it)) is None
    assert told == [("searching", done, 5) for done in range(1, 6)]


def test_a_graph_that_fails_as_it_is_is_told_so(graph):
    found = search(graph, range(5), lambda graph: "always")
    assert found is not None
    assert (found.seed, found.faults, found.failure) == (None, (), "always")


def test_the_faults_of_the_graph_stay_in_it(graph):
    own = FaultSpec(faults.safe_mode("ticker"), 300 * NS_PER_S)
    seen = []

    def run_one(graph):
        seen.append(graph.faults)
        return "many" if len(graph.faults) > 1 else None

    found = search(replace(graph, faults=(own,)), [5], run_one)
    assert found is not None
    assert all(faults[0] == own for faults in seen)
    assert found.yaml.splitlines()[1] == "  - {safe_mode: ticker, from: 5 min}"


def test_a_search_that_shrinks_for_ever_gives_up(graph, monkeypatch):
    monkeypatch.setattr("lightlag.launch.run.search.MOST_RUNS", 3)
    found = search(graph, [7], lambda graph: "some" if graph.faults else None)
    assert found is not None
    assert found.runs == 3


# -- trials ---------------------------------------------------------------------------------------------------------


def test_a_simulation_has_the_faults_of_its_graph(graph):
    sim = Simulation(replace(graph, faults=(FaultSpec(faults.crash("ticker"), 10 * NS_PER_S),)))
    sim.run()
    assert len(sim.receptions("listener")) == len(sim.receptions("listener", Event)) == 9
    assert [reception.emission.channel for reception in sim.receptions("ticker")] == ["@fault"]
    assert [log.text for log in sim.logs("ticker")] == ["fault crash-1 begins"]
    assert sim.failure is None


def test_a_node_that_raises_is_a_failure_with_its_time(tmp_path):
    path = tmp_path / "ticks.yaml"
    path.write_text(TICKS.replace('failing:Listener"', 'failing:Listener", params: {fails_at: 3}'))
    told = try_out(load_graph(path))
    assert told is not None
    assert told.startswith("listener at 2021-02-18T20:26:05.500Z SCET\n")


def test_a_graph_that_cannot_run_is_a_failure_of_the_run(graph):
    broken = replace(graph, faults=(FaultSpec(faults.clock_jump("ticker", 1), 0),))
    assert "the run: " in (try_out(broken) or "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nowhere:check", "nowhere cannot be imported"),
        ("json:dance", "json has no function 'dance'"),
        ("json", "json has no function ''"),
    ],
)
def test_a_check_that_is_not_there_is_told(text, told):
    with pytest.raises(GraphError, match=told):
        find_check(text)


def test_a_check_may_lie_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [])
    (tmp_path / "my_checks.py").write_text("def fine(sim):\n    pass\n")
    assert find_check(f"{tmp_path / 'my_checks.py'}::fine").__name__ == "fine"


# -- the command ----------------------------------------------------------------------------------------------------


def test_the_command_prints_faults_that_reproduce_it(tmp_path, capsys):
    path = tmp_path / "ticks.yaml"
    path.write_text(LONGER)
    check = "tests.launch.run.test_search:nothing_ever_crashes"
    assert main(["search", str(path), "--check", check, "--seeds", "1..20", "--jobs", "2", "-q"]) == 1
    shown = capsys.readouterr().out
    assert " fails: nothing_ever_crashes\n" in shown
    pasted = shown[shown.index("faults:\n") :]
    path.write_text(path.read_text() + pasted)
    assert load_graph(path).faults
    assert main(["search", str(path), "--check", check, "--seeds", "1"]) == 1
    assert "it fails as it is, before anything is drawn: nothing_ever_crashes" in capsys.readouterr().out


def test_the_command_tells_as_json_and_by_its_exit_code(tmp_path, capsys):
    path = tmp_path / "ticks.yaml"
    path.write_text(TICKS)
    assert main(["search", str(path), "--seeds", "1..3"]) == 0
    assert capsys.readouterr().out == "nothing was found in 3 schedules of faults\n"
    assert main(["search", str(path), "--seeds", "1..3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) is None
    check = "tests.launch.run.test_search:no_tick_is_missing"
    assert main(["search", str(path), "--check", check, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["seed"] is None
    for seeds in ("x", "5..3"):
        assert main(["search", str(path), "--seeds", seeds]) == 2
