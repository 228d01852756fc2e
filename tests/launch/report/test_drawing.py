"""The drawing of a graph: everything is in it once, it says what the world says, and nothing lies on anything else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightlag.bus.medium import Wire
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.spec import ChannelSpec, Graph, NodeSpec
from lightlag.launch.placement.world import World
from lightlag.launch.report.drawing import graph_drawing, graph_file
from lightlag.launch.report.geometry import Delay, Geometry, geometry_at
from lightlag.launch.report.topology import MOST_BOXES, places_of, regions_of, span_of
from lightlag.launch.report.wiring import BOX_WIDTH, WIDTH, Plan, plan
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams

_SVG = "{http://www.w3.org/2000/svg}"
LANDED_NS = 1140 * NS_PER_S

PAIR = """
version: 1
name: pair
epoch: 2021-02-18T20:26:00Z
until: 40 min
nodes:
  mro: {type: mro}
  hope: {type: hope, join: 5 min}
  madrid: {type: ground-station, params: {station: DSS-63}}
  desk: {type: "tests.launch.fixtures.nodes:Beacon"}
  chair: {type: "tests.launch.fixtures.nodes:Beacon"}
channels:
  downlink: {medium: space, members: [madrid.xband], senders: [mro.xband, hope.xband]}
  wire: {medium: {wire: {latency: 250 ms}}, members: [chair.in_], senders: [desk.out]}
place: {desk: office, chair: office}
"""


DEEP = """
version: 1
name: deep
epoch: 2021-02-18T20:26:00Z
until: 1 min
nodes:
  mro: {type: mro, params: {uhf: {receive_hz: 8445 MHz}}}
  maven: {type: maven}
  probe: {type: "tests.launch.fixtures.nodes:Probe"}
  madrid: {type: ground-station, params: {station: DSS-63}}
channels:
  deep: {medium: space, members: [madrid.xband, probe.radio, mro.uhf], senders: [maven.xband]}
"""


class Exchange(Node):
    """Has a socket for every wire there is."""

    ports: ClassVar[tuple[str, ...]] = tuple(f"p{number}" for number in range(12))


@pytest.fixture(scope="module")
def mars2020() -> World:
    return World(load_graph("mars2020"))


@pytest.fixture
def pair(tmp_path: Path) -> World:
    path = tmp_path / "pair.yaml"
    path.write_text(PAIR)
    return World(load_graph(path))


@pytest.fixture
def deep(tmp_path: Path) -> World:
    path = tmp_path / "deep.yaml"
    path.write_text(DEEP)
    return World(load_graph(path))


def drawn(world: World, at_ns: int = 0) -> ElementTree.Element:
    """The file, parsed: so it is well-formed."""
    return ElementTree.fromstring(graph_file(world.graph, geometry_at(world, at_ns)))


def nodes_in(drawing: ElementTree.Element) -> list[str]:
    return sorted(name for element in drawing.iter() for name in element.get("data-nodes", "").split())


def channels_in(drawing: ElementTree.Element) -> list[str]:
    return sorted(element.get("data-channel", "") for element in drawing.iter() if element.get("data-channel"))


def texts(drawing: ElementTree.Element, kind: str = "") -> list[str]:
    return [it.text or "" for it in drawing.iter(f"{_SVG}text") if it.get("class", "").startswith(kind)]


def titles(drawing: ElementTree.Element) -> list[str]:
    return [it.text or "" for it in drawing.iter(f"{_SVG}title")]


# -- what is in it ------------------------------------------------------------------------------------------------


def test_every_node_and_every_channel_is_in_the_drawing_once(mars2020: World, pair: World) -> None:
    for world in (mars2020, pair):
        drawing = drawn(world)
        assert nodes_in(drawing) == sorted(world.graph.nodes)
        assert channels_in(drawing) == sorted(world.graph.channels)


def test_a_box_says_type_and_ports_and_the_rate_of_what_is_heard(mars2020: World) -> None:
    drawing = drawn(mars2020)
    assert "ground-station" in texts(drawing, "type")
    assert texts(drawing, "port").count("xband") == 8
    assert {"32 kbit/s", "2 Mbit/s", "10 s a frame"} <= set(texts(drawing, "fact"))


def test_the_same_graph_gives_the_same_bytes(mars2020: World) -> None:
    again = World(load_graph("mars2020"))
    assert graph_file(mars2020.graph, geometry_at(mars2020, 0)) == graph_file(again.graph, geometry_at(again, 0))


def test_planets_are_regions_with_their_orbits_over_their_ground(mars2020: World) -> None:
    geometry = geometry_at(mars2020, LANDED_NS)
    mars, earth = regions_of(mars2020.graph, geometry, {})
    assert [mars.title, earth.title] == ["Mars", "Earth"]
    assert [lane.title for lane in mars.lanes] == ["in orbit", "on the ground"]
    assert [box.nodes for box in mars.lanes[0].boxes] == [("tianwen1",), ("hope",), ("maven",), ("mro",)]
    assert [lane.title for lane in earth.lanes] == ["ground stations"]
    assert {card.region.body: card.horizon is not None for card in planned(mars2020, LANDED_NS).cards} == {
        "mars": True,
        "earth": True,
    }


def test_a_lander_is_in_flight_before_it_stands_on_the_ground(mars2020: World) -> None:
    before, after = (geometry_at(mars2020, at_ns).sites["perseverance"] for at_ns in (0, LANDED_NS))
    assert (before.kind, after.kind) == ("flight", "surface")
    assert before.height_km > 1000
    assert after.height_km == pytest.approx(-2.2, abs=0.4)


def test_a_descent_that_would_hit_the_ground_is_no_orbit(mars2020: World) -> None:
    under_the_parachute_ns = mars2020.graph.epoch.t_ns("2021-02-18T20:41:30Z")
    assert geometry_at(mars2020, under_the_parachute_ns).sites["perseverance"].kind == "flight"


def test_altitudes_are_those_of_the_world(mars2020: World) -> None:
    geometry = geometry_at(mars2020, 0)
    for node in ("mro", "maven", "hope"):
        assert geometry.sites[node].height_km == mars2020.surroundings(node).altitude_km("mars", 0)


def test_a_probe_between_the_planets_is_in_deep_space(deep: World) -> None:
    drawing = drawn(deep)
    assert texts(drawing, "planet") == ["Mars", "Deep space", "Earth"]
    assert any(text.endswith(" au from the sun") for text in texts(drawing, "fact"))


def test_mars_and_deep_space_face_each_other_where_nobody_is_on_earth(tmp_path: Path) -> None:
    path = tmp_path / "away.yaml"
    path.write_text(DEEP.replace("madrid.xband, ", "").replace("  madrid:", "  #"))
    mars, space = planned(World(load_graph(path))).cards
    assert (mars.region.body, space.region.body) == ("mars", "sun")
    assert mars.x + mars.width < space.x


def test_nodes_on_wires_alone_are_elsewhere(pair: World) -> None:
    drawing = drawn(pair)
    assert texts(drawing, "planet") == ["Mars", "Earth", "Elsewhere"]
    assert "on wires only" in texts(drawing, "lanetitle")


def test_ports_on_no_channel_are_named_and_joined_to_nothing(pair: World) -> None:
    drawing = drawn(pair)
    assert texts(drawing, "port loose") == ["uhf", "uhf, in_", "uhf, out"]  # of MRO, desk and chair
    assert "on no channel" in texts(drawing, "fact")


def test_a_node_that_joins_later_says_when(pair: World) -> None:
    assert "from 20:31:00" in texts(drawn(pair), "fact")


def test_in_a_run_of_days_a_node_says_on_which_it_joins_and_leaves(tmp_path: Path) -> None:
    path = tmp_path / "days.yaml"
    path.write_text(PAIR.replace("until: 40 min", "until: 3 d").replace("join: 5 min", "join: 1 d, leave: 2 d"))
    assert "from 02-19 20:26 until 02-20 20:26" in texts(drawn(World(load_graph(path))), "fact")


# -- who hears whom, and when -------------------------------------------------------------------------------------


def test_delays_are_those_of_the_world(mars2020: World) -> None:
    for at_ns in (0, LANDED_NS):
        reach = geometry_at(mars2020, at_ns).reaches["downlink"]
        pairs = product(("perseverance", "mro", "maven", "tianwen1", "hope"), ("goldstone", "madrid", "canberra"))
        light_s = [mars2020.surroundings(one).owlt_s(other, at_ns) for one, other in pairs]
        delay = reach.delays["mars", "earth"]
        assert delay.low_ns / NS_PER_S == pytest.approx(min(light_s), abs=2e-3)  # the closest now is not so for long
        assert delay.high_ns / NS_PER_S == pytest.approx(max(light_s), abs=2e-3)
        assert f"{span_of(delay)} of light" in texts(drawn(mars2020, at_ns), "delay")


def test_delays_are_those_of_the_instant(mars2020: World) -> None:
    early, late = (geometry_at(mars2020, at_ns).reaches["uhf"].delays["mars", "mars"] for at_ns in (0, LANDED_NS))
    assert late.high_ns < early.low_ns  # the orbiters are over the landing site, the lander has come down


def test_a_wire_has_its_latency(pair: World) -> None:
    assert geometry_at(pair, 0).reaches["wire"].delays == {("", ""): Delay(250_000_000, 250_000_000)}
    assert "wire, 250 ms" in texts(drawn(pair), "delay")


def test_who_is_tuned_to_nobody_neither_hears_nor_is_heard(mars2020: World) -> None:
    reach = geometry_at(mars2020, 0).reaches["uhf"]
    assert reach.heard == {"perseverance"}
    assert reach.hearing == {"mro", "maven"}
    assert "mro" in reach.speakers  # it calls on UHF, but the only one who would listen is not a member
    assert sum("nobody there is tuned to it" in title for title in titles(drawn(mars2020))) == 2  # Tianwen-1 and Hope


def test_arrows_show_who_sends_and_who_hears(pair: World) -> None:
    told = titles(drawn(pair))
    assert {"mro.xband sends on downlink", "madrid.xband hears on downlink", "chair.in_ hears on wire"} <= set(told)


def test_delays_of_several_pairs_of_bodies_have_a_line_each(deep: World) -> None:
    ways = [text.partition(":")[0] for text in texts(drawn(deep), "delay")]
    assert ways == ["at Mars", "Mars → Deep space", "Mars → Earth", "Deep space → Earth"]


def test_delays_both_ways_are_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "both.yaml"
    path.write_text(DEEP.replace("DSS-63}", "DSS-63, xband: {transmit_hz: 8445 MHz, receive_hz: 8420 MHz}}"))
    ways = [text.partition(":")[0] for text in texts(drawn(World(load_graph(path))), "delay")]
    assert "Deep space ⇄ Earth" in ways


def test_where_nobody_is_tuned_to_anybody_it_is_said_instead_of_a_delay(tmp_path: Path) -> None:
    path = tmp_path / "deaf.yaml"
    path.write_text(PAIR.replace("DSS-63}", "DSS-63, xband: {receive_hz: 1 GHz}}"))
    assert "nobody is tuned to anybody" in texts(drawn(World(load_graph(path))), "delay")


@pytest.mark.parametrize(
    ("low_ns", "high_ns", "said"),
    [
        (9_380_131, 19_623_552, "9.38–19.6 ms"),
        (682_080_497_280, 682_269_807_847, "11 min 22.1–22.3 s"),
        (682_080_497_280, 682_080_497_281, "11 min 22.1 s"),
        (976_000, 21_000_000, "976 µs – 21 ms"),
        (300_000_000_000, 301_000_000_000, "5 min – 5 min 1 s"),
    ],
)
def test_a_span_of_delays_names_its_unit_once(low_ns: int, high_ns: int, said: str) -> None:
    assert span_of(Delay(low_ns, high_ns)) == said


# -- large graphs, and graphs without space -----------------------------------------------------------------------


def wired(memberships: Sequence[Sequence[int]], count: int, place: Sequence[str] = ()) -> tuple[Graph, Geometry]:
    """Exchanges on wires: of each wire, who is on it."""
    names = [f"n{number:02d}" for number in range(count)]
    nodes = {name: NodeSpec(name, "x", Exchange, NodeParams()) for name in names}
    channels = {
        f"bus{k}": ChannelSpec(f"bus{k}", Wire(k + 1), {names[number]: f"p{k}" for number in on}, {})
        for k, on in enumerate(memberships)
    }
    pins = dict(zip(names, place, strict=False))
    graph = Graph("wires", "", Epoch.parse("2021-02-18T20:00:00Z"), 1, NS_PER_S, nodes, channels, pins)
    return graph, geometry_at(World(graph), 0)


def planned(world: World, at_ns: int = 0) -> Plan:
    geometry = geometry_at(world, at_ns)
    return plan(world.graph, geometry, regions_of(world.graph, geometry, {}))


def test_a_graph_without_space_asks_for_no_ephemeris() -> None:
    graph, _ = wired([[0, 1, 2]], 3)
    world = World(graph)
    drawing = drawn(world)
    assert "space" not in vars(world)
    assert nodes_in(drawing) == ["n00", "n01", "n02"]
    assert texts(drawing, "planet") == []
    assert not any("light" in text for text in texts(drawing))


def test_sixty_nodes_that_are_alike_are_few_boxes_with_everybody_in_them() -> None:
    graph, geometry = wired([range(40), range(30, 60), [*range(50), 59]], 60)
    drawing = ElementTree.fromstring(graph_file(graph, geometry))
    boxes = [element for element in drawing.iter() if element.get("data-nodes")]
    assert len(boxes) == 4
    assert nodes_in(drawing) == sorted(graph.nodes)
    assert channels_in(drawing) == sorted(graph.channels)
    assert {"× 30", "× 10"} <= set(texts(drawing, "fact"))
    assert "n00 … n29" in texts(drawing, "name")


def test_nodes_that_are_few_have_a_box_each() -> None:
    graph, geometry = wired([range(MOST_BOXES)], MOST_BOXES)
    assert sum(len(lane.boxes) for region in regions_of(graph, geometry, {}) for lane in region.lanes) == MOST_BOXES


def test_nodes_that_are_pinned_together_stand_in_one_frame(pair: World) -> None:
    assert texts(drawn(pair), "framename") == ["place office"]


def test_nodes_of_one_process_stand_in_one_frame(mars2020: World) -> None:
    groups = [["canberra", "goldstone", "madrid"], ["hope", "maven", "mro", "perseverance", "tianwen1"]]
    places = places_of(mars2020.graph, groups)
    assert places["madrid"] == "process 1"
    canvas = graph_drawing(mars2020.graph, geometry_at(mars2020, 0), groups)
    assert sum('class="frame"' in element for element in canvas.elements) == 3  # of the second, in flight and in orbit


def test_where_all_run_together_there_are_no_frames() -> None:
    graph, _ = wired([[0, 1]], 2, place=["here", "here"])
    assert places_of(graph) == {}
    assert places_of(graph, [["n00", "n01"]]) == {}


_GRAPHS = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        st.lists(st.lists(st.integers(0, count - 1), unique=True, max_size=12), max_size=12),
        st.just(count),
        st.lists(st.sampled_from(["", "east", "west"]), max_size=count),
    )
)


@settings(max_examples=60, deadline=None)
@given(_GRAPHS)
def test_boxes_do_not_overlap_and_no_line_lies_on_another(made: tuple[list[list[int]], int, list[str]]) -> None:
    memberships, count, place = made
    graph, geometry = wired(memberships, count)
    pins = {f"n{number:02d}": f"place {where}" for number, where in enumerate(place) if where}
    paper = plan(graph, geometry, regions_of(graph, geometry, pins))
    for one, other in combinations(paper.boxes, 2):
        assert one.x != other.x or one.y + one.height <= other.y or other.y + other.height <= one.y
    for box in paper.boxes:
        assert 0 <= box.x <= WIDTH - BOX_WIDTH
        assert 0 <= box.y <= paper.height - box.height
    taps = [(pin.side, pin.y) for pin in paper.pins]
    assert len(taps) == len(set(taps))
    assert len(taps) == sum(len(tap.taps) for box in paper.boxes for tap in box.box.rows)
    trunks = [(side, x) for line in paper.lines for side, x in line.trunks.items()]
    assert len(trunks) == len(set(trunks))
    rows = sorted(line.y for line in paper.lines)
    assert all(after - before >= 30 for before, after in pairwise(rows))
    assert all(0 < y < paper.height for y in rows)


def test_a_line_between_two_columns_runs_straight_from_tap_to_tap(mars2020: World) -> None:
    paper = planned(mars2020)
    downlink = next(line for line in paper.lines if line.name == "downlink")
    assert {pin.box.nodes[0] for pin in downlink.pins if pin.y == pytest.approx(downlink.y)} == {"hope", "madrid"}
    assert all(0 <= card.y <= paper.height - card.height for card in paper.cards)


# -- the file -----------------------------------------------------------------------------------------------------


def test_a_file_carries_its_own_style_for_light_and_for_dark(pair: World) -> None:
    text = graph_file(pair.graph, geometry_at(pair, 0))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    light, dark = style[1].split("@media (prefers-color-scheme: dark)")
    assert "var(" not in style[1]  # not every viewer knows them
    assert "fill: #1c2430" in light
    assert "fill: #e6e9ee" in dark
    assert not re.search(r"url\(|@import|<script|href", text)


def test_every_class_of_the_drawing_is_in_the_style_sheet(mars2020: World, pair: World) -> None:
    text = "".join(graph_file(world.graph, geometry_at(world, 0)) for world in (mars2020, pair))
    used = {name for names in re.findall(r' class="([^"]+)"', text) for name in names.split()}
    assert used <= {*re.findall(r"\.([a-z][\w-]*)", text), "graph"}


def test_names_and_texts_are_harmless() -> None:
    evil = '<i>"x"&\a'
    nodes = {evil: NodeSpec(evil, evil, Exchange, NodeParams())}
    channels = {evil: ChannelSpec(evil, Wire(5), {evil: "p0"}, {})}
    graph = Graph(evil, evil, Epoch.parse("2021-02-18T20:00:00Z"), 1, NS_PER_S, nodes, channels, {evil: evil})
    text = graph_file(graph, geometry_at(World(graph), 0))
    assert "<i>" not in text
    ElementTree.fromstring(text)


def test_long_names_are_cut_and_whole_under_the_pointer(tmp_path: Path) -> None:
    name = "a_name_that_is_much_longer_than_any_box_is_wide"
    graph, _ = wired([[0]], 1)
    nodes = {name: NodeSpec(name, "x", Exchange, NodeParams())}
    graph = Graph("long", "", graph.epoch, 1, NS_PER_S, nodes, {}, {})
    drawing = ElementTree.fromstring(graph_file(graph, geometry_at(World(graph), 0)))
    assert all(len(text) < 30 for text in texts(drawing, "name"))
    assert any(name in title for title in titles(drawing))
