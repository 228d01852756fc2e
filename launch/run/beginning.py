"""How a run is begun: the facts at the head of its journal, which every process of it must know, and its faults."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from typing import Any

from lightlag.bus import wire
from lightlag.bus.journal import Journal
from lightlag.launch.graph.faults import acts_of_graph
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
    }
    host_of = {node: index for index, group in enumerate(groups) for node in group}
    with Journal(directory.journal, facts) as journal:
        for node, emission in acts_of_graph(graph):
            journal.append(host_of[node], wire.encode(facts["run"], wire.ACT, (), [emission]), [emission])


def find_beside(facts: dict[str, Any]) -> None:
    """Let node classes that lie beside the graph file of a run be imported, as when it was launched."""
    folder = facts.get("folder")
    if folder and folder not in sys.path:
        sys.path.append(folder)
