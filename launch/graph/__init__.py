"""Graph files: found, read, with every error said, and told in short. Nothing here runs anything.

General layout, lowest first:

    diagnostics            what is wrong, and where, in words that teach
    source                 a graph file as text with positions
    plugins, locate        which node types and graphs are installed; where a file is
    arguments, parameters, what the command line puts in; what a node class takes;
    machines               which other machines there are
    spec                   what a graph is once it is right
    values, instants,      the single values of a file; instants as people say them;
    presence               when nodes are there
    reading                what every section is read with
    nodes, channels,       the sections, a module each
    links, grouping, faults
    include                other graph files, put into one
    from_python            graphs that a Python module holds or makes
    loading                from the file to what is right
    building               a graph built in Python
    summary, schema        the same in a few lines; what editors know of graph files
    describe               what a node type is, as data

What is offered is imported when it is first asked for: whoever wants a diagnostic need not load every node class.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .building import build_graph, channel, node
    from .diagnostics import Diagnostic, InvalidGraph, Place
    from .loading import load_graph, read_declarations
    from .machines import Machine
    from .schema import graph_schema
    from .spec import ChannelSpec, Graph, NodeSpec

__all__ = [
    "ChannelSpec",
    "Diagnostic",
    "Graph",
    "InvalidGraph",
    "Machine",
    "NodeSpec",
    "Place",
    "build_graph",
    "channel",
    "graph_schema",
    "load_graph",
    "node",
    "read_declarations",
]

_HOMES = {
    "building": ("build_graph", "channel", "node"),
    "diagnostics": ("Diagnostic", "InvalidGraph", "Place"),
    "loading": ("load_graph", "read_declarations"),
    "machines": ("Machine",),
    "schema": ("graph_schema",),
    "spec": ("ChannelSpec", "Graph", "NodeSpec"),
}


def __getattr__(name: str) -> Any:
    for home, offered in _HOMES.items():
        if name in offered:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
