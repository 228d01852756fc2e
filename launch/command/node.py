"""``lightlag node``: which node types are installed, and what one of them is."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completing
from .page import columns, painted, table
from .teaching import AsJson, errors_taught

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from lightlag.launch.graph.describe import MessageFacts, NodeFacts, Parameter, PortFacts

app = typer.Typer(name="node", help="Look at the node types that are installed.", no_args_is_help=True)


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """The node types that are installed, each with its class and the distribution that it came with.

    \b
    lightlag node list
    lightlag node list --json

    One that cannot be imported is listed with the reason. A type of your own is an entry point of the group
    lightlag.nodes, or is written in a graph as package.module:Class.
    """
    with errors_taught():
        from lightlag.launch.graph.plugins import node_types

        found = [_looked_at(entry) for entry in node_types()]
    if as_json:
        typer.echo(json.dumps({"node_types": found}))
        return
    width = max((len(it["name"]) for it in found), default=0)
    for it in found:
        name = painted(it["name"], "cyan") + " " * (width - len(it["name"]))
        typer.echo(f"{name}  {it['summary']}" if it["error"] is None else f"{name}  {painted(it['error'], 'red')}")
        typer.echo(f"{' ' * width}  {painted(it['class'] + ', ' + it['distribution'], 'dim')}")


@app.command()
def info(
    node_type: Annotated[
        str,
        typer.Argument(
            metavar="TYPE",
            help="The name of a node type, or package.module:Class.",
            autocompletion=completing.node_types,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """What a node type is: its parameters with their units, its ports and radios, what it says, where it is.

    \b
    lightlag node info mro
    lightlag node info escapade:Escapade --json

    Defaults and limits are told as a graph file would have them, with their units.
    """
    with errors_taught(nothing="nothing was described"):
        facts, distribution = _described(node_type)
        if as_json:
            from dataclasses import asdict

            typer.echo(json.dumps({**asdict(facts), "distribution": distribution}))
        else:
            typer.echo("\n".join(_page(facts, distribution)))


def _looked_at(entry: EntryPoint) -> dict[str, Any]:
    from lightlag.launch.graph.describe import describe
    from lightlag.launch.graph.plugins import PluginError, node_type

    known = {"name": entry.name, "class": entry.value, "distribution": _distribution(entry)}
    try:
        kind = node_type(entry.name)
    except PluginError as error:
        return {**known, "summary": "", "error": str(error)}
    return {**known, "summary": "" if kind is None else describe(kind, entry.name).summary, "error": None}


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""


def _described(name: str) -> tuple[NodeFacts, str]:
    """The facts of a type, and the distribution that it came with, if one.

    Raises:
        GraphError: there is no such type, or it cannot be imported.
    """
    import sys

    from lightlag.bus.errors import GraphError
    from lightlag.launch.graph.describe import describe
    from lightlag.launch.graph.diagnostics import did_you_mean
    from lightlag.launch.graph.plugins import node_type, node_types

    sys.path.append("")  # a class may lie in this folder, as it may beside a graph file
    kind = node_type(name)
    known = {entry.name: entry for entry in node_types()}
    if kind is None:
        hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
        raise GraphError(f"no node type {name!r} is installed; {hint}; one of your own is written package.module:Class")
    return describe(kind, name), _distribution(known[name]) if name in known else ""


def _page(facts: NodeFacts, distribution: str) -> Iterator[str]:
    yield f"{painted(facts.name, 'bold')}  {painted(facts.cls + (f', {distribution}' if distribution else ''), 'dim')}"
    yield ""
    for paragraph in facts.doc.split("\n\n"):
        yield from [*textwrap.wrap(" ".join(paragraph.split()), columns()), ""]
    rows = [("where", facts.trajectory or "nowhere: it is only on wires"), ("parts", ", ".join(facts.parts))]
    rows += [(label, _said(kinds)) for label, kinds in (("sends", facts.sends), ("hears", facts.hears))]
    for label, text in rows:
        if text:
            first, *rest = textwrap.wrap(text, columns() - 7)
            yield from (f"{painted(label, 'bold')}  {first}", *(f"       {line}" for line in rest))
    if facts.ports:
        yield from ["", painted("ports", "bold")]
        yield from (f"  {line}" for line in table([("",) * 5, *map(_port_row, facts.ports)], styles=["cyan"]))
    if facts.parameters:
        yield from ["", painted("parameters", "bold")]
        yield from _parameters([*_flat(facts.parameters)])
    if radio := next((it for it in facts.parameters if it.type == "radio"), None):
        yield from ["", painted("of every radio", "bold")]
        yield from _parameters([(f".{it.name}", it) for it in radio.fields], defaults=False)


def _said(kinds: Sequence[MessageFacts]) -> str:
    return ", ".join(kind.type for kind in kinds)


def _port_row(port: PortFacts) -> tuple[str, ...]:
    from lightlag.nodes.units import quantity_text

    if port.kind != "radio":
        return port.name, "for a wire", "", "", port.description
    sends = "cannot send" if port.transmit_hz is None else f"sends {quantity_text(port.transmit_hz, 'frequency')}"
    if port.transmit_hz is not None and port.rate_bps is not None:
        sends += f" at {quantity_text(port.rate_bps, 'data rate')}"
    hears = "cannot hear" if port.receive_hz is None else f"hears {quantity_text(port.receive_hz, 'frequency')}"
    return port.name, "radio", sends, hears, port.description


def _flat(parameters: Sequence[Parameter], before: str = "") -> Iterator[tuple[str, Parameter]]:
    """Parameters by dotted name, those of mappings after these.

    Of a radio no more than that it is one, and of a mapping that is not there no more than that, if it is a choice of
    mappings or inside of another.
    """
    for it in parameters:
        yield before + it.name, it
        if it.type != "radio" and not (it.default == "none" and (before or any(choice.fields for choice in it.fields))):
            yield from _flat(it.fields, f"{before}{it.name}.")


def _parameters(named: Sequence[tuple[str, Parameter]], *, defaults: bool = True) -> Iterator[str]:
    def default(it: Parameter) -> str:
        if it.required:
            return "required"
        return it.default if defaults and it.default is not None else ""

    rows = [(name, ", ".join(filter(None, (it.type, it.low, it.high))), default(it)) for name, it in named]
    lines = table([("",) * 3, *rows], styles=["cyan", "", "bold"])
    for line, (_, it) in zip(lines, named, strict=True):
        yield f"  {line}"
        yield from (f"      {painted(text, 'dim')}" for text in textwrap.wrap(it.description, columns() - 6))
