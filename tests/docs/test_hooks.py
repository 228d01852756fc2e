"""The reference is made of what there is: every section, node type, command and public name has its place in it."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

from lightlag.bus import errors
from lightlag.launch.command.table import BY_NAME
from lightlag.launch.graph.schema import shipped_types

DOCS = Path(__file__).parents[2] / "docs"
PACKAGES = ("nodes", "orbiters", "bus", "launch")


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(hooks, name: str) -> str:
    return hooks.generated((DOCS / "reference" / name).read_text(encoding="utf-8"))


def test_every_section_of_a_graph_file_is_told_with_its_keys(hooks):
    source = (DOCS / "reference" / "graph-files.md").read_text(encoding="utf-8")
    of = ", ".join(re.findall(r"generated: keys of ([a-z, ]+) -->", source))
    assert sorted(of.split(", ")) == sorted(hooks.sections())
    told = page(hooks, "graph-files.md")
    for row in (
        "| `until` | how long the run lasts | duration | **required** |",
        "| `seed` | the seed of all randomness | whole number | `1` |",
        "| `type` | what it is | a [node type](node-types.md), or `package.module:Class` | **required** |",
        "| `medium.wire.latency` | how long it takes, like 2 ms | duration | **required** |",
        "| `between` | two ports, each of which hears the other | list of 2: node.port |  |",
        "| `NAME` | the group, or a machine of hosts | name |  |",
    ):
        assert row in told


def test_a_section_has_an_example_right_before_its_keys():
    source = (DOCS / "reference" / "graph-files.md").read_text(encoding="utf-8")
    for heading, section in re.findall(r"^## (\w+)\n(.*?)<!-- generated: keys", source, re.DOTALL | re.MULTILINE):
        assert re.search(rf"^```yaml\n{heading}:", section, re.MULTILINE)


def test_every_node_type_is_told_with_its_radios_and_parameters(hooks):
    told = page(hooks, "node-types.md")
    assert re.findall(r"^## ([a-z0-9-]+) ", told, re.MULTILINE) == list(shipped_types())
    assert "| port `uhf` | relay radio; sends 437.1 MHz at 8 kbit/s; hears 401.585625 MHz |" in told
    assert "| `.max_range_km` | range beyond which nothing is received | length, more than 0 km | `" in told
    assert "| `trajectory.kepler.inclination` | to the equator of date | angle, " in told


def test_every_command_is_told_with_what_its_help_says(hooks):
    told = page(hooks, "commands.md")
    assert set(re.findall(r"^### \w+ \{ #(\w+) \}", told, re.MULTILINE)) == set(BY_NAME)
    assert "#### bag diff { #bag-diff }" in told
    assert "`lightlag fault VERB NODES... [OPTIONS]`{ .usage }" in told
    assert "| `--format text|json` | json: a list of what is wrong, on standard output. [text] |" in told
    assert "To go on with the run instead: [`lightlag launch`](#launch) --resume RUN" in told


def test_every_error_is_in_the_tree(hooks):
    told = page(hooks, "losses.md")
    classes = [name for name, value in vars(errors).items() if isinstance(value, type)]
    assert [name for name in classes if name not in told] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_that_a_package_offers_has_its_page(hooks, package):
    told = page(hooks, f"api/{package}.md")
    offered = importlib.import_module(f"lightlag.{package}").__all__
    assert sorted(re.findall(r"^::: [\w.]+\.(\w+)\n    options: \{heading", told, re.MULTILINE)) == sorted(offered)


def test_a_bar_in_a_cell_is_no_border(hooks):
    assert hooks._table(("a", "b"), [("`x|y`", "x|y")]).splitlines()[-1] == "| `x|y` | x\\|y |"
