"""The section ``nodes``: what there is, of which type, with which parameters, and when."""

from __future__ import annotations

from lightlag.nodes.node import Node

from .diagnostics import did_you_mean, one_of
from .parameters import read_params
from .plugins import NODES, PluginError, names, node_type, ports
from .presence import read_presence
from .reading import Reading
from .source import Item
from .spec import NodeSpec
from .values import read_text

_KEYS = ("type", "params", "join", "leave")


def read_nodes(item: Item | None, reading: Reading) -> dict[str, NodeSpec]:
    """The nodes by name; their ports are known to the sections that follow."""
    specs: dict[str, NodeSpec] = {}
    for name, declared in reading.named("nodes", item):
        reading.ports[name] = None
        fields = reading.mapping(declared, f"node {name!r}", _KEYS, ("type",)) or {}
        join, leave = fields.get("join"), fields.get("leave")
        presence = read_presence(join, leave, reading.epoch, reading.until_ns, reading.report)
        kind = reading.value(fields.get("type"), read_text)
        cls = _class(kind, fields["type"], reading) if kind is not None else None
        if kind is None or cls is None:
            continue
        reading.ports[name] = ports(cls)
        given = fields.get("params")
        params = read_params(cls.Params, given, declared.label, reading.report)
        if params is not None:
            plain = given.plain() if given is not None else {}
            written = plain if isinstance(plain, dict) else {}
            specs[name] = NodeSpec(name, kind, cls, params, written, *presence)
    if item is not None and item.value == {}:
        reading.report.add("a graph without nodes", item.place, "declare one: name: {type: ...}")
    return specs


def _class(kind: str, item: Item, reading: Reading) -> type[Node] | None:
    try:
        cls = node_type(kind)
    except PluginError as error:
        reading.report.add(str(error), item.place, item.note)
        return None
    if cls is None:
        known = names(NODES)
        near = did_you_mean(kind, known) or "a class that is not installed is written package.module:Class"
        reading.report.add(f"unknown node type {kind!r}", item.place, one_of(known, "installed types"), near, item.note)
    return cls
