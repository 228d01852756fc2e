"""The flight of the ascent vehicle from the ground of Mars into a circular orbit, integrated.

Two stages, as NASA's Mars Ascent Vehicle has them: the first burns all it has while it pitches over, then both coast
to near the highest point, where the second burns until the orbit is circular. Forces: the engine, gravity with J2, drag
of an atmosphere that turns with the planet. Everything is in axes that stand still and are Mars-fixed at lift-off, so
that a flight depends on no date: turned with the planet it is the flight of any instant.

Four figures of the steering are fitted to what the orbit is to be: how fast it pitches over, in which direction, how
far the second stage points up, and how long it burns. A solid motor cannot be shut down; here it can, and in flight
the same would be had by trimming the steering.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError

Array = NDArray[np.float64]
# In the innermost loop a vector is three floats, which at this size are several times faster than an array.
Vector = Sequence[float]
#: At a time, place and velocity: where the engine points, its thrust (kg/s times s of specific impulse), the mass (kg).
Engine = Callable[[float, Vector, Vector], tuple[Vector, float, float]]

#: Mars: GM (gm_de440.tpc), J2 and its radius, what it turns by (pck00010.tpc), its ellipsoid (pck00010.tpc).
GM_KM3_S2, J2, J2_RADIUS_KM = 42828.37362, 1.95545e-3, 3396.0
TURN_RAD_S = 7.0882180e-5
EQUATOR_KM, POLE_KM = 3396.19, 3376.20
#: Density by height over the ground of the reference, 10 km apart from 0 km on (kg/m3). Source: COSPAR reference
#: atmosphere of Mars, as in Mars-GRAM 2010.
DENSITY = (1.55e-2, 6.47e-3, 2.63e-3, 9.80e-4, 3.40e-4, 1.08e-4, 3.18e-5, 8.73e-6, 2.29e-6, 6.01e-7, 1.59e-7)
STANDARD_GRAVITY_KM_S2 = 9.80665e-3

# The vehicle. Published: about 400 kg on the ground, 16 kg of payload, half a metre across, motors of the STAR 20 and
# STAR 15 families (Orbital Index 157, 2022; Space.com, 2022). Assumed: how that divides, and how the motors burn.
LIFTOFF_KG = 400.0
DIAMETER_M, DRAG_COEFFICIENT = 0.5, 0.5
STAGE1_PROPELLANT_KG, STAGE1_BURN_S, STAGE1_ISP_S, STAGE1_DRY_KG = 216.0, 70.0, 290.0, 44.0
STAGE2_FLOW_KG_S, STAGE2_ISP_S, STAGE2_MOST_S = 2.6, 288.0, 32.0
#: It rises straight up for so long before it pitches over.
VERTICAL_S = 4.0

# Samples of the flight, and of what its integrals are made of.
_STEP_S = 0.25


class Steering(NamedTuple):
    """The figures that are fitted."""

    pitch_rate_deg_s: float
    azimuth_deg: float
    stage2_up_deg: float
    stage2_burn_s: float


@dataclass(frozen=True, slots=True)
class Ascent:
    """A flight: its states (n, 6; km, km/s) at times after lift-off, Mars-fixed axes of that instant; its sum."""

    steering: Steering
    times_s: Array
    states: Array
    stage1_end_s: float
    stage2_begin_s: float
    stage2_end_s: float
    #: What the engines gave, what of it gravity took while they burnt, and what the air took (km/s).
    delta_v_km_s: float
    gravity_loss_km_s: float
    drag_loss_km_s: float
    final_mass_kg: float

    def at(self, t_s: Array) -> Array:
        """States (n, 6) at times after lift-off: before it on the ground, after the end straight on."""
        known_s = np.clip(t_s, 0.0, self.times_s[-1])
        states = between(self.times_s, self.states, known_s)
        states[:, :3] += np.maximum(0.0, t_s - known_s)[:, None] * states[:, 3:]
        before = t_s < 0.0
        states[before] = on_the_ground(self.states[0, :3], TURN_RAD_S, t_s[before])
        return states


def between(times_s: Array, states: Array, t_s: Array) -> Array:
    """States (n, 6) at times among those of a table, by cubics."""
    k = np.clip(np.searchsorted(times_s, t_s, side="right") - 1, 0, len(times_s) - 2)
    h = (times_s[k + 1] - times_s[k])[:, None]
    u = (t_s - times_s[k])[:, None] / h
    p0, v0, p1, v1 = states[k, :3], states[k, 3:], states[k + 1, :3], states[k + 1, 3:]
    c2, c3 = 3 * (p1 - p0) - h * (2 * v0 + v1), 2 * (p0 - p1) + h * (v0 + v1)
    return np.concatenate((p0 + u * (h * v0 + u * (c2 + u * c3)), v0 + u * (2 * c2 + 3 * u * c3) / h), axis=1)


def on_the_ground(place_km: Array, turn_rad_s: float, t_s: Array) -> Array:
    """States (n, 6) of a place on a body that turns about z, at times after it was there."""
    c, s = np.cos(turn_rad_s * t_s), np.sin(turn_rad_s * t_s)
    x, y = c * place_km[0] - s * place_km[1], s * place_km[0] + c * place_km[1]
    nothing = np.zeros_like(x)
    return np.stack((x, y, nothing + place_km[2], -turn_rad_s * y, turn_rad_s * x, nothing), axis=1)


@lru_cache(maxsize=8)
def ascend(site_km: tuple[float, float, float], altitude_km: float, inclination_deg: float) -> Ascent:
    """The flight from a place (Mars-fixed, km) to a circular orbit at an altitude over the equator's radius.

    Raises:
        GraphError: there is no such flight.
    """
    from scipy.optimize import root

    latitude = math.asin(site_km[2] / math.hypot(*site_km))
    ratio = math.cos(math.radians(inclination_deg)) / math.cos(latitude)
    if not 0 < ratio < 1:
        raise GraphError(
            f"an orbit inclined by {inclination_deg:g} deg does not pass over a site at {math.degrees(latitude):.2f} "
            f"deg of latitude; give an inclination between {math.degrees(abs(latitude)) + 0.5:.1f} and 89 deg"
        )

    def missed(guess: Array) -> list[float]:
        end = _fly(site_km, Steering(*guess.tolist())).states[-1]
        r, v = end[:3], end[3:]
        radius, speed = float(np.linalg.norm(r)), float(np.linalg.norm(v))
        normal = np.cross(r, v)
        return [
            (radius - EQUATOR_KM - altitude_km) / 100.0,
            float(r @ v) / radius,
            speed - math.sqrt(GM_KM3_S2 / radius),
            math.degrees(math.acos(normal[2] / np.linalg.norm(normal))) - inclination_deg,
        ]

    # The guess is what an orbit at 400 km needs, and the azimuth of a planet that stands still.
    found = root(missed, [1.0, math.degrees(math.asin(ratio)) - 1.0, 0.4, 28.0], tol=1e-9)
    steering = Steering(*found.x.tolist())
    if not found.success or max(map(abs, missed(found.x))) > 1e-6 or not 0 < steering.stage2_burn_s <= STAGE2_MOST_S:
        raise GraphError(
            f"the ascent vehicle does not get to a circular orbit at {altitude_km:g} km, inclined by "
            f"{inclination_deg:g} deg: its second stage would have to burn {steering.stage2_burn_s:.1f} s, and has "
            f"propellant for {STAGE2_MOST_S:g} s; give a lower orbit"
        )
    return _fly(site_km, steering)


def _fly(site: tuple[float, float, float], steering: Steering) -> Ascent:
    """Four stretches, at whose ends the forces leap: up, pitching over, coasting, the second stage."""
    from scipy.integrate import solve_ivp

    x, y, z = site
    start = [x, y, z, -TURN_RAD_S * y, TURN_RAD_S * x, 0.0]
    # The plane in which it pitches over, by its normal: up x (sin(azimuth) east + cos(azimuth) north).
    radius, level = math.hypot(x, y, z), math.hypot(x, y)
    sine, cosine = math.sin(math.radians(steering.azimuth_deg)), math.cos(math.radians(steering.azimuth_deg))
    east = (-y / level, x / level, 0.0)
    north = (-z * x / (radius * level), -z * y / (radius * level), level / radius)
    plane = tuple(sine * n - cosine * e for n, e in zip(north, east, strict=True))
    flow1 = STAGE1_PROPELLANT_KG / STAGE1_BURN_S
    after1_kg = LIFTOFF_KG - STAGE1_PROPELLANT_KG - STAGE1_DRY_KG
    rate, up2 = math.radians(steering.pitch_rate_deg_s), math.radians(steering.stage2_up_deg)

    def stage1(t: float, r: Vector, v: Vector) -> tuple[Vector, float, float]:
        pitch = math.pi / 2 - rate * max(0.0, t - VERTICAL_S)
        mass = LIFTOFF_KG - flow1 * t
        ahead = _unit(_cross(plane, r))
        return _mixed(math.cos(pitch), ahead, math.sin(pitch), _unit(r)), flow1 * STAGE1_ISP_S, mass

    def coast(t: float, r: Vector, v: Vector) -> tuple[Vector, float, float]:
        return r, 0.0, after1_kg

    def stage2(t: float, r: Vector, v: Vector) -> tuple[Vector, float, float]:
        here = _unit(r)
        ahead = _unit(_mixed(1.0, v, -sum(map(operator.mul, v, here)), here))
        mass = after1_kg - STAGE2_FLOW_KG_S * (t - begin2_s)
        return _mixed(math.cos(up2), ahead, math.sin(up2), here), STAGE2_FLOW_KG_S * STAGE2_ISP_S, mass

    times, states, sums = [np.zeros(1)], [np.array([start])], np.zeros(3)

    def stretch(engine: Engine, begin: float, end: float, state: Sequence[float]) -> Array:
        def rates(t: float, both: Array) -> list[float]:
            values = both.tolist()
            r, v = values[:3], values[3:6]
            way, thrust, mass = engine(t, r, v)
            push = thrust * STANDARD_GRAVITY_KM_S2 / mass
            pull, air = _gravity(r), _drag(r, v, mass)
            speed = max(1e-9, math.hypot(*v))
            lost = -sum(map(operator.mul, pull, v)) / speed if thrust else 0.0
            braked = -sum(map(operator.mul, air, v)) / speed
            return [*v, *(push * a + b + c for a, b, c in zip(way, pull, air, strict=True)), push, lost, braked]

        at = np.linspace(begin, end, max(2, math.ceil((end - begin) / _STEP_S) + 1))
        solved = solve_ivp(
            rates, (begin, end), [*state, 0.0, 0.0, 0.0], t_eval=at, method="DOP853", rtol=1e-7, atol=1e-7
        )
        times.append(solved.t[1:])
        states.append(solved.y[:6, 1:].T)
        np.add(sums, solved.y[6:, -1], out=sums)
        return np.asarray(solved.y[:6, -1])

    state = stretch(stage1, 0.0, VERTICAL_S, start)
    state = stretch(stage1, VERTICAL_S, STAGE1_BURN_S, state.tolist())
    begin2_s = STAGE1_BURN_S + max(1.0, _to_apoapsis_s(state) - steering.stage2_burn_s / 2)
    state = stretch(coast, STAGE1_BURN_S, begin2_s, state.tolist())
    end2_s = begin2_s + max(1.0, steering.stage2_burn_s)
    stretch(stage2, begin2_s, end2_s, state.tolist())
    pushed, gravity, drag = sums.tolist()
    return Ascent(
        steering,
        np.concatenate(times),
        np.concatenate(states),
        STAGE1_BURN_S,
        begin2_s,
        end2_s,
        pushed,
        gravity,
        drag,
        after1_kg - STAGE2_FLOW_KG_S * (end2_s - begin2_s),
    )


def _to_apoapsis_s(state: Array) -> float:
    """How long a two-body path takes to its highest point."""
    r, v = state[:3], state[3:]
    radius = float(np.linalg.norm(r))
    a = 1.0 / (2.0 / radius - float(v @ v) / GM_KM3_S2)
    if a <= 0:
        return 0.0
    cosine, sine = 1.0 - radius / a, float(r @ v) / math.sqrt(GM_KM3_S2 * a)
    e, anomaly = math.hypot(cosine, sine), math.atan2(sine, cosine)
    mean = anomaly - e * math.sin(anomaly)
    return (math.pi - mean) * math.sqrt(a**3 / GM_KM3_S2)


def _gravity(r: Vector) -> list[float]:
    square = sum(map(operator.mul, r, r))
    k, squash = 1.5 * J2 * J2_RADIUS_KM**2 / square, 5.0 * r[2] * r[2] / square
    pull = -GM_KM3_S2 / (square * math.sqrt(square))
    level = pull * (1.0 + k * (1.0 - squash))
    return [level * r[0], level * r[1], pull * (1.0 + k * (3.0 - squash)) * r[2]]


def _drag(r: Vector, v: Vector, mass_kg: float) -> list[float]:
    radius = math.hypot(*r)
    sine2 = (r[2] / radius) ** 2
    height = radius - EQUATOR_KM * POLE_KM / math.sqrt(POLE_KM**2 * (1 - sine2) + EQUATOR_KM**2 * sine2)
    step = height / 10.0
    if step >= len(DENSITY) - 1:
        return [0.0, 0.0, 0.0]
    k = max(0, int(step))
    density = DENSITY[k] * (DENSITY[k + 1] / DENSITY[k]) ** (step - k)
    wind = (v[0] + TURN_RAD_S * r[1], v[1] - TURN_RAD_S * r[0], v[2])
    area = math.pi * DIAMETER_M**2 / 4
    # kg/m3 m2/kg = 1/m: by 1000 to 1/km.
    brake = -0.5e3 * density * DRAG_COEFFICIENT * area / mass_kg * math.hypot(*wind)
    return [brake * w for w in wind]


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _unit(a: Vector) -> Vector:
    size = math.hypot(*a)
    return [x / size for x in a]


def _mixed(of_a: float, a: Vector, of_b: float, b: Vector) -> Vector:
    return [of_a * x + of_b * y for x, y in zip(a, b, strict=True)]
