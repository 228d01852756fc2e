"""Graphs that are named where a file could be: ``my_file.py:GRAPH``, ``package.module:GRAPH``.

The name leads to a ``Graph``, to the path of a graph file, or to a function that returns one of them. The function's
parameters, of type int, float, str or bool and each with a default, are the graph's arguments; what is said about one
stands in its annotation: ``rate: Annotated[str, "what the probe sends at"] = "8 kbit/s"``. A module is looked for where
Python finds modules, and then in the working directory.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .arguments import Argument, Value, give
from .diagnostics import InvalidGraph, Place, Report
from .plugins import PluginError, failure, look_beside
from .spec import Graph

_NAMED = re.compile(r"(?P<module>.*[^/]\.py|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)")
_KINDS = {int: "int", float: "float", str: "str", bool: "bool"}


def is_python(name: object) -> bool:
    """Whether a name leads to a graph in Python."""
    return isinstance(name, str) and _NAMED.fullmatch(name) is not None


def graph_named(name: str, given: Mapping[str, str], report: Report) -> Graph | Path | None:
    """What a name leads to, a function called with ``given``; None if to nothing, with the reason in ``report``."""
    with _reporting(name, report):
        found = _found(name)
        if isinstance(found, Path):
            return found
        takes = _parameters(name, found, report) if callable(found) else {}
        arguments = give(takes, given, report)
        if report.diagnostics:
            return None
        if callable(found):
            values = {key: it.value for key, it in arguments.items() if it}
            found = _called(found, name, values)
            found = replace(found, arguments=values) if isinstance(found, Graph) else found
        if isinstance(found, Graph | Path):
            return found
        hint = "expected a Graph (see build_graph), the path of a graph file, or a function that returns one"
        report.add(f"{name} leads to {found!r}", Place.of_word(name), hint)
    return None


def parameters_named(name: str, report: Report) -> dict[str, Argument | None] | Path:
    """The arguments that a graph in Python takes, or the path of a graph file, which says so itself."""
    with _reporting(name, report):
        found = _found(name)
        if isinstance(found, Path):
            return found
        if callable(found):
            return _parameters(name, found, report)
    return {}


@contextmanager
def _reporting(name: str, report: Report) -> Iterator[None]:
    """What is raised in here is put into ``report``."""
    try:
        yield
    except InvalidGraph as error:
        report.diagnostics.extend(it for it in error.diagnostics if it not in report.diagnostics)
    except PluginError as error:
        report.add(str(error), Place.of_word(name), *error.hints)


def _found(name: str) -> object:
    match = _NAMED.fullmatch(name)
    assert match is not None
    module_name, attribute = match.group("module", "name")
    if module_name.endswith(".py"):
        module_name = _module_of(Path(module_name))
    else:
        look_beside(str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except InvalidGraph:
        raise
    except (Exception, SystemExit) as error:  # it is somebody else's code
        raise PluginError(failure(f"{module_name} cannot be imported", error, module_name)) from error
    if hasattr(module, attribute):
        return typing.cast(object, getattr(module, attribute))
    graphs = ", ".join(key for key, value in vars(module).items() if isinstance(value, Graph)) or "none"
    raise PluginError(f"{match['module']} has no {attribute!r}; graphs in it: {graphs}")


def _module_of(path: Path) -> str:
    """The name by which a file is imported, here and in every process that needs a class of it."""
    if not path.is_file():
        raise PluginError(f"there is no file {str(path)!r}")
    if not path.stem.isidentifier():
        raise PluginError(f"{path.name!r} cannot be imported: a module's name is of letters, digits and _")
    look_beside(str(path.resolve().parent))
    module = sys.modules.get(path.stem)
    spec = module.__spec__ if module is not None else importlib.util.find_spec(path.stem)
    origin = getattr(module, "__file__", None) or (spec.origin if spec is not None else None)
    if origin is None or Path(origin).resolve() != path.resolve():
        raise PluginError(f"Python has another module {path.stem!r} ({origin}); give the file another name")
    return path.stem


def _parameters(name: str, function: Callable[..., object], report: Report) -> dict[str, Argument | None]:
    """The parameters of a function as the arguments of a graph."""
    declared: dict[str, Argument | None] = {}
    for key, parameter in inspect.signature(function, eval_str=True).parameters.items():
        annotation, said = parameter.annotation, ""
        if typing.get_origin(annotation) is typing.Annotated:
            annotation, *notes = typing.get_args(annotation)
            said = next((note for note in notes if isinstance(note, str)), "")
        if annotation is parameter.empty:
            annotation = type(parameter.default)
        kind = _KINDS.get(annotation)
        if kind is None or parameter.default is parameter.empty:
            hint = "an argument of a graph is an int, float, str or bool, and has a default: rate: str = '8 kbit/s'"
            report.add(f"the parameter {key!r} cannot be an argument", Place.of_word(name), hint)
            kind = None
        declared[key] = Argument(key, kind, said, parameter.default) if kind else None
    return declared


def _called(function: Callable[..., object], name: str, values: Mapping[str, Value]) -> object:
    try:
        return function(**values)
    except InvalidGraph:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(failure(f"{name} failed", error, function.__module__)) from error
