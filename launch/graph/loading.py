"""From a graph file to a ``Graph``: everything checked, every error said, nothing started.

The sections are read in the order in which they depend on each other: arguments, the instant and the length of the
run, then those of ``SECTIONS``, each of which lives in a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .arguments import Argument, give, read_arguments, substitute, where_given
from .channels import read_channels
from .diagnostics import InvalidGraph, Place, Report
from .faults import acts_of_graph, read_faults
from .grouping import read_hosts, read_place
from .locate import read_graph_file
from .nodes import read_nodes
from .reading import Reading
from .source import Item
from .spec import ChannelSpec, Graph, NodeSpec
from .values import read_epoch, read_name, read_seed, read_text, read_until_ns, read_version

__all__ = ["ChannelSpec", "Graph", "InvalidGraph", "NodeSpec", "load_graph", "read_declarations", "read_graph"]

#: The sections in the order in which they are read, a later one knowing what an earlier one found: the key in the
#: file, the field of ``Graph`` that it becomes, and what reads it.
SECTIONS: tuple[tuple[str, str, Callable[[Item | None, Reading], Any]], ...] = (
    ("nodes", "nodes", read_nodes),
    ("channels", "channels", read_channels),
    ("place", "place", read_place),
    ("hosts", "machines", read_hosts),
    ("faults", "faults", read_faults),
)
_KEYS = ("version", "name", "description", "args", "epoch", "seed", "until", *(key for key, _, _ in SECTIONS))
_REQUIRED = ("version", "name", "epoch", "until", "nodes")
_DEFAULT_SEED = 1


def load_graph(
    name_or_path: str | Path,
    arguments: Mapping[str, str] | None = None,
    *,
    until: str | None = None,
    hosts: Path | None = None,
) -> Graph:
    """A shipped graph by its name, or a graph file by its path, with ``arguments`` (as text) put in.

    ``until``, a duration such as ``2h``, takes the place of the graph's own; so do the machines in the file ``hosts``.

    Raises:
        InvalidGraph: with everything that is wrong.
    """
    return read_graph(name_or_path, arguments or {}, until, Report(), hosts)


def read_graph(
    name_or_path: str | Path,
    arguments: Mapping[str, str],
    until: str | None,
    report: Report,
    hosts: Path | None = None,
) -> Graph:
    """As ``load_graph``, for a caller who has found errors already: they are raised together."""
    root = read_graph_file(name_or_path, report)
    machines = read_graph_file(hosts, report) if hosts is not None else None
    graph = _graph(root, arguments, until, machines, Reading(report)) if root is not None else None
    report.check()
    assert graph is not None
    acts_of_graph(graph)  # which says whom a fault should concern, and does not
    file = Path(name_or_path)
    return replace(graph, folder=str(file.resolve().parent)) if file.is_file() else graph


def read_declarations(name_or_path: str | Path) -> list[Argument]:
    """The arguments that a graph declares; the rest of the file is not looked at.

    Raises:
        InvalidGraph: there is no such graph, or its arguments are declared wrongly.
    """
    report = Report()
    root = read_graph_file(name_or_path, report)
    declared = read_arguments(_entry(root, "args"), report) if root is not None else {}
    report.check()
    return [argument for argument in declared.values() if argument is not None]


def _entry(root: Item, key: str) -> Item | None:
    return root.value.get(key) if isinstance(root.value, dict) else None


def _graph(
    root: Item, given: Mapping[str, str], until: str | None, machines: Item | None, reading: Reading
) -> Graph | None:
    """The graph of a file; None if anything was found to be wrong."""
    top = reading.mapping(root, "a graph file", _KEYS, _REQUIRED)
    if top is None:
        return None
    arguments = give(read_arguments(top.pop("args", None), reading.report), given, reading.report)
    if machines is not None:
        top["hosts"] = machines
    for key, item in top.items():
        reading.places[key] = where_given(item, arguments)
        top[key] = substitute(item, arguments, reading.report)
    if until is not None:
        word = Place.of_word(f"--until {until}", len("--until ") + 1)
        top["until"] = Item(until, word, word, text=until)
    reading.value(top.get("version"), read_version)
    name = reading.value(top.get("name"), read_name)
    description = reading.value(top.get("description"), read_text)
    seed = reading.value(top.get("seed"), read_seed)
    epoch = reading.epoch = reading.value(top.get("epoch"), read_epoch)
    until_ns = reading.until_ns = reading.value(top.get("until"), read_until_ns)
    for key, field, read in SECTIONS:
        reading.fields[field] = read(top.get(key), reading)
    if reading.report.diagnostics or name is None or epoch is None or until_ns is None:
        return None
    return Graph(
        name=name,
        description=description or "",
        epoch=epoch,
        seed=_DEFAULT_SEED if seed is None else seed,
        until_ns=until_ns,
        **reading.fields,
        arguments={name: argument.value for name, argument in arguments.items() if argument},
        places=reading.places,
    )
