"""From what a test names to the stage of its run: the graph found and loaded, its nodes here or in processes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from lightlag.bus.errors import GraphError
from lightlag.launch.graph.arguments import as_text
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.spec import Graph
from lightlag.launch.run.stage import Here, Stage
from lightlag.launch.rundir.directory import RunDirectory


def the_graph(
    graph: str | Path | Graph, arguments: Mapping[str, Any], until: str | None, folder: Path, directory: RunDirectory
) -> Graph:
    """The graph that a test names; ``folder`` is where the test is.

    Raises:
        GraphError: there is none, or it is wrong.
    """
    if not isinstance(graph, Graph):
        return _loaded(graph, arguments, until, folder, directory)
    if arguments or until:
        raise GraphError(
            "arguments and until belong to a graph file; a Graph has them in it already: load it with them, or use "
            "dataclasses.replace"
        )
    return graph


def staged(graph: Graph, directory: RunDirectory, processes: int) -> Stage:
    """The stage of a test's run: here, or over processes.

    Raises:
        GraphError: it cannot run.
    """
    if processes:
        from lightlag.launch.run.elsewhere import Elsewhere

        return Elsewhere(graph, directory, processes)
    return Here(graph, directory)


def _loaded(
    graph: str | Path, arguments: Mapping[str, Any], until: str | None, folder: Path, directory: RunDirectory
) -> Graph:
    texts = {name: as_text(value) for name, value in arguments.items()}
    if isinstance(graph, str) and "\n" in graph:
        return load_graph(_written(graph, directory.path.parent), texts, until=until)
    beside = folder / graph
    return load_graph(beside if beside.is_file() else graph, texts, until=until)


def _written(text: str, folder: Path) -> Path:
    """The file of a graph that a test has as text."""
    numbered = (folder / (f"run-{number}.yaml" if number > 1 else "run.yaml") for number in count(1))
    file = next(file for file in numbered if not file.exists() or file.read_text(encoding="utf-8") == text)
    file.write_text(text, encoding="utf-8")
    return file
