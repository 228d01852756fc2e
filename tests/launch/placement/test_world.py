"""A world: what a graph comes to in one process, and what is wrong with it said before anything starts."""

from __future__ import annotations

import pytest

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.cli import main
from lightlag.launch.graph.diagnostics import InvalidGraph
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import WINDOW_NS, World
from lightlag.launch.run.options import EXIT_BAD_INPUT

GRAPH = """
version: 1
name: pair
epoch: {epoch}
until: 40 min
nodes:
  mro: {{type: mro, params: {mro}}}
  tianwen1: {{type: tianwen1}}
  madrid: {{type: ground-station, params: {{station: madrid}}}}
  desk: {{type: "tests.launch.fixtures.nodes:Beacon"}}
  chair: {{type: "tests.launch.fixtures.nodes:Beacon"}}
  mute: {{type: "tests.launch.fixtures.nodes:Mute"}}
channels:
  downlink: {{medium: space, members: [madrid.xband], senders: [mro.xband, tianwen1.xband]}}
  uhf: {{medium: space, members: [mro.uhf, tianwen1.uhf]}}
  {more}
"""

#: A picture that MRO is told to take, with what may be misspelt left open.
HIRISE = """{{hirise: {{
  shutter: 2021-02-18T20:42:46Z, centre_lat: 18 deg, centre_lon: 77 deg, take: {take},
  target: {target}, target_lat: 18 deg, target_lon: 77 deg, target_height: 0 km, scene: "{scene}"}}}}"""
JEZERO = "lightlag.missions.mars2020.scene:JEZERO"


@pytest.fixture
def world_of(tmp_path):
    """A world of the graph above, with more channels, or another epoch."""

    def made(more: str = "", epoch: str = "2021-02-18T20:26:00Z", mro: str = "{}") -> World:
        path = tmp_path / "pair.yaml"
        path.write_text(GRAPH.format(more=more, epoch=epoch, mro=mro))
        return World(load_graph(path))

    return made


@pytest.fixture(scope="module")
def mars2020():
    return World(load_graph("mars2020"))


def test_a_bound_is_below_the_light_time_of_its_window_and_close_to_it(mars2020):
    around = mars2020.surroundings("mro")
    for window in range(4):
        begin_ns, end_ns = window * WINDOW_NS, (window + 1) * WINDOW_NS
        bound_ns = mars2020.delay_bound_ns("mro", "madrid", begin_ns, end_ns)
        least_s = min(around.owlt_s("madrid", t_ns) for t_ns in range(begin_ns, end_ns, 20 * NS_PER_S))
        assert 0 < least_s - bound_ns / NS_PER_S < 0.1


def test_who_cannot_speak_on_a_channel_holds_nobody_up(mars2020):
    """Hope listens on the channel around Mars with a radio that sends to Earth; Tianwen-1's radio there is silent."""
    assert mars2020.delay_bound_ns("hope", "mro", 0, WINDOW_NS) == NEVER_NS
    assert mars2020.delay_bound_ns("tianwen1", "maven", 0, WINDOW_NS) == NEVER_NS
    assert mars2020.delay_bound_ns("madrid", "mro", 0, WINDOW_NS) == NEVER_NS
    assert mars2020.delay_bound_ns("perseverance", "hope", 0, WINDOW_NS) < NEVER_NS
    assert mars2020.delay_bound_ns("mro", "maven", 0, WINDOW_NS) < NEVER_NS


def test_the_lookahead_between_groups_is_the_least_between_their_nodes(mars2020):
    groups = [["canberra", "goldstone", "madrid"], ["mro", "maven", "perseverance"]]
    direct = mars2020.lookahead(groups).window(0).direct
    assert direct[0] == [NEVER_NS, NEVER_NS]
    assert direct[1][0] == min(
        mars2020.delay_bound_ns(a, b, 0, WINDOW_NS) for a in groups[1] for b in groups[0]
    )  # 11 minutes
    assert direct[1][0] > 680 * NS_PER_S


def test_the_surroundings_of_a_node_are_the_space_of_the_run(mars2020):
    around = mars2020.surroundings("madrid")
    assert around.range_km("mro", 0) == pytest.approx(around.range_km("mars", 0), abs=4000)
    with pytest.raises(GraphError, match="did you mean 'mro'"):
        around.state("mroo", 0)


def test_a_node_without_a_trajectory_is_refused_with_its_place(world_of):
    with pytest.raises(InvalidGraph, match="desk is on a space channel but has no trajectory") as raised:
        world_of("odd: {medium: space, members: [desk.uhf]}").check()
    assert "pair.yaml:10:3" in str(raised.value)


def test_a_radio_that_a_node_may_have_but_has_not_is_refused_on_a_space_channel(world_of):
    with pytest.raises(InvalidGraph, match=r"desk\.xband is on a space channel but is no radio"):
        world_of("odd: {medium: space, members: [desk.xband]}")


@pytest.mark.parametrize(
    ("target", "scene", "told"),
    [
        ("tianwen", JEZERO, "mro: hirise.target 'tianwen' is no node of this graph; did you mean 'tianwen1'?"),
        ("tianwen1", JEZERO + "O", f"mro: scene '{JEZERO}O' was not found"),
        ("tianwen1", "lightlag.nodes.camera:MARS", "mro: scene 'lightlag.nodes.camera:MARS' (Ellipsoid) has no method"),
    ],
)
def test_a_picture_of_what_is_not_there_is_refused_before_anything_starts(
    world_of, tmp_path, capsys, target, scene, told
):
    world = world_of(mro=HIRISE.format(take="true", target=target, scene=scene))
    with pytest.raises(InvalidGraph) as raised:
        world.check()
    assert f"pair.yaml:7:3: {told}" in str(raised.value)
    run = tmp_path / "run"
    assert main(["launch", str(tmp_path / "pair.yaml"), "--run-dir", str(run)]) == EXIT_BAD_INPUT
    assert told in " ".join(capsys.readouterr().err.split())
    assert not run.exists()


def test_a_picture_of_what_is_there_may_be_taken_and_one_that_is_not_taken_needs_nothing(world_of):
    world_of(mro=HIRISE.format(take="true", target="tianwen1", scene=JEZERO)).check()
    world_of(mro=HIRISE.format(take="false", target="nobody", scene="no.where:SCENE")).check()


@pytest.mark.parametrize("epoch", ["1800-01-01T00:00:00Z", "2060-01-01T00:00:00Z"])
def test_an_epoch_outside_the_ephemeris_is_refused_with_the_dates_that_are_covered(world_of, epoch):
    with pytest.raises(GraphError, match=r"1899-|before 1972") as raised:
        world_of(epoch=epoch).check()
    assert "pair.yaml:4:8" in str(raised.value)


def test_a_wire_is_as_long_as_it_is_declared_and_leads_one_way(world_of):
    world = world_of("office: {medium: {wire: {latency: 2 ms}}, members: [chair.in_], senders: [desk.out]}")
    assert world.delay_bound_ns("desk", "chair", 0, WINDOW_NS) == 2_000_000
    assert world.delay_bound_ns("chair", "desk", 0, WINDOW_NS) == NEVER_NS
    assert world.delay_bound_ns("desk", "mute", 0, WINDOW_NS) == NEVER_NS
