"""What the drawing of a graph is of: regions around bodies, lanes of boxes in them, and in each box rows of ports.

Nothing is placed on paper here. A box stands for one node, or, where there are many, for all that are alike.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.graph.plugins import ports
from lightlag.launch.graph.spec import Graph
from lightlag.nodes.params import RadioSpec

from .geometry import Delay, Geometry, Site
from .words import clock, duration, duration_of_ns, quantity

#: In graphs of more nodes than this, nodes that are alike share a box.
MOST_BOXES = 20
#: In the order in which they are drawn, from left to right and from top to bottom.
BODIES = {"mars": "Mars", "sun": "Deep space", "earth": "Earth", "": "Elsewhere"}
_LANES = {
    ("earth", "surface"): "ground stations",
    ("", ""): "on wires only",
    ("sun", "flight"): "around the sun",
    **{(body, "flight"): "in flight" for body in ("mars", "earth")},
    **{(body, "orbit"): "in orbit" for body in ("mars", "earth")},
    ("mars", "surface"): "on the ground",
}
#: So many letters of a name are a line, and so many lines the name of a box.
_NAME_LETTERS, _NAME_LINES = 22, 2
_KINDS = ("flight", "orbit", "surface", "")
_AU_KM = 149_597_870.7
_DAY_NS = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Tap:
    """Where a port joins a channel. If it neither hears nor is heard, nobody there is tuned to it."""

    channel: str
    hears: bool
    heard: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A port, what it sends at (in words; empty if it is not heard), and its channels.

    All the ports of a node that are on no channel are one row without taps.
    """

    port: str
    rate: str
    taps: tuple[Tap, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """Nodes that are drawn as one: all of one type, with the same ports on the same channels."""

    nodes: tuple[str, ...]
    type: str
    rows: tuple[Row, ...]
    #: In words: how high they are, and since when and until when they are there, if not all the time.
    height: str
    presence: str
    #: Where they run, in words; empty if that is left open.
    place: str

    @property
    def names(self) -> list[str]:
        """The lines in which the nodes are named; of nodes that need too many, the first and the last."""
        lines = textwrap.wrap(", ".join(self.nodes), _NAME_LETTERS, break_long_words=False, break_on_hyphens=False)
        if len(self.nodes) == 1 or len(lines) <= _NAME_LINES:
            return lines
        return [f"{self.nodes[0]} … {self.nodes[-1]}"]


@dataclass(frozen=True, slots=True)
class Lane:
    """Boxes of nodes that are at a body in the same manner, in ``Site.kind``'s words and in a reader's."""

    kind: str
    title: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Everything at one body; ``body`` is empty for nodes that are at none."""

    body: str
    lanes: tuple[Lane, ...]

    @property
    def title(self) -> str:
        """What people call it."""
        return BODIES[self.body]


def regions_of(graph: Graph, geometry: Geometry, placement: Mapping[str, str]) -> list[Region]:
    """The regions of a graph; ``placement`` says in words where each node runs, as far as that is settled."""
    known: dict[tuple[str, str], list[str]] = {}
    for node in graph.nodes:
        site = geometry.sites.get(node)
        known.setdefault((site.body, site.kind) if site else ("", ""), []).append(node)
    regions = []
    for body in BODIES:
        lanes = [
            Lane(kind, _LANES[body, kind], _boxes(graph, geometry, placement, known[body, kind]))
            for kind in _KINDS
            if (body, kind) in known
        ]
        if lanes:
            regions.append(Region(body, tuple(lanes)))
    return regions


def places_of(graph: Graph, groups: Sequence[Sequence[str]] = ()) -> dict[str, str]:
    """Where nodes run, in words: in which of the processes that hold ``groups``, else as the graph pins them.

    Where all run together there is nothing to say.
    """
    found = {node: f"place {place}" for node, place in graph.place.items()}
    if len(groups) > 1:
        found = {node: f"process {index}" for index, group in enumerate(groups, 1) for node in group}
    return {} if len(found) == len(graph.nodes) and len(set(found.values())) == 1 else found


def delay_lines(graph: Graph, geometry: Geometry, channel: str) -> list[str]:
    """The delays on a channel in words, a line for each pair of bodies, both ways in one; of a wire its latency."""
    medium = graph.channels[channel].medium
    if medium != "space":
        return [f"wire, {duration_of_ns(medium.latency_ns)}"]
    order, delays = list(BODIES), geometry.reaches[channel].delays
    joined: dict[tuple[str, str], tuple[Delay, set[tuple[str, str]]]] = {}
    for (one, other), delay in delays.items():
        pair = (one, other) if order.index(one) <= order.index(other) else (other, one)
        before, ways = joined.get(pair, (delay, set()))
        joined[pair] = (before | delay, {*ways, (one, other)})
    if not joined:
        return ["nobody is tuned to anybody"]
    pairs = sorted(joined, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    if len(pairs) == 1:
        return [f"{span_of(joined[pairs[0]][0])} of light"]
    return [f"{_pair(pair, joined[pair][1])}: {span_of(joined[pair][0])}" for pair in pairs]


def _pair(pair: tuple[str, str], ways: set[tuple[str, str]]) -> str:
    one, other = (BODIES[body] for body in pair)
    if one == other:
        return f"at {one}" if pair[0] in ("mars", "earth") else f"in {one.lower()}"
    if len(ways) > 1:
        return f"{one} ⇄ {other}"
    return f"{one} → {other}" if pair in ways else f"{other} → {one}"


def span_of(delay: Delay) -> str:
    """From the least delay to the most: ``9.38–19.6 ms``, ``11 min 22.1–22.3 s``."""
    low, high = (duration_of_ns(t_ns).split(" ") for t_ns in (delay.low_ns, delay.high_ns))
    if low == high:
        return " ".join(low)
    if len(low) != len(high) or low[-1] != high[-1] or low[:-2] != high[:-2]:
        return f"{' '.join(low)} – {' '.join(high)}"
    return f"{' '.join(low[:-1])}–{high[-2]} {high[-1]}"


# -- boxes --------------------------------------------------------------------------------------------------------


def _boxes(graph: Graph, geometry: Geometry, placement: Mapping[str, str], nodes: Sequence[str]) -> tuple[Box, ...]:
    """In the order in which they are drawn: those that run together beside each other, from the highest down."""
    sites = geometry.sites

    def rank(node: str) -> tuple[bool, str, float]:
        site = sites.get(node)
        place = placement.get(node, "")
        return not place, place, -site.height_km if site and site.kind != "surface" else 0.0

    boxes: dict[Box, list[str]] = {}
    for node in sorted(nodes, key=rank):  # stable: else in the order of the graph
        box = _box(graph, geometry, placement, node)
        alike = replace(box, nodes=()) if len(graph.nodes) > MOST_BOXES else box
        boxes.setdefault(alike, []).append(node)
    return tuple(
        replace(
            box,
            nodes=tuple(node for node in nodes if node in alike),
            height=_height([sites[node] for node in alike if node in sites]),
        )
        for box, alike in boxes.items()
    )


def _box(graph: Graph, geometry: Geometry, placement: Mapping[str, str], node: str) -> Box:
    spec = graph.nodes[node]
    rows, loose = [], []
    for port in ports(spec.cls):
        radio = getattr(spec.params, port, None)
        if radio is None and port not in spec.cls.ports:
            continue  # a radio that this node does without
        taps = [
            Tap(name, hears=node in geometry.reaches[name].hearing, heard=node in geometry.reaches[name].heard)
            for name, channel in graph.channels.items()
            if {**channel.senders, **channel.members}.get(node) == port
        ]
        if taps:
            taps.sort(key=lambda tap: not tap.heard)  # its rate stands beside the first
            rows.append(Row(port, _rate(radio) if taps[0].heard else "", tuple(taps)))
        else:
            loose.append(port)
    if loose:
        rows.append(Row(", ".join(loose), "", ()))
    since = f"from {_when(graph, spec.join_ns)}" if spec.join_ns else ""
    until = f"until {_when(graph, spec.leave_ns)}" if spec.leave_ns < NEVER_NS else ""
    presence = f"{since} {until}".strip()
    return Box((node,), spec.type, tuple(rows), "", presence, placement.get(node, ""))


def _when(graph: Graph, t_ns: int) -> str:
    """A time of day; in a run of more than a day with its date, without seconds."""
    if graph.until_ns <= _DAY_NS:
        return clock(graph.epoch, t_ns, 0)
    return graph.epoch.utc(t_ns, 0)[5:16].replace("T", " ")


def _rate(radio: object) -> str:
    if not isinstance(radio, RadioSpec):
        return ""
    if radio.frame_s is not None:
        return f"{duration(radio.frame_s)} a frame"
    power = next(power for power in (9, 6, 3, 0) if radio.rate_bps >= 10**power or not power)
    return f"{radio.rate_bps / 10**power:.4g} {'kMG'[power // 3 - 1] if power else ''}bit/s"


def _height(sites: Sequence[Site]) -> str:
    """How high nodes are; nothing of those that stand on the ground."""
    if not sites or sites[0].kind == "surface":
        return ""
    heights = [site.height_km for site in sites]
    if sites[0].body == "sun":
        low, high = (f"{height / _AU_KM:.3g}" for height in (min(heights), max(heights)))
        return (low if low == high else f"{low}–{high}") + " au from the sun"
    low, high = (quantity(height, "km") for height in (min(heights), max(heights)))
    return (low if low == high else f"{low.removesuffix(' km')}–{high}") + " up"
