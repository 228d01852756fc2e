"""A graph built in Python is the graph of a file, with the same checks and the same words."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.launch.fixtures.nodes import Beacon, Station

from lightlag.bus.errors import GraphError
from lightlag.bus.medium import Wire
from lightlag.bus.time import Epoch
from lightlag.launch import build_graph, channel, load_graph, node
from lightlag.launch.graph import Graph, InvalidGraph
from lightlag.nodes import Node

NODES = "tests.launch.fixtures.nodes"
EPOCH = "2021-02-18T20:26:00Z"
TEXT = f"""
version: 1
name: relay
description: costs $5
epoch: {EPOCH}
until: 40 min
seed: 7
restart: 3
nodes:
  a: {{type: "{NODES}:Beacon", params: {{uhf: {{rate_bps: 8 kbit/s}}, names: [x, "y"]}}, join: 2 min}}
  b: {{type: "{NODES}:Beacon"}}
  dss: {{type: "{NODES}:Station", params: {{station: DSS-14}}, leave: 2021-02-18T20:56:00Z}}
channels:
  uhf: {{medium: space, members: [b.uhf], senders: [a.uhf]}}
  lan: {{medium: {{wire: {{latency: 2 ms}}}}, members: [a.in_, b.in_]}}
links:
  - {{from: a.xband, to: dss.xband, medium: space}}
place: {{a: mars}}
"""


def relay(**changed: Any) -> Graph:
    sections: dict[str, Any] = {
        "name": "relay",
        "description": "costs $5",
        "epoch": EPOCH,
        "until": "40 min",
        "seed": 7,
        "restart": 3,
        "nodes": {
            "a": node(Beacon, join="2 min", uhf={"rate_bps": "8 kbit/s"}, names=("x", "y")),
            "b": Beacon,
            "dss": node(Station, station="DSS-14", leave="2021-02-18T20:56:00Z"),
        },
        "channels": {
            "uhf": channel("space", members=["b.uhf"], senders=["a.uhf"]),
            "lan": channel(Wire(2_000_000), ["a.in_", "b.in_"]),
        },
        "links": [{"from": "a.xband", "to": "dss.xband", "medium": "space"}],
        "place": {"a": "mars"},
    }
    return build_graph(**{**sections, **changed})


def test_a_graph_built_in_python_equals_the_one_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "relay.yaml").write_text(TEXT, encoding="utf-8")
    assert relay() == load_graph(tmp_path / "relay.yaml")


def test_its_resolved_file_loads_to_an_equal_graph(tmp_path: Path) -> None:
    (tmp_path / "resolved.yaml").write_text(relay().to_yaml(), encoding="utf-8")
    assert load_graph(tmp_path / "resolved.yaml") == relay()


def test_nodes_and_channels_of_another_graph_are_put_in_as_they_are() -> None:
    flown = load_graph("mars2020", seed=7)
    built = build_graph(
        name="mars2020",
        description=flown.description,
        epoch=flown.epoch,
        until="40 min",
        seed=7,
        nodes=flown.nodes,
        channels=flown.channels,
    )
    assert built == flown
    more = build_graph(
        name="more",
        epoch=flown.epoch,
        until="40 min",
        nodes={**flown.nodes, "probe": Beacon},
        channels={**flown.channels, "cross": channel("space", ["probe.uhf"])},
    )
    assert list(more.nodes) == [*flown.nodes, "probe"]


def test_what_is_wrong_is_said_in_the_text_it_comes_to() -> None:
    with pytest.raises(InvalidGraph) as caught:
        relay(nodes={"a": node(Beacon, uhf={"rate_bps": 8})}, place={})
    said = str(caught.value)
    assert "relay (built in Python):" in said
    assert "uhf.rate_bps: 8 has no unit; a data rate is written with one of" in said
    assert "| " in said
    assert "unknown node 'dss'" in said


def test_a_section_that_no_graph_has_is_refused_as_in_a_file() -> None:
    with pytest.raises(InvalidGraph, match=r"unknown key 'plaec' in a graph file(.|\n)*did you mean 'place'"):
        relay(plaec={"a": "mars"})


def test_what_no_file_could_hold_is_refused_with_its_place() -> None:
    with pytest.raises(GraphError, match=r"nodes\.a\.params\.label is <object .*'8 kbit/s'"):
        relay(nodes={"a": node(Beacon, label=object())})


def test_arguments_are_parameters_of_a_function() -> None:
    with pytest.raises(GraphError, match="a graph built in Python has no 'args'"):
        relay(args={})


def test_numbers_of_numpy_and_paths_are_data(tmp_path: Path) -> None:
    graph = relay(seed=np.int64(9), nodes={"a": node(Beacon, label=tmp_path, count=np.int32(3))}, channels={}, links=[])
    params: Any = graph.nodes["a"].params
    assert (graph.seed, params.label, params.count) == (9, str(tmp_path), 3)


def test_a_dollar_sign_in_python_is_a_dollar_sign() -> None:
    params: Any = relay(nodes={"a": node(Beacon, label="${x} $$")}, channels={}, links=[]).nodes["a"].params
    assert params.label == "${x} $$"


def test_a_graph_of_files_and_more_is_built(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(f"version: 1\nnodes: {{a: {{type: '{NODES}:Beacon'}}}}\n", encoding="utf-8")
    graph = relay(include=[{"graph": tmp_path / "part.yaml", "prefix": "east"}])
    assert "east-a" in graph.nodes


def test_a_class_made_in_a_function_is_of_this_process_only() -> None:
    class Local(Node):
        ports = ("out",)

    graph = relay(nodes={"a": Local, "b": Beacon}, channels={}, links=[])
    assert graph.nodes["a"].cls is Local
    assert graph.only_here == ["a"]
    assert "Only the process that made this graph can read it" in graph.to_yaml()
    assert relay().only_here == []
    assert "Only the process" not in relay().to_yaml()


def test_other_processes_say_why_they_cannot_have_such_a_class(tmp_path: Path) -> None:
    class Local(Node):
        pass

    graph = relay(nodes={"a": Local}, channels={}, links=[], place={})
    (tmp_path / "resolved.yaml").write_text(graph.to_yaml(), encoding="utf-8")
    with pytest.raises(InvalidGraph, match=r"Local' was defined in another process(.|\n)*put the class into a module"):
        load_graph(tmp_path / "resolved.yaml")


def test_a_class_of_main_is_of_this_process_only(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = type("Mine", (Node,), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Mine", mine, raising=False)
    graph = relay(nodes={"a": mine}, channels={}, links=[])
    assert graph.nodes["a"].type == "__main__:Mine"
    assert graph.only_here == ["a"]


def test_two_classes_of_one_name_are_refused() -> None:
    first, second = (type("Twice", (Node,), {"__module__": "some.module"}) for _ in range(2))
    with pytest.raises(GraphError, match=r"two classes are called some\.module:Twice"):
        relay(nodes={"a": first, "b": second})


def test_other_processes_find_the_modules_of_classes_that_were_given() -> None:
    assert str(Path(__file__).resolve().parents[3]) in relay().beside


@pytest.mark.parametrize("value", [7, True, "8 kbit/s", Decimal("1.5"), PurePath("x")])
def test_arguments_may_be_given_as_keywords(value: object, tmp_path: Path) -> None:
    kind = {int: "int", bool: "bool", str: "str", Decimal: "float"}.get(type(value), "str")
    default = {"int": "1", "bool": "false", "float": "0.5"}.get(kind, "text")
    text = f"version: 1\nname: x\nargs: {{it: {{type: {kind}, default: {default}, help: x}}}}\nepoch: {EPOCH}\n"
    text += f"until: 1 h\nnodes: {{a: {{type: '{NODES}:Beacon'}}}}\n"
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    found = load_graph(tmp_path / "x.yaml", it=value).arguments["it"]
    assert str(found) == str(value)


def test_keywords_stand_beside_words_and_options() -> None:
    graph = load_graph("mars2020", {"uhf_rate": "8 kbit/s"}, until="20 min", seed=7, picture=False)
    assert (graph.seed, graph.until_ns) == (7, 1_200_000_000_000)
    assert graph.arguments["picture"] is False
    assert graph.arguments["uhf_rate"] == "8 kbit/s"
    with pytest.raises(InvalidGraph, match=r"unknown argument 'sed'(.|\n)*did you mean 'seed'"):
        load_graph("mars2020", sed=7)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3)
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
)
def test_any_data_is_read_or_refused_in_the_words_of_the_reader(names: object, label: str) -> None:
    nodes = {"a": node(Beacon, names=names, label=label)}
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        params: Any = relay(nodes=nodes, channels={}, links=[], place={}).nodes["a"].params
        assert (params.names, params.label) == (tuple(names), label)
    else:
        with pytest.raises(InvalidGraph, match="names"):
            relay(nodes=nodes, channels={}, links=[], place={})


def test_an_epoch_may_be_one() -> None:
    assert relay(epoch=Epoch.parse(EPOCH)) == relay()
