"""Which nodes run in which process: grouped by light time.

Nodes that a message can cross between quickly belong together; those that lie light-minutes apart can run far ahead
of each other. Starting from every node alone, the two groups with the least delay between them are joined until there
are no more groups than processes, and as long as two touch.
"""

from __future__ import annotations

from collections.abc import Sequence

from lightlag.bus.time import NEVER_NS

from .world import WINDOW_NS, World

#: Windows looked at when planning; the whole run is checked window by window as it goes.
_SAMPLES = 16

Groups = list[list[str]]


def place(world: World, processes: int) -> Groups:
    """At most ``processes`` groups of nodes, each sorted, in the order of their first names.

    Raises:
        GraphError: nodes that are pinned apart are too close to run apart.
    """
    groups = _pinned(world)
    delays = {
        (a, b): min(world.delay_bound_ns(a, b, *window) for window in _windows(world.graph.until_ns))
        for a in world.nodes
        for b in world.nodes
        if a != b
    }
    while len(groups) > 1:
        closest = min(
            (_apart(delays, one, two), len(one) + len(two), one, two)
            for k, one in enumerate(groups)
            for two in groups[k + 1 :]
        )
        apart_ns, _, one, two = closest
        if len(groups) <= processes and apart_ns >= 1:
            break
        _refuse_pinned(world, one, two, apart_ns)
        groups = sorted([group for group in groups if group not in (one, two)] + [sorted(one + two)])
    return groups


def host_names(groups: Groups) -> list[str]:
    """A name for each group: its first node's, which says more than a number."""
    return [group[0] if len(group) == 1 else f"{group[0]}+{len(group) - 1}" for group in groups]


def _pinned(world: World) -> Groups:
    groups: dict[str, list[str]] = {}
    for node in world.nodes:
        pin = world.graph.place.get(node)
        groups.setdefault(f"place {pin}" if pin else f"node {node}", []).append(node)
    return sorted(sorted(group) for group in groups.values())


def _refuse_pinned(world: World, one: Sequence[str], two: Sequence[str], apart_ns: int) -> None:
    pins = {world.graph.place[node] for node in (*one, *two) if node in world.graph.place}
    if len(pins) > 1 and apart_ns < 1:
        a, b = one[0], two[0]
        raise world.graph.error(
            f"place.{a if a in world.graph.place else b}",
            f"{', '.join(one)} and {', '.join(two)} are placed apart, but come too close for any lookahead",
            "give them the same place, or none",
        )


def _apart(delays: dict[tuple[str, str], int], one: Sequence[str], two: Sequence[str]) -> int:
    return min((min(delays[a, b], delays[b, a]) for a in one for b in two), default=NEVER_NS)


def _windows(until_ns: int) -> list[tuple[int, int]]:
    count = -(-until_ns // WINDOW_NS)
    chosen = sorted({count * k // _SAMPLES for k in range(_SAMPLES)} | {count - 1})
    return [(k * WINDOW_NS, min((k + 1) * WINDOW_NS, until_ns)) for k in chosen if k >= 0]
