"""From a graph file to a run and what it leaves: the top layer, and the command line.

The rooms, highest first; a room imports from those below it, never from one beside it (import-linter keeps it):

    cli        the console entry
    command    the commands: what a person types, and what of it a person sees
    testing    the pytest plug-in: a test that is a node of the run
    conformance
               what a run relies on, tried on a node type: the checks, and the small run in which it is tried
    package    packages of somebody's own, from templates
    run        running hosts: in this process, in others, on other machines; the end of a run
    lint       what in node code would give another result in another run, found by reading it
    placement  from a graph to hosts: its world, the lookahead, which nodes run together
    report     one page about a run
    look       looking at a run, live or recorded: why it waits, what is heard, where two differ
    graph      graph files: found, read with every error said, told in short
    rundir     the run directory, where who runs and who looks find files and processes

Beside each other are ``command`` and ``testing``; ``conformance`` and ``package``; ``lint``, ``placement`` and
``report``; ``graph`` and ``rundir``.

Imports from: bus, nodes, orbiters, missions. Imported by: nothing.

What a notebook needs is offered here, and imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .graph import ChannelSpec, Graph, InvalidGraph, NodeSpec, build_graph, channel, load_graph, node
    from .run.simulation import Simulation

__all__ = [
    "ChannelSpec",
    "Graph",
    "InvalidGraph",
    "NodeSpec",
    "Simulation",
    "build_graph",
    "channel",
    "load_graph",
    "node",
]

#: The module that each comes from, if not ``graph``.
_HOMES = {"Simulation": "run.simulation"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f".{_HOMES.get(name, 'graph')}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
