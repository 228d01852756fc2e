"""A trajectory of several phases, one after the other: on the ground, under way, in orbit, on board of another.

``lightlag.nodes.Trajectory`` asks for ``state``, ``bound``, ``zenith`` and ``attenuation_db``; ``kinks_ns`` and
``settled`` are what whoever looks for passes and for lookahead is glad to know.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from lightlag.nodes import Ball, State, Trajectory
from lightlag.nodes.steering import PlannedBurn
from lightlag.nodes.trajectory import Vector
from lightlag.orbiters import Track

#: Before every run.
ALWAYS_NS = -(1 << 62)
#: A ball is made wider by 1 mm, for rounding.
_ROUNDING_KM = 1e-6


class Phase(NamedTuple):
    """What a trajectory is from ``since_ns`` on, up to the next phase."""

    since_ns: int
    path: Trajectory


class Phases:
    """Phases in the order of time, the first since ever; with the burns in them that are known beforehand."""

    def __init__(self, phases: Sequence[Phase], burns: Sequence[PlannedBurn] = ()) -> None:
        self._phases = phases
        self.burns = tuple(burns)
        kinks = {phase.since_ns for phase in phases[1:]}
        for phase in phases:
            kinks.update(getattr(phase.path, "kinks_ns", ()))
        #: Instants at which the velocity or the acceleration leaps.
        self.kinks_ns = sorted(kinks)

    def state(self, t_ns: int) -> State:
        """State at ``t_ns``: ICRF, barycentric, km and km/s."""
        return self._path(t_ns).state(t_ns)

    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        """A ball that holds every position of [t0_ns, t1_ns]: it holds the balls of all phases in it."""
        balls = []
        first = max(0, self._number(t0_ns))
        for number in range(first, len(self._phases)):
            since_ns, path = self._phases[number]
            if since_ns > t1_ns:
                break
            last = number + 1 == len(self._phases)
            until_ns = t1_ns if last else min(t1_ns, self._phases[number + 1].since_ns)
            balls.append(path.bound(max(t0_ns, since_ns), until_ns))
        if len(balls) == 1:
            return balls[0]
        x, y, z = (sum(axis) / len(balls) for axis in zip(*(ball.centre_km for ball in balls), strict=True))
        centre = (x, y, z)
        return Ball(centre, max(math.dist(centre, ball.centre_km) + ball.radius_km for ball in balls) + _ROUNDING_KM)

    def zenith(self, t_ns: int) -> Vector | None:
        """The local vertical while it stands, None in flight."""
        return self._path(t_ns).zenith(t_ns)

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        """What surrounds it takes from a signal, dB."""
        return self._path(t_ns).attenuation_db(t_ns, frequency_hz)

    def settled(self, t_ns: int) -> Track | None:
        """The track that it is in its last phase."""
        last = self._phases[-1]
        return last.path if t_ns >= last.since_ns and isinstance(last.path, Track) else None

    def _path(self, t_ns: int) -> Trajectory:
        return self._phases[self._number(t_ns)].path

    def _number(self, t_ns: int) -> int:
        return bisect_right(self._phases, t_ns, key=lambda phase: phase.since_ns) - 1
