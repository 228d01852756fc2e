"""How a run is begun: the facts at the head of its journal, which every process of it must know, and its graph."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lightlag.bus.journal import Journal
from lightlag.launch.graph.loading import load_graph
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
    """Begin a journal with what every process of the run must know; ``fork`` is what the run is a fork of."""
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
    Journal(directory.journal, facts).close()


def begun_graph(directory: RunDirectory, facts: dict[str, Any]) -> Graph:
    """The graph of a run that was begun; node classes and files beside its file are found as when it was launched.

    Raises:
        GraphError: it cannot be loaded any more.
    """
    folder = facts.get("folder", "")
    if folder and folder not in sys.path:
        sys.path.append(folder)
    return replace(load_graph(str(directory.graph), {}), folder=folder)
