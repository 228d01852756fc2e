"""Orbits as they are declared: an ellipse with slow drifts, or a state that is integrated.

Both are frozen data without an epoch of their own run; ``realise(space)`` gives the trajectory in a run's space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import State, Vector

from .frames import IauRotation, Rows, apply
from .gravity import FIELDS
from .propagation import Propagation
from .space import Space, in_space
from .trajectory import States, Track

# Interpolation is worst where a low ellipse passes its periapsis: 80 s cost 3 mm in an orbit of 150 x 80,000 km.
_STEP_NS = 80 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class KeplerOrbit:
    """An ellipse around ``center`` that keeps its shape while node and periapsis drift, by default as J2 makes them.

    Size and shape are either altitudes over the equatorial radius or ``a_km`` and ``e``; the period is two-body,
    2 pi sqrt(a^3 / GM). Angles are degrees in the frame "equator and node" of ``center`` at ``epoch``: z the IAU pole
    of that date, x where the equator ascends through the ICRF equator.
    """

    center: str
    #: ISO 8601 UTC (SCET) of ``mean_anomaly_deg``, of the node and of the periapsis; with anomaly 0, of the passage.
    epoch: str
    periapsis_km: float | None = None
    apoapsis_km: float | None = None
    a_km: float | None = None
    e: float | None = None
    inclination_deg: float
    raan_deg: float = 0.0
    aop_deg: float = 0.0
    mean_anomaly_deg: float = 0.0
    #: Drift of node and periapsis in degrees per day; None: the secular rates of J2 (none for a body without a field).
    raan_rate_deg_day: float | None = None
    aop_rate_deg_day: float | None = None

    def __post_init__(self) -> None:
        altitudes, shape = (self.periapsis_km, self.apoapsis_km), (self.a_km, self.e)
        given = [None not in altitudes, None not in shape]
        if sum(given) != 1 or sum(value is not None for value in (*altitudes, *shape)) != 2:
            raise GraphError("an orbit takes either periapsis_km and apoapsis_km (altitudes), or a_km and e")
        if self.e is not None and not 0 <= self.e < 1:
            raise GraphError(f"e is {self.e}; an ellipse has 0 <= e < 1")
        if self.periapsis_km is not None and self.apoapsis_km is not None and self.periapsis_km > self.apoapsis_km:
            raise GraphError(f"periapsis_km {self.periapsis_km} is higher than apoapsis_km {self.apoapsis_km}")

    def realise(self, space: object) -> Track:
        """The orbit in the space of a run."""
        return Track(_STEP_NS, _Ellipse(self, in_space(space)).sample)

    def shape(self, equatorial_radius_km: float) -> tuple[float, float]:
        """Semi-major axis (km) and eccentricity."""
        if self.a_km is not None and self.e is not None:
            return self.a_km, self.e
        assert self.periapsis_km is not None
        assert self.apoapsis_km is not None
        a_km = equatorial_radius_km + (self.periapsis_km + self.apoapsis_km) / 2
        return a_km, (self.apoapsis_km - self.periapsis_km) / (2 * a_km)


class _Ellipse:
    """A ``KeplerOrbit`` in a space: its angles in radians and rates in rad/s."""

    def __init__(self, orbit: KeplerOrbit, space: Space) -> None:
        self._space, self._center = space, orbit.center
        radius_km = space.radii_km(orbit.center)[0]
        self._a, self._e = orbit.shape(radius_km)
        self._n = math.sqrt(space.gm_km3_s2(orbit.center) / self._a**3)
        self._i = math.radians(orbit.inclination_deg)
        self._epoch_ns = space.epoch.t_ns(orbit.epoch)
        self._raan, self._aop = math.radians(orbit.raan_deg), math.radians(orbit.aop_deg)
        self._mean_anomaly = math.radians(orbit.mean_anomaly_deg)
        declared = (orbit.raan_rate_deg_day, orbit.aop_rate_deg_day)
        self._raan_rate, self._aop_rate = (
            by_j2 if rate is None else math.radians(rate) / 86_400.0
            for rate, by_j2 in zip(declared, self._j2_rates(), strict=True)
        )
        self._axes = equator_and_node(space, orbit.center, orbit.epoch)

    def sample(self, first: int, count: int) -> States:
        """States on the grid (a ``Sampler``)."""
        return self.states(np.arange(first, first + count) * _STEP_NS)

    def _j2_rates(self) -> tuple[float, float]:
        # Secular rates of node and periapsis, first order in J2 (Vallado, Fundamentals of Astrodynamics, 9.6.1).
        field = FIELDS.get(self._center)
        if field is None:
            return 0.0, 0.0
        p = self._a * (1 - self._e**2)
        k = 0.75 * self._n * field.j2 * (field.radius_km / p) ** 2
        c = math.cos(self._i)
        return -2 * k * c, k * (5 * c * c - 1)

    def states(self, t_ns: NDArray[np.int64]) -> States:
        """States at many times."""
        t = (t_ns - self._epoch_ns) / NS_PER_S
        raan, aop = self._raan + self._raan_rate * t, self._aop + self._aop_rate * t
        e = self._e
        anomaly = eccentric_anomaly((self._mean_anomaly + self._n * t) % math.tau, e)
        c, s = np.cos(anomaly), np.sin(anomaly)
        b = math.sqrt(1 - e * e)
        speed = self._n * self._a / (1 - e * c)
        cr, sr, cp, sp = np.cos(raan), np.sin(raan), np.cos(aop), np.sin(aop)
        ci, si = math.cos(self._i), math.sin(self._i)
        p = np.array((cr * cp - sr * sp * ci, sr * cp + cr * sp * ci, sp * si))
        q = np.array((-cr * sp - sr * cp * ci, -sr * sp + cr * cp * ci, cp * si))
        x, y, z = position = self._a * (c - e) * p + self._a * b * s * q
        # The drifts turn the ellipse about the pole and about its own normal (sr si, -cr si, ci): part of the velocity.
        ox, oy, oz = self._aop_rate * si * sr, -self._aop_rate * si * cr, self._raan_rate + self._aop_rate * ci
        turned = np.array((oy * z - oz * y, oz * x - ox * z, ox * y - oy * x))
        velocity = speed * (b * c * q - s * p) + turned
        return self._space.body(self._center).states(t_ns) + np.stack(
            (_to_icrf(self._axes, position), _to_icrf(self._axes, velocity)), axis=1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOrbit:
    """A state relative to ``center``, integrated both ways: its field to low degree, and the sun as a third body.

    ``frame`` is ``icrf``, or ``equator_j2000``: z the IAU pole of ``center`` at J2000, x where its equator ascends
    through the ICRF equator (GMAT calls it BodyInertial).
    """

    center: str
    #: ISO 8601 UTC (SCET) of the state.
    epoch: str
    position_km: Vector
    velocity_km_s: Vector
    frame: Literal["icrf", "equator_j2000"] = "icrf"

    def realise(self, space: object) -> Track:
        """The orbit in the space of a run."""
        return integrated(self.propagation(in_space(space)))

    def propagation(self, space: Space) -> Propagation:
        """The state, carried to other times as they are asked for."""
        start = State(self.position_km, self.velocity_km_s)
        axes = axes_of(space, self.center, self.frame)
        if axes is not None:
            start = State(apply(axes, self.position_km), apply(axes, self.velocity_km_s))
        return Propagation(space, self.center, space.epoch.t_ns(self.epoch), start)


def integrated(propagation: Propagation) -> Track:
    """A propagated state as a trajectory."""

    def sample(first: int, count: int) -> States:
        return propagation.states(np.arange(first, first + count) * _STEP_NS)

    return Track(_STEP_NS, sample)


def axes_of(space: Space, center: str, frame: Literal["icrf", "equator_j2000"]) -> Rows | None:
    """The axes of a frame about ``center``, to ICRF; None if it is ICRF itself."""
    return None if frame == "icrf" else _iau(space, center).equator_and_node(0.0)


def equator_and_node(space: Space, body: str, utc: str) -> Rows:
    """Axes of the equator of ``body`` at a date, to ICRF."""
    return _iau(space, body).equator_and_node(space.epoch.et_s(space.epoch.t_ns(utc)))


def _iau(space: Space, body: str) -> IauRotation:
    rotation = space.rotation_of(body)
    if isinstance(rotation, IauRotation):
        return rotation
    raise GraphError(f"an orbit about {body!r} cannot be given in the frame of its equator; mars and the sun can")


def _to_icrf(axes: Rows, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors of shape (3, times) in ``axes`` to ICRF, of shape (times, 3)."""
    x, y, z = vectors
    return np.stack([row[0] * x + row[1] * y + row[2] * z for row in axes], axis=1)


def eccentric_anomaly(mean_anomaly: NDArray[np.float64], e: float) -> NDArray[np.float64]:
    """Solve Kepler's equation E - e sin E = M (radians) by Newton's method, from a start that always converges.

    Each of the anomalies stops by itself, so that none depends on its neighbours.
    """
    anomaly = mean_anomaly if e < 0.8 else np.full_like(mean_anomaly, math.pi)
    left = np.full(anomaly.shape, True)
    for _ in range(30):
        step = (anomaly - e * np.sin(anomaly) - mean_anomaly) / (1 - e * np.cos(anomaly))
        anomaly = np.where(left, anomaly - step, anomaly)
        left &= np.abs(step) >= 1e-14
        if not left.any():
            break
    return anomaly
