"""Where an orbit turns: when its spacecraft is caught by a planet, when it is nearest, when farthest."""

from __future__ import annotations

import math
from typing import NamedTuple

from lightlag.nodes.trajectory import Surroundings

from .frames import dot, subtract

#: To tell an ellipse from a hyperbola. Source: gm_de440.tpc.
_GM_KM3_S2 = {"mars": 42828.37, "earth": 398600.44, "sun": 1.327124400e11}


class _Course(NamedTuple):
    """Whether each of the three has come."""

    captured: bool
    periapsis: bool
    apoapsis: bool


def turns(around: Surroundings, me: str, planet: str, from_ns: int, until_ns: int) -> list[tuple[int, str]]:
    """When ``me`` turns in the interval, to a microsecond, and what that is called; in the order of time.

    No two of a kind are told apart in one interval, which therefore has to be short against a revolution.
    """

    def course(t_ns: int) -> _Course:
        here, centre = around.state(me, t_ns), around.state(planet, t_ns)
        r, v = (subtract(a, b) for a, b in zip(here, centre, strict=True))
        rising = dot(r, v) >= 0.0
        return _Course(dot(v, v) < 2.0 * _GM_KM3_S2[planet] / math.hypot(*r), rising, not rising)

    before, after = course(from_ns), course(until_ns)
    found: list[tuple[int, str]] = []
    for event in _Course._fields:
        if getattr(after, event) and not getattr(before, event):
            low, high = from_ns, until_ns
            while high - low > 1000:
                middle = (low + high) // 2
                low, high = (low, middle) if getattr(course(middle), event) else (middle, high)
            found.append((high, event))
    return sorted(found)
