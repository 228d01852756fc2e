"""What an editor is told about graph files is what the reader takes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.launch.fixtures.nodes import Beacon, Station

from lightlag.launch import cli
from lightlag.launch.graph import schema
from lightlag.launch.graph.diagnostics import Report, Source
from lightlag.launch.graph.loading import KEYS
from lightlag.launch.graph.nodes import NODE_KEYS
from lightlag.launch.graph.source import read_yaml

ROOT = Path(__file__).parents[3]
BROKEN = Path(__file__).parent / "broken"
#: Those of packages of somebody's own have node types that are known where these are installed.
GRAPHS = sorted(
    path for folder in ("missions", "examples", "bench") for path in (ROOT / folder).rglob("*.yaml")
    if "version: 1" in path.read_text(encoding="utf-8") and "src" not in path.relative_to(ROOT).parts
)  # fmt: skip
HEAD = "version: 1\nname: x\nepoch: 2021-02-18T20:26:00Z\nuntil: 40 min\n"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    made = schema.graph_schema({**schema.shipped_types(), "beacon": Beacon, "station": Station, "lost": None})
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def data_of(text: str) -> object:
    report = Report()
    item = read_yaml(Source.of_text("text", text), text, report)
    assert item is not None
    assert not report.diagnostics
    return item.plain()


def test_the_copy_in_the_package_is_what_is_generated() -> None:
    """To write it anew: ``LIGHTLAG_WRITE_EXPECTED=1 pytest tests/launch/graph/test_schema.py``."""
    made = json.dumps(schema.graph_schema(schema.shipped_types()), indent=2) + "\n"
    if "LIGHTLAG_WRITE_EXPECTED" in os.environ:
        schema.STATIC.write_text(made, encoding="utf-8")
    assert schema.STATIC.read_text(encoding="utf-8") == made


def test_the_command_writes_a_schema_with_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(printed)
    assert {choice.get("const") for choice in printed["$defs"]["node"]["properties"]["type"]["anyOf"]} >= {"mro"}


def test_there_are_graphs_to_look_at() -> None:
    assert {path.name for path in GRAPHS} >= {"mars2020.yaml", "hello_mars.yaml"}


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.name)
def test_every_graph_that_ships_is_valid(path: Path, validator: Draft202012Validator) -> None:
    validator.validate(data_of(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "name",
    [
        "a_word",
        "args_as_list",
        "bad_names",
        "bad_utc",
        "hosts_as_list",
        "members_without_port",
        "missing_keys",
        "negative_seed",
        "other_version",
        "place_of_nobody",
        "unknown_keys",
        "unknown_medium",
        "until_in_kilometres",
        "until_without_unit",
        "wire_latency",
    ],
)
def test_what_has_a_wrong_shape_is_not_valid(name: str, validator: Draft202012Validator) -> None:
    text = (BROKEN / f"{name}.yaml").read_text(encoding="utf-8")
    assert not validator.is_valid(data_of(text))


@pytest.mark.parametrize(
    "node",
    [
        "{type: beacon, params: {uhf: {rate_bps: 8 kbit/s}, every: 5 s, names: [x], at: 2021-02-18T20:36:50.08Z}}",
        "{type: beacon, params: {xband: {receive_hz: 8.4 GHz}, mode: at once, antenna: {diameter: 3 m, gain: 1.5}}}",
        "{type: station, params: {station: DSS-14}, join: 2 min, leave: 2021-049T20:36:50Z}",
        "{type: lost, params: {anything: 1}}",
        '{type: "my.own:Class", params: {anything: {goes: [1, 2]}}}',
        '{type: beacon, params: {uhf: {rate_bps: "${r}"}, every: "${e}", loud: "${l}", count: "${c}", mode: "${m}"}}',
        '{type: "${kind}", join: "${when}"}',
        "{type: beacon, params: {xband: null, names: []}}",
    ],
)
def test_a_right_node_is_valid(node: str, validator: Draft202012Validator) -> None:
    validator.validate(data_of(f"{HEAD}nodes:\n  a: {node}\n"))


@pytest.mark.parametrize(
    "node",
    [
        "{type: beacon, params: {uhf: {rate_bps: 8 km}}}",
        "{type: beacon, params: {uhf: {rate_bps: 8000}}}",
        "{type: beacon, params: {uhf: {rate: 8 kbit/s}}}",
        "{type: beacon, params: {every: 5}}",
        "{type: beacon, params: {mode: sometimes}}",
        "{type: beacon, params: {count: many}}",
        "{type: beacon, params: {names: x}}",
        "{type: station}",
        "{type: beacn}",
        "{type: beacon, join: later}",
        "{params: {}}",
    ],
)
def test_a_wrong_node_is_not_valid(node: str, validator: Draft202012Validator) -> None:
    assert not validator.is_valid(data_of(f"{HEAD}nodes:\n  a: {node}\n"))


@pytest.mark.parametrize(
    "sections",
    [
        "include:\n  - {graph: relay.yaml, prefix: east, args: {rate: 8 kbit/s, n: 1}}\n  - {graph: mars2020}\n",
        "links:\n  - {from: a.x, to: b.y, medium: space}\n  - {between: [a.x, b.y], medium: ${m}, name: lan}\n",
        "restart: never\nports: {relay: a.x, sky: uhf}\nseed: ${seed}\nplace: {a: ${where}}\n",
    ],
)
def test_sections_are_valid(sections: str, validator: Draft202012Validator) -> None:
    validator.validate(data_of(HEAD + sections.replace("${m}", '"${m}"').replace("${where}", '"${where}"')))


@pytest.mark.parametrize(
    "sections",
    [
        "include:\n  - {prefix: east}\n",
        "include:\n  - {graph: relay.yaml, prefix: East}\n",
        "links:\n  - {from: a.x, medium: space}\n",
        "links:\n  - {from: a.x, to: b.y, between: [a.x, b.y], medium: space}\n",
        "links:\n  - {between: [a.x], medium: space}\n",
        "restart: often\n",
        "restart: -1\n",
        "channels: {c: {medium: space, members: []}}\n",
        "args: {rate: {type: speed, default: 1, help: x}}\n",
    ],
)
def test_wrong_sections_are_not_valid(sections: str, validator: Draft202012Validator) -> None:
    assert not validator.is_valid(data_of(HEAD + sections))


def test_what_is_only_included_need_not_say_when_it_begins(validator: Draft202012Validator) -> None:
    part = "version: 1\nnodes: {a: {type: beacon}}\n"
    assert not validator.is_valid(data_of(part))
    assert validator.is_valid(data_of(part + "ports: {a: a.uhf}\n"))


def test_every_section_and_every_key_of_a_node_is_described() -> None:
    made = schema.graph_schema({})
    assert list(made["properties"]) == list(KEYS)
    assert all(made["properties"].values())
    assert set(made["$defs"]["node"]["properties"]) == set(NODE_KEYS)


def test_a_default_is_told_with_its_unit() -> None:
    made = schema.graph_schema({"beacon": Beacon})
    every = made["$defs"]["params of beacon"]["properties"]["every"]
    assert every["default"] == "60 s"
    assert every["description"] == "between two signs of life"
