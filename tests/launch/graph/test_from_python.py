"""Graphs named as ``my_file.py:GRAPH`` or ``package.module:GRAPH``, by every command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightlag.launch import cli
from lightlag.launch.graph import InvalidGraph, load_graph, read_declarations

MODULE = '''
"""Graphs in Python."""

from pathlib import Path
from typing import Annotated

from lightlag.launch import build_graph, channel, node
from lightlag.nodes import Node


class Probe(Node):
    """Says nothing yet."""

    ports = ("out",)


class Ear(Node):
    """Hears."""

    ports = ("in_",)


def ticks(until: Annotated[str, "how long it lasts"] = "10 s", ears: int = 1, seed=3):
    return build_graph(
        name="ticks",
        epoch="2021-02-18T20:26:00Z",
        until=until,
        seed=seed,
        nodes={"probe": node(Probe, join="2 s"), **{f"ear{k}": Ear for k in range(ears)}},
        channels={
            "line": channel({"wire": {"latency": "2 ms"}}, [f"ear{k}.in_" for k in range(ears)], ["probe.out"])
        },
    )


GRAPH = ticks()
SHIPPED = Path(__file__).with_name("plain.yaml")
NUMBER = 5


def wrong():
    return build_graph(name="x", epoch="tomorrow", until="1 h", nodes={"a": Ear})


def fails(n: int = 0):
    return 1 / n


def takes(what: list = (), n=None, m: int = 1, *, k: float):
    return GRAPH


def path():
    return SHIPPED
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"graphs_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "plain.yaml").write_text(
        f"version: 1\nname: plain\nargs: {{n: {{type: int, default: 1, help: number}}}}\nepoch: 2021-02-18T20:26:00Z\n"
        f"until: 1 h\nseed: ${{n}}\nnodes: {{a: {{type: '{name}:Ear'}}}}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)


def refusal(name: str, **values: object) -> str:
    with pytest.raises(InvalidGraph) as caught:
        load_graph(name, **values)
    return str(caught.value)


def test_a_graph_is_found_in_a_file_and_in_a_module(module: str) -> None:
    of_file = load_graph(f"{module}.py:GRAPH")
    assert of_file == load_graph(f"{module}:GRAPH")
    assert of_file.nodes["probe"].type == f"{module}:Probe"
    assert of_file.only_here == []
    assert str(Path.cwd()) in of_file.beside


def test_a_function_s_parameters_are_the_graph_s_arguments(module: str) -> None:
    graph = load_graph(f"{module}.py:ticks", {"until": "20 s"}, ears=3, seed=8)
    assert list(graph.nodes) == ["probe", "ear0", "ear1", "ear2"]
    assert (graph.seed, graph.until_ns) == (8, 20_000_000_000)
    assert graph.arguments == {"until": "20 s", "ears": 3, "seed": 8}
    declared = read_declarations(f"{module}.py:ticks")
    assert [(it.name, it.kind, it.default, it.help) for it in declared] == [
        ("until", "str", "10 s", "how long it lasts"),
        ("ears", "int", 1, ""),
        ("seed", "int", 3, ""),
    ]


def test_a_name_may_lead_to_the_path_of_a_graph_file(module: str) -> None:
    assert load_graph(f"{module}:SHIPPED", n=5).seed == 5
    assert load_graph(f"{module}:path").seed == 1
    assert [it.name for it in read_declarations(f"{module}:SHIPPED")] == ["n"]
    assert read_declarations(f"{module}:GRAPH") == []


def test_until_and_hosts_are_given_beside_it(module: str, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text("lab: {ssh: lab}\n", encoding="utf-8")
    graph = load_graph(f"{module}.py:GRAPH", until="30 s", hosts=tmp_path / "hosts.yaml")
    assert graph.until_ns == 30_000_000_000
    assert list(graph.machines) == ["lab"]
    assert graph.nodes == load_graph(f"{module}.py:GRAPH").nodes
    with pytest.raises(InvalidGraph, match="joins 2 s after the epoch, but the run ends 1 s after the epoch"):
        load_graph(f"{module}.py:GRAPH", until="1 s")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{}.py:GRPH", "{}.py has no 'GRPH'; graphs in it: GRAPH"),
        ("{}.py:NUMBER", "{}.py:NUMBER leads to 5\n"),
        ("{}.py:fails", "{}.py:fails failed: ZeroDivisionError: division by zero ({}.py, line "),
        ("{}.py:wrong", "'tomorrow' is not a UTC instant"),
        ("{}.py:takes", "the parameter 'what' cannot be an argument"),
        ("{}.py:takes", "the parameter 'k' cannot be an argument"),
        ("{}.py", "is Python\n"),
        ("nowhere.py:GRAPH", "there is no file 'nowhere.py'"),
        ("not-a-name.py:GRAPH", "'not-a-name.py' cannot be imported"),
        ("json.py:GRAPH", "Python has another module 'json'"),
        ("no_such_module:GRAPH", "no_such_module cannot be imported: ModuleNotFoundError"),
        ("broken_module.py:GRAPH", "broken_module cannot be imported: ValueError: too bad (broken_module.py, line 1)"),
        ("wrong_module.py:GRAPH", "x (built in Python):3:8: 'tomorrow' is not a UTC instant"),
    ],
)
def test_what_is_not_a_graph_is_said(name: str, said: str, module: str, tmp_path: Path) -> None:
    (tmp_path / "not-a-name.py").write_text("", encoding="utf-8")
    (tmp_path / "json.py").write_text("", encoding="utf-8")
    (tmp_path / "broken_module.py").write_text("raise ValueError('too bad')\n", encoding="utf-8")
    (tmp_path / "wrong_module.py").write_text(
        "from lightlag.launch import build_graph\n"
        "GRAPH = build_graph(name='x', epoch='tomorrow', until='1 h', nodes={})\n",
        encoding="utf-8",
    )
    assert said.replace("{}", module) in refusal(name.replace("{}", module))


def test_a_graph_without_arguments_takes_none(module: str) -> None:
    assert "this graph has no arguments" in refusal(f"{module}.py:GRAPH", seed=1)
    assert "this graph has: until, ears, seed" in refusal(f"{module}.py:ticks", sed=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["validate", "{}.py:GRAPH"], "ticks is right: 2 nodes, 1 channel\n"),
        (["show", "{}.py:ticks", "--args"], "until:='10 s'  str\n    how long it lasts\n"),
        (["show", "{}.py:ticks", "ears:=2", "--resolved"], "type: {}:Probe"),
        (["plan", "{}:GRAPH"], "ticks in"),
        (["lint", "{}.py:GRAPH"], "1 module: nothing found"),
    ],
)
def test_commands_take_such_names(words: list[str], said: str, module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([word.replace("{}", module) for word in words]) == 0
    assert said.replace("{}", module) in capsys.readouterr().out


def test_a_run_of_such_a_graph_is_the_same_in_one_process_and_in_two(module: str, tmp_path: Path) -> None:
    digests = []
    for name, where in (("one", ["--in-process"]), ("two", ["--processes", "2"])):
        words = [*where, "-q", "--no-report", "--run-dir", str(tmp_path / name)]
        assert cli.main(["launch", f"{module}.py:GRAPH", *words]) == 0
        digests.append(json.loads((tmp_path / name / "summary.json").read_text(encoding="utf-8"))["digest"])
    assert digests[0] == digests[1]
