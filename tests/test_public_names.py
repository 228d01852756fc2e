"""How the house is kept: what a folder offers is what it says, and every module says what it is."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("bus", "launch", "missions", "nodes", "orbiters")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
OFFERING = [path for path in MODULES if path.name == "__init__.py" and "__all__" in path.read_text()]
MOST_LINES = 420


def dotted(path: Path) -> str:
    return ".".join(("lightlag", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def as_isort_has_it(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("path", OFFERING, ids=dotted)
def test_all_is_complete_and_sorted_and_resolves(path):
    package = importlib.import_module(dotted(path))
    body = ast.parse(path.read_text()).body
    body += [
        inner for node in body if isinstance(node, ast.If) for inner in node.body
    ]  # what is imported when asked for
    defined = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    offered = [name for name in defined if not name.startswith("_")]
    if not offered:  # it only gathers
        imports = [node for node in body if isinstance(node, ast.ImportFrom) and node.level]
        offered = [alias.asname or alias.name for node in imports for alias in node.names]
    assert sorted(package.__all__) == sorted(name for name in offered if not name.startswith("_"))
    assert package.__all__ == sorted(package.__all__, key=as_isort_has_it)
    for name in package.__all__:
        assert getattr(package, name, None) is not None


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_opens_with_what_lives_there_and_is_read_in_one_sitting(path):
    text = path.read_text()
    module = ast.parse(text)
    assert ast.get_docstring(module), "it opens without a word"
    assert text.count("\n") <= MOST_LINES
    silent = [
        definition.name
        for place in (module, *[node for node in module.body if isinstance(node, ast.ClassDef)])
        for definition in place.body
        if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not definition.name.startswith("_")
        and not getattr(place, "name", "").startswith("_")
        and not ast.get_docstring(definition)
    ]
    assert not silent, "public, and without a word"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_nothing_is_left_for_later_and_nothing_is_swallowed(path):
    text = path.read_text()
    assert "TODO" not in text
    assert "FIXME" not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler) and len(node.body) == 1:
            caught = ast.unparse(node.type) if node.type else ""
            assert not (isinstance(node.body[0], ast.Pass) and caught in ("", "Exception", "BaseException"))
