"""A graph in a few lines of text, for ``lightlag show``."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.params import RadioSpec

from .arguments import Argument, as_text
from .diagnostics import Diagnostic
from .faults import fault_text
from .plugins import ports
from .spec import ChannelSpec, Graph, NodeSpec, duration_text

_HELP_CHARACTERS = 76


def of_arguments(arguments: Sequence[Argument]) -> str:
    """The arguments that a graph takes: name and default as on the command line, type, range, what each is for."""
    if not arguments:
        return "this graph takes no arguments"
    given = [f"{it.name}:={shlex.quote(as_text(it.default))}" for it in arguments]
    heads = _table([(word, f"{it.kind}{_range(it)}") for word, it in zip(given, arguments, strict=True)]).splitlines()
    helps = [textwrap.indent(textwrap.fill(" ".join(it.help.split()), _HELP_CHARACTERS), "    ") for it in arguments]
    return "\n".join(f"{head}\n{text}".rstrip() for head, text in zip(heads, helps, strict=True))


def of_graph(graph: Graph) -> str:
    """Name, time, nodes with their types, channels with their members and senders, faults."""
    lines = [graph.name, *(f"  {line}" for line in graph.description.strip().splitlines()), ""]
    lines.append(f"from {graph.epoch.utc(0)} for {duration_text(graph.until_ns)}, seed {graph.seed}")
    lines += ["", "nodes", _table([(f"  {node.name}", node.type, _program(node)) for node in graph.nodes.values()])]
    for channel in graph.channels.values():
        medium = "space" if channel.medium == "space" else f"wire of {duration_text(channel.medium.latency_ns)}"
        lines += ["", f"channel {channel.name} ({medium})", f"  heard by  {_ends(channel.members)}"]
        lines += [f"  sent by   {_ends(channel.senders)}"] if channel.senders else []
    if graph.faults:
        lines += ["", "faults", *(f"  {fault_text(spec)[1:-1]}" for spec in graph.faults)]
    return "\n".join(lines)


def data_of_arguments(arguments: Sequence[Argument]) -> dict[str, Any]:
    """The same as ``of_arguments``, as plain data."""
    told = [
        {"name": it.name, "type": it.kind, "default": it.default, "min": it.low, "max": it.high, "help": it.help}
        for it in arguments
    ]
    return {"arguments": told}


def data_of_graph(graph: Graph) -> dict[str, Any]:
    """The same as ``of_graph``, as plain data."""
    return {
        "name": graph.name,
        "description": graph.description,
        "epoch": graph.epoch.utc(0),
        "until_s": graph.until_ns / NS_PER_S,
        "seed": graph.seed,
        "arguments": dict(graph.arguments),
        "nodes": {node.name: {"type": node.type} for node in graph.nodes.values()},
        "channels": {
            channel.name: {
                "medium": "space" if channel.medium == "space" else "wire",
                "latency_s": None if channel.medium == "space" else channel.medium.latency_ns / NS_PER_S,
                "members": dict(channel.members),
                "senders": dict(channel.senders),
            }
            for channel in graph.channels.values()
        },
    }


def loose_ends(graph: Graph) -> list[Diagnostic]:
    """What is right but probably not meant: ports that are on no channel, and channels on which nobody hears anybody.

    A type may have more radios than a graph has use for: one that the graph says nothing of is none of these if another
    port of the node is on a channel. (If its node sends by it all the same, the node's log says so.)
    """
    said = "is on no channel; what it sends is heard by nobody"
    found = []
    for node in graph.nodes.values():
        kinds = ports(node.cls)
        loose = [port for port in kinds if graph.sends_on(node.name, port) is None]
        joined = len(loose) < len(kinds)
        # A radio that a type may have and this node has not.
        loose = [port for port in loose if getattr(node.params, port, port) is not None]
        meant = [port for port in loose if not (joined and kinds[port] and port not in node.given)]
        place = graph.places.get(f"nodes.{node.name}")
        found += [Diagnostic(f"{node.name}.{port} {said}", place) for port in meant]
    found += [
        Diagnostic(f"nobody on {name} hears anybody: no radio there is tuned to what another sends", place)
        for name, channel in graph.channels.items()
        for place in [graph.places.get(f"channels.{name}")]
        if channel.medium == "space" and not _is_tuned(graph, channel)
    ]
    return found


def _is_tuned(graph: Graph, channel: ChannelSpec) -> bool:
    """Whether anybody on a channel in space can hear anybody else, by how their radios are set."""
    ends = {**channel.members, **channel.senders}
    found = {name: getattr(graph.nodes[name].params, port, None) for name, port in ends.items()}
    radios = {name: radio for name, radio in found.items() if isinstance(radio, RadioSpec)}
    if len(radios) < len(ends) or len(ends) < 2:
        return True  # it cannot be told from here, or there is nobody else
    return any(
        radio.transmit_hz is not None and radios[other].hears(radio.transmit_hz)
        for name, radio in radios.items()
        for other in channel.members
        if other != name
    )


def _program(node: NodeSpec) -> str:
    return f"run by {shlex.join(node.exec)}" if node.exec else ""


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
