"""A graph in a few lines of text, for ``lightlag show``."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping, Sequence

from .arguments import Argument, as_text
from .faults import fault_text
from .plugins import ports
from .spec import Graph, duration_text

_HELP_CHARACTERS = 76


def of_arguments(arguments: Sequence[Argument]) -> str:
    """The arguments that a graph takes: name and default as on the command line, type, range, what each is for."""
    if not arguments:
        return "this graph takes no arguments"
    given = [f"{it.name}:={shlex.quote(as_text(it.default))}" for it in arguments]
    heads = _table([(word, f"{it.kind}{_range(it)}") for word, it in zip(given, arguments, strict=True)]).splitlines()
    helps = [textwrap.indent(textwrap.fill(" ".join(it.help.split()), _HELP_CHARACTERS), "    ") for it in arguments]
    return "\n".join(f"{head}\n{text}" for head, text in zip(heads, helps, strict=True))


def of_graph(graph: Graph) -> str:
    """Name, time, nodes with their types, channels with their members and senders, faults."""
    lines = [graph.name, *(f"  {line}" for line in graph.description.strip().splitlines()), ""]
    lines.append(f"from {graph.epoch.utc(0)} for {duration_text(graph.until_ns)}, seed {graph.seed}")
    lines += ["", "nodes", _table([(f"  {node.name}", node.type) for node in graph.nodes.values()])]
    for channel in graph.channels.values():
        medium = "space" if channel.medium == "space" else f"wire of {duration_text(channel.medium.latency_ns)}"
        lines += ["", f"channel {channel.name} ({medium})", f"  heard by  {_ends(channel.members)}"]
        lines += [f"  sent by   {_ends(channel.senders)}"] if channel.senders else []
    if graph.faults:
        lines += ["", "faults", *(f"  {fault_text(spec)[1:-1]}" for spec in graph.faults)]
    return "\n".join(lines)


def loose_ends(graph: Graph) -> list[str]:
    """What is right but probably not meant: ports that are on no channel."""
    return [
        f"{node.name}.{port} is on no channel; what it sends is heard by nobody"
        for node in graph.nodes.values()
        for port in ports(node.cls)
        if graph.sends_on(node.name, port) is None
    ]


def _range(argument: Argument) -> str:
    low = "" if argument.low is None else f", at least {as_text(argument.low)}"
    return low if argument.high is None else f"{low}, at most {as_text(argument.high)}"


def _ends(ends: Mapping[str, str]) -> str:
    return ", ".join(f"{node}.{port}" for node, port in ends.items())


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
