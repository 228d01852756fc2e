"""How a run is begun: the head of its journal, which every process of it must know, its faults, its graph."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lightlag.bus import wire
from lightlag.bus.journal import Journal
from lightlag.launch.graph.faults import acts_of_graph
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.plugins import look_beside
from lightlag.launch.graph.spec import Graph
from lightlag.launch.placement.placing import Groups, host_names
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import HERE


def begin_journal(
    graph: Graph,
    groups: Groups,
    directory: RunDirectory,
    *,
    processes: bool,
    record: bool,
    mixed: bool = False,
    fork: Mapping[str, Any] | None = None,
) -> None:
    """Begin a journal with what every process of the run must know; ``fork`` is what the run is a fork of.

    The faults of the graph are its first acts, though their times are to come.
    """
    facts: dict[str, Any] = {
        "run": secrets.token_hex(8),
        "graph": graph.name,
        "seed": graph.seed,
        "processes": processes,
        "record": record,
        "mixed": mixed,
        "fork": fork,
        "hosts": host_names(groups) if processes else [HERE],
        "groups": groups,
        "folder": graph.folder,
        "beside": list(graph.beside),
    }
    host_of = {node: index for index, group in enumerate(groups) for node in group}
    with Journal(directory.journal, facts) as journal:
        for node, emission in acts_of_graph(graph):
            journal.append(host_of[node], wire.encode(facts["run"], wire.ACT, (), [emission]), [emission])


def begun_graph(directory: RunDirectory, facts: dict[str, Any]) -> Graph:
    """The graph of a run that was begun; node classes and files beside its files are found as when it was launched.

    Raises:
        GraphError: it cannot be loaded any more.
    """
    return resolved_graph(directory.graph, facts.get("folder", ""), facts.get("beside", ()))


def resolved_graph(path: Path | str, folder: str, beside: Sequence[str]) -> Graph:
    """A graph that was written resolved, with what lies in the folders that it had before: node classes, files.

    Raises:
        GraphError: it cannot be loaded any more.
    """
    for each in (folder, *beside):
        look_beside(each)
    return replace(load_graph(str(path), {}), folder=folder, beside=tuple(beside))
