"""The arrival, fitted: from which hyperbola, and with which push, a burn of 27 minutes leaves the published orbit.

Nobody has published a state of Hope. What is published fixes most of its arrival all the same. The orbit that the
burn leaves, and the altitude at which it begins, fix the path in its plane; the plane is turned to where Hope came
from, as a direct transfer between the positions of Earth at launch and of Mars at arrival gives it. Two planes of the
assumed inclination hold that direction; ``GUESS`` is in the one from which Mars hides Hope for about as long as it was
told to. The push is constant, in the plane of the orbit, and against the flight at mid-burn: assumptions of this model.

``fit`` makes the section ``approach`` of ``facts.yaml`` anew.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.time import NS_PER_S
from lightlag.missions.facts import Facts, load_facts
from lightlag.nodes.trajectory import State, Vector
from lightlag.orbiters.frames import add, cross, dot, scale, subtract, unit
from lightlag.orbiters.orbits import KeplerOrbit
from lightlag.orbiters.propagation import Propagation
from lightlag.orbiters.space import Space

from . import FACTS

_Array = NDArray[np.float64]

#: Where the search begins: mean anomaly at the end of the burn, node and argument of periapsis (deg); delta-v (km/s);
#: angle of the push against the flight at the end of the burn (deg). The other plane is near 347 and 297 deg.
GUESS = (2.0, 148.0, 138.0, -0.97, -23.0)


class Arrival(NamedTuple):
    """The beginning of the burn (relative to Mars, ICRF, km and km/s), what the burn adds, and what it leaves."""

    position_km: Vector
    velocity_km_s: Vector
    #: Radial, forward and normal at the beginning of the burn.
    delta_v_km_s: Vector
    #: Velocity far away, of the hyperbola at the beginning of the burn and of the transfer that it was fitted to.
    v_infinity_km_s: Vector
    transfer_v_infinity_km_s: Vector
    #: Of the orbit at the end of the burn, to Mars' equator of date; node from where it ascends through the ICRF's.
    raan_deg: float
    aop_deg: float
    #: What is left of the conditions: km, km/s and radians, the largest.
    residual: float


def fit(space: Space, guess: tuple[float, ...] = GUESS) -> Arrival:
    """The arrival that meets what is published, found from ``guess``; ``space`` is any whose epoch is in that month."""
    from scipy.optimize import least_squares

    facts = load_facts(FACTS)
    coming = transfer_v_infinity(space, facts)

    def left(unknown: _Array) -> list[float]:
        flown = _Flown(space, facts, unknown)
        altitude = math.hypot(*flown.start.position_km) - space.radii_km("mars")[0]
        missed = altitude - facts.value("arrival.burn_start_altitude_km")
        return [*subtract(flown.v_infinity(), coming), missed * 1e-3, flown.off_flight()]

    found = least_squares(left, np.array(guess), x_scale=[0.1, 1.0, 1.0, 0.01, 1.0], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    flown = _Flown(space, facts, found.x)
    return Arrival(
        *flown.start,
        flown.rtn(),
        flown.v_infinity(),
        coming,
        float(found.x[1]) % 360.0,
        float(found.x[2]) % 360.0,
        float(np.abs(found.fun).max()),
    )


def transfer_v_infinity(space: Space, facts: Facts) -> Vector:
    """Velocity relative to Mars of a transfer under the sun alone, from Earth at launch to Mars at the burn."""
    from scipy.optimize import least_squares

    leave_ns, reach_ns = (space.epoch.t_ns(facts.value(f"arrival.{name}")) for name in ("launch_utc", "burn_start_utc"))
    earth, mars = _about(space, "sun", "earth", leave_ns), _about(space, "sun", "mars", reach_ns)

    def reached(velocity: Any) -> State:
        x, y, z = map(float, velocity)
        path = Propagation(space, "sun", leave_ns, State(earth.position_km, (x, y, z)))
        return _state(path, reach_ns)

    # Three km/s faster than the Earth is about what leads to Mars.
    guess = add(earth.velocity_km_s, scale(3.0, unit(earth.velocity_km_s)))
    found = least_squares(lambda v: np.subtract(reached(v).position_km, mars.position_km) * 1e-7, guess, xtol=1e-14)
    return subtract(reached(found.x).velocity_km_s, mars.velocity_km_s)


class _Flown:
    """The burn flown backwards from the capture orbit, for one set of the unknowns (see ``GUESS``)."""

    def __init__(self, space: Space, facts: Facts, unknown: _Array) -> None:
        anomaly_deg, raan_deg, aop_deg, delta_v, off_deg = map(float, unknown)
        self._gm = space.gm_km3_s2("mars")
        end_utc = facts.value("arrival.burn_end_utc")
        begin_ns, end_ns = space.epoch.t_ns(facts.value("arrival.burn_start_utc")), space.epoch.t_ns(end_utc)
        capture = KeplerOrbit(
            center="mars",
            epoch=end_utc,
            periapsis_km=float(facts.value("arrival.capture_periapsis_km")),
            apoapsis_km=float(facts.value("arrival.capture_apoapsis_km")),
            inclination_deg=float(facts.value("arrival.capture_inclination_deg")),
            raan_deg=raan_deg,
            aop_deg=aop_deg,
            mean_anomaly_deg=anomaly_deg,
            raan_rate_deg_day=0.0,
            aop_rate_deg_day=0.0,
        ).realise(space)
        centre, there = space.body_state("mars", end_ns), capture.state(end_ns)
        end = State(*(subtract(a, b) for a, b in zip(there, centre, strict=True)))
        forward = unit(end.velocity_km_s)
        side = cross(unit(cross(end.position_km, end.velocity_km_s)), forward)
        off = math.radians(off_deg)
        self.delta_v = scale(delta_v, add(scale(math.cos(off), forward), scale(math.sin(off), side)))
        burning = Propagation(space, "mars", end_ns, end, scale(NS_PER_S / (end_ns - begin_ns), self.delta_v))
        self.start, self.middle = _state(burning, begin_ns), _state(burning, (begin_ns + end_ns) // 2)

    def v_infinity(self) -> Vector:
        """Velocity far away, before, along the hyperbola through the start (Vallado, 2.3 and 12.3)."""
        r, v = self.start
        h = cross(r, v)
        e = subtract(scale(1.0 / self._gm, cross(v, h)), unit(r))
        size = math.hypot(*e)
        speed = math.sqrt(dot(v, v) - 2.0 * self._gm / math.hypot(*r))
        across = math.sqrt(1.0 - 1.0 / size**2)
        return scale(speed, add(scale(1.0 / size**2, e), scale(across, unit(cross(h, e)))))

    def off_flight(self) -> float:
        """By how much the push is not against the flight at mid-burn, in the plane of the orbit (sine)."""
        r, v = self.middle
        return dot(cross(unit(self.delta_v), unit(v)), unit(cross(r, v)))

    def rtn(self) -> Vector:
        """What the burn adds, in the axes at its beginning."""
        r, v = self.start
        radial, normal = unit(r), unit(cross(r, v))
        return dot(self.delta_v, radial), dot(self.delta_v, cross(normal, radial)), dot(self.delta_v, normal)


def _about(space: Space, center: str, body: str, t_ns: int) -> State:
    one, other = space.body_state(body, t_ns), space.body_state(center, t_ns)
    return State(*(subtract(a, b) for a, b in zip(one, other, strict=True)))


def _state(path: Propagation, t_ns: int) -> State:
    position, velocity = path.relative(np.array([t_ns]))[0].tolist()
    return State(tuple(position), tuple(velocity))
