"""``lightlag validate``: whether a graph is right, in words or as data for editors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lightlag.launch.run.options import EXIT_BAD_INPUT, EXIT_DONE

from .teaching import GraphName, Words, collector_paused, errors_taught, load

if TYPE_CHECKING:
    from lightlag.launch.graph.diagnostics import Diagnostic
    from lightlag.launch.graph.spec import Graph


def validate(
    graph: GraphName,
    arguments: Words = None,
    form: Annotated[
        str, typer.Option("--format", metavar="text|json", help="json: a list of what is wrong, on standard output.")
    ] = "text",
) -> None:
    """Check a graph and its arguments; start nothing.

    \b
    lightlag validate my.yaml
    lightlag validate mars2020 uhf_rate:='8 kbit/s'
    lightlag validate my.yaml --format json        for editors

    Checked are the file and those that it includes, the arguments, the types
    of nodes and their parameters, and the channels; every error is shown at
    once, with its line. Then nodes are asked whether they find each other, and
    trajectories in files are read. What takes longer (those that are integrated,
    the ephemeris) is checked by launch, before anything starts. A warning is of what is right but probably
    not meant.

    In JSON each error or warning has file, line, column, end_column (from 1;
    the first after it), severity, message and hints; file and line are null for
    what stands on the command line.

    Exit code 0: nothing wrong was found; 2: something was.
    """
    if form not in ("text", "json"):
        raise typer.BadParameter(f"--format is {form!r}; give text or json")
    if form == "json":
        code, found = check(graph, arguments or ())
        typer.echo(json.dumps(found, indent=2))
        raise typer.Exit(code)
    with collector_paused(), errors_taught():
        loaded = load(graph, arguments, None)
        ask_nodes(loaded)
        counts = (len(loaded.nodes), "node"), (len(loaded.channels), "channel")
        told = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
        typer.echo(f"{loaded.name} is right: {told}")


def check(graph: str, words: Sequence[str]) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and every error and warning as data."""
    with collector_paused():
        from lightlag.bus.errors import GraphError
        from lightlag.launch.graph.arguments import split_words
        from lightlag.launch.graph.diagnostics import Diagnostic, InvalidGraph, Report
        from lightlag.launch.graph.loading import read_graph
        from lightlag.launch.graph.summary import loose_ends

    report = Report()
    try:
        with collector_paused():
            loaded = read_graph(graph, split_words(words, report), None, report)
            ask_nodes(loaded)
    except InvalidGraph as error:
        return EXIT_BAD_INPUT, [_data(found, "error") for found in error.diagnostics]
    except GraphError as error:
        return EXIT_BAD_INPUT, [_data(Diagnostic(str(error)), "error")]
    return EXIT_DONE, [_data(found, "warning") for found in loose_ends(loaded)]


def ask_nodes(graph: Graph) -> None:
    """See whether nodes find what they ask for: other nodes of the graph, and what they are to fly by in its files.

    Raises:
        GraphError: they do not.
    """
    from lightlag.bus.errors import GraphError, LightlagError

    in_space = [channel for channel in graph.channels.values() if channel.medium == "space"]
    flying = {name for channel in in_space for name in {**channel.members, **channel.senders}}
    for name, spec in graph.nodes.items():
        try:
            node = spec.cls(name, spec.params)
            try:
                node.check(graph.nodes)
            except GraphError as error:
                raise graph.error(f"nodes.{name}", f"{name}: {error}") from None
            if name in flying and hasattr(node.trajectory, "path"):
                from lightlag.launch.placement.world import World  # which takes long to import

                World(graph).trajectory(name)
        except LightlagError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever somebody's class raises is told as its fault
            told = f"{name}: {spec.type} raises {type(error).__name__} before the run begins: {error}"
            raise graph.error(f"nodes.{name}", told) from None


def _data(found: Diagnostic, severity: str) -> dict[str, Any]:
    place = found.place
    is_in_file = place is not None and place.source.numbered
    return {
        "file": place.source.name if place is not None and is_in_file else None,
        "line": place.line if place is not None and is_in_file else None,
        "column": place.column if place is not None and is_in_file else None,
        "end_column": place.column + place.width if place is not None and is_in_file else None,
        "severity": severity,
        "message": found.message,
        "hints": [*found.hints, *(place.source.notes if place is not None else ())],
    }
