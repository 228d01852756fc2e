"""The package in examples/sample_return as its users have it: installed, found by its entry points, nothing more."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.docs.pip import install

PACKAGE = Path(__file__).parents[2] / "examples" / "sample_return"
#: What a package of somebody's own is made with.
OFFERED = ("lightlag.bus", "lightlag.nodes", "lightlag.orbiters")


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """Type a command where the package is installed, and nowhere else; what it prints."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed, and a build that fetches it needs a network")
    folder = tmp_path_factory.mktemp("installed")
    install(PACKAGE, folder)

    def typed(*words: str, cwd: Path) -> str:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
        environment = {**kept, "PYTHONPATH": os.pathsep.join([str(folder), kept.get("PYTHONPATH", "")])}
        ended = subprocess.run(
            [sys.executable, "-m", *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=200
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return typed


@pytest.mark.thorough  # as plug-ins of others are
def test_it_is_the_same_run_in_one_process_and_in_two(typed, tmp_path):
    digests = []
    for name, placement in (("one", ["--in-process"]), ("two", ["--processes", "2"])):
        arguments = ["sample-return", "stations:=earth", "samples:=2", "--until", "1 d", "-q", "--no-report"]
        typed("lightlag", "launch", *arguments, "--run-dir", name, *placement, cwd=tmp_path)
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        digests.append((summary["digest"], summary["emissions"]))
    assert digests[0] == digests[1]
    assert digests[0][1] > 5


def test_an_editor_learns_its_node_types(typed, tmp_path):
    schema = json.loads(typed("lightlag", "schema", cwd=tmp_path))
    graph = YAML(typ="safe").load(PACKAGE / "src" / "sample_return" / "sample_return.yaml")
    types = {choice.get("const") for choice in schema["$defs"]["node"]["properties"]["type"]["anyOf"]}
    assert {node["type"] for node in graph["nodes"].values()} <= types


def test_its_own_tests_pass(typed):
    assert "passed" in typed("pytest", "-q", "-p", "no:cacheprovider", cwd=PACKAGE)


def test_it_imports_nothing_that_others_could_not():
    imported: set[tuple[str, str]] = set()
    for path in (PACKAGE / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module and "lightlag" in node.module:
                imported.update((node.module, alias.name) for alias in node.names)
    assert imported
    for module, name in sorted(imported):
        assert module.startswith(OFFERED), module
        assert not any(part.startswith("_") for part in (*module.split("."), name)), (module, name)
        assert hasattr(importlib.import_module(module), name)
