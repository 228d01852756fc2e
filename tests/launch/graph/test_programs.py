"""``exec`` and ``folder`` in a graph file: what runs a node, and where; the resolved graph says both."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lightlag.bus.errors import GraphError
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.nodes.foreign import find_program

MUTE = '"tests.launch.fixtures.nodes:Mute"'


@pytest.fixture
def graph(tmp_path):
    """Loads a graph with one node, declared as given."""

    def load(declared: str, *more: str, arguments: dict[str, str] | None = None):
        lines = [
            "version: 1",
            "name: programs",
            "args: {program: {type: str, default: beacon.js, help: what runs}}",
            "epoch: 2021-02-18T20:26:00Z",
            "until: 1 min",
            f"nodes: {{z: {{type: {MUTE}, {declared}}}}}",
            *more,
        ]
        (tmp_path / "graph.yaml").write_text("\n".join(lines))
        return load_graph(tmp_path / "graph.yaml", arguments)

    return load


def test_a_program_runs_in_the_folder_of_the_graph_file_wherever_it_is_launched_from(graph, tmp_path, monkeypatch):
    spec = graph("exec: [node, beacon.js]").nodes["z"]
    assert (spec.exec, spec.folder) == (("node", "beacon.js"), str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert load_graph("graph.yaml").nodes["z"] == spec


@pytest.mark.parametrize(
    ("folder", "where"), [("programs", "programs"), ("./a/../b", "b"), ("/elsewhere", "/elsewhere")]
)
def test_a_folder_is_relative_to_that_of_the_graph_file(folder, where, graph, tmp_path):
    assert graph(f"exec: [node], folder: {folder}").nodes["z"].folder == str(tmp_path / where)


def test_an_argument_may_say_what_runs(graph):
    asked = {"program": "$other.js"}
    found = graph('exec: [node, "${program}"]', arguments=asked)
    assert found.nodes["z"].exec == ("node", "$other.js")


def test_the_resolved_graph_loads_to_the_same_program_in_the_same_folder(graph, tmp_path):
    found = graph('exec: [node, "$${x}.js"], folder: programs')
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "graph.resolved.yaml").write_text(found.to_yaml())
    assert load_graph(tmp_path / "run" / "graph.resolved.yaml") == found
    assert "exec" not in graph("params: {}").to_yaml()


def test_a_program_that_is_missing_is_told_of_before_the_start(graph):
    found = graph("exec: [no-such-program]")
    with pytest.raises(GraphError, match=r"graph.yaml:6:9: z: the program 'no-such-program' is neither beside"):
        World(found).check()


def test_a_program_on_another_machine_is_not_looked_for_here(graph):
    found = graph("exec: [no-such-program], folder: /there", "place: {z: far}", "hosts: {far: {ssh: far}}")
    World(found).check()
    assert found.place == {"z": "far"}


def executable(path: Path, mode: int = 0o755) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_a_name_is_looked_for_beside_the_python_that_runs_and_then_on_the_path(tmp_path, monkeypatch):
    own = Path(sys.executable)
    executable(tmp_path / own.name)
    executable(tmp_path / "tool")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program([own.name], str(tmp_path)) == str(own)
    assert find_program(["tool"], str(tmp_path)) == str(tmp_path / "tool")


def test_a_path_is_relative_to_the_folder(tmp_path):
    (tmp_path / "bin").mkdir()
    tool = executable(tmp_path / "bin" / "tool")
    assert find_program(["bin/tool"], str(tmp_path)) == str(tool)
    assert find_program([str(tool)], "/") == str(tool)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("./absent", "there is no program .*/absent; a path in exec is relative to the graph file's folder"),
        ("./plain.js", r"plain.js is not executable; name what runs it first \(exec: \[node, ./plain.js\]\), or chmod"),
        ("plain.js", "on the PATH; install it, or write its path; the file beside the graph is written ./plain.js"),
    ],
)
def test_what_cannot_be_run_is_told_with_what_to_do(command, told, tmp_path):
    executable(tmp_path / "plain.js", 0o644)
    with pytest.raises(GraphError, match=told):
        find_program([command], str(tmp_path))


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(GraphError, match=r"there is no folder .*/absent to run node in"):
        find_program(["node"], str(tmp_path / "absent"))
