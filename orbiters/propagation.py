"""Propagation: a state carried to other times by numerical integration.

The integration runs outward from the state's own epoch in legs of one length, about a revolution, each from the end
of the one before, so that what is asked first changes nothing. Forces: the body's field of low degree (``gravity``),
and the sun. Left out, as small for days: Phobos and Deimos, drag, solar pressure, manoeuvres.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import State, Vector

from .frames import add, apply, apply_inverse, scale, subtract
from .gravity import FIELDS, GravityField
from .space import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HOUR_NS = 3600 * NS_PER_S
_SHORTEST_LEG_H, _LONGEST_LEG_H = 2, 24
# Relative, and absolute in km and km/s: a few millimetres over a day in a low orbit.
_RTOL = 1e-12
_ATOL = (1e-8, 1e-8, 1e-8, 1e-11, 1e-11, 1e-11)
_POINT_MASS = GravityField(radius_km=1.0, coefficients={})


class Propagation:
    """The trajectory through ``start`` (ICRF, relative to ``center``) at run time ``start_ns``."""

    def __init__(self, space: Space, center: str, start_ns: int, start: State) -> None:
        self._space, self._center, self._start_ns, self._start = space, center, start_ns, start
        self._rotation = space.rotation_of(center)
        self._field = FIELDS.get(center, _POINT_MASS)
        self._gm = space.gm_km3_s2(center)
        # The sun is no third body of an orbit about itself.
        self._gm_sun = 0.0 if center == "sun" else space.gm_km3_s2("sun")
        self._leg_ns = _leg_h(self._gm, start) * _HOUR_NS
        self._ahead: list[Any] = []
        self._behind: list[Any] = []

    def state(self, t_ns: int) -> State:
        """State at ``t_ns``: ICRF, barycentric, km and km/s."""
        since_ns = t_ns - self._start_ns
        number = since_ns // self._leg_ns
        legs, place, way = (self._ahead, number, 1) if number >= 0 else (self._behind, -1 - number, -1)
        while len(legs) <= place:
            legs.append(self._leg(legs, way))
        x, y, z, vx, vy, vz = legs[place](since_ns / NS_PER_S).tolist()
        center = self._space.body_state(self._center, t_ns)
        return State(add(center.position_km, (x, y, z)), add(center.velocity_km_s, (vx, vy, vz)))

    def _leg(self, done: list[Any], way: int) -> Any:
        from scipy.integrate import solve_ivp  # 0.4 s to import: only for those who integrate

        begin_s, end_s = (way * count * self._leg_ns / NS_PER_S for count in (len(done), len(done) + 1))
        start = done[-1](begin_s) if done else [*self._start.position_km, *self._start.velocity_km_s]
        return solve_ivp(
            self._rates, (begin_s, end_s), start, method="DOP853", dense_output=True, rtol=_RTOL, atol=_ATOL
        ).sol

    def _rates(self, since_s: float, y: NDArray[np.float64]) -> tuple[float, ...]:
        px, py, pz, vx, vy, vz = y.tolist()
        position = (px, py, pz)
        t_ns = self._start_ns + round(since_s * NS_PER_S)
        rows = self._rotation.fixed(self._space.epoch.et_s(t_ns))
        pull = apply(rows, self._field.acceleration_km_s2(self._gm, apply_inverse(rows, position)))
        if self._gm_sun:
            pull = add(pull, self._tide(t_ns, position))
        return (vx, vy, vz, *pull)

    def _tide(self, t_ns: int, position: Vector) -> Vector:
        # What the sun does to the orbiter less what it does to the centre.
        sun = subtract(
            self._space.body_state("sun", t_ns).position_km, self._space.body_state(self._center, t_ns).position_km
        )
        away = subtract(sun, position)
        return subtract(
            scale(self._gm_sun / math.hypot(*away) ** 3, away), scale(self._gm_sun / math.hypot(*sun) ** 3, sun)
        )


def _leg_h(gm_km3_s2: float, start: State) -> int:
    """About the period of the orbit, in hours."""
    binding = 2.0 / math.hypot(*start.position_km) - math.hypot(*start.velocity_km_s) ** 2 / gm_km3_s2
    if binding <= 0.0:
        return _LONGEST_LEG_H
    period_s = 2.0 * math.pi * math.sqrt(1.0 / (binding**3 * gm_km3_s2))
    return max(_SHORTEST_LEG_H, min(_LONGEST_LEG_H, round(period_s / 3600.0)))
