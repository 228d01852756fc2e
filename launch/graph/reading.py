"""What the sections of a graph file are read with: a value, a mapping, a name is read, or what is wrong is reported.

A section is a module with a function ``read_NAME(item, reading)`` that returns what becomes a field of the graph, a
mapping by name or a tuple, and a line in ``loading.SECTIONS``. ``item`` is None where the file has no such section.
What is wrong is put into ``reading.report`` and left out, and reading goes on, so that a person sees every error at
once.

An included file is read in a ``Reading`` of its own, by the names it uses itself; what a section returns has the names
of the whole graph, which ``full``, ``node`` and ``end`` give. So a section need not know whether its file is included.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from lightlag.bus.errors import GraphError
from lightlag.bus.time import Epoch
from lightlag.nodes.node import Node

from .diagnostics import Place, Report, did_you_mean, one_of
from .locate import GraphFile
from .source import UNKNOWN, Item
from .values import NAME, NAME_RULE, read_end

#: Of sections whose names may be there already, from an included graph: the file that includes it has the last word.
_HAVE_THE_LAST_WORD = ("place",)

T = TypeVar("T")


class End(NamedTuple):
    """A port of a node, by the node's name in the whole graph."""

    node: str
    port: str
    is_radio: bool


@dataclass(frozen=True, slots=True)
class Interface:
    """What an included graph offers under ``ports``: ends, and channels by their names in the whole graph."""

    #: The included file, as the user knows it.
    file: str
    ports: Mapping[str, End | str | None]


@dataclass(slots=True)
class Reading:
    """One reading of one graph file: what was found so far, for the sections that come later."""

    report: Report
    file: GraphFile | None = None
    #: What stands before every name of this file in the whole graph.
    prefix: str = ""
    #: Where things were declared, by dotted path (see ``Graph.places``).
    places: dict[str, Place] = field(default_factory=dict)
    #: Where the ends of channels were declared: channel, ``members`` or ``senders``, node.
    ends_at: dict[tuple[str, str, str], Place] = field(default_factory=dict)
    #: When the run begins and how long it lasts; None where the graph does not say it rightly.
    epoch: Epoch | None = None
    until_ns: int | None = None
    #: Node classes that were given as classes, by the type under which the text names them.
    classes: Mapping[str, type[Node]] = field(default_factory=dict)
    #: Ports of every node, by this file's name of it, each with whether it is a radio; None if its type is not known.
    ports: dict[str, dict[str, bool] | None] = field(default_factory=dict)
    #: What included graphs offer, by their prefix.
    interfaces: dict[str, Interface] = field(default_factory=dict)
    #: Prefixes of graphs that could not be read, which was reported: names that start so are not missed.
    lost: list[str] = field(default_factory=list)
    #: What this file offers itself.
    offered: dict[str, End | str | None] = field(default_factory=dict)
    #: The fields of the graph so far, of included files and of this one.
    fields: dict[str, Any] = field(default_factory=dict)

    def of_included(self, file: GraphFile, prefix: str) -> Reading:
        """The reading of a file that is included with ``prefix`` before its names."""
        return Reading(
            self.report,
            file,
            self.full(prefix),
            places=self.places,
            ends_at=self.ends_at,
            epoch=self.epoch,
            until_ns=self.until_ns,
        )

    # -- pieces -------------------------------------------------------------------------------------------------

    def value(self, item: Item | None, read: Callable[[Item], T]) -> T | None:
        """What ``read`` makes of an item; None if there is none, or if it is wrong."""
        if item is None or item.value is UNKNOWN:
            return None
        try:
            return read(item)
        except (GraphError, ValueError) as error:
            self.report.add(str(error), item.place, item.note)
            return None

    def mapping(
        self,
        item: Item,
        what: str,
        keys: Collection[str],
        required: Collection[str],
        belongs: Callable[[str], str | None] = lambda key: None,
    ) -> dict[str, Item] | None:
        """The known entries of a mapping; None if it is none. ``belongs`` says of another key where it should be."""
        if item.value is UNKNOWN:
            return None
        if not isinstance(item.value, dict):
            self.report.add(f"{what} is {item.kind()}", item.place, one_of(keys, "expected a mapping with"), item.note)
            return None
        misspelt: list[str] = []
        for key, child in item.value.items():
            if key not in keys:
                elsewhere = belongs(key)
                near = None if elsewhere else did_you_mean(key, keys)
                misspelt += [near] if near else []
                self.report.add(f"unknown key {key!r} in {what}", child.label, elsewhere or one_of(keys), near)
        for key in required:
            if key not in item.value and f"did you mean {key!r}?" not in misspelt:
                self.report.add(f"{what} has no {key!r}", item.label, _MISSING.get(key))
        return {key: child for key, child in item.value.items() if key in keys}

    def items(self, item: Item | None, section: str, example: str) -> list[Item]:
        """The entries of a section that is a list."""
        if item is None or item.value is UNKNOWN or item.value is None:
            return []
        if not isinstance(item.value, list):
            self.report.add(f"{section!r} is {item.kind()}", item.place, f"expected a list: {example}", item.note)
            return []
        return item.value

    def named(self, section: str, item: Item | None) -> list[tuple[str, Item]]:
        """The entries of a section whose keys are names, except those whose names are taken."""
        if item is None or item.value is UNKNOWN or (item.value is None and section != "nodes"):
            return []
        if not isinstance(item.value, dict):
            self.report.add(f"{section!r} is {item.kind()}", item.place, "expected a mapping from names", item.note)
            return []
        return [(name, child) for name, child in item.value.items() if self.declare(section, name, child.label)]

    def declare(self, section: str, name: str, place: Place) -> bool:
        """Note where a name is declared; False if it is taken, which is reported."""
        if not NAME.fullmatch(name):
            self.report.add(f"{name!r} is no name", place, NAME_RULE)
        path = f"{section}.{self.full(name)}"
        if path in self.places and section not in _HAVE_THE_LAST_WORD:
            hint = "give one of them another name, or one of two files that are included a prefix"
            self.report.add(f"another {section[:-1]} {name!r}", place, f"there is one at {self.places[path]}", hint)
            return False
        if section == "nodes" and name in self.interfaces:
            hint = "give one of the two another name"
            self.report.add(f"node {name!r} has the name of a prefix", place, hint)
        self.places[path] = place
        return True

    # -- names --------------------------------------------------------------------------------------------------

    def full(self, name: str) -> str:
        """The name in the whole graph of what this file names so."""
        return f"{self.prefix}{name}"

    def local(self, full: str) -> str:
        """The name in this file of what the whole graph names so."""
        return full.removeprefix(self.prefix)

    def node(self, name: str, place: Place, note: str | None = None) -> str | None:
        """The full name of a node of this file, or of one it includes; None, and a report, if there is none."""
        if name in self.ports:
            return self.full(name)
        if any(not prefix or f"{name}-".startswith(f"{prefix}-") for prefix in self.lost):
            return None
        known = one_of(self.ports, "nodes of this graph") or "this graph has no nodes"
        near = did_you_mean(name, [*self.ports, *self.interfaces])
        if name in self.interfaces:
            near = f"{name!r} is the prefix of {self.interfaces[name].file}, not one of its nodes"
        elif near is None:
            within = [known for known in self.ports if known.endswith(f"-{name}")]
            near = f"an included graph has {' and '.join(within)}" if within else None
        self.report.add(f"unknown node {name!r}", place, known, near, note)
        return None

    def end(self, item: Item) -> End | None:
        """The port of a ``node.port``; None, and a report, if there is none; None if it cannot be known."""
        found = self.value(item, read_end)
        if found is None:
            return None
        name, port = found
        at_port = self.part(item, len(name) + 1, len(port))
        if name in self.interfaces and name not in self.ports:
            return self._offered_end(name, port, at_port, item)
        node = self.node(name, self.part(item, 0, len(name)), item.note)
        known = self.ports[name] if node is not None else None
        if node is None or known is None:
            return None
        if port not in known:
            listed = one_of(known, f"ports of {name}") or f"{name} has no ports"
            self.report.add(f"unknown port {port!r}", at_port, listed, did_you_mean(port, known), item.note)
            return None
        return End(node, port, known[port])

    def offered_channel(self, item: Item) -> str | None:
        """The full name of the channel that an included graph offers as ``prefix.port``; None if it is no such port."""
        prefix, _, port = item.value.partition(".") if isinstance(item.value, str) else ("", "", "")
        offered = self.interfaces[prefix].ports.get(port) if prefix in self.interfaces else None
        return offered if isinstance(offered, str) else None

    def _offered_end(self, prefix: str, port: str, place: Place, item: Item) -> End | None:
        interface = self.interfaces[prefix]
        if port not in interface.ports:
            hint = one_of(interface.ports, f"ports of {interface.file}") or (
                f"it has no 'ports'; declare one there, ports: {{{port}: some-node.port}}, or name a node of it: "
                f"{prefix}-some-node.port"
            )
            near = did_you_mean(port, interface.ports)
            self.report.add(f"the graph included as {prefix!r} has no port {port!r}", place, hint, near, item.note)
            return None
        offered = interface.ports[port]
        if isinstance(offered, str):
            hint = "list it under the members of a channel, which then takes in its members and its senders"
            self.report.add(f"{prefix}.{port} is a channel of {interface.file}", item.place, hint, item.note)
            return None
        return offered

    @staticmethod
    def part(item: Item, offset: int, width: int) -> Place:
        """A stretch of a text, if it stands there as written."""
        return item.place.part(offset, width) if item.note is None else item.place


#: What to write where a key is missing whose meaning is not in its name.
_MISSING = {
    "version": "write version: 1, the version of the format",
    "epoch": "say when the run begins: epoch: 2021-02-18T20:26:00Z",
    "until": "say how long the run lasts, or it would never end: until: 40 min",
    "nodes": "declare one: nodes: {name: {type: ...}}",
}
