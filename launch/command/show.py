"""``lightlag show``: what a graph declares, in words, as a file, or drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .teaching import AsJson, GraphName, Words, errors_taught, load

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph

#: A second of UTC is not quite one of TDB: the end of a run as it is written in UTC may lie this much behind it.
_SLACK_NS = 10_000_000


def show(
    graph: GraphName,
    arguments: Words = None,
    only_arguments: Annotated[bool, typer.Option("--args", help="The arguments it takes.")] = False,
    resolved: Annotated[bool, typer.Option("--resolved", help="The graph file with every argument put in.")] = False,
    as_json: AsJson = False,
    svg: Annotated[bool, typer.Option("--svg", help="A drawing: nodes where they are, channels as lines.")] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="UTC", help="With --svg: the instant of places and light times, else the epoch."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="With --svg: write the drawing to a file.")
    ] = None,
) -> None:
    """Show what a graph declares.

    \b
    lightlag show mars2020                                  in short
    lightlag show mars2020 --args                           the arguments it takes
    lightlag show mars2020 seed:=7 --resolved > mine.yaml   the file, with every argument put in
    lightlag show mars2020 --svg -o mars2020.svg            a drawing
    lightlag show mars2020 --svg --at 2021-02-18T20:45:00Z > landed.svg
    """
    if only_arguments + resolved + svg > 1 or (as_json and (resolved or svg)):
        raise typer.BadParameter("choose one of --args, --resolved and --svg; --json goes with --args, or alone")
    if not svg and (at is not None or output is not None):
        raise typer.BadParameter(f"{'-o' if at is None else '--at'} goes with --svg")
    with errors_taught():
        from lightlag.launch.graph import summary

        if only_arguments:
            from lightlag.launch.graph.loading import read_declarations

            declared = read_declarations(graph)
            typer.echo(json.dumps(summary.data_of_arguments(declared)) if as_json else summary.of_arguments(declared))
            return
        loaded = load(graph, arguments, None)
        if as_json:
            typer.echo(json.dumps(summary.data_of_graph(loaded)))
            return
        if not svg:
            typer.echo(loaded.to_yaml().rstrip() if resolved else summary.of_graph(loaded))
        elif output is None:
            typer.echo(drawn(loaded, at), nl=False)
        else:
            _write(output, drawn(loaded, at))


def drawn(graph: Graph, at: str | None) -> str:
    """The drawing of a graph as an SVG file, with the places and light times of an instant (UTC) of its run.

    Raises:
        GraphError: the instant is none, or not of the run; or the graph cannot run.
    """
    from lightlag.launch.placement.world import World
    from lightlag.launch.report.drawing import graph_file
    from lightlag.launch.report.geometry import geometry_at

    at_ns = 0 if at is None else _instant_ns(graph, at)
    world = World(graph)
    world.check()
    return graph_file(graph, geometry_at(world, at_ns))


def _instant_ns(graph: Graph, at: str) -> int:
    from lightlag.bus.errors import GraphError
    from lightlag.bus.time import TimeError

    try:
        at_ns = graph.epoch.t_ns(at)
    except TimeError as error:
        raise GraphError(f"--at: {error}") from None
    if not 0 <= at_ns <= graph.until_ns + _SLACK_NS:
        begin, end = graph.epoch.utc(0, 0), graph.epoch.utc(graph.until_ns, 0)
        raise GraphError(f"--at is {at}; the run of {graph.name} lasts from {begin} to {end}")
    return min(at_ns, graph.until_ns)


def _write(path: Path, text: str) -> None:
    from lightlag.bus.errors import GraphError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GraphError(f"{path} cannot be written: {error.strerror}") from None
