"""What the sections of a graph file are read with: a value, a mapping, a name is read, or what is wrong is reported.

A section is a module with a function ``read_NAME(item, reading)`` that returns what becomes of a field of the graph,
and a line in ``loading.SECTIONS``. ``item`` is None where the file has no such section. What is wrong is put into
``reading.report`` and left out, and reading goes on, so that a person sees every error at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lightlag.bus.errors import GraphError
from lightlag.bus.time import Epoch

from .diagnostics import Place, Report, did_you_mean, one_of
from .source import UNKNOWN, Item
from .values import NAME, NAME_RULE, read_end

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """One reading of one graph file: what was found so far, for the sections that come later."""

    report: Report
    #: Where things were declared, by dotted path (see ``Graph.places``).
    places: dict[str, Place] = field(default_factory=dict)
    #: When the run begins and how long it lasts; None where the graph does not say it rightly.
    epoch: Epoch | None = None
    until_ns: int | None = None
    #: Ports of every declared node, each with whether it is a radio; None for a node whose type is not known.
    ports: dict[str, dict[str, bool] | None] = field(default_factory=dict)
    #: The fields of the graph so far.
    fields: dict[str, Any] = field(default_factory=dict)

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
        self, item: Item, what: str, keys: Collection[str], required: Collection[str]
    ) -> dict[str, Item] | None:
        """The known entries of a mapping; None if it is none."""
        if item.value is UNKNOWN:
            return None
        if not isinstance(item.value, dict):
            self.report.add(f"{what} is {item.kind()}", item.place, one_of(keys, "expected a mapping with"), item.note)
            return None
        misspelt: list[str] = []
        for key, child in item.value.items():
            if key not in keys:
                near = did_you_mean(key, keys)
                misspelt += [near] if near else []
                self.report.add(f"unknown key {key!r} in {what}", child.label, one_of(keys), near)
        for key in required:
            if key not in item.value and f"did you mean {key!r}?" not in misspelt:
                self.report.add(f"{what} has no {key!r}", item.label)
        return {key: child for key, child in item.value.items() if key in keys}

    def named(self, section: str, item: Item | None) -> list[tuple[str, Item]]:
        """The entries of a section, whose keys are names."""
        if item is None or item.value is UNKNOWN or (item.value is None and section != "nodes"):
            return []
        if not isinstance(item.value, dict):
            self.report.add(f"{section!r} is {item.kind()}", item.place, "expected a mapping from names", item.note)
            return []
        for name, child in item.value.items():
            self.places[f"{section}.{name}"] = child.label
            if not NAME.fullmatch(name):
                self.report.add(f"{name!r} is no name", child.label, NAME_RULE)
        return list(item.value.items())

    def node(self, name: str, place: Place, note: str | None = None) -> str | None:
        """The node of that name; None if the graph has none, which is reported."""
        if name in self.ports:
            return name
        known = one_of(self.ports, "nodes of this graph")
        self.report.add(f"unknown node {name!r}", place, known, did_you_mean(name, self.ports), note)
        return None

    def end(self, item: Item) -> tuple[str, str] | None:
        """Node and port of a ``node.port``; None if there is no such port, or if it cannot be known."""
        found = self.value(item, read_end)
        if found is None:
            return None
        node, port = found
        if self.node(node, self.part(item, 0, len(node)), item.note) is None:
            return None
        known = self.ports[node]
        if known is None:
            return None
        if port not in known:
            listed = one_of(known, f"ports of {node}") or f"{node} has no ports"
            place = self.part(item, len(node) + 1, len(port))
            self.report.add(f"unknown port {port!r}", place, listed, did_you_mean(port, known), item.note)
            return None
        return node, port

    @staticmethod
    def part(item: Item, offset: int, width: int) -> Place:
        """A stretch of a text, if it stands there as written."""
        return item.place.part(offset, width) if item.note is None else item.place
