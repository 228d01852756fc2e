"""The section ``nodes``: what there is, of which type, with which parameters, and when."""

from __future__ import annotations

from functools import partial

from lightlag.nodes.node import Node

from .diagnostics import did_you_mean, one_of
from .parameters import read_params, with_full_names
from .plugins import NODES, PluginError, names, node_type, ports
from .presence import read_presence
from .programs import read_program
from .reading import Reading
from .source import Item
from .spec import NodeSpec
from .values import read_text

NODE_KEYS = ("type", "params", "join", "leave", "exec", "folder")


def read_nodes(item: Item | None, reading: Reading) -> dict[str, NodeSpec]:
    """The nodes by name; their ports are known to the sections that follow."""
    specs: dict[str, NodeSpec] = {}
    declared_nodes = reading.named("nodes", item)
    reading.ports.update({name: None for name, _ in declared_nodes})
    for name, declared in declared_nodes:
        if name in NODE_KEYS and isinstance(declared.value, dict) and "type" not in declared.value:
            told = f"{name!r} stands where the name of a node should; it is a key of the node above: indent it"
            reading.report.add(told, declared.label)
            continue
        belongs = partial(_belongs, declared, reading)
        fields = reading.mapping(declared, f"node {name!r}", NODE_KEYS, ("type",), belongs) or {}
        join, leave = fields.get("join"), fields.get("leave")
        presence = read_presence(join, leave, reading.epoch, reading.until_ns, reading.report)
        kind = reading.value(fields.get("type"), read_text)
        cls = _class(kind, fields["type"], reading) if kind is not None else None
        if kind is None or cls is None:
            continue
        reading.ports[name] = ports(cls)
        given = fields.get("params")
        if given is not None and reading.prefix:
            given = with_full_names(cls.Params, given, reading.ports, reading.full)
        params = read_params(cls.Params, given, declared.label, reading.report)
        if params is not None:
            plain = given.plain() if given is not None else {}
            written = plain if isinstance(plain, dict) else {}
            full = reading.full(name)
            program = read_program(fields.get("exec"), fields.get("folder"), declared.label, reading.report)
            specs[full] = NodeSpec(full, kind, cls, params, written, *presence, *program)
    if item is not None and item.value == {} and not reading.ports:
        reading.report.add("a graph without nodes", item.place, "declare one: name: {type: ...}")
    return specs


def _belongs(declared: Item, reading: Reading, key: str) -> str | None:
    """Where a key of a node belongs that is none: to the parameters of its type, if it is one of these."""
    kind = declared.value.get("type") if isinstance(declared.value, dict) else None
    if kind is None or not isinstance(kind.value, str):
        return None
    try:
        cls = reading.classes.get(kind.value) or node_type(kind.value, reading.file.folder if reading.file else "")
    except PluginError:
        return None
    if cls is None or key not in cls.Params.model_fields:
        return None
    return f"it is a parameter of {kind.value}: put it under params"


def _class(kind: str, item: Item, reading: Reading) -> type[Node] | None:
    try:
        cls = reading.classes.get(kind) or node_type(kind, reading.file.folder if reading.file else "")
    except PluginError as error:
        reading.report.add(str(error), item.place, *error.hints, item.note)
        return None
    if cls is None:
        known = names(NODES)
        near = did_you_mean(kind, known) or "a class that is not installed is written package.module:Class"
        reading.report.add(f"unknown node type {kind!r}", item.place, one_of(known, "installed types"), near, item.note)
    return cls
