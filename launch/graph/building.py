"""A graph built in Python: the same sections as in a file, given as plain data, and read by the same reader.

    graph = build_graph(
        name="relay",
        epoch="2021-02-18T20:26:00Z",
        until="40 min",
        nodes={"mro": node("mro", uhf={"rate_bps": "8 kbit/s"}), "probe": node(Probe, join="2 min")},
        channels={"uhf": channel("space", members=["mro.uhf"], senders=["probe.uhf"])},
    )

What is given becomes the text of a graph file, and every check and every message is that of files: an error shows the
line of that text. Quantities are written with their units, as there. Nodes and channels of another graph can be put in
as they are: ``nodes={**load_graph("mars2020").nodes, "probe": node(Probe)}``.

A class of a notebook or of ``__main__``, and one made inside a function, cannot be found by other processes; a graph
with such a node runs in the process that made it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path

from lightlag.bus.errors import GraphError
from lightlag.bus.medium import Wire
from lightlag.bus.time import Epoch
from lightlag.nodes.node import Node

from .diagnostics import Report
from .loading import read_graph_text
from .source import Plain
from .spec import FORMAT, ChannelSpec, Graph, NodeSpec, channel_data, medium_data, node_data, yaml_text

#: A node as it is given to ``build_graph``: what ``node`` makes, one of another graph, or a class without parameters.
NodeLike = Mapping[str, object] | NodeSpec | type[Node]
#: A channel as it is given to ``build_graph``: what ``channel`` makes, or one of another graph.
ChannelLike = Mapping[str, object] | ChannelSpec


def node(
    type: str | type[Node],
    /,
    *,
    join: str | None = None,
    leave: str | None = None,
    **params: object,
) -> dict[str, object]:
    """A node for ``build_graph``: its type, an installed one by its name or a class, when it is there, its parameters.

    ``params`` are those of the class, with units: ``node("mro", uhf={"rate_bps": "8 kbit/s"})``; what is not named
    stays as the class declares it. ``join`` and ``leave`` are durations after the epoch or UTC instants.
    """
    data: dict[str, object] = {"type": type, "params": params, "join": join, "leave": leave}
    return {key: value for key, value in data.items() if value not in (None, {})}


def channel(
    medium: str | Wire | Mapping[str, object], members: Sequence[str], senders: Sequence[str] = ()
) -> dict[str, object]:
    """A channel for ``build_graph``: ``"space"``, or ``{"wire": {"latency": "2 ms"}}``, and its ``node.port``."""
    return {"medium": medium, "members": members, **({"senders": senders} if senders else {})}


def build_graph(
    *,
    name: str,
    epoch: str | Epoch,
    until: str,
    nodes: Mapping[str, NodeLike],
    channels: Mapping[str, ChannelLike] | None = None,
    **sections: object,
) -> Graph:
    """A graph of plain data; ``sections`` are others that a graph file may have: ``seed``, ``links``, ``place``.

    Raises:
        InvalidGraph: with everything that is wrong, shown in the text that the data comes to.
        GraphError: something given is not data that a graph file could hold.
    """
    if "args" in sections:
        raise GraphError(
            "a graph built in Python has no 'args'; what may change is a parameter of a function that returns the "
            "graph: def relay(rate: str = '8 kbit/s') -> Graph"
        )
    classes: dict[str, type[Node]] = {}
    head = {"version": FORMAT, "name": name, "epoch": epoch, "until": until}
    body = {**sections, "nodes": nodes, "channels": channels or {}}
    data = {key: _plain(value, key, classes) for key, value in {**head, **body}.items() if value is not None}
    return read_graph_text(
        yaml_text(data), f"{name} (built in Python)", Report(), classes=classes, beside=_folders(classes)
    )


def _plain(value: object, path: str, classes: dict[str, type[Node]]) -> Plain:
    """What a graph file would hold for a value; node classes are noted in ``classes`` by the type that names them."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value.replace("$", "$$")
        case Path():
            return _plain(str(value), path, classes)
        case Epoch():
            return value.utc(0, digits=9)
        case Wire():
            return medium_data(value)
        case NodeSpec():
            _note(value.type, value.cls, classes)
            return node_data(value)
        case ChannelSpec():
            return channel_data(value)
        case Mapping():
            return {str(key): _plain(child, f"{path}.{key}", classes) for key, child in value.items()}
        case type() if issubclass(value, Node):
            written = f"{value.__module__}:{value.__qualname__}"
            _note(written, value, classes)
            return written if path.endswith(".type") else {"type": written}
        case Integral():
            return int(value)
        case Real():
            return float(value)
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [_plain(child, f"{path}[{index}]", classes) for index, child in enumerate(value)]
    raise GraphError(
        f"{path} is {value!r}, which no graph file could hold; give text, a number, a truth value, a list or a "
        f"mapping, and a quantity as text with its unit, like '8 kbit/s'"
    )


def _note(written: str, cls: type[Node], classes: dict[str, type[Node]]) -> None:
    if classes.setdefault(written, cls) is not cls:
        raise GraphError(f"two classes are called {written}; one was perhaps defined anew, use only one of them")


def _folders(classes: Mapping[str, type[Node]]) -> tuple[str, ...]:
    """Where other processes find the modules of classes that were given."""
    tops = {cls.__module__.partition(".")[0] for cls in classes.values()}
    found: list[str] = []
    for module in (sys.modules.get(top) for top in sorted(tops)):
        here = [*getattr(module, "__path__", [])] or [getattr(module, "__file__", None)]
        found += [str(Path(path).resolve().parent) for path in here if path]
    return tuple(dict.fromkeys(found))
