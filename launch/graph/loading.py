"""From a graph file to a ``Graph``: everything checked, every error said, nothing started.

The sections are read in the order in which they depend on each other: arguments, the instant and the length of the
run, the files that are included, then those of ``SECTIONS``, each of which lives in a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from lightlag.nodes.node import Node

from .arguments import Argument, as_text, give, give_items, read_arguments, substitute, where_given
from .channels import check_ports, read_channels
from .diagnostics import InvalidGraph, Place, Report, Source
from .faults import acts_of_graph, read_faults
from .from_python import graph_named, is_python, parameters_named
from .grouping import read_hosts, read_place
from .include import Included, merged, read_include, read_ports, take_in
from .links import read_links
from .locate import find_graph, read_graph_file
from .nodes import read_nodes
from .plugins import look_beside
from .reading import Reading
from .source import Item, read_yaml
from .spec import MOST_RESTARTS, ChannelSpec, Graph, NodeSpec
from .values import read_epoch, read_name, read_restarts, read_seed, read_text, read_until_ns, read_version

__all__ = ["ChannelSpec", "Graph", "InvalidGraph", "NodeSpec", "load_graph", "read_declarations", "read_graph"]


class Section(NamedTuple):
    """A section of a graph file: its key, the field of ``Graph`` that it becomes, and what reads it."""

    key: str
    field: str
    read: Callable[[Item | None, Reading], Any]
    #: Whether it is of no effect in a file that is included.
    is_of_the_run: bool = False


#: In the order in which they are read: a later one knows what an earlier one found.
SECTIONS = (
    Section("nodes", "nodes", read_nodes),
    Section("channels", "channels", read_channels),
    Section("links", "channels", read_links),
    Section("place", "place", read_place),
    Section("hosts", "machines", read_hosts, is_of_the_run=True),
    Section("ports", "ports", read_ports),
    Section("faults", "faults", read_faults),
)
_HEAD = ("version", "name", "description", "args", "epoch", "seed", "until", "restart", "include")
KEYS = (*_HEAD, *(section.key for section in SECTIONS))
REQUIRED = ("version", "name", "epoch", "until")
#: What is looked at in a file that is included; the rest is said by the file that includes it.
_INCLUDED = ("version", "include", *(section.key for section in SECTIONS if not section.is_of_the_run))
_DEFAULT_SEED = 1


def load_graph(
    name_or_path: str | Path,
    arguments: Mapping[str, str] | None = None,
    *,
    until: str | None = None,
    hosts: Path | None = None,
    **values: object,
) -> Graph:
    """A shipped graph by its name, or a graph file by its path, with ``arguments`` (as text) put in.

    Arguments can be given as keywords, too, and then be anything that is written as on the command line:
    ``load_graph("mars2020", seed=7, uhf_rate="8 kbit/s")``. ``until``, a duration such as ``2h``, takes the place of
    the graph's own; so do the machines in the file ``hosts``.

    Raises:
        InvalidGraph: with everything that is wrong.
    """
    words = {name: as_text(value) for name, value in values.items()}
    return read_graph(name_or_path, {**(arguments or {}), **words}, until, Report(), hosts)


def read_graph(
    name_or_path: str | Path,
    arguments: Mapping[str, str],
    until: str | None,
    report: Report,
    hosts: Path | None = None,
) -> Graph:
    """As ``load_graph``, for a caller who has found errors already: they are raised together."""
    if isinstance(name_or_path, str) and is_python(name_or_path):
        return _read_python(name_or_path, arguments, until, report, hosts)
    file = find_graph(name_or_path, report)
    root = read_graph_file(file, report) if file is not None else None
    machines = _read_file(hosts, report) if hosts is not None else None
    graph = None
    if file is not None and root is not None:
        graph = _graph(root, arguments, until, machines, Reading(report, file))
    report.check()
    assert graph is not None
    assert file is not None
    acts_of_graph(graph)  # which says whom a fault should concern, and does not
    return replace(graph, folder=file.folder)


def read_graph_text(
    text: str,
    name: str,
    report: Report,
    *,
    classes: Mapping[str, type[Node]],
    until: str | None = None,
    hosts: Path | None = None,
    beside: tuple[str, ...] = (),
) -> Graph:
    """The graph of the text of a graph file that is called ``name``; ``classes`` are node classes by their type.

    Raises:
        InvalidGraph: with everything that is wrong.
    """
    report.files.append(name)
    root = read_yaml(Source.of_text(name, text), text, report)
    machines = _read_file(hosts, report) if hosts is not None else None
    graph = None
    if root is not None:
        graph = _graph(root, {}, until, machines, Reading(report, classes=classes))
    report.check()
    assert graph is not None
    acts_of_graph(graph)
    return replace(graph, beside=tuple(dict.fromkeys((*beside, *graph.beside))))


def _read_python(
    name: str, arguments: Mapping[str, str], until: str | None, report: Report, hosts: Path | None
) -> Graph:
    found = graph_named(name, arguments, report)
    report.check()
    assert found is not None
    if isinstance(found, Path):
        return read_graph(found, arguments, until, report, hosts)
    if until is None and hosts is None:
        return found
    classes = {node.type: node.cls for node in found.nodes.values()}
    changed = read_graph_text(found.to_yaml(), name, report, classes=classes, until=until, hosts=hosts)
    return replace(changed, folder=found.folder, beside=found.beside, arguments=found.arguments)


def read_declarations(name_or_path: str | Path) -> list[Argument]:
    """The arguments that a graph declares; the rest of the file is not looked at.

    Raises:
        InvalidGraph: there is no such graph, or its arguments are declared wrongly.
    """
    report = Report()
    declared: Mapping[str, Argument | None] | Path = Path(name_or_path)
    if isinstance(name_or_path, str) and is_python(name_or_path):
        declared = parameters_named(name_or_path, report)
    if isinstance(declared, Path):
        root = _read_file(declared if is_python(name_or_path) else name_or_path, report)
        declared = read_arguments(_entry(root, "args"), report) if root is not None else {}
    report.check()
    return [argument for argument in declared.values() if argument is not None]


def _read_file(name_or_path: str | Path, report: Report) -> Item | None:
    file = find_graph(name_or_path, report)
    return read_graph_file(file, report) if file is not None else None


def _entry(root: Item, key: str) -> Item | None:
    return root.value.get(key) if isinstance(root.value, dict) else None


def _graph(
    root: Item, given: Mapping[str, str], until: str | None, machines: Item | None, reading: Reading
) -> Graph | None:
    """The graph of a file; None if anything was found to be wrong."""
    required = REQUIRED if _entry(root, "include") is not None else (*REQUIRED, "nodes")
    top = reading.mapping(root, "a graph file", KEYS, required)
    if top is None:
        return None
    report = reading.report
    arguments = give(read_arguments(top.pop("args", None), report), given, report)
    if machines is not None:
        top["hosts"] = machines
    for key, item in top.items():
        reading.places[key] = where_given(item, arguments)
        top[key] = substitute(item, arguments, report)
    if until is not None:
        word = Place.of_word(f"--until {until}", len("--until ") + 1)
        top["until"] = Item(until, word, word, text=until)
    reading.value(top.get("version"), read_version)
    name = reading.value(top.get("name"), read_name)
    description = reading.value(top.get("description"), read_text)
    seed = reading.value(top.get("seed"), read_seed)
    restarts = reading.value(top.get("restart"), read_restarts)
    epoch = reading.epoch = reading.value(top.get("epoch"), read_epoch)
    until_ns = reading.until_ns = reading.value(top.get("until"), read_until_ns)
    folders = _read_sections(top, reading)
    check_ports(reading)
    if not report.diagnostics and not reading.fields["nodes"]:
        report.add("a graph without nodes", root.place, "declare one under nodes: name: {type: ...}")
    if report.diagnostics or name is None or epoch is None or until_ns is None:
        return None
    return Graph(
        name=name,
        description=description or "",
        epoch=epoch,
        seed=_DEFAULT_SEED if seed is None else seed,
        until_ns=until_ns,
        restarts=MOST_RESTARTS if restarts is None else restarts,
        **reading.fields,
        arguments={name: argument.value for name, argument in arguments.items() if argument},
        beside=tuple(dict.fromkeys(folders)),
        places=reading.places,
    )


def _read_sections(top: Mapping[str, Item], reading: Reading, chain: tuple[Path, ...] = ()) -> list[str]:
    """Read what makes the fields of the graph; returns the folders of the files that are included."""
    folders: list[str] = []
    if reading.file is not None:
        look_beside(reading.file.folder)
        chain = (*chain, reading.file.path.resolve())
    for included in read_include(top.get("include"), reading, chain):
        inner = reading.of_included(included.file, f"{included.prefix}-" if included.prefix else "")
        folders += [included.file.folder, *_read_included(included, inner, chain)]
        take_in(included, inner, reading)
    for section in SECTIONS:
        value = section.read(top.get(section.key), reading)
        reading.fields[section.field] = merged(reading.fields.get(section.field), value)
    return [folder for folder in folders if folder]


def _read_included(included: Included, reading: Reading, chain: tuple[Path, ...]) -> list[str]:
    """Read a file that is included into its own reading; returns the folders of the files that it includes."""
    top = reading.mapping(included.root, "a graph file", KEYS, ("version",)) or {}
    report = reading.report
    arguments = give_items(read_arguments(top.get("args"), report), included.arguments, report)
    mine = {key: substitute(item, arguments, report) for key, item in top.items() if key in _INCLUDED}
    reading.value(mine.get("version"), read_version)
    return _read_sections(mine, reading, chain)
