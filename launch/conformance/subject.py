"""What is checked: the node types and the graphs that a person means by a word.

A word is looked for among graph files (in Python: ``my_file.py:GRAPH``), installed distributions, node types, graphs
and modules, in this order.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from lightlag.bus.errors import GraphError
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.plugins import GRAPHS, NODES, PluginError, graph_path, names, node_type
from lightlag.launch.graph.spec import Graph, NodeSpec
from lightlag.nodes.node import Node

GROUPS = {NODES: "node type", GRAPHS: "graph"}


@dataclass(frozen=True, slots=True)
class Type:
    """A node type: as a graph writes it, its class, and the graph (name or file) that uses it, if there is one."""

    written: str
    cls: type[Node] | None
    error: str = ""
    import_s: float = 0.0
    used_in: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a word stands for."""

    title: str
    types: Sequence[Type]
    #: Names or paths.
    graphs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A distribution that brings node types or graphs: (group, name, where it leads, why it cannot be had)."""

    name: str
    version: str
    entries: Sequence[tuple[str, str, str, str]]


def subject_of(target: str) -> Subject:
    """What a word stands for.

    Raises:
        GraphError: nothing is meant by it, or the graph file is wrong.
    """
    if target.endswith((".yaml", ".yml")) or ".py:" in target or Path(target).is_file():
        return _graph_subject(target, str(Path(target)))
    found = _distribution(target)
    if found is not None:
        return _distribution_subject(found)
    if ":" in target or target in names(NODES):
        return Subject(f"node type {target}", [_used(_type(target), names(GRAPHS))], [])
    if target in names(GRAPHS):
        return _graph_subject(target, f"graph {target}")
    if (types := _in_module(target)) is not None:
        return Subject(f"module {target}", [_used(it, names(GRAPHS)) for it in types], [])
    known = sorted({*names(NODES), *names(GRAPHS), *(plugin.name for plugin in plugins())})
    hint = did_you_mean(target, known) or "lightlag plugin list shows what is installed"
    raise GraphError(
        f"{target!r} is neither a distribution, a node type, a graph nor a module that can be imported here; {hint}"
    )


def plugins() -> list[Plugin]:
    """The distributions that bring node types or graphs, by name; what they bring is imported."""
    found = {it.name.lower().replace("_", "-"): it for it in distributions() if _entries(it)}
    return [
        Plugin(it.name, it.version, [(*entry, _error(entry[0], entry[1])) for entry in _entries(it)])
        for _, it in sorted(found.items())
    ]


def modules_of(cls: type[Node]) -> list[str]:
    """The modules that hold the code of a node class: its own, and those of its bases in the same package."""
    top = cls.__module__.partition(".")[0]
    return list(dict.fromkeys(base.__module__ for base in cls.__mro__ if base.__module__.partition(".")[0] == top))


def specs_in(graph: Graph, cls: type[Node]) -> list[NodeSpec]:
    """The nodes of a graph that are of a class."""
    return [spec for spec in graph.nodes.values() if spec.cls is cls]


@cache
def loaded(graph: str) -> Graph:
    """A graph with its defaults; loaded once.

    Raises:
        GraphError: it is wrong.
    """
    return load_graph(graph)


# -- what a word may be -----------------------------------------------------------------------------------------------


def _graph_subject(graph: str, title: str) -> Subject:
    classes: dict[type[Node], Type] = {}
    for spec in _in_python(loaded(graph)):
        classes.setdefault(spec.cls, Type(spec.type, spec.cls, used_in=graph))
    return Subject(title, list(classes.values()), [graph])


def _in_python(graph: Graph) -> list[NodeSpec]:
    """The nodes that are run by their classes; what is a program of another language is tried with its graph."""
    return [spec for spec in graph.nodes.values() if not spec.exec]


def _distribution(name: str) -> Distribution | None:
    try:
        found = distribution(name)
    except (PackageNotFoundError, ValueError):
        return None
    return found if _entries(found) else None


def _distribution_subject(found: Distribution) -> Subject:
    """All node types and graphs of a distribution, and the classes of its own that its graphs use."""
    graphs = [name for group, name, _ in _entries(found) if group == GRAPHS]
    types = [_used(_type(name), graphs) for group, name, _ in _entries(found) if group == NODES]
    tops = {value.partition(":")[0].partition(".")[0] for _, _, value in _entries(found)}
    known = {it.cls for it in types}
    for graph in graphs:
        try:
            specs = _in_python(loaded(graph))
        except GraphError:  # the graph's own check tells of it
            continue
        for spec in specs:
            if spec.cls not in known and spec.cls.__module__.partition(".")[0] in tops:
                known.add(spec.cls)
                types.append(Type(spec.type, spec.cls, used_in=graph))
    return Subject(f"{found.name} {found.version}", types, graphs)


def _entries(found: Distribution) -> list[tuple[str, str, str]]:
    return [(it.group, it.name, it.value) for group in GROUPS for it in found.entry_points.select(group=group)]


def _error(group: str, name: str) -> str:
    try:
        node_type(name) if group == NODES else graph_path(name)
    except PluginError as error:
        return _said(error)
    return ""


def _said(error: PluginError) -> str:
    return "; ".join([str(error), *filter(None, error.hints)])


def _type(written: str) -> Type:
    begun = time.perf_counter()
    try:
        cls = node_type(written)
    except PluginError as error:
        return Type(written, None, _said(error))
    return Type(written, cls, import_s=time.perf_counter() - begun)


def _used(it: Type, graphs: Sequence[str]) -> Type:
    """A type with the shortest of the graphs in which it is used."""
    lengths_ns: dict[str, int] = {}
    for graph in graphs if it.cls is not None else ():
        try:
            if it.cls is not None and specs_in(loaded(graph), it.cls):
                lengths_ns[graph] = loaded(graph).until_ns
        except GraphError:  # it is not this type's fault
            continue
    return replace(it, used_in=min(lengths_ns, key=lambda graph: lengths_ns[graph])) if lengths_ns else it


def _in_module(name: str) -> list[Type] | None:
    """The node classes that a module and those below it define; None if there is no such module."""
    try:
        if not all(part.isidentifier() for part in name.split(".")) or importlib.util.find_spec(name) is None:
            return None
    except (ImportError, ValueError):
        return None
    return [
        Type(f"{module}:{cls.__qualname__}", cls)
        for module in all_modules(name)
        for cls in vars(importlib.import_module(module)).values()
        if inspect.isclass(cls) and issubclass(cls, Node) and cls.__module__ == module
    ]


def all_modules(name: str) -> Iterator[str]:
    """A module and, of a package, all below it.

    Raises:
        GraphError: it cannot be imported.
    """
    try:
        module = importlib.import_module(name)
    except Exception as error:
        # A module of somebody else's may fail in any way.
        raise GraphError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    yield name
    for below in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield from all_modules(f"{name}.{below.name}")
