"""What can stand in the place of a word that a person begins to type: graphs, node types, runs, nodes, places in space.

For ``autocompletion`` of Typer's arguments and options. A completion that fails says nothing: the shell then completes
names of files.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

RUNS = Path("runs")
#: The graph that is meant where none is named.
GRAPH = "mars2020"


def graphs(incomplete: str) -> list[str]:
    """Graphs that are installed, and graph files of this folder."""
    from lightlag.launch.graph.plugins import GRAPHS, names

    files = sorted(str(path) for ending in ("*.yaml", "*.yml") for path in Path().glob(ending))
    return _beginning(incomplete, [*names(GRAPHS), *files])


def node_types(incomplete: str) -> list[str]:
    """Node types that are installed."""
    from lightlag.launch.graph.plugins import NODES, names

    return _beginning(incomplete, names(NODES))


def runs(incomplete: str) -> list[str]:
    """Run directories under ``runs/``, the latest first."""
    found = sorted((path.parent for path in RUNS.glob("*/journal")), reverse=True)
    latest = [path for path in found if path.name == "latest"]
    return _beginning(incomplete, map(str, dict.fromkeys([*latest, *found])))


def nodes_of_run(context: typer.Context, incomplete: str) -> list[str]:
    """The nodes of the run that ``--run`` names, else of the latest."""
    from lightlag.bus.journal import read_facts

    run = Path(context.params.get("run") or RUNS / "latest")
    return _beginning(incomplete, sorted(node for group in read_facts(run / "journal")["groups"] for node in group))


def places(context: typer.Context, incomplete: str) -> list[str]:
    """Bodies, ground stations, and the nodes of the graph that ``--graph`` names, else of mars2020."""
    from lightlag.launch.graph.diagnostics import Report
    from lightlag.launch.graph.locate import find_graph, read_graph_file
    from lightlag.orbiters.ephemeris import NAIF_IDS
    from lightlag.orbiters.stations import STATIONS

    report = Report()
    file = find_graph(context.params.get("graph") or GRAPH, report)
    item = read_graph_file(file, report) if file is not None else None
    tree = item.plain() if item is not None else None
    nodes = tree.get("nodes") if isinstance(tree, dict) else None
    return _beginning(incomplete, [*NAIF_IDS, *(nodes if isinstance(nodes, dict) else ()), *STATIONS])


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]
