"""Placement: nodes that light crosses between quickly run together."""

from __future__ import annotations

import pytest

from lightlag.launch.graph import InvalidGraph, load_graph
from lightlag.launch.placement import host_names, place
from lightlag.launch.world import World

EARTH = ["canberra", "goldstone", "madrid"]
WIRES = """
version: 1
name: wires
epoch: 2021-02-18T20:26:00Z
until: 40 min
nodes:
  a: {type: "tests.integration.failing:Ticker"}
  b: {type: "tests.integration.failing:Listener"}
  c: {type: "tests.integration.failing:Listener"}
  d: {type: "tests.integration.failing:Listener"}
channels:
  ticks: {medium: {wire: {latency: 3 ms}}, members: [b.heard, c.heard], senders: [a.out]}
"""
# Both stand on the same spot: no lookahead between them.
TOUCHING = """
version: 1
name: touching
epoch: 2021-02-18T20:26:00Z
until: 40 min
nodes:
  one: {type: ground-station, params: {station: DSS-14}}
  two: {type: ground-station, params: {station: DSS-14}}
  far: {type: ground-station, params: {station: DSS-43}}
channels:
  earth: {medium: space, members: [one.xband, two.xband, far.xband]}
"""


@pytest.fixture(scope="module")
def mars2020():
    return World(load_graph("mars2020"))


@pytest.fixture
def world_of(tmp_path):
    def made(text: str) -> World:
        path = tmp_path / "graph.yaml"
        path.write_text(text)
        return World(load_graph(path))

    return made


def test_two_processes_are_mars_and_earth(mars2020):
    assert place(mars2020, 2) == [EARTH, ["hope", "maven", "mro", "perseverance", "tianwen1"]]


@pytest.mark.parametrize("processes", [1, 3, 50])
def test_every_node_is_in_one_group_and_there_are_no_more_groups_than_processes(mars2020, processes):
    groups = place(mars2020, processes)
    assert sorted(node for group in groups for node in group) == sorted(mars2020.nodes)
    assert len(groups) == min(processes, len(groups))
    assert groups == sorted(sorted(group) for group in groups)


def test_hosts_are_named_after_their_first_node():
    assert host_names([EARTH, ["hope"]]) == ["canberra+2", "hope"]


def test_nodes_that_no_channel_joins_may_be_apart(world_of):
    assert place(world_of(WIRES), 4) == [["a"], ["b"], ["c"], ["d"]]


def test_pinned_nodes_stay_together(world_of):
    groups = place(world_of(WIRES + "place: {a: desk, d: desk}\n"), 3)
    assert groups == [["a", "d"], ["b"], ["c"]]


def test_nodes_without_lookahead_between_them_are_put_together(world_of):
    assert place(world_of(TOUCHING), 3) == [["far"], ["one", "two"]]


def test_nodes_without_lookahead_that_are_pinned_apart_are_refused_with_the_way_out(world_of):
    world = world_of(TOUCHING + "place: {one: here, two: there}\n")
    with pytest.raises(InvalidGraph, match="one and two are placed apart") as raised:
        place(world, 2)
    assert "graph.yaml:12:" in str(raised.value)
    assert "give them the same place" in str(raised.value)
