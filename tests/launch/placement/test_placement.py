"""Placement: nodes that light crosses between quickly run together."""

from __future__ import annotations

from typing import ClassVar

import pytest
from tests.launch.fixtures.graphs import TOUCHING

from lightlag.bus.coordinator import Report
from lightlag.bus.errors import GraphError
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.graph.diagnostics import InvalidGraph
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.placing import (
    START_UP_S,
    arrange,
    asked_processes,
    choose,
    grants,
    host_names,
    pays_from_s,
    place,
)
from lightlag.launch.placement.world import MOST_WINDOWS, WINDOW_NS, World
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams, RadioSpec
from lightlag.nodes.trajectory import Ball, State

UHF = RadioSpec(rate_bps="8 kbit/s", transmit_hz="400 MHz", receive_hz="400 MHz")
#: When the two meet, in windows that nobody would pick by chance.
MEETING_S = 39 * 3600 + 7 * 60 + 8

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
# One passes through the other at 1 km/s, once in two days, about 7 au from anything else; a third is 2 au off.
MEETING = f"""
version: 1
name: meeting
epoch: 2021-02-18T20:26:00Z
until: 48 h
nodes:
  still: {{type: "{__name__}:Still"}}
  passing: {{type: "{__name__}:Passing"}}
  far: {{type: "{__name__}:Far"}}
channels:
  uhf: {{medium: space, members: [still.uhf, passing.uhf, far.uhf]}}
"""
HOSTS = """
version: 1
name: hosts
epoch: 2021-02-18T20:26:00Z
until: %s
nodes:
  a: {type: "tests.launch.fixtures.nodes:Beacon"}
  b: {type: "tests.launch.fixtures.nodes:Beacon"}
  c: {type: "tests.launch.fixtures.nodes:Beacon"}
channels:
  there: {medium: {wire: {latency: %s}}, members: [b.in_], senders: [a.out]}
  back: {medium: {wire: {latency: %s}}, members: [a.in_], senders: [b.out]}
  on: {medium: {wire: {latency: 3 ms}}, members: [c.in_], senders: [b.uhf]}
"""


class Line:
    """A trajectory on a straight line, ``y_km`` off the other; realises itself."""

    def __init__(self, speed_km_s: float, y_km: float) -> None:
        self.speed_km_s, self.y_km = speed_km_s, y_km

    def realise(self, space: object) -> Line:
        return self

    def state(self, t_ns: int) -> State:
        x_km = 1e9 + self.speed_km_s * (t_ns / NS_PER_S - MEETING_S)
        return State((x_km, self.y_km, 0.0), (self.speed_km_s, 0.0, 0.0))

    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        middle, end = self.state((t0_ns + t1_ns) // 2).position_km, self.state(t1_ns).position_km
        return Ball(middle, abs(end[0] - middle[0]) + 1e-6)

    def zenith(self, t_ns: int) -> None:
        return None

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        return 0.0


class Flying(Node):
    class Params(NodeParams):
        uhf: RadioSpec = UHF


class Still(Flying):
    trajectory: ClassVar[Line] = Line(0.0, 0.0)


class Passing(Flying):
    trajectory: ClassVar[Line] = Line(1.0, 0.0)


class Far(Flying):
    trajectory: ClassVar[Line] = Line(0.0, 3e8)


def grants_counted(world, groups) -> list[int]:
    """How many grants hosts get that always have something to do and report at once, in turns."""
    coordinator = world.coordinator(groups)
    counted = [0] * len(groups)
    while not coordinator.finished:
        for grant in coordinator.grants():
            counted[grant.host] += 1
            report = Report(grant.host, 1, grant.number, grant.bound_ns, grant.bound_ns, 0, ())
            assert coordinator.is_news(report)
            coordinator.accept(report)
    return counted


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


def test_how_near_pinned_nodes_come_is_not_looked_at(world_of):
    world = world_of(TOUCHING + "place: {one: here, two: here}\n")
    assert place(world, 3) == [["far"], ["one", "two"]]
    assert not {("one", "two"), ("two", "one")} & set(world._bounds)
    assert ("one", "far") in world._bounds


def test_nodes_without_lookahead_between_them_are_put_together(world_of):
    assert place(world_of(TOUCHING), 3) == [["far"], ["one", "two"]]


def test_nodes_without_lookahead_that_are_pinned_apart_are_refused_with_the_way_out(world_of):
    world = world_of(TOUCHING + "place: {one: here, two: there}\n")
    with pytest.raises(InvalidGraph, match="one and two are placed apart") as raised:
        place(world, 2)
    assert "graph.yaml:12:" in str(raised.value)
    assert "give them the same place" in str(raised.value)


def test_an_encounter_of_minutes_in_a_run_of_days_is_found_and_its_instant_told(world_of):
    world = world_of(MEETING)
    placement = arrange(world, 3)
    assert placement.groups == [["far"], ["passing", "still"]]
    (join,) = placement.joins
    assert join.touch
    assert join.closest.at_ns == pytest.approx(MEETING_S * NS_PER_S, abs=3 * NS_PER_S)
    looked_at = {start_ns: world.window_bound_ns("still", "passing", start_ns) for start_ns in world.windows}
    assert sum(bound_ns < 1 for bound_ns in looked_at.values()) == 1


def test_nodes_that_meet_and_are_pinned_apart_are_refused_with_the_instant(world_of):
    world = world_of(MEETING + "place: {still: here, far: here, passing: there}\n")
    with pytest.raises(InvalidGraph, match=r"still and passing are placed apart \('here' and 'there'\)") as raised:
        place(world, 2)
    assert "their balls touch at 2021-02-20T11:33:08Z SCET" in str(raised.value)
    assert "graph.yaml:12:" in str(raised.value)


def test_what_was_decided_is_not_refuted_by_any_window_of_the_run(world_of):
    world = world_of(MEETING)
    lookahead = world.lookahead(place(world, 2))
    t_ns = 0
    while t_ns < 2 * world.graph.until_ns:  # an emission may leave behind the end
        lookahead.window(t_ns)  # would raise
        t_ns += WINDOW_NS


def test_windows_of_very_long_runs_are_longer_so_that_all_of_them_are_looked_at(world_of):
    assert world_of(MEETING).window_ns == WINDOW_NS
    world = world_of(MEETING.replace("48 h", "60 d"))
    assert len(world.windows) <= MOST_WINDOWS
    assert world.window_ns == 15 * WINDOW_NS
    assert world.windows[-1] + world.window_ns >= world.graph.until_ns


def test_progress_is_told_link_by_link(world_of):
    told: list[tuple[int, int]] = []
    place(world_of(TOUCHING), 2, lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(6)]


def test_equal_delays_give_groups_of_equal_size(world_of):
    nodes = "".join(f'  n{k}: {{type: "tests.launch.fixtures.nodes:Beacon"}}\n' for k in range(8))
    ends = ", ".join(f"n{k}.in_" for k in range(8))
    head = WIRES[: WIRES.index("  a:")]
    world = world_of(f"{head}{nodes}channels:\n  all: {{medium: {{wire: {{latency: 1 ms}}}}, members: [{ends}]}}\n")
    assert [len(group) for group in place(world, 4)] == [2, 2, 2, 2]


@pytest.mark.parametrize(("there", "back"), [("100 ms", "100 ms"), ("1 s", "2 ms"), ("7 ms", "900 ms")])
def test_the_expected_grants_are_those_of_hosts_that_are_always_busy(world_of, there, back):
    world = world_of(HOSTS % ("5 min", there, back))
    groups = [["a"], ["b"], ["c"]]
    expected = grants(world, groups)
    assert expected == pytest.approx(grants_counted(world, groups), rel=0.1)


def test_a_host_that_nobody_sends_to_is_held_up_by_the_run_ahead_only(world_of):
    world = world_of(WIRES)
    expected = world.graph.until_ns / world.run_ahead_ns
    assert grants(world, [["a"], ["b", "c", "d"]]) == pytest.approx([expected, expected])


def test_the_expected_grants_in_space_are_those_of_hosts_that_are_always_busy(mars2020):
    groups = place(mars2020, 2)
    # What is expected is a mean; counted are whole grants.
    assert grants(mars2020, groups) == pytest.approx(grants_counted(mars2020, groups), abs=1)


def test_a_landing_runs_in_process_because_processes_take_longer_to_start(mars2020):
    choice = choose(mars2020, 2)
    assert choice.groups is None
    assert choice.reason.startswith(f"in process: processes need {START_UP_S} s to start")
    assert "\n" not in choice.reason


def test_one_processor_is_not_shared_by_processes(world_of):
    assert choose(world_of(WIRES), 1).groups is None


def test_a_long_run_of_nodes_that_do_not_wait_for_each_other_runs_in_processes(world_of):
    world = world_of(HOSTS % ("365 d", "2 ms", "2 ms"))
    choice = choose(world, 3)
    assert choice.groups == [["a", "b"], ["c"]]  # c only listens
    assert choice.reason.startswith("2 processes would take")


def test_a_long_run_of_nodes_that_wait_for_each_other_runs_in_process(world_of):
    text = HOSTS % ("365 d", "2 ms", "2 ms")
    world = world_of("\n".join(line for line in text.splitlines() if not line.startswith(("  c:", "  on:"))))
    choice = choose(world, 2)
    assert choice.groups is None
    assert choice.reason.startswith("in process: 2 processes would take")
    work_s = pays_from_s(world, place(world, 2), 2)
    assert work_s is not None
    assert work_s > 1e6


def test_nodes_that_all_touch_run_in_process(world_of):
    text = TOUCHING.replace("DSS-43", "DSS-14").replace("40 min", "365 d")
    world = world_of(text)
    world.window_bound_ns = lambda source, receiver, start_ns: 0  # they stand on one spot all the year
    assert choose(world, 2).groups is None


def test_what_no_channel_joins_is_joined_last_and_the_closest_first(world_of):
    joins = arrange(world_of(WIRES), 1).joins
    assert [join.closest.delay_ns for join in joins] == [3_000_000, 3_000_000, NEVER_NS]
    assert [join.closest.at_ns for join in joins] == [None, None, None]
    assert joins[-1].two == ["d"]


def test_processes_are_a_number_or_auto():
    assert asked_processes("4") == 4
    assert asked_processes("auto") is None


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_anything_else_is_no_number_of_processes(text):
    with pytest.raises(GraphError, match=f"--processes is '{text}'; expected a whole number from 1 on, or auto"):
        asked_processes(text)


def test_more_processors_than_nodes_change_nothing(world_of):
    world = world_of(HOSTS % ("365 d", "2 ms", "2 ms"))
    assert choose(world, 64).groups == choose(world, 3).groups


def test_what_touches_is_never_chosen_to_run_apart(world_of):
    world = world_of(TOUCHING.replace("40 min", "365 d"))
    world.window_bound_ns = lambda source, receiver, start_ns: 0 if {source, receiver} == {"one", "two"} else 10**13
    assert choose(world, 3).groups == [["far"], ["one", "two"]]


def test_what_no_channel_joins_is_placed_without_asking_how_near_it_comes(world_of, monkeypatch):
    """And as it would be placed by asking."""
    text = MEETING
    two = text.replace("channels:", "  lone: {type: ground-station, params: {station: DSS-63}}\nchannels:", 1)
    world = world_of(two)
    asked = arrange(world, 2).groups
    assert ["lone"] in asked
    monkeypatch.setattr("lightlag.launch.placement.placing.Delays", None)
    assert place(world, 2) == asked
