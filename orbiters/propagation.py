"""Propagation: a state carried to other times by numerical integration.

The integration runs outward from the state's own epoch in pieces, each from the end of the one before, so that what
is asked first changes nothing. A piece is a Chebyshev series over up to half a revolution, found by Picard iteration:
the force is evaluated along the whole piece at once, integrated, and evaluated again on the path that results, until
it no longer moves (Bai and Junkins, Modified Chebyshev-Picard Iteration Methods, J. Astronaut. Sci. 59, 2012). Forces:
the body's field of low degree (``gravity``), and the sun. Left out, as small for days: Phobos and Deimos, drag, solar
pressure, manoeuvres.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import State, Vector

from .gravity import FIELDS, GravityField
from .space import Space
from .trajectory import States

_Array = NDArray[np.float64]

_POINT_MASS = GravityField(radius_km=1.0, coefficients={})
# Degree of the series of a piece; half a revolution about Mars needs 40.
_DEGREE = 48
# A piece begins as long as half a revolution at the distance where it starts, and is halved until it converges.
_REVOLUTIONS = 0.5
_SHORTEST_S = 1e-3
_TURNS = 40
# The path no longer moves, and the force has no more to say at this degree: a few mm over ten days in a low orbit.
_CONVERGED_KM = 1e-10
# With every turn the error shrinks by more than the turn before; past this many without, the piece is too long.
_LOST = 1e3


class _Leg(NamedTuple):
    """A piece of the path, [middle - half, middle + half] seconds from the start: position and velocity (km, km/s)."""

    middle_s: float
    half_s: float
    series: _Array


class Propagation:
    """The trajectory through ``start`` (ICRF, relative to ``center``) at run time ``start_ns``.

    ``push_km_s2`` is an acceleration (ICRF) that acts all the time.
    """

    def __init__(
        self, space: Space, center: str, start_ns: int, start: State, push_km_s2: Vector = (0.0, 0.0, 0.0)
    ) -> None:
        self._space, self._center, self._start_ns = space, center, start_ns
        self._rotation = space.rotation_of(center)
        self._field = FIELDS.get(center, _POINT_MASS)
        self._gm = space.gm_km3_s2(center)
        # The sun is no third body of an orbit about itself.
        self._gm_sun = 0.0 if center == "sun" else space.gm_km3_s2("sun")
        self._push = np.array(push_km_s2)
        self._ways = {1: _Way(start), -1: _Way(start)}

    def states(self, t_ns: NDArray[np.int64]) -> States:
        """States at many times (ascending): ICRF, barycentric, km and km/s."""
        return self._space.body(self._center).states(t_ns) + self.relative(t_ns)

    def relative(self, t_ns: NDArray[np.int64]) -> States:
        """The same relative to the centre."""
        relative: list[_Array] = []
        for leg, group in groupby(((t_ns - self._start_ns) / NS_PER_S).tolist(), key=self._leg_at):
            # The series T_k(cos a) = cos k a, summed term by term: a state does not depend on those beside it.
            angle = np.arccos(np.clip((np.array([*group]) - leg.middle_s) / leg.half_s, -1.0, 1.0))
            terms = np.cos(angle[:, None] * np.arange(_DEGREE + 1))
            relative.append((terms[:, :, None] * leg.series).sum(axis=1))
        return np.concatenate(relative).reshape(-1, 2, 3)

    def _leg_at(self, since_s: float) -> _Leg:
        sign = 1 if since_s >= 0.0 else -1
        way, far_s = self._ways[sign], abs(since_s)
        while way.ends_s[-1] <= far_s:
            self._extend(way, sign)
        return way.legs[bisect_right(way.ends_s, far_s)]

    def _extend(self, way: _Way, sign: int) -> None:
        begin_s = way.ends_s[-1] if way.legs else 0.0
        distance_km = math.hypot(*way.state[:3].tolist())
        length_s = _REVOLUTIONS * math.tau * math.sqrt(distance_km**3 / self._gm)
        while True:
            leg = self._piece(sign * begin_s, sign * length_s, way.state)
            if leg is not None:
                break
            length_s /= 2.0
            if length_s < _SHORTEST_S:
                raise GraphError(
                    f"an orbit about {self._center} cannot be integrated past {begin_s:.0f} s from its state: it is "
                    f"{distance_km:.1f} km from the centre there; give a state that does not meet the body"
                )
        way.legs.append(leg)
        way.ends_s[len(way.legs) - 1 :] = [begin_s + length_s, begin_s + length_s]
        way.state = leg.series.sum(axis=0) if sign > 0 else leg.series[::2].sum(axis=0) - leg.series[1::2].sum(axis=0)

    def _piece(self, begin_s: float, length_s: float, begin: _Array) -> _Leg | None:
        """The leg that starts at ``begin_s``, or None if it does not converge to a series of this degree."""
        nodes, to_series, integral = _rules()
        half_s = length_s / 2.0
        since_s = begin_s + half_s * (1.0 + nodes)
        force = self._force(since_s)
        position, velocity = begin[:3], begin[3:]
        # The first guess is the harmonic path, which a circular orbit is.
        n = math.sqrt(self._gm / math.hypot(*position.tolist()) ** 3)
        turn = n * (since_s - begin_s)[:, None]
        path = position * np.cos(turn) + velocity / n * np.sin(turn)
        least_km = math.inf
        for _ in range(_TURNS):
            pull = force(path)
            speed = velocity + half_s * (integral @ pull)
            moved = position + half_s * (integral @ speed)
            step_km = float(np.abs(moved - path).max())
            path = moved
            if not step_km < _LOST * least_km:
                return None
            least_km = min(least_km, step_km)
            if step_km < _CONVERGED_KM * max(1.0, float(np.abs(path).max()) * 1e-3):
                break
        else:
            return None
        series = to_series @ np.concatenate((path, speed), axis=1)
        if float(np.abs(to_series[-3:] @ pull).max()) * half_s * half_s > _CONVERGED_KM * 1e2:
            return None
        # Backwards the nodes run from the later end to the earlier: x is told from the middle in either case.
        if length_s < 0.0:
            series[1::2] *= -1.0
        return _Leg(begin_s + half_s, abs(half_s), series)

    def _force(self, since_s: _Array) -> Any:
        """The acceleration (km/s2) as a function of positions (nodes, 3) relative to the centre, at these times."""
        times_ns = [self._start_ns + round(s * NS_PER_S) for s in since_s.tolist()]
        rows = np.array([self._rotation.fixed(self._space.epoch.et_s(t_ns)) for t_ns in times_ns])
        body, sun = self._space.body(self._center), self._space.body("sun")
        away = (sun.states(np.array(times_ns)) - body.states(np.array(times_ns)))[:, 0]
        field, gm, gm_sun, push = self._field, self._gm, self._gm_sun, self._push
        # What the sun does to the centre, which the orbiter falls with.
        shared = gm_sun * away / _length(away) ** 3 if gm_sun else 0.0

        def force(path: _Array) -> _Array:
            fixed = (path[:, None, :] @ rows)[:, 0, :]
            pull = (rows @ field.acceleration_km_s2(gm, fixed.T).T[:, :, None])[:, :, 0]
            if gm_sun:
                to_sun = away - path
                pull = pull + (gm_sun * to_sun / _length(to_sun) ** 3 - shared)
            return np.asarray(pull + push)

        return force


class _Way:
    """What has been integrated in one direction: legs, how far from the start each ends, the state at the last end."""

    def __init__(self, start: State) -> None:
        self.legs: list[_Leg] = []
        self.ends_s: list[float] = [0.0]
        self.state: _Array = np.array([*start.position_km, *start.velocity_km_s])


def _length(vectors: _Array) -> _Array:
    return np.asarray(np.sqrt((vectors * vectors).sum(axis=1))[:, None])


@lru_cache(maxsize=1)
def _rules() -> tuple[_Array, _Array, _Array]:
    """Chebyshev's nodes in [-1, 1]; matrices from values there to the series, and to its integral from -1."""
    order = np.arange(_DEGREE + 1)
    nodes = -np.cos(np.pi * order / _DEGREE)
    basis = np.cos(np.outer(np.pi - np.pi * order / _DEGREE, order))  # basis[node, k] = T_k(node)
    ends = np.where((order == 0) | (order == _DEGREE), 0.5, 1.0)
    to_series = 2.0 / _DEGREE * (ends[:, None] * basis.T * ends)
    integrals = np.array([chebyshev.chebint(row, lbnd=-1) for row in np.eye(_DEGREE + 1)])
    integral = chebyshev.chebval(nodes, (to_series.T @ integrals).T).T
    return nodes, to_series, integral
