"""Arcs: a trajectory in pieces, each integrated from the state at its beginning under a constant push.

A burn adds two to the path before it: one of the burn, one of the coast after it. Both kinds of trajectory with burns
are made of this: the one that declares them (``manoeuvred``), and the one whose node commands them (``steered``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.steering import Axes
from lightlag.nodes.trajectory import State, Trajectory, Vector

from .covered import Span, track_through
from .frames import add, cross, scale, subtract, unit
from .propagation import Propagation
from .space import Space
from .trajectory import Track

#: Before every run: when the path begins that has seen no burn.
ALWAYS_NS = -(1 << 62)


class Arc(NamedTuple):
    """The path that is flown from ``since_ns`` on, up to where the next arc begins."""

    since_ns: int
    path: Trajectory


def path_at(arcs: Sequence[Arc], t_ns: int) -> Trajectory:
    """The path that is flown at ``t_ns``."""
    if len(arcs) == 1:
        return arcs[0].path
    return arcs[bisect_right(arcs, t_ns, key=lambda arc: arc.since_ns) - 1].path


def pieces_between(arcs: Sequence[Arc], t0_ns: int, t1_ns: int) -> Iterator[tuple[Trajectory, int, int]]:
    """Every path that is flown in [t0_ns, t1_ns], with when it is flown there."""
    first = max(0, bisect_right(arcs, t0_ns, key=lambda arc: arc.since_ns) - 1)
    for number in range(first, len(arcs)):
        last = number + 1 == len(arcs) or arcs[number + 1].since_ns >= t1_ns
        yield arcs[number].path, max(t0_ns, arcs[number].since_ns), t1_ns if last else arcs[number + 1].since_ns
        if last:
            return


def kinks_of(arcs: Sequence[Arc]) -> list[int]:
    """When one path is left for the next: instants at which velocity or acceleration leaps."""
    return [arc.since_ns for arc in arcs[1:]]


def burnt(
    space: Space,
    center: str,
    before: Trajectory,
    t_ns: int,
    delta_v_km_s: Vector,
    over_ns: int,
    axes: Axes,
    end_ns: int,
) -> list[Arc]:
    """What follows ``before`` if a constant push from ``t_ns`` on adds ``delta_v_km_s`` in ``over_ns``: burn and coast.

    With ``over_ns`` of 0 the velocity changes at once. The coast is integrated about ``center`` up to ``end_ns``.

    Raises:
        GraphError: it cannot be integrated.
    """
    start = before.state(t_ns)
    icrf = in_icrf(space, center, start, t_ns, delta_v_km_s, axes)
    if not over_ns:
        return [
            Arc(t_ns, integrated(space, center, t_ns, State(start.position_km, add(start.velocity_km_s, icrf)), end_ns))
        ]
    burnt_ns = t_ns + over_ns
    burning = integrated(space, center, t_ns, start, burnt_ns, scale(NS_PER_S / over_ns, icrf))
    return [
        Arc(t_ns, burning),
        Arc(burnt_ns, integrated(space, center, burnt_ns, burning.state(burnt_ns), end_ns)),
    ]


def in_icrf(space: Space, center: str, here: State, t_ns: int, vector: Vector, axes: Axes) -> Vector:
    """A vector in the axes of a burn that begins at ``t_ns`` in the state ``here`` (barycentric)."""
    if axes == "icrf":
        return vector
    centre = space.body_state(center, t_ns)
    radial = unit(subtract(here.position_km, centre.position_km))
    normal = unit(cross(radial, subtract(here.velocity_km_s, centre.velocity_km_s)))
    r, t, n = vector
    return add(add(scale(r, radial), scale(t, cross(normal, radial))), scale(n, normal))


def integrated(
    space: Space, center: str, t_ns: int, start: State, end_ns: int, push_km_s2: Vector = (0.0, 0.0, 0.0)
) -> Track:
    """The path from a state (barycentric) at ``t_ns`` on, up to ``end_ns``; beyond that it goes straight on."""
    centre = space.body_state(center, t_ns)
    relative = State(
        subtract(start.position_km, centre.position_km), subtract(start.velocity_km_s, centre.velocity_km_s)
    )
    propagation = Propagation(space, center, t_ns, relative, push_km_s2)
    return track_through(space, center, propagation.relative, Span(t_ns, end_ns))
