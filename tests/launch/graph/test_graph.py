"""What a graph file means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.launch.fixtures.nodes import Beacon, Station

from lightlag.bus.medium import Wire
from lightlag.bus.time import NEVER_NS, Epoch
from lightlag.launch.graph.arguments import Argument, substitute
from lightlag.launch.graph.diagnostics import InvalidGraph, Place, Report, Source
from lightlag.launch.graph.loading import load_graph, read_declarations
from lightlag.launch.graph.source import Item, read_yaml
from lightlag.launch.graph.spec import Graph, duration_ns, duration_text
from lightlag.launch.placement.world import World

NODES = "tests.launch.fixtures.nodes"
SMALL = f"""
version: 1
name: small
description: Two beacons and a station, for ${{price}}.
args:
  seed: {{type: int, default: 3, help: dice}}
  rate: {{type: data rate, default: 32 kbit/s, min: 1 bit/s, max: 1 Mbit/s, help: rate}}
  loud: {{type: bool, default: false, help: loud}}
  long: {{type: duration, default: 40 min, help: length}}
  price: {{type: str, default: $5, help: costs}}
epoch: 2021-02-18T20:26:00Z
seed: ${{seed}}
until: ${{long}}
nodes:
  a:
    type: {NODES}:Beacon
    params:
      uhf: {{rate_bps: "${{rate}}"}}
      loud: ${{loud}}
      label: $$${{seed}} and ${{rate}}
      names: [x, "${{price}}"]
  b: {{type: "{NODES}:Beacon"}}
  dss: {{type: "{NODES}:Station", params: {{station: DSS-14}}}}
channels:
  uhf: {{medium: space, members: [a.uhf, b.uhf]}}
  downlink: {{medium: space, members: [dss.xband], senders: [a.xband, b.uhf]}}
  lab: {{medium: {{wire: {{latency: 2 ms}}}}, members: [a.in_], senders: [b.out]}}
place: {{a: mars, b: mars}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_a_graph_is_what_its_file_declares(small: Path) -> None:
    graph = load_graph(small)
    assert (graph.name, graph.seed, graph.until_ns) == ("small", 3, 2_400_000_000_000)
    assert graph.epoch == Epoch.parse("2021-02-18T20:26:00Z")
    assert {name: spec.cls for name, spec in graph.nodes.items()} == {"a": Beacon, "b": Beacon, "dss": Station}
    assert graph.channels["lab"].medium == Wire(2_000_000)
    assert graph.channels["downlink"].medium == "space"
    assert graph.channels["downlink"].senders == {"a": "xband", "b": "uhf"}
    assert graph.place == {"a": "mars", "b": "mars"}


def test_arguments_keep_their_type_where_they_are_all_of_a_value(small: Path) -> None:
    graph = load_graph(small, {"seed": "7", "loud": "true", "rate": "8 kbit/s"})
    params: Any = graph.nodes["a"].params
    assert graph.seed == 7
    assert params.loud is True
    assert params.uhf.rate_bps == 8000.0
    assert params.label == "$7 and 8 kbit/s"
    assert params.names == ("x", "$5")
    assert graph.arguments == {"seed": 7, "rate": "8 kbit/s", "loud": True, "long": "40 min", "price": "$5"}


def test_a_node_may_join_and_leave_at_an_instant_or_after_a_while(small: Path) -> None:
    text = SMALL.replace(f'b: {{type: "{NODES}:Beacon"}}', f'b: {{type: "{NODES}:Beacon", join: 20 min, leave: 0.5 h}}')
    text = text.replace("{station: DSS-14}}", "{station: DSS-14}, leave: 2021-02-18T20:36:00.5Z}")
    small.write_text(text, encoding="utf-8")
    graph = load_graph(small)
    a, b, dss = (graph.nodes[name] for name in ("a", "b", "dss"))
    assert (a.join_ns, a.leave_ns, a.is_absent_at_times) == (0, NEVER_NS, False)
    assert (b.join_ns, b.leave_ns, b.is_absent_at_times) == (1_200_000_000_000, 1_800_000_000_000, True)
    assert (dss.join_ns, dss.leave_ns) == (0, graph.epoch.t_ns("2021-02-18T20:36:00.5Z"))
    small.write_text(graph.to_yaml(), encoding="utf-8")
    assert "join: 20 min" in graph.to_yaml()
    assert load_graph(small) == graph


def test_a_host_is_told_when_its_nodes_are_there(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SMALL.replace("DSS-14}}", "DSS-14}, join: 1 min}").replace("senders: [a.xband, b.uhf]", "senders: [b.uhf]")
    small.write_text(text, encoding="utf-8")
    told: list[dict[str, Any]] = []
    monkeypatch.setattr("lightlag.launch.placement.world.Host", lambda *_, **options: told.append(options))
    world = World(load_graph(small))
    world.host("all", ["a", "b", "dss"])
    world.host("some", ["a", "b"])
    assert told[0]["presence"] == {"dss": (60_000_000_000, NEVER_NS)}
    assert "presence" not in told[1]


def test_until_may_be_given_beside_the_graph(small: Path) -> None:
    assert load_graph(small, until="2h").until_ns == 7_200_000_000_000


def test_a_graph_changes_of_a_radio_only_what_it_names(small: Path) -> None:
    graph = load_graph(small)
    given_params: Any = graph.nodes["a"].params
    default_params: Any = graph.nodes["b"].params
    assert given_params.uhf.rate_bps == 32_000.0
    assert given_params.uhf.transmit_hz == default_params.uhf.transmit_hz == 401.6e6
    assert given_params.uhf == default_params.uhf.model_copy(update={"rate_bps": 32_000.0})


def test_a_port_sends_where_it_is_a_sender_else_where_it_is_a_member(small: Path) -> None:
    graph = load_graph(small)
    assert graph.sends_on("a", "uhf") == "uhf"
    assert graph.sends_on("b", "uhf") == "downlink"
    assert graph.sends_on("dss", "xband") == "downlink"
    assert graph.sends_on("a", "out") is None


def test_the_resolved_graph_loads_to_an_equal_graph(small: Path, tmp_path: Path) -> None:
    graph = load_graph(small, {"price": "${x} $$ # 'q' \"é\"\n- 5"}, until="12345.678901234 s")
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(graph.to_yaml(), encoding="utf-8")
    again = load_graph(resolved)
    assert again == graph
    assert again.nodes == graph.nodes
    assert again.to_yaml().partition("version:")[2] == graph.to_yaml().partition("version:")[2]


def test_an_error_found_later_is_shown_where_the_graph_says_so(small: Path) -> None:
    graph = load_graph(small)
    error = graph.error("epoch", "1899 is before the ephemeris", "it covers 1900 to 2050")
    assert str(error).splitlines() == [
        f"{small}:11:8: 1899 is before the ephemeris",
        "  11 | epoch: 2021-02-18T20:26:00Z",
        "     |        ^^^^^^^^^^^^^^^^^^^^",
        "       it covers 1900 to 2050",
    ]
    assert ":22:3: " in str(graph.error("nodes.b", "too close"))


def test_an_error_found_later_is_shown_on_the_command_line_if_its_value_came_from_there(small: Path) -> None:
    error = load_graph(small, {"seed": "7"}).error("seed", "seven is taken")
    assert str(error) == "command line: seven is taken\n   | seed:=7\n   |       ^"


@given(st.integers(min_value=1, max_value=2**61))
def test_every_duration_is_written_so_that_it_reads_back(t_ns: int) -> None:
    assert duration_ns(duration_text(t_ns)) == t_ns


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_with_doubled_dollars_stands_for_itself(text: str) -> None:
    assert substituted(text.replace("$", "$$"), {}) == text


@given(st.integers(), st.text("ab $:.", max_size=5), st.text("ab {:.", max_size=5))
def test_an_argument_inside_a_text_is_put_in_as_text(value: int, before: str, after: str) -> None:
    arguments: dict[str, Argument | None] = {"n": Argument("n", "int", "help", value)}
    expected = f"{before}{value}{after}" if before or after else value
    assert substituted(f"{before.replace('$', '$$')}${{n}}{after}", arguments) == expected


@given(st.one_of(st.integers(), st.booleans(), st.text(max_size=9), st.floats(allow_nan=False)))
def test_an_argument_that_is_all_of_a_value_is_that_value(value: int | bool | str | float) -> None:
    arguments: dict[str, Argument | None] = {"n": Argument("n", "str", "help", value)}
    result = substituted("${n}", arguments)
    assert result == value
    assert type(result) is type(value)


def substituted(text: str, arguments: dict[str, Argument | None]) -> object:
    place = Place(Source("text", (text,)), 1, 1)
    report = Report()
    item = substitute(Item(text, place, place), arguments, report)
    assert not report.diagnostics
    return item.value


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_but_never_breaks_the_reader(text: str) -> None:
    report = Report()
    item = read_yaml(Source.of_text("text", text), text, report)
    assert (item is None) <= bool(report.diagnostics)
    for diagnostic in report.diagnostics:
        assert str(diagnostic)


def test_yaml_is_of_version_1_2() -> None:
    text = "a: 12:30:00\nb: yes\nc: 2021-02-18T20:26:00Z\nd: 010\ne: 0x1F\nf: .5\ng: ~\nh: 'x'\ni: 0o17\nj: -.inf\n"
    item = read_yaml(Source.of_text("text", text), text, Report())
    assert item is not None
    assert item.plain() == {
        "a": "12:30:00",
        "b": "yes",
        "c": "2021-02-18T20:26:00Z",
        "d": 10,
        "e": 31,
        "f": 0.5,
        "g": None,
        "h": "x",
        "i": 15,
        "j": float("-inf"),
    }


def test_aliases_of_aliases_are_refused_before_they_fill_the_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 10)]
    text = "\n".join(lines)
    report = Report()
    assert read_yaml(Source.of_text("text", text), text, report) is None
    assert "more than" in str(report.diagnostics[0])


def test_lists_nested_too_deep_are_refused() -> None:
    report = Report()
    assert read_yaml(Source.of_text("text", "[" * 1_000), "[" * 1_000, report) is None
    assert "nested too deep" in str(report.diagnostics[0])


def test_a_missing_file_is_named_with_its_neighbour(small: Path) -> None:
    with pytest.raises(InvalidGraph, match=r"there is no file .*smal\.yaml(.|\n)*did you mean 'small\.yaml'"):
        load_graph(str(small.with_name("smal.yaml")))


def test_an_unknown_graph_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidGraph, match=r"unknown graph 'mars2002'(.|\n)*mars2020(.|\n)*did you mean 'mars2020'"):
        load_graph("mars2002")


def test_a_folder_is_no_graph(tmp_path: Path) -> None:
    with pytest.raises(InvalidGraph, match="cannot read"):
        load_graph(tmp_path)


def test_declarations_are_read_from_a_graph_whose_nodes_are_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    path.write_text("args: {n: {type: int, default: 1, help: how many}}\nnodes: {a: {type: teapot}}\n")
    assert [(argument.name, argument.value) for argument in read_declarations(path)] == [("n", 1)]


@pytest.fixture
def mars2020() -> Graph:
    return load_graph("mars2020", {"uhf_rate": "8 kbit/s"})


def test_the_landing_ships_with_eight_nodes_and_two_channels(mars2020: Graph) -> None:
    assert list(mars2020.nodes) == [
        "perseverance",
        "mro",
        "maven",
        "tianwen1",
        "hope",
        "goldstone",
        "madrid",
        "canberra",
    ]
    assert list(mars2020.channels) == ["uhf", "downlink"]


def test_the_landing_begins_before_separation_and_lasts_until_earth_has_heard(mars2020: Graph) -> None:
    separation_ns, last_word_ns = (mars2020.epoch.t_ns(f"2021-02-18T{at}Z") for at in ("20:26:50", "21:05:12"))
    assert 0 < separation_ns < last_word_ns < mars2020.until_ns


def test_everybody_around_mars_may_send_to_every_station(mars2020: Graph) -> None:
    downlink = mars2020.channels["downlink"]
    assert set(downlink.members) == {"goldstone", "madrid", "canberra"}
    assert set(downlink.senders) == {"perseverance", "mro", "maven", "tianwen1", "hope"}
    assert set(mars2020.channels["uhf"].members) == {"mro", "maven", "tianwen1", "hope"}


def test_the_rate_of_the_landing_is_an_argument(mars2020: Graph) -> None:
    params: Any = mars2020.nodes["perseverance"].params
    assert params.uhf.rate_bps == 8000.0
