"""Who is near whom: nodes ordered by distance and grouped by the time between them.

That is light time where nodes have a place, and the delays of the run where they have none (they are on wires only).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from lightlag.bus.time import NS_PER_S
from lightlag.orbiters import C_KM_S

from .geometry import Site
from .reading import RECEIVED, Reading

#: Nodes that are nearer to each other than this share of the longest delay stand together.
_TOGETHER = 0.02


@dataclass(frozen=True, slots=True)
class Places:
    """Nodes in the order of their distance from where news comes from."""

    #: Nodes that stand together, nearest group first.
    groups: list[list[str]]
    #: Delay from each group to the next, ns.
    gaps_ns: list[int]
    #: What the delay is of: light in space, else just delay.
    medium: str = "delay"

    @property
    def order(self) -> list[str]:
        """All nodes."""
        return [node for group in self.groups for node in group]

    def far(self, one: str, other: str) -> bool:
        """Whether two nodes are in different groups."""
        return not any(one in group and other in group for group in self.groups)


def find_places(run: Reading, sites: Mapping[str, Site]) -> Places:
    """Order and group the nodes between which there was a message; ``sites`` says where those in space were."""
    near: dict[str, dict[str, int]] = {}
    for (source, receiver), delay_ns in sorted(run.first_delay_ns.items()):
        for one, other in ((source, receiver), (receiver, source)):
            known = near.setdefault(one, {})
            known[other] = min(delay_ns, known.get(other, delay_ns))
    if not near:
        return Places([], [])
    placed = [node for node in near if node in sites]
    for index, one in enumerate(placed):
        for other in placed[index + 1 :]:
            way_km = math.dist(sites[one].position_km, sites[other].position_km)
            near[one][other] = near[other][one] = round(way_km / C_KM_S * NS_PER_S)
    distance_ns = _distances(near, _start(run))
    order = sorted(near, key=lambda node: (distance_ns.get(node, 1 << 62), node))
    longest_ns = max(run.first_delay_ns.values())
    groups: list[list[str]] = [[order[0]]]
    gaps_ns: list[int] = []
    for before, node in pairwise(order):
        gap_ns = distance_ns.get(node, longest_ns) - distance_ns.get(before, longest_ns)
        apart_ns = near[node].get(before, gap_ns)
        if max(gap_ns, apart_ns) > _TOGETHER * longest_ns:
            groups.append([node])
            gaps_ns.append(max(gap_ns, apart_ns))
        else:
            groups[-1].append(node)
    in_space = any(channel.medium == "space" for channel in run.graph.channels.values())
    return Places(groups, gaps_ns, "light" if in_space else "delay")


def _start(run: Reading) -> str:
    """The node that has most to tell; if there is no news, one end of the longest way."""
    told: dict[str, int] = {}
    for event in run.events:
        if event.scet_ns is not None:
            told[event.source] = told.get(event.source, 0) + 1
    heard = {node for pair in run.first_delay_ns for node in pair}
    told = {node: count for node, count in told.items() if node in heard}
    if told:
        return min(told, key=lambda node: (-told[node], node))
    return min(run.first_delay_ns, key=lambda pair: (-run.first_delay_ns[pair], pair))[0]


def _distances(near: dict[str, dict[str, int]], start: str) -> dict[str, int]:
    """Least sum of delays from ``start`` to every node that can be reached."""
    found: dict[str, int] = {}
    heap = [(0, start)]
    while heap:
        distance_ns, node = heapq.heappop(heap)
        if node not in found:
            found[node] = distance_ns
            for other, delay_ns in near[node].items():
                heapq.heappush(heap, (distance_ns + delay_ns, other))
    return found


def light_time(run: Reading, places: Places) -> tuple[str, str, int] | None:
    """The longest way that a message made: source, receiver, and its delay in ns; news goes first."""
    far = [hop for hop in run.news if hop.outcome == RECEIVED and places.far(hop.source, hop.receiver)]
    if far:
        first = min(far, key=lambda hop: (hop.t_ns, hop.receiver))
        return first.source, first.receiver, first.t_ns - first.sent_ns
    if not run.first_delay_ns:
        return None
    source, receiver = min(run.first_delay_ns, key=lambda pair: (-run.first_delay_ns[pair], pair))
    return source, receiver, run.first_delay_ns[source, receiver]
