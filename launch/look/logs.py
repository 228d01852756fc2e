"""The logs of a run's nodes: read in the order of simulated time, of a run that is over or while it goes on.

Every node that had something to note has a file, ``logs/<node>.log``, a JSON object a line: ``scet`` (UTC), ``t_ns``,
``node``, ``level``, ``text`` and ``fields``.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NEVER_NS
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.rundir.directory import RunDirectory

#: From the least to the most urgent.
LEVELS = ("debug", "info", "warning", "error", "critical")


class Line(NamedTuple):
    """A line of a node's log; ``t_ns`` is run time, ``scet`` the same in UTC."""

    t_ns: int
    node: str
    scet: str
    level: str
    text: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, written: str, node: str) -> Line:
        """From what stands in a file."""
        data = json.loads(written)
        return cls(data["t_ns"], data.get("node", node), data["scet"], data["level"], data["text"], data["fields"])

    def data(self) -> dict[str, Any]:
        """As it is written."""
        told = self._asdict()
        return {key: told[key] for key in ("scet", "t_ns", "node", "level", "text", "fields")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are asked for; the times are run times, the first in and the last not."""

    since_ns: int = -NEVER_NS
    until_ns: int = NEVER_NS
    least: str = LEVELS[0]
    pattern: re.Pattern[str] | None = None

    def has(self, line: Line) -> bool:
        """Whether a line is among them; the pattern is sought in its text and in its fields as JSON."""
        return (
            self.since_ns <= line.t_ns < self.until_ns
            and _urgency(line.level) >= _urgency(self.least)
            and (
                self.pattern is None
                or self.pattern.search(line.text) is not None
                or self.pattern.search(json.dumps(line.fields, ensure_ascii=False)) is not None
            )
        )


def _urgency(level: str) -> int:
    """A level that a node has made up is as urgent as ``info``."""
    return LEVELS.index(level if level in LEVELS else "info")


def level_named(text: str) -> str:
    """The level of that name; raises GraphError if there is none."""
    if text not in LEVELS:
        raise GraphError(f"{text!r} is no level; {did_you_mean(text, LEVELS) or 'levels are ' + ', '.join(LEVELS)}")
    return text


def nodes_of(directory: RunDirectory) -> list[str]:
    """The nodes of a run that have noted something so far."""
    return sorted(path.stem for path in directory.logs.glob("*.log"))


def read_logs(directory: RunDirectory, nodes: Sequence[str]) -> Iterator[Line]:
    """The lines of these nodes, in the order of time, then of the nodes' names."""
    return heapq.merge(*(_lines(directory.logs / f"{node}.log", node) for node in sorted(nodes)), key=_when)


def _when(line: Line) -> tuple[int, str]:
    return line.t_ns, line.node


def _lines(path: Path, node: str) -> Iterator[Line]:
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for written in file:
                if written.endswith("\n"):  # the last was cut short by a kill, or is being written
                    yield Line.of(written, node)


class Follower:
    """The lines of a run that goes on, in the order of time: none is told before all that come before it are there."""

    def __init__(self, directory: RunDirectory, nodes: Collection[str]) -> None:
        """``nodes`` are those that are asked for; none: all."""
        self._directory = directory
        self._nodes = nodes
        #: How far the file of each node was read (bytes). A host that is started again begins it anew, with the same.
        self._read_to: dict[str, int] = {}
        self._held: list[Line] = []

    def news(self, frontier_ns: int) -> list[Line]:
        """What is new and lies before ``frontier_ns``, up to which every host has come."""
        for node in nodes_of(self._directory):
            if not self._nodes or node in self._nodes:
                self._held += self._read(node)
        self._held.sort(key=_when)
        told = [line for line in self._held if line.t_ns < frontier_ns]
        del self._held[: len(told)]
        return told

    def _read(self, node: str) -> list[Line]:
        offset = self._read_to.get(node, 0)
        try:
            with (self._directory.logs / f"{node}.log").open("rb") as file:
                file.seek(offset)
                whole, end, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:  # between two incarnations of its host
            return []
        self._read_to[node] = offset + len(whole) + len(end)
        return [Line.of(line, node) for line in whole.decode().split("\n")] if end else []
