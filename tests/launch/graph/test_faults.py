"""Faults in graph files: what is read, what is written, and the acts they come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.launch.fixtures.graphs import TICKS

from lightlag.bus.errors import GraphError
from lightlag.bus.message import decoders
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.graph.faults import acts_of_graph, fault_text
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.spec import FaultSpec, Graph
from lightlag.launch.graph.summary import of_graph
from lightlag.launch.placement.world import World
from lightlag.nodes import faults
from lightlag.nodes.faults import Fault

FAULTS = """
args:
  p: {type: float, default: 0.5, help: how lossy}
faults:
  - {partition: [ticker, "*"], channel: ticks, from: 4 s, for: 3 s}
  - {hold: [[ticker], listener], from: 8 s, until: 2021-02-18T20:26:12.000000003Z}
  - {drop: {from: ticker, to: "*", p: "${p}"}, from: 0 s}
  - {corrupt: {from: ticker, to: listener, p: 1}, from: 1 min}
  - {delay: {from: "*", to: listener, by: 20 ms}, from: 5 s}
  - {blackout: [ticker, listener], from: 6 s, for: 1 h}
  - {stuck_receiver: listener.heard, from: 19 s}
  - {crash: listener, at: 19 s}
  - {bounce: ticker, at: 10 s, for: 2 s}
  - {safe_mode: ticker, from: 15 s, for: 1 s}
"""


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    """Ticks, for a while, in which much goes wrong."""
    path = tmp_path / "ticks.yaml"
    path.write_text(TICKS.replace("until: 20 s", "until: 2 min") + FAULTS)
    return load_graph(path)


def s(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def test_faults_are_what_the_file_declares(graph: Graph) -> None:
    read = graph.faults
    assert [spec.fault for spec in read] == [
        faults.partition("ticker", "*", channel="ticks"),
        faults.hold("ticker", "listener"),
        faults.drop("ticker", "*", 0.5),
        faults.corrupt("ticker", "listener", 1),
        faults.delay("*", "listener", 0.02),
        faults.blackout(["ticker", "listener"]),
        faults.stuck_receiver("listener", "heard"),
        faults.crash("listener"),
        faults.crash("ticker"),
        faults.safe_mode("ticker"),
    ]
    assert [spec.from_ns for spec in read] == [s(t) for t in (4, 8, 0, 60, 5, 6, 19, 19, 10, 15)]
    until_ns = [spec.until_ns for spec in read]
    assert until_ns[0] == s(7)
    assert abs(until_ns[1] - s(12)) < 10
    assert until_ns[5] == s(3606)
    assert until_ns[8:] == [s(12), s(16)]
    assert {until_ns[k] for k in (2, 3, 4, 6, 7)} == {NEVER_NS}


def test_a_graph_without_faults_has_none(tmp_path: Path) -> None:
    path = tmp_path / "ticks.yaml"
    path.write_text(TICKS + "faults:\n")
    assert load_graph(path).faults == ()
    assert "faults" not in load_graph(path).to_yaml()
    assert "faults" not in of_graph(load_graph(path))


def test_the_resolved_graph_has_the_same_faults(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "resolved.yaml").write_text(graph.to_yaml())
    assert load_graph(tmp_path / "resolved.yaml") == graph


def test_a_person_is_shown_faults_as_they_can_be_written(graph: Graph) -> None:
    shown = of_graph(graph).partition("\nfaults\n")[2].splitlines()
    assert shown[0] == '  partition: [ticker, "*"], channel: ticks, from: 4 s, for: 3 s'
    assert shown[2] == '  drop: {from: ticker, to: "*", p: 0.5}, from: 0 s'
    assert shown[5:9] == [
        "  blackout: [ticker, listener], from: 6 s, for: 1 h",
        "  stuck_receiver: listener.heard, from: 19 s",
        "  crash: listener, at: 19 s",
        "  bounce: ticker, at: 10 s, for: 2 s",
    ]


NODES = st.one_of(
    st.sampled_from([("ticker",), ("listener",), ("*",)]), st.permutations(["ticker", "listener"]).map(tuple)
)
CHANNEL = st.sampled_from(["", "ticks"])
DRAWN = st.one_of(
    st.builds(Fault, st.sampled_from(["partition", "hold"]), NODES, NODES, CHANNEL),
    st.builds(
        Fault,
        st.sampled_from(["drop", "corrupt"]),
        NODES,
        NODES,
        CHANNEL,
        probability=st.floats(0, 1, exclude_min=True),
    ),
    st.builds(Fault, st.just("delay"), NODES, NODES, CHANNEL, delay_ns=st.integers(1, 10**15)),
    st.builds(Fault, st.sampled_from(["blackout", "crash", "safe_mode"]), NODES),
)


@given(DRAWN, st.integers(0, s(20) - 1), st.one_of(st.none(), st.integers(1, 10**13)))
def test_whatever_the_fault_it_is_read_as_it_was_written(tmp_path_factory, fault, from_ns, for_ns) -> None:
    path = tmp_path_factory.mktemp("graph") / "ticks.yaml"
    path.write_text(TICKS)
    graph = load_graph(path)
    spec = FaultSpec(fault, from_ns, NEVER_NS if for_ns is None else from_ns + for_ns)
    graph = replace(graph, faults=(spec,))
    try:
        acts_of_graph(graph)
    except GraphError:  # it concerns nobody
        return
    path.write_text(graph.to_yaml())
    assert load_graph(path) == graph
    path.write_text(f"{TICKS}\nfaults: [{fault_text(spec)}]")
    assert load_graph(path) == graph


def test_faults_come_to_acts_in_the_order_of_their_times_what_ends_before_what_begins(graph: Graph) -> None:
    one, two = faults.partition("ticker", "listener"), faults.crash("ticker")
    graph = replace(graph, faults=(FaultSpec(one, s(3), s(5)), FaultSpec(two, s(5), s(9999)), FaultSpec(two, 0)))
    acts = acts_of_graph(graph)
    assert [
        (node, emission.to, emission.seq, emission.sent_ns + 1, decoders[emission.type](emission.body, ()).id)
        for node, emission in acts
    ] == [
        ("ticker", "ticker", 1, 0, "crash-2"),
        ("listener", "listener", 2, s(3), "partition-1"),
        ("listener", "listener", 3, s(5), "partition-1"),
        ("ticker", "ticker", 4, s(5), "crash-1"),
    ]
    assert [emission.type for _, emission in acts] == [
        "lightlag.fault@1", "lightlag.fault@1", "lightlag.fault_end@1", "lightlag.fault@1",
    ]  # fmt: skip


def test_the_clock_that_is_to_jump_must_be_there(graph: Graph) -> None:
    graph = replace(graph, faults=(FaultSpec(faults.clock_jump("ticker", 2.5), s(3)),))
    with pytest.raises(GraphError, match="the clock of ticker is to jump, but Ticker has none"):
        World(graph).check()


def test_a_jump_is_written_and_read(graph: Graph, tmp_path: Path) -> None:
    graph = replace(graph, faults=(FaultSpec(faults.clock_jump("ticker", -2.5), s(3)),))
    assert fault_text(graph.faults[0]) == "{clock_jump: {node: ticker, by: -2500 ms}, at: 3 s}"
    (tmp_path / "ticks.yaml").write_text(graph.to_yaml())
    assert load_graph(tmp_path / "ticks.yaml") == graph
