"""Geometry of a signal: how long it travels, what stands in its way, how high it comes in.

Everything is Newtonian and in the ICRF: a signal is a straight line in barycentric space from where the emitter was to
where the receiver will be. The delay of light in the sun's gravity (Shapiro, at most 0.12 ms between Mars and Earth)
is left out, and so are aberration (0.006 deg) and refraction in elevations.
"""

from __future__ import annotations

import math

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import Trajectory, Vector

from .frames import dot, subtract
from .space import Space

#: Speed of light. Source: definition of the metre.
C_KM_S = 299_792.458
#: A site this close to a body's centre, in its radii, stands on it (Olympus Mons reaches 1.007).
STANDS_WITHIN_RADII = 1.02

_TURNS = 10
# No body moves faster (the Earth: 30.3 km/s at perihelion).
_FASTEST_BODY_KM_S = 31.0
# Bodies are placed to 0.2 m when a ray passes: it must dip 1 m below the end it starts from to be cut.
_PLACED_KM = 1e-3
# The error left is the square of the step times acceleration / c: nothing, after a step of a microsecond.
_CONVERGED_NS = 1000.0


def light_time_ns(emitter_km: Vector, sent_ns: int, receiver: Trajectory) -> float:
    """Nanoseconds from ``sent_ns`` until a signal that left ``emitter_km`` then meets ``receiver``.

    Solves |r_rx(sent + tau) - r_tx(sent)| = c tau by Newton's method, to the 1e-4 ns that barycentric positions are
    rounded to. Trajectories answer at whole nanoseconds, so each step is taken from the nearest one.
    """
    tau_ns = 0.0
    for _ in range(_TURNS):
        whole_ns = round(tau_ns)
        position, velocity = receiver.state(sent_ns + whole_ns)
        step_ns = _newton_ns(subtract(position, emitter_km), velocity, whole_ns)
        tau_ns = whole_ns + step_ns
        if abs(step_ns) < _CONVERGED_NS:
            break
    return tau_ns


def light_time_back_ns(receiver_km: Vector, received_ns: int, emitter: Trajectory) -> float:
    """Nanoseconds before ``received_ns`` at which a signal that arrives at ``receiver_km`` then left ``emitter``."""
    tau_ns = 0.0
    for _ in range(_TURNS):
        whole_ns = round(tau_ns)
        position, (vx, vy, vz) = emitter.state(received_ns - whole_ns)
        step_ns = _newton_ns(subtract(position, receiver_km), (-vx, -vy, -vz), whole_ns)
        tau_ns = whole_ns + step_ns
        if abs(step_ns) < _CONVERGED_NS:
            break
    return tau_ns


def _newton_ns(ray_km: Vector, velocity_km_s: Vector, tau_ns: int) -> float:
    # One step for f(tau) = |ray(tau)| - c tau, with ray' = velocity.
    range_km = math.hypot(*ray_km)
    closing_km_s = C_KM_S - (dot(ray_km, velocity_km_s) / range_km if range_km else 0.0)
    return (range_km - C_KM_S * (tau_ns / NS_PER_S)) / closing_km_s * NS_PER_S


def occulting_body(
    space: Space,
    emitter_km: Vector,
    sent_ns: int,
    receiver_km: Vector,
    arrive_ns: int,
    *,
    emitter_stands: bool = False,
    receiver_stands: bool = False,
) -> str | None:
    """The first of earth, mars and sun whose reference ellipsoid cuts the ray, each where it is when the ray passes.

    A site that *stands* on a body is not hidden by that body (its horizon decides). For an end in flight below the
    reference surface (a descent into a basin) the ellipsoid is shrunk to pass through it, so that it is hidden only
    from what is below its horizon. An end at the very centre of a body is never hidden by that body.
    """
    ray = subtract(receiver_km, emitter_km)
    length_squared = dot(ray, ray)
    if not length_squared:
        return None
    moved_km = _FASTEST_BODY_KM_S * (arrive_ns - sent_ns) / NS_PER_S
    for body, track, radius_km, polar_km in space.obstacles:
        within_km = STANDS_WITHIN_RADII * radius_km
        if emitter_stands and math.dist(emitter_km, track.state(sent_ns).position_km) < within_km:
            continue
        if receiver_stands and math.dist(receiver_km, track.state(arrive_ns).position_km) < within_km:
            continue
        passed = 0.0
        for _ in range(3):  # where the body is depends on when the ray passes: off by 20,000 km, 2 km, then 0.2 m
            centre_km = track.state(sent_ns + round(passed * (arrive_ns - sent_ns))).position_km
            start = subtract(emitter_km, centre_km)
            passed = min(1.0, max(0.0, -dot(start, ray) / length_squared))
            nearest_km = _along(start, ray, passed)
            if math.hypot(*nearest_km) > radius_km + moved_km:  # clear of it, wherever it is meanwhile
                break
        if dot(nearest_km, nearest_km) >= radius_km * radius_km:
            continue
        # Stretched along its pole the ellipsoid is a sphere, and a ray is still a ray.
        rows = space.rows(body, sent_ns)
        pole, stretch = (rows[0][2], rows[1][2], rows[2][2]), radius_km / polar_km - 1.0
        begin, end = _stretched(start, pole, stretch), _stretched(_along(start, ray, 1.0), pole, stretch)
        begin_km, end_km = math.hypot(*begin), math.hypot(*end)
        through = subtract(end, begin)
        closest = _along(begin, through, min(1.0, max(0.0, -dot(begin, through) / dot(through, through))))
        if math.hypot(*closest) < min(radius_km, begin_km, end_km) - _PLACED_KM:
            return body
    return None


def _along(start: Vector, ray: Vector, part: float) -> Vector:
    return (start[0] + part * ray[0], start[1] + part * ray[1], start[2] + part * ray[2])


def _stretched(a: Vector, pole: Vector, stretch: float) -> Vector:
    return _along(a, pole, stretch * dot(a, pole))


def elevation_deg(zenith: Vector, from_km: Vector, to_km: Vector) -> float:
    """Angle in degrees of ``to_km``, seen from ``from_km``, over the plane normal to the unit vector ``zenith``."""
    ray = subtract(to_km, from_km)
    return math.degrees(math.asin(max(-1.0, min(1.0, dot(ray, zenith) / math.hypot(*ray)))))
