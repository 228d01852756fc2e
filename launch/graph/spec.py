"""What a graph is once it is right: nodes, channels, an epoch, a seed, an end. Frozen data.

A ``Graph`` writes itself as the resolved graph file, with the arguments put in, and that file loads to an equal
graph: it is what a run keeps and what hosts are given.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from math import isfinite
from string import ascii_letters
from typing import Any, Literal

from lightlag.bus.errors import GraphError
from lightlag.bus.medium import Wire
from lightlag.bus.time import NEVER_NS, NS_PER_S, Epoch
from lightlag.nodes.faults import Fault
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams
from lightlag.nodes.units import quantity

from .arguments import as_text
from .diagnostics import Diagnostic, InvalidGraph, Place
from .machines import Machine
from .plugins import is_importable
from .source import Plain

#: The version of the graph file's format.
FORMAT = 1
#: How often a process that was killed is started again, if the graph does not say.
MOST_RESTARTS = 10
#: Largest unit first; ``sol`` is left out because it is no whole number of anything else.
_DURATIONS_NS = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "min": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node as declared: what to make, with which parameters, and when it is there."""

    name: str
    #: As written in the graph: an entry point's name or ``package.module:Class``.
    type: str
    cls: builtins.type[Node]
    params: NodeParams
    #: The parameters that the graph gave, as written; the rest of ``params`` are defaults of the class.
    given: Mapping[str, Plain] = field(default_factory=dict, compare=False)
    #: When it joins and when it leaves: nanoseconds of TDB after the epoch. Before and after it is absent.
    join_ns: int = 0
    leave_ns: int = NEVER_NS
    #: The command of a program that does what the node does, in another language; empty: its class does it.
    exec: tuple[str, ...] = ()
    #: The folder in which the program runs.
    folder: str = ""

    @property
    def is_absent_at_times(self) -> bool:
        """Whether it joins late or leaves early."""
        return (self.join_ns, self.leave_ns) != (0, NEVER_NS)


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """A channel as declared; ``members`` and ``senders`` map a node's name to its port."""

    name: str
    medium: Literal["space"] | Wire
    members: Mapping[str, str]
    senders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault as declared: what is to go wrong, from when and until when (ns of TDB after the epoch)."""

    fault: Fault
    from_ns: int
    #: ``NEVER_NS``: it stands to the end of the run.
    until_ns: int = NEVER_NS


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and the channels that join them, ready to run."""

    name: str
    description: str
    epoch: Epoch
    seed: int
    #: When the run ends: nanoseconds of TDB after the epoch.
    until_ns: int
    nodes: Mapping[str, NodeSpec]
    channels: Mapping[str, ChannelSpec]
    #: Nodes that must run in one process with the others of their group.
    place: Mapping[str, str]
    #: Other machines, which places may name.
    machines: Mapping[str, Machine] = field(default_factory=dict)
    #: How often a process that was killed is started again.
    restarts: int = MOST_RESTARTS
    #: What a graph that includes this one can name: ``node.port``, or a channel, by the name of the port.
    ports: Mapping[str, str] = field(default_factory=dict)
    #: What is to go wrong.
    faults: tuple[FaultSpec, ...] = ()
    #: The value of every argument.
    arguments: Mapping[str, bool | int | float | str] = field(default_factory=dict, compare=False)
    #: The folder of the graph file, where node classes may lie; empty for a shipped graph, or one built in Python.
    folder: str = field(default="", compare=False)
    #: The folders of included graph files, and of classes given in Python, where node classes may lie as well.
    beside: tuple[str, ...] = field(default=(), compare=False)
    #: Where things were declared, by path: ``epoch``, ``nodes.mro``, ``channels.uhf``, ``hosts.mars``, ``faults.1``.
    places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)

    def sends_on(self, node: str, port: str) -> str | None:
        """The channel on which a port sends: where it is a sender, else where it is a member; None if on neither."""
        for channels in ("senders", "members"):
            for name, channel in self.channels.items():
                if getattr(channel, channels).get(node) == port:
                    return name
        return None

    def error(self, path: str, message: str, *hints: str) -> InvalidGraph:
        """An error found after loading, to be raised, with the place of what is at ``path`` (as in ``places``)."""
        return InvalidGraph([Diagnostic(message, self.places.get(path), hints)])

    def to_yaml(self) -> str:
        """The resolved graph as the text of a graph file."""
        from .faults import faults_data

        data: dict[str, object] = {
            "version": FORMAT,
            "name": self.name,
            "description": _escaped(self.description),
            "epoch": self.epoch.utc(0, digits=9),
            "seed": self.seed,
            "until": duration_text(self.until_ns),
            "nodes": {name: node_data(node) for name, node in self.nodes.items()},
            "channels": {name: channel_data(channel) for name, channel in self.channels.items()},
            "place": dict(self.place),
        }
        if self.machines:
            data["hosts"] = {name: _escaped(dict(machine.data())) for name, machine in self.machines.items()}
        if self.restarts != MOST_RESTARTS:
            data["restart"] = self.restarts or "never"
        if self.ports:
            data["ports"] = dict(self.ports)
        if self.faults:
            data["faults"] = faults_data(self.faults)
        heading = _heading(self.arguments, self.only_here)
        return heading + yaml_text(data)

    @property
    def only_here(self) -> list[str]:
        """Nodes of classes that were defined in this process, and that no other one could import."""
        return [name for name, node in self.nodes.items() if not is_importable(node.type, node.cls)]


def yaml_text(data: Mapping[str, object]) -> str:
    """Plain data as YAML."""
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 120
    yaml.allow_unicode = True
    yaml.representer.ignore_aliases = lambda value: True
    text = StringIO()
    yaml.dump(dict(data), text)
    return text.getvalue()


def duration_ns(text: object) -> int:
    """Nanoseconds of a duration with its unit: ``40 min``. Exact for any length, where a float of seconds is not.

    Raises:
        GraphError: it is no duration.
    """
    if not isfinite(quantity(text, "duration")):
        raise GraphError(f"{text!r} is longer than any run")
    written = str(text).strip()
    unit = written[len(written.rstrip(ascii_letters)) :]
    unit_s = Decimal(repr(quantity(f"1 {unit}", "duration")))
    return round(Decimal(written.removesuffix(unit).strip()) * unit_s * NS_PER_S)


def duration_text(t_ns: int) -> str:
    """A duration in the largest unit in which it is a whole number: ``40 min``."""
    unit = next(unit for unit, size_ns in _DURATIONS_NS.items() if t_ns % size_ns == 0) if t_ns else "s"
    return f"{t_ns // _DURATIONS_NS[unit]} {unit}"


def _heading(arguments: Mapping[str, bool | int | float | str], only_here: Sequence[str]) -> str:
    lines = ["# The resolved graph: every argument is put in." + (" They were:" if arguments else "")]
    for name, value in arguments.items():
        text = as_text(value)
        lines.append(f"#   {name}:={text if text.isprintable() else repr(text)}")
    if only_here:
        lines += [
            "# Only the process that made this graph can read it. Classes that are defined there, not in a module that",
            f"# others could import, are those of {', '.join(only_here)}.",
        ]
    return "\n".join(lines) + "\n"


def node_data(node: NodeSpec) -> dict[str, Plain]:
    """A node as in a graph file."""
    data: dict[str, Plain] = {"type": node.type}
    if node.given:
        data["params"] = _escaped(dict(node.given))
    if node.join_ns:
        data["join"] = duration_text(node.join_ns)
    if node.leave_ns < NEVER_NS:
        data["leave"] = duration_text(node.leave_ns)
    if node.exec:
        data["exec"] = [_escaped(word) for word in node.exec]
        data["folder"] = _escaped(node.folder)
    return data


def channel_data(channel: ChannelSpec) -> dict[str, Plain]:
    """A channel as in a graph file."""
    return {
        "medium": medium_data(channel.medium),
        "members": [f"{node}.{port}" for node, port in channel.members.items()],
        "senders": [f"{node}.{port}" for node, port in channel.senders.items()],
    }


def medium_data(medium: Literal["space"] | Wire) -> Plain:
    """A medium as in a graph file."""
    return medium if medium == "space" else {"wire": {"latency": duration_text(medium.latency_ns)}}


def _escaped(value: Plain) -> Plain:
    """A value in which the reader of a graph file will find no argument."""
    if isinstance(value, dict):
        return {key: _escaped(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_escaped(child) for child in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
