"""Graph files put into others: what they are called there, how they are joined, and that nothing of it is left."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lightlag.bus.journal import read_facts
from lightlag.bus.medium import Wire
from lightlag.launch.graph import Graph, InvalidGraph, load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.beginning import begin_journal, begun_graph
from lightlag.launch.rundir.directory import RunDirectory

NODES = "tests.launch.fixtures.nodes"
HEAD = "version: 1\nname: outer\nepoch: 2021-02-18T20:26:00Z\nuntil: 40 min\n"
RELAY = f"""
version: 1
name: relay
args:
  rate: {{type: data rate, default: 8 kbit/s, help: what the orbiter sends at}}
epoch: 1999-01-01T00:00:00Z
seed: 99
until: 1 s
restart: never
hosts: {{lab: {{ssh: lab}}}}
nodes:
  mro: {{type: "{NODES}:Beacon", params: {{uhf: {{rate_bps: "${{rate}}"}}}}, join: 20 min}}
  hub: {{type: "{NODES}:Beacon"}}
channels:
  uhf: {{medium: space, members: [mro.uhf], senders: [hub.uhf]}}
  lan: {{medium: {{wire: {{latency: 2 ms}}}}, members: [mro.in_, hub.in_]}}
place: {{mro: mars}}
ports: {{relay: mro.xband, sky: uhf}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "relay.yaml").write_text(RELAY, encoding="utf-8")
    return tmp_path


def outer(folder: Path, sections: str, name: str = "outer.yaml") -> Path:
    path = folder / name
    path.write_text(HEAD + sections, encoding="utf-8")
    return path


def reloaded(graph: Graph, folder: Path) -> Graph:
    path = folder / "resolved.yaml"
    path.write_text(graph.to_yaml(), encoding="utf-8")
    assert "include" not in graph.to_yaml()
    return load_graph(path)


def test_what_is_included_has_the_prefix_and_a_hyphen_before_its_names(folder: Path) -> None:
    graph = load_graph(outer(folder, "include:\n  - {graph: parts/relay.yaml, prefix: east}\n"))
    assert list(graph.nodes) == ["east-mro", "east-hub"]
    assert graph.nodes["east-mro"].name == "east-mro"
    assert graph.channels["east-uhf"].members == {"east-mro": "uhf"}
    assert graph.channels["east-uhf"].senders == {"east-hub": "uhf"}
    assert graph.place == {"east-mro": "east-mars"}


def test_without_a_prefix_names_stay_as_they_are(folder: Path) -> None:
    sections = "include:\n  - {graph: parts/relay.yaml}\nchannels:\n  cross: {medium: space, members: [mro.xband]}\n"
    graph = load_graph(outer(folder, sections))
    assert list(graph.nodes) == ["mro", "hub"]
    assert list(graph.channels) == ["uhf", "lan", "cross"]


def test_when_it_begins_and_ends_and_where_it_runs_is_the_outer_graph_s_business(folder: Path) -> None:
    graph = load_graph(outer(folder, "seed: 7\ninclude:\n  - {graph: parts/relay.yaml, prefix: east}\n"))
    assert (graph.seed, graph.until_ns, graph.restarts) == (7, 2_400_000_000_000, 10)
    assert graph.epoch.utc(0).startswith("2021-02-18T20:26:00")
    assert graph.machines == {}
    assert graph.nodes["east-mro"].join_ns == 1_200_000_000_000


def test_the_outer_graph_has_the_last_word_on_where_a_node_runs(folder: Path) -> None:
    sections = "include:\n  - {graph: parts/relay.yaml, prefix: east}\nplace: {east-mro: here, east-hub: here}\n"
    assert load_graph(outer(folder, sections)).place == {"east-mro": "here", "east-hub": "here"}


def test_its_arguments_are_given_by_the_graph_that_includes_it(folder: Path) -> None:
    sections = (
        "args:\n  speed: {type: data rate, default: 16 kbit/s, help: speed}\n"
        "include:\n"
        '  - {graph: parts/relay.yaml, prefix: east, args: {rate: "${speed}"}}\n'
        "  - {graph: parts/relay.yaml, prefix: west, args: {rate: 32 kbit/s}}\n"
        "  - {graph: parts/relay.yaml, prefix: north}\n"
    )
    graph = load_graph(outer(folder, sections), speed="64 kbit/s")
    rates = [node.params.uhf.rate_bps for node in graph.nodes.values() if node.name.endswith("mro")]  # type: ignore[attr-defined]
    assert rates == [64_000.0, 32_000.0, 8_000.0]
    assert graph.arguments == {"speed": "64 kbit/s"}


def test_a_channel_of_the_outer_graph_joins_two_that_are_included(folder: Path) -> None:
    sections = (
        "include:\n"
        "  - {graph: parts/relay.yaml, prefix: east}\n"
        "  - {graph: parts/relay.yaml, prefix: west}\n"
        "channels:\n"
        "  crosslink: {medium: space, members: [east.relay, west.relay]}\n"
    )
    graph = load_graph(outer(folder, sections))
    assert graph.channels["crosslink"].members == {"east-mro": "xband", "west-mro": "xband"}
    assert reloaded(graph, folder) == graph


def test_a_channel_takes_in_those_that_included_graphs_offer(folder: Path) -> None:
    sections = (
        "include:\n"
        "  - {graph: parts/relay.yaml, prefix: east}\n"
        "  - {graph: parts/relay.yaml, prefix: west}\n"
        f"nodes:\n  probe: {{type: '{NODES}:Beacon'}}\n"
        "channels:\n"
        "  uhf: {medium: space, members: [east.sky, west.sky], senders: [probe.uhf]}\n"
    )
    graph = load_graph(outer(folder, sections))
    assert set(graph.channels) == {"east-lan", "west-lan", "uhf"}
    assert graph.channels["uhf"].members == {"east-mro": "uhf", "west-mro": "uhf"}
    assert graph.channels["uhf"].senders == {"east-hub": "uhf", "west-hub": "uhf", "probe": "uhf"}
    assert reloaded(graph, folder) == graph


def test_links_lead_to_ports_of_included_graphs(folder: Path) -> None:
    sections = (
        "include:\n"
        "  - {graph: parts/relay.yaml, prefix: east}\n"
        "  - {graph: parts/relay.yaml, prefix: west}\n"
        "links:\n  - {from: east.relay, to: west.relay, medium: space}\n"
    )
    assert load_graph(outer(folder, sections)).channels["east-mro-west-mro"].members == {"west-mro": "xband"}


def test_a_graph_offers_what_the_one_within_it_offers(folder: Path) -> None:
    middle = 'version: 1\ninclude:\n  - {graph: relay.yaml, prefix: inner, args: {rate: "${r}"}}\n'
    middle += "args: {r: {type: data rate, default: 9 kbit/s, help: rate}}\nports: {up: inner.relay, air: inner.sky}\n"
    (folder / "parts" / "middle.yaml").write_text(middle, encoding="utf-8")
    sections = (
        "include:\n  - {graph: parts/middle.yaml, prefix: far, args: {r: 3 kbit/s}}\n"
        f"nodes:\n  probe: {{type: '{NODES}:Beacon'}}\n"
        "channels:\n"
        "  uhf: {medium: space, members: [far.air, probe.uhf]}\n"
        "  x: {medium: space, members: [far.up]}\n"
    )
    graph = load_graph(outer(folder, sections))
    assert list(graph.nodes) == ["far-inner-mro", "far-inner-hub", "probe"]
    assert graph.channels["uhf"].members == {"far-inner-mro": "uhf", "probe": "uhf"}
    assert graph.channels["x"].members == {"far-inner-mro": "xband"}
    params: Any = graph.nodes["far-inner-mro"].params
    assert params.uhf.rate_bps == 3000.0


def test_what_a_graph_offers_itself_is_in_its_resolved_file(folder: Path) -> None:
    graph = load_graph(folder / "parts" / "relay.yaml", until="1 h")
    assert graph.ports == {"relay": "mro.xband", "sky": "uhf"}
    assert reloaded(graph, folder) == graph


def test_a_shipped_graph_is_included_by_its_name_and_its_camera_looks_at_its_own_rover(folder: Path) -> None:
    graph = load_graph(outer(folder, "include:\n  - {graph: mars2020, prefix: real, args: {picture: true}}\n"))
    params: Any = graph.nodes["real-mro"].params
    assert params.hirise.target == "real-perseverance"
    World(graph).check()
    assert reloaded(graph, folder) == graph


def test_node_classes_beside_an_included_file_are_found_also_when_a_run_is_resumed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "parts" / "lonely_node.py").write_text(
        "from lightlag.nodes import Node\n\n\nclass Lonely(Node):\n    ports = ('out',)\n", encoding="utf-8"
    )
    (folder / "parts" / "lonely.yaml").write_text(
        "version: 1\nnodes:\n  one: {type: 'lonely_node:Lonely'}\n", encoding="utf-8"
    )
    graph = load_graph(outer(folder, "include:\n  - {graph: parts/lonely.yaml, prefix: so}\n"))
    assert graph.nodes["so-one"].cls.__name__ == "Lonely"
    assert (graph.folder, graph.beside) == (str(folder.resolve()), (str((folder / "parts").resolve()),))
    directory = RunDirectory.create(graph.name, folder / "run")
    begin_journal(graph, [["so-one"]], directory, processes=False, record=False)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if not path.startswith(str(folder))])
    directory.graph.write_text(graph.to_yaml(), encoding="utf-8")
    begun_graph(directory, read_facts(directory.journal))
    assert set(sys.path) >= {str(folder.resolve()), str((folder / "parts").resolve())}


def test_a_class_of_another_module_with_the_same_name_is_refused(folder: Path) -> None:
    for place in ("parts", "others"):
        (folder / place).mkdir(exist_ok=True)
        (folder / place / "twice_named.py").write_text("from lightlag.nodes import Node\nclass N(Node): pass\n")
        (folder / place / "n.yaml").write_text("version: 1\nnodes:\n  n: {type: 'twice_named:N'}\n")
    sections = "include:\n  - {graph: parts/n.yaml, prefix: a}\n  - {graph: others/n.yaml, prefix: b}\n"
    with pytest.raises(InvalidGraph, match=r"others/n\.yaml:3:13: 'twice_named:N' is of a module that Python found at"):
        load_graph(outer(folder, sections))


def test_an_error_found_later_says_where_the_file_was_included(folder: Path) -> None:
    graph = load_graph(outer(folder, "include:\n  - {graph: parts/relay.yaml, prefix: east}\n"))
    said = str(graph.error("nodes.east-mro", "too close"))
    assert "relay.yaml:12:3: too close" in said
    assert "included as 'east' at" in said


def test_errors_are_told_file_by_file(folder: Path) -> None:
    (folder / "parts" / "bad.yaml").write_text("version: 1\nnodes:\n  a: {type: teapot}\n", encoding="utf-8")
    sections = "include:\n  - {graph: parts/bad.yaml, prefix: a}\nnodes:\n\n\n\n  b: {type: teapot}\n"
    with pytest.raises(InvalidGraph) as caught:
        load_graph(outer(folder, sections))
    names = [Path(found.place.source.name).name for found in caught.value.diagnostics if found.place]
    assert names == ["outer.yaml", "bad.yaml"]


NAMES = st.text("abcxyz-_09", min_size=1, max_size=5).map(lambda text: f"n{text}")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    prefixes=st.lists(NAMES.map(lambda name: name.rstrip("-_")), min_size=1, max_size=3, unique=True),
    nodes=st.lists(NAMES, min_size=1, max_size=3, unique=True),
    latency_ms=st.integers(1, 10_000),
    rate=st.integers(1, 10**6),
)
def test_the_resolved_graph_loads_to_an_equal_one_whatever_things_are_called(
    folder: Path, prefixes: list[str], nodes: list[str], latency_ms: int, rate: int
) -> None:
    full = [f"{prefix}-{node}" for prefix in prefixes for node in nodes]
    if len(set(full)) < len(full):
        return  # n-n and n would give one name in two ways, which is refused
    lines = ["version: 1", "args: {rate: {type: data rate, default: 8 kbit/s, help: rate}}", "nodes:"]
    lines += [f'  {node}: {{type: "{NODES}:Beacon", params: {{uhf: {{rate_bps: "${{rate}}"}}}}}}' for node in nodes]
    members = ", ".join(f"{node}.in_" for node in nodes)
    lines += ["channels:", f"  lan: {{medium: {{wire: {{latency: {latency_ms} ms}}}}, members: [{members}]}}"]
    lines += ["ports:", f"  up: {nodes[0]}.uhf", "  lan: lan"]
    (folder / "parts" / "made.yaml").write_text("\n".join(lines), encoding="utf-8")
    included = [f"  - {{graph: parts/made.yaml, prefix: {it}, args: {{rate: {rate} bit/s}}}}\n" for it in prefixes]
    offered = ", ".join(f"{prefix}.up" for prefix in prefixes)
    wired = ", ".join(f"{prefix}.lan" for prefix in prefixes)
    channels = (
        f"channels:\n  sky: {{medium: space, members: [{offered}]}}\n"
        f"  all: {{medium: {{wire: {{latency: {latency_ms} ms}}}}, members: [{wired}]}}\n"
    )
    graph = load_graph(outer(folder, "include:\n" + "".join(included) + channels))
    assert list(graph.nodes) == full
    assert graph.channels["all"].medium == Wire(latency_ms * 1_000_000)
    assert set(graph.channels["all"].members) == set(full)
    assert reloaded(graph, folder) == graph
