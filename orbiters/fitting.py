"""A state fitted to when and where an orbiter passed what: nodes and periapses, as lists of orbit numbers have them.

    passages = [Passage("descending", "2021-02-18T19:44:24Z", longitude_deg=266.21), ...]
    fit = fit_state(space, guess, passages)
    fit.orbit             # a StateOrbit, to be declared as a trajectory
    fit.late_s            # what is left at each passage, s

A fit is no proof of an orbit: what lies outside of the passages that it was made from is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S

from .orbits import StateOrbit
from .propagation import Propagation
from .space import Space

#: Lists of orbit numbers give times to a second and places to 0.01 deg: so the one counts as much as the other.
_DEG_PER_S = 0.01
#: A passage is looked for this far on both sides of its time, and first between points that lie so far apart.
_SEARCH_S, _SPACING_S = 1500.0, 30.0
#: A state is varied in units of 1 km and 1 m/s; derivatives are differences over a thousandth of these.
_UNIT = np.array((1.0, 1.0, 1.0, 1e-3, 1e-3, 1e-3))
_DIFFERENCE = 1e-3
_NEWTON, _MOST_TURNS = 4, 30

_Array = NDArray[np.float64]


class Passage(NamedTuple):
    """Something that was passed at ``at`` (ISO 8601 UTC, SCET): the equator, on the way north or south, or periapsis.

    Where, if that is known: planetocentric, east, in the frame that turns with the body.
    """

    kind: Literal["ascending", "descending", "periapsis"]
    at: str
    longitude_deg: float | None = None
    latitude_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """By how much an orbit misses passages: late (s); too far east and north, at those that have a place (deg)."""

    late_s: tuple[float, ...]
    east_deg: tuple[float, ...]
    north_deg: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Fit(Missed):
    """A fitted state, and what it misses."""

    orbit: StateOrbit


def fit_state(space: Space, guess: StateOrbit, passages: Sequence[Passage]) -> Fit:
    """The state at the epoch of ``guess`` (in the ICRF) that meets passages best, in the sense of least squares.

    ``guess`` has to meet each passage within 25 minutes, and the passages have to determine a state: times alone say
    nothing about the direction of the node.

    Raises:
        GraphError: ``guess``, or what becomes of it, does not come near a passage; or there are too few of them.
    """
    from scipy.optimize import least_squares

    at_ns = space.epoch.t_ns(guess.epoch)
    start = guess.propagation(space).relative(np.array([at_ns]))[0].reshape(6)

    def varied(by: _Array) -> StateOrbit:
        x, y, z, vx, vy, vz = (start + by * _UNIT).tolist()
        return replace(guess, position_km=(x, y, z), velocity_km_s=(vx, vy, vz), frame="icrf")

    def left(by: _Array) -> _Array:
        told = missed(space, varied(by), passages)
        return np.array((*told.late_s, *(deg / _DEG_PER_S for deg in (*told.east_deg, *told.north_deg))))

    def derivatives(by: _Array) -> _Array:
        here = left(by)
        return np.array([(left(by + step) - here) / _DIFFERENCE for step in np.eye(6) * _DIFFERENCE]).T

    known = left(np.zeros(6)).size
    if known < start.size:
        raise GraphError(f"{known} times and places do not determine a state, which has 6 numbers; give more passages")
    orbit = varied(least_squares(left, np.zeros(6), derivatives, method="lm", xtol=1e-6, max_nfev=_MOST_TURNS).x)
    told = missed(space, orbit, passages)
    return Fit(told.late_s, told.east_deg, told.north_deg, orbit)


def missed(space: Space, orbit: StateOrbit, passages: Sequence[Passage]) -> Missed:
    """By how much an orbit misses passages.

    Raises:
        GraphError: it does not come near one of them.
    """
    path = orbit.propagation(space)
    late_s, east_deg, north_deg = [], [], []
    for passage in passages:
        given_ns = space.epoch.t_ns(passage.at)
        t_ns = _passage_ns(space, orbit.center, path, passage, given_ns)
        late_s.append((t_ns - given_ns) / NS_PER_S)
        x, y, z = space.rotation(orbit.center, t_ns).T @ path.relative(np.array([t_ns]))[0, 0]
        if passage.longitude_deg is not None:
            east_deg.append((math.degrees(math.atan2(y, x)) - passage.longitude_deg + 180.0) % 360.0 - 180.0)
        if passage.latitude_deg is not None:
            north_deg.append(math.degrees(math.atan2(z, math.hypot(x, y))) - passage.latitude_deg)
    return Missed(tuple(late_s), tuple(east_deg), tuple(north_deg))


def _passage_ns(space: Space, center: str, path: Propagation, passage: Passage, given_ns: int) -> int:
    """When a path has the passage of its kind nearest to a time: between points first, then by Newton's method."""
    gm, rotation = space.gm_km3_s2(center), space.rotation_of(center)
    north = {"ascending": 1.0, "descending": -1.0}.get(passage.kind)

    def sought(t_ns: NDArray[np.int64]) -> tuple[_Array, _Array]:
        """What is zero at a passage and negative before it, and its rate."""
        position, velocity = np.moveaxis(path.relative(t_ns), 1, 0)
        if north is None:
            return (position * velocity).sum(axis=1), (velocity**2).sum(axis=1) - gm / np.linalg.norm(position, axis=1)
        pole = north * np.array(rotation.pole(space.epoch.et_s(given_ns)))
        return position @ pole, velocity @ pole

    offsets_s = np.arange(-_SEARCH_S, _SEARCH_S + 1.0, _SPACING_S)
    values, _ = sought(given_ns + (offsets_s * NS_PER_S).astype(np.int64))
    (rises,) = np.nonzero((values[:-1] <= 0.0) & (values[1:] > 0.0))
    if not len(rises):
        kind = passage.kind if north is None else f"{passage.kind} node"
        raise GraphError(f"the orbit has no {kind} within {_SEARCH_S / 60:g} min of {passage.at}")
    nearest_s: float = min(offsets_s[rises].tolist(), key=abs)
    t_ns: int = given_ns + round(nearest_s * NS_PER_S)
    for _ in range(_NEWTON):
        value, rate = sought(np.array([t_ns]))
        t_ns -= round(float(value[0] / rate[0]) * NS_PER_S)
    return t_ns
