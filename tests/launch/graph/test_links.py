"""Links between two ports are channels, and how often a process is started again is the graph's to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightlag.bus.medium import Wire
from lightlag.launch.graph import Graph, load_graph
from lightlag.launch.graph.spec import ChannelSpec

NODES = "tests.launch.fixtures.nodes"


def graph_of(folder: Path, sections: str) -> Graph:
    path = folder / "graph.yaml"
    nodes = "".join(f"  {name}: {{type: '{NODES}:Beacon'}}\n" for name in ("a", "b", "c"))
    head = "version: 1\nname: linked\nepoch: 2021-02-18T20:26:00Z\nuntil: 40 min\n"
    path.write_text(f"{head}nodes:\n{nodes}{sections}", encoding="utf-8")
    return load_graph(path)


def test_from_only_sends_and_to_hears(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, "links:\n  - {from: a.uhf, to: b.uhf, medium: space}\n")
    assert graph.channels == {"a-b": ChannelSpec("a-b", "space", {"b": "uhf"}, {"a": "uhf"})}


def test_between_two_ports_each_hears_the_other(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, "links:\n  - {between: [a.in_, b.out], medium: {wire: {latency: 2 ms}}, name: lan}\n")
    assert graph.channels == {"lan": ChannelSpec("lan", Wire(2_000_000), {"a": "in_", "b": "out"}, {})}


def test_links_and_channels_stand_beside_each_other(tmp_path: Path) -> None:
    sections = (
        "channels:\n  sky: {medium: space, members: [c.uhf]}\nlinks:\n  - {from: a.uhf, to: c.uhf, medium: space}\n"
    )
    graph = graph_of(tmp_path, sections + "  - {from: c.uhf, to: b.uhf, medium: space}\n")
    assert list(graph.channels) == ["sky", "a-c", "c-b"]
    assert graph.sends_on("c", "uhf") == "c-b"


def test_a_resolved_graph_has_channels_in_the_place_of_links(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, "links:\n  - {from: a.uhf, to: b.uhf, medium: space}\n")
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(graph.to_yaml(), encoding="utf-8")
    assert "links" not in graph.to_yaml()
    assert load_graph(resolved) == graph


def test_an_error_found_later_is_shown_at_the_link(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, "links:\n  - {from: a.uhf, to: b.uhf, medium: space}\n")
    assert "graph.yaml:10:5: too close" in str(graph.error("channels.a-b", "too close"))


@pytest.mark.parametrize(("written", "restarts"), [("10", 10), ("3", 3), ("0", 0), ("never", 0)])
def test_how_often_a_process_is_started_again(written: str, restarts: int, tmp_path: Path) -> None:
    graph = graph_of(tmp_path, f"restart: {written}\n")
    assert graph.restarts == restarts
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(graph.to_yaml(), encoding="utf-8")
    assert load_graph(resolved) == graph


def test_without_a_word_a_process_is_started_again_ten_times(tmp_path: Path) -> None:
    assert graph_of(tmp_path, "").restarts == 10
