"""Reading a run: the recording, the timeline and the published record, in one pass, condensed to what is drawn.

What is kept does not grow with the traffic: messages are counted per column, a thousandth of the run, and of each
column the first and the last are remembered. News of events is kept whole.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from lightlag.bus.operator import OPERATOR
from lightlag.bus.recording import Record, read
from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.spec import Graph
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.nodes.events import Event, Published, Tone
from lightlag.nodes.faults import FaultBegins, FaultEnds
from lightlag.nodes.telemetry import VehicleState

#: A run is drawn in this many columns.
COLUMNS = 1000
RECEIVED = "received"
#: A relay that keeps content for longer than this plays it back.
HELD_NS = NS_PER_S


def _name(kind: type) -> str:
    return str(kind.__message_type__.partition("@")[0])  # type: ignore[attr-defined]


_EVENT, _TONE, _STATE = _name(Event), _name(Tone), _name(VehicleState)
_BEGINS, _ENDS = _name(FaultBegins), _name(FaultEnds)


class Hop(NamedTuple):
    """A message on its way from one node to one member of a channel. ``t_ns``: received, or when it would have been."""

    source: str
    receiver: str
    channel: str
    kind: str
    sent_ns: int
    t_ns: int
    #: ``direct``, ``relayed`` or ``played_back``.
    path: str
    #: ``received`` or the reason of the loss.
    outcome: str
    #: The event that it is news of.
    event: str | None


@dataclass(slots=True)
class Burst:
    """The messages of one stream in one column."""

    first: Hop
    last: Hop
    count: int = 1


@dataclass(slots=True)
class Traffic:
    """What there was of one type of message."""

    receptions: int = 0
    losses: int = 0
    received_bytes: int = 0


class State(NamedTuple):
    """Where a vehicle said it was: run time (ns), and named values."""

    t_ns: int
    values: dict[str, float]


class Learnt(NamedTuple):
    """A row of the timeline: who learnt of an event, by which path, when (run time in ns), after how long."""

    receiver: str
    path: tuple[str, ...]
    ert_ns: int
    delay_s: float


@dataclass(slots=True)
class Happening:
    """An event: what the run says of it, and what the record of the flight says. ``scet_ns`` None: not in this run."""

    id: str
    source: str
    scet_ns: int | None = None
    values: dict[str, float] = field(default_factory=dict)
    learnt: list[Learnt] = field(default_factory=list)
    flown: Published | None = None
    flown_ns: int | None = None


@dataclass(slots=True)
class FaultStood:
    """A fault that stood in the run, as the nodes that it concerned were told (run time in ns; None: to the end)."""

    id: str
    from_ns: int
    until_ns: int | None = None
    nodes: dict[str, None] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)

    @property
    def verb(self) -> str:
        """What it does, as it is written."""
        return self.id.rpartition("-")[0]


LaneKey = tuple[str, str, str]
StreamKey = tuple[str, str, str, str, str]


@dataclass(slots=True)
class Reading:
    """A run, condensed."""

    graph: Graph
    #: By source, receiver, channel: in each column, how many messages had which outcome.
    lanes: dict[LaneKey, dict[int, dict[str, int]]] = field(default_factory=dict)
    #: By source, receiver, channel, type, path: what was received, by column.
    streams: dict[StreamKey, dict[int, Burst]] = field(default_factory=dict)
    news: list[Hop] = field(default_factory=list)
    #: By source, then by number of the emission.
    states: dict[str, dict[int, State]] = field(default_factory=dict)
    #: Delay of the last that went from source to receiver: in twenty days light time changes by minutes.
    delay_ns: dict[tuple[str, str], int] = field(default_factory=dict)
    #: Delay of the first that went from source to receiver: in a long run either may travel from one planet to another.
    first_delay_ns: dict[tuple[str, str], int] = field(default_factory=dict)
    traffic: dict[str, Traffic] = field(default_factory=dict)
    #: What went wrong on purpose, by id.
    faults: dict[str, FaultStood] = field(default_factory=dict)
    events: list[Happening] = field(default_factory=list)

    @property
    def column_ns(self) -> float:
        """How long a column is."""
        return max(1, self.graph.until_ns) / COLUMNS

    def timed_events(self) -> list[Happening]:
        """The events that happened within the run, in their order."""
        return [
            event for event in self.events if event.scet_ns is not None and 0 <= event.scet_ns < self.graph.until_ns
        ]

    def outcomes(self) -> dict[str, dict[tuple[str, str], int]]:
        """How many messages had which outcome, by source and receiver."""
        found: dict[str, dict[tuple[str, str], int]] = {}
        for (source, receiver, _), columns in self.lanes.items():
            for counts in columns.values():
                for outcome, count in counts.items():
                    links = found.setdefault(outcome, {})
                    links[source, receiver] = links.get((source, receiver), 0) + count
        return found


def read_run(directory: RunDirectory, graph: Graph) -> Reading:
    """Read what a run left in its directory; files that are missing tell nothing."""
    reader = _Reader(graph)
    if directory.recording.exists():
        for record in read(directory.recording, _is_told):
            reader.take(record)
    if directory.timeline.exists():
        with directory.timeline.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                reader.take_learnt(row)
    return reader.finish()


def _is_told(topic: str) -> bool:
    return topic.endswith((f"/{_EVENT}", f"/{_TONE}", f"/{_STATE}", f"/{_BEGINS}", f"/{_ENDS}", "/log"))


class _Reader:
    def __init__(self, graph: Graph) -> None:
        self._run = Reading(graph)
        self._events: dict[tuple[str, str], Happening] = {}
        #: What nodes noted in their logs with values: when, and the values, by node and text.
        self._noted: dict[tuple[str, str], State] = {}

    def take(self, record: Record) -> None:
        receiver, _, rest = record.topic.removeprefix("/").partition("/")
        if rest == "log":
            values = record.data["fields"].get("values")
            if isinstance(values, dict):
                self._noted[receiver, record.data["text"]] = State(record.data["t_ns"], _numbers(values))
            return
        data = record.data
        told = data.get("message", {})
        kind = data["type"].partition("@")[0]
        if data["source"] == OPERATOR:  # nowhere in space, and on no channel
            self._take_act(receiver, kind, data["t_ns"], told)
            return
        event = told.get("id" if kind == _EVENT else "event") if kind in (_EVENT, _TONE) else None
        outcome = data.get("reason", RECEIVED)
        ends = data["source"], receiver, data["channel"]
        hop = Hop(*ends, kind, data["sent_ns"], data["t_ns"], self._path(data), outcome, event)
        self._count(hop, data["bytes"])
        if outcome != RECEIVED:
            return
        origin, number, _ = data["origin"]
        if event is not None:
            happening = self._events.setdefault((origin, event), Happening(event, origin))
            happening.scet_ns = told["scet_ns"]
            happening.values.update(_numbers(told.get("values", {})))
        elif kind == _STATE and "undecoded" not in told:
            began_ns = data["origin"][2] - (0 if data["via"] else data["duration_ns"])
            self._run.states.setdefault(origin, {}).setdefault(number, State(began_ns, _numbers(told)))

    def _take_act(self, receiver: str, kind: str, t_ns: int, told: dict[str, Any]) -> None:
        if kind == _BEGINS and "id" in told:
            fault = self._run.faults.setdefault(told["id"], FaultStood(told["id"], t_ns))
            fault.nodes[receiver] = None
            fault.sources.update(dict.fromkeys(told["sources"]))
        elif kind == _ENDS and told.get("id") in self._run.faults:
            self._run.faults[told["id"]].until_ns = t_ns

    def _path(self, data: dict[str, Any]) -> str:
        """How the content came this far: a relay adds its own delay to the light time between the nodes before."""
        origin, _, origin_sent_ns = data["origin"]
        if not data["via"]:
            return "direct"
        route = [origin, *data["via"]]
        light_ns = sum(self._run.delay_ns.get(pair, 0) for pair in pairwise(route))
        return "played_back" if data["sent_ns"] - origin_sent_ns - light_ns > HELD_NS else "relayed"

    def _count(self, hop: Hop, size: int) -> None:
        run = self._run
        column = min(COLUMNS - 1, int(hop.sent_ns / run.column_ns))
        counts = run.lanes.setdefault((hop.source, hop.receiver, hop.channel), {}).setdefault(column, {})
        counts[hop.outcome] = counts.get(hop.outcome, 0) + 1
        ends, delay_ns = (hop.source, hop.receiver), hop.t_ns - hop.sent_ns
        run.delay_ns[ends] = delay_ns
        run.first_delay_ns.setdefault(ends, delay_ns)
        if hop.kind in (_EVENT, _TONE):
            run.news.append(hop)
        traffic = run.traffic.setdefault(hop.kind, Traffic())
        if hop.outcome != RECEIVED:
            traffic.losses += 1
            return
        traffic.receptions += 1
        traffic.received_bytes += size
        stream = run.streams.setdefault((hop.source, hop.receiver, hop.channel, hop.kind, hop.path), {})
        burst = stream.setdefault(column, Burst(hop, hop, 0))
        burst.last = hop
        burst.count += 1

    def take_learnt(self, row: dict[str, str]) -> None:
        if row["source"] == OPERATOR:
            return
        epoch = self._run.graph.epoch
        event = self._events.setdefault((row["source"], row["event"]), Happening(row["event"], row["source"]))
        if event.scet_ns is None:
            event.scet_ns = epoch.t_ns(row["scet_utc"])
        path = tuple(row["path"].split(">"))
        event.learnt.append(Learnt(row["receiver"], path, epoch.t_ns(row["ert_utc"]), float(row["delay_s"])))

    def finish(self) -> Reading:
        graph = self._run.graph
        for source, flown in _published(graph):
            flown_ns = graph.epoch.t_ns(flown.scet_utc)
            key = source, flown.event
            if key in self._events or 0 <= flown_ns < graph.until_ns:
                event = self._events.setdefault(key, Happening(flown.event, source))
                event.flown, event.flown_ns = flown, flown_ns
        for key, event in self._events.items():
            if key in self._noted:  # a node notes what it announces; the note is there even if nobody heard it
                t_ns, values = self._noted[key]
                event.scet_ns = t_ns if event.scet_ns is None else event.scet_ns
                event.values = {**values, **event.values}
        self._run.events = sorted(self._events.values(), key=_order)
        return self._run


def _order(event: Happening) -> tuple[int, str, int, str]:
    t_ns = event.flown_ns if event.scet_ns is None else event.scet_ns
    # Of what happened at once, that comes first which was told first: a burn's beginning before its end.
    first_ns = min((news.ert_ns for news in event.learnt), default=0)
    return (t_ns or 0, event.source, first_ns, event.id)


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def _published(graph: Graph) -> Iterator[tuple[str, Published]]:
    for name, spec in graph.nodes.items():
        for published in spec.cls(name, spec.params).published:
            yield name, published
