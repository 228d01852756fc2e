"""From a graph file to a ``Graph``: everything checked, every error said, nothing started.

The sections are read in the order in which they depend on each other: arguments, the instant and the length of the
run, nodes with their parameters, channels, placement. What is wrong is reported and left out, and reading goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

from lightlag.bus.errors import GraphError
from lightlag.bus.medium import Wire
from lightlag.bus.time import Epoch
from lightlag.nodes.node import Node

from .arguments import Argument, give, read_arguments, substitute, where_given
from .diagnostics import InvalidGraph, Place, Report, did_you_mean, one_of
from .locate import read_graph_file
from .machines import MACHINE_KEYS, Machine
from .parameters import read_params
from .plugins import NODES, PluginError, names, node_type, ports
from .presence import read_presence
from .programs import read_program
from .source import UNKNOWN, Item
from .spec import ChannelSpec, Graph, NodeSpec
from .values import (
    NAME,
    NAME_RULE,
    read_duration_ns,
    read_end,
    read_epoch,
    read_name,
    read_seed,
    read_text,
    read_text_by,
    read_until_ns,
    read_version,
)

__all__ = ["ChannelSpec", "Graph", "InvalidGraph", "NodeSpec", "load_graph", "read_declarations", "read_graph"]

_KEYS = ("version", "name", "description", "args", "epoch", "seed", "until", "nodes", "channels", "place", "hosts")
_NODE_KEYS = ("type", "params", "join", "leave", "exec", "folder")
_REQUIRED = ("version", "name", "epoch", "until", "nodes")
_DEFAULT_SEED = 1
_MEDIUM_HINT = "expected space, or {wire: {latency: 2 ms}}"

T = TypeVar("T")


def load_graph(
    name_or_path: str | Path,
    arguments: Mapping[str, str] | None = None,
    *,
    until: str | None = None,
    hosts: Path | None = None,
) -> Graph:
    """A shipped graph by its name, or a graph file by its path, with ``arguments`` (as text) put in.

    ``until``, a duration such as ``2h``, takes the place of the graph's own; so do the machines in the file ``hosts``.

    Raises:
        InvalidGraph: with everything that is wrong.
    """
    return read_graph(name_or_path, arguments or {}, until, Report(), hosts)


def read_graph(
    name_or_path: str | Path,
    arguments: Mapping[str, str],
    until: str | None,
    report: Report,
    hosts: Path | None = None,
) -> Graph:
    """As ``load_graph``, for a caller who has found errors already: they are raised together."""
    root = read_graph_file(name_or_path, report)
    machines = read_graph_file(hosts, report) if hosts is not None else None
    graph = _Reading(report).graph(root, arguments, until, machines) if root is not None else None
    report.check()
    assert graph is not None
    file = Path(name_or_path)
    return replace(graph, folder=str(file.resolve().parent)) if file.is_file() else graph


def read_declarations(name_or_path: str | Path) -> list[Argument]:
    """The arguments that a graph declares; the rest of the file is not looked at.

    Raises:
        InvalidGraph: there is no such graph, or its arguments are declared wrongly.
    """
    report = Report()
    root = read_graph_file(name_or_path, report)
    declared = read_arguments(_entry(root, "args"), report) if root is not None else {}
    report.check()
    return [argument for argument in declared.values() if argument is not None]


def _entry(root: Item, key: str) -> Item | None:
    return root.value.get(key) if isinstance(root.value, dict) else None


class _Reading:
    """One reading of one graph file."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._places: dict[str, Place] = {}
        #: Ports of every declared node; None where its type is not known.
        self._ports: dict[str, dict[str, bool] | None] = {}

    def graph(
        self, root: Item, given: Mapping[str, str], until: str | None, machines: Item | None = None
    ) -> Graph | None:
        top = self._mapping(root, "a graph file", _KEYS, _REQUIRED)
        if top is None:
            return None
        arguments = give(read_arguments(top.pop("args", None), self._report), given, self._report)
        if machines is not None:
            top["hosts"] = machines
        for key, item in top.items():
            self._places[key] = where_given(item, arguments)
            top[key] = substitute(item, arguments, self._report)
        if until is not None:
            word = Place.of_word(f"--until {until}", len("--until ") + 1)
            top["until"] = Item(until, word, word, text=until)
        self._value(top.get("version"), read_version)
        name = self._value(top.get("name"), read_name)
        description = self._value(top.get("description"), read_text)
        epoch = self._value(top.get("epoch"), read_epoch)
        seed = self._value(top.get("seed"), read_seed)
        until_ns = self._value(top.get("until"), read_until_ns)
        nodes = self._nodes(top.get("nodes"), epoch, until_ns)
        channels = self._channels(top.get("channels"))
        place = self._place(top.get("place"))
        hosts = self._hosts(top.get("hosts"))
        if self._report.diagnostics or name is None or epoch is None or until_ns is None:
            return None
        return Graph(
            name=name,
            description=description or "",
            epoch=epoch,
            seed=_DEFAULT_SEED if seed is None else seed,
            until_ns=until_ns,
            nodes=nodes,
            channels=channels,
            place=place,
            machines=hosts,
            arguments={name: argument.value for name, argument in arguments.items() if argument},
            places=self._places,
        )

    # -- sections -----------------------------------------------------------------------------------------------

    def _nodes(self, item: Item | None, epoch: Epoch | None, until_ns: int | None) -> dict[str, NodeSpec]:
        specs: dict[str, NodeSpec] = {}
        for name, declared in self._named("nodes", item):
            self._ports[name] = None
            fields = self._mapping(declared, f"node {name!r}", _NODE_KEYS, ("type",)) or {}
            presence = read_presence(fields.get("join"), fields.get("leave"), epoch, until_ns, self._report)
            kind = self._value(fields.get("type"), read_text)
            cls = self._class(kind, fields["type"]) if kind is not None else None
            if kind is None or cls is None:
                continue
            self._ports[name] = ports(cls)
            given = fields.get("params")
            params = read_params(cls.Params, given, declared.label, self._report)
            if params is not None:
                plain = given.plain() if given is not None else {}
                written = plain if isinstance(plain, dict) else {}
                program = read_program(fields.get("exec"), fields.get("folder"), declared.label, self._report)
                specs[name] = NodeSpec(name, kind, cls, params, written, *presence, *program)
        if item is not None and item.value == {}:
            self._report.add("a graph without nodes", item.place, "declare one: name: {type: ...}")
        return specs

    def _class(self, kind: str, item: Item) -> type[Node] | None:
        try:
            cls = node_type(kind)
        except PluginError as error:
            self._report.add(str(error), item.place, item.note)
            return None
        if cls is None:
            known = names(NODES)
            near = did_you_mean(kind, known) or "a class that is not installed is written package.module:Class"
            self._report.add(
                f"unknown node type {kind!r}", item.place, one_of(known, "installed types"), near, item.note
            )
        return cls

    def _channels(self, item: Item | None) -> dict[str, ChannelSpec]:
        specs: dict[str, ChannelSpec] = {}
        sends: dict[tuple[str, str], list[tuple[str, Place]]] = {}
        hears: dict[tuple[str, str], list[tuple[str, Place]]] = {}
        for name, declared in self._named("channels", item):
            keys = ("medium", "members", "senders")
            fields = self._mapping(declared, f"channel {name!r}", keys, keys[:2])
            if fields is None:
                continue
            medium = self._medium(fields.get("medium"))
            members = self._ends(fields.get("members"), "members", medium)
            senders = self._ends(fields.get("senders"), "senders", medium)
            for node, (port, place) in members.items():
                hears.setdefault((node, port), []).append((name, place))
            for node, (port, place) in senders.items():
                sends.setdefault((node, port), []).append((name, place))
                if node in members and members[node][0] != port:
                    other = f"it is a member with {node}.{members[node][0]}"
                    self._report.add(f"{node!r} joins channel {name!r} with two ports", place, other)
            if medium is not None:
                plain = [{node: port for node, (port, _) in ends.items()} for ends in (members, senders)]
                specs[name] = ChannelSpec(name, medium, plain[0], plain[1])
        for (node, port), channels in sends.items():
            self._one_channel(f"{node}.{port} is a sender", channels, "a port sends on one channel")
        for (node, port), channels in hears.items():
            if (node, port) not in sends:
                hint = "it is not said on which it sends: list it under the senders of that one"
                self._one_channel(f"{node}.{port} is a member", channels, hint)
        return specs

    def _one_channel(self, what: str, channels: list[tuple[str, Place]], hint: str) -> None:
        if len(channels) > 1:
            listed = " and ".join(repr(name) for name, _ in channels)
            self._report.add(f"{what} of channels {listed}", channels[-1][1], hint)

    def _medium(self, item: Item | None) -> Literal["space"] | Wire | None:
        if item is None or item.value is UNKNOWN:
            return None
        if item.value == "space":
            return "space"
        if not isinstance(item.value, dict):
            near = did_you_mean(item.value, ("space", "wire")) if isinstance(item.value, str) else None
            self._report.add(f"the medium is {item.kind()}", item.place, _MEDIUM_HINT, near, item.note)
            return None
        fields = self._mapping(item, "a medium", ("wire",), ("wire",))
        wire = self._mapping(fields["wire"], "a wire", ("latency",), ("latency",)) if fields else None
        return self._value(wire.get("latency"), lambda latency: Wire(read_duration_ns(latency))) if wire else None

    def _ends(
        self, item: Item | None, what: str, medium: Literal["space"] | Wire | None
    ) -> dict[str, tuple[str, Place]]:
        """The ``node.port`` of a list by node, with where each stands."""
        if item is None or item.value is UNKNOWN:
            return {}
        if not isinstance(item.value, list):
            self._report.add(
                f"{what!r} is {item.kind()}", item.place, "expected a list: [mro.uhf, maven.uhf]", item.note
            )
            return {}
        if not item.value and what == "members":
            self._report.add("a channel without members: nobody could receive", item.place)
        ends: dict[str, tuple[str, Place]] = {}
        for child in item.value:
            end = self._value(child, read_end)
            if end is None or not self._is_port(*end, child, medium):
                continue
            node, port = end
            if node in ends:
                self._report.add(
                    f"{node!r} is given twice",
                    child.place,
                    f"it joins with {node}.{ends[node][0]} already; a node joins a channel with one port",
                )
                continue
            ends[node] = (port, child.place)
        return ends

    def _is_port(self, node: str, port: str, item: Item, medium: Literal["space"] | Wire | None) -> bool:
        if node not in self._ports:
            place = item.place.part(0, len(node)) if item.note is None else item.place
            known = one_of(self._ports, "nodes of this graph")
            self._report.add(f"unknown node {node!r}", place, known, did_you_mean(node, self._ports), item.note)
            return False
        known_ports = self._ports[node]
        if known_ports is None:
            return False
        place = item.place.part(len(node) + 1, len(port)) if item.note is None else item.place
        if port not in known_ports:
            listed = one_of(known_ports, f"ports of {node}") or f"{node} has no ports"
            self._report.add(f"unknown port {port!r}", place, listed, did_you_mean(port, known_ports), item.note)
            return False
        if medium == "space" and not known_ports[port]:
            radios = [name for name, is_radio in known_ports.items() if is_radio]
            hint = one_of(radios, f"radios of {node}") or f"{node} has no radio"
            self._report.add(f"{node}.{port} is a port for a wire; space needs a radio", place, hint, item.note)
            return False
        return True

    def _place(self, item: Item | None) -> dict[str, str]:
        groups: dict[str, str] = {}
        for node, declared in self._named("place", item):
            if node not in self._ports:
                known = one_of(self._ports, "nodes of this graph")
                self._report.add(f"unknown node {node!r}", declared.label, known, did_you_mean(node, self._ports))
            group = self._value(declared, read_name)
            if group is not None:
                groups[node] = group
        return groups

    def _hosts(self, item: Item | None) -> dict[str, Machine]:
        machines: dict[str, Machine] = {}
        for name, declared in self._named("hosts", item):
            fields = self._mapping(declared, f"host {name!r}", MACHINE_KEYS, ())
            if fields is None:
                continue
            texts = {key: self._value(child, read_text_by(MACHINE_KEYS[key])) for key, child in fields.items()}
            try:
                machines[name] = Machine(name, **{key: text for key, text in texts.items() if text is not None})
            except GraphError as error:
                if None not in texts.values():
                    self._report.add(str(error), declared.label)
        return machines

    # -- pieces -------------------------------------------------------------------------------------------------

    def _named(self, section: str, item: Item | None) -> list[tuple[str, Item]]:
        """The entries of a section, whose keys are names."""
        if item is None or item.value is UNKNOWN or (item.value is None and section != "nodes"):
            return []
        if not isinstance(item.value, dict):
            self._report.add(f"{section!r} is {item.kind()}", item.place, "expected a mapping from names", item.note)
            return []
        for name, child in item.value.items():
            self._places[f"{section}.{name}"] = child.label
            if not NAME.fullmatch(name):
                self._report.add(f"{name!r} is no name", child.label, NAME_RULE)
        return list(item.value.items())

    def _mapping(
        self, item: Item, what: str, keys: Collection[str], required: Collection[str]
    ) -> dict[str, Item] | None:
        """The known entries of a mapping; None if it is none."""
        if item.value is UNKNOWN:
            return None
        if not isinstance(item.value, dict):
            self._report.add(f"{what} is {item.kind()}", item.place, one_of(keys, "expected a mapping with"), item.note)
            return None
        misspelt: list[str] = []
        for key, child in item.value.items():
            if key not in keys:
                near = did_you_mean(key, keys)
                misspelt += [near] if near else []
                self._report.add(f"unknown key {key!r} in {what}", child.label, one_of(keys), near)
        for key in required:
            if key not in item.value and f"did you mean {key!r}?" not in misspelt:
                self._report.add(f"{what} has no {key!r}", item.label)
        return {key: child for key, child in item.value.items() if key in keys}

    def _value(self, item: Item | None, read: Callable[[Item], T]) -> T | None:
        """What ``read`` makes of an item; None if there is none, or if it is wrong."""
        if item is None or item.value is UNKNOWN:
            return None
        try:
            return read(item)
        except (GraphError, ValueError) as error:
            self._report.add(str(error), item.place, item.note)
            return None
