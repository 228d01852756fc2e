"""Geometry of a signal: how long it travels, what stands in its way, how high it comes in.

Everything is Newtonian and in the ICRF: a signal is a straight line in barycentric space from where the emitter was to
where the receiver will be. The delay of light in the sun's gravity (Shapiro, at most 0.12 ms between Mars and Earth)
is left out, and so are aberration (0.006 deg) and refraction in elevations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from lightlag.nodes.trajectory import Trajectory, Vector

from .frames import dot, subtract
from .space import Obstacle, Space

#: Speed of light. Source: definition of the metre.
C_KM_S = 299_792.458
#: A site this close to a body's centre, in its radii, stands on it (Olympus Mons reaches 1.007).
STANDS_WITHIN_RADII = 1.02

_TURNS = 10
# No body moves faster (the Earth: 30.3 km/s at perihelion).
_FASTEST_BODY_KM_S = 31.0
# Bodies are placed to 0.2 m when a ray passes: it must dip 1 m below the end it starts from to be cut.
_PLACED_KM = 1e-3
# The error left is the square of the step times acceleration / 2c, which even in an entry (0.1 km/s2) is 1e-5 ns.
_CONVERGED_NS = 200_000.0


def light_time_ns(emitter_km: Vector, sent_ns: int, receiver: Trajectory) -> float:
    """Nanoseconds from ``sent_ns`` until a signal that left ``emitter_km`` then meets ``receiver``.

    Solves |r_rx(sent + tau) - r_tx(sent)| = c tau by Newton's method, to the 1e-4 ns that barycentric positions are
    rounded to. Trajectories answer at whole nanoseconds, so each step is taken from the nearest one.
    """
    return _meet(emitter_km, sent_ns, receiver)[0]


def arrival(emitter_km: Vector, sent_ns: int, receiver: Trajectory) -> tuple[int, Vector, Vector]:
    """When (at least 1 ns after ``sent_ns``) and where (km) a signal meets ``receiver``; its velocity then (km/s)."""
    tau_ns, known_ns, (x, y, z), velocity = _meet(emitter_km, sent_ns, receiver)
    whole_ns = max(1, round(tau_ns))
    # So close to a known state that a straight line is exact.
    rest_s = (whole_ns - known_ns) * 1e-9
    vx, vy, vz = velocity
    return sent_ns + whole_ns, (x + rest_s * vx, y + rest_s * vy, z + rest_s * vz), velocity


def light_time_back_ns(receiver_km: Vector, received_ns: int, emitter: Trajectory) -> float:
    """Nanoseconds before ``received_ns`` at which a signal that arrives at ``receiver_km`` then left ``emitter``."""
    return _meet(receiver_km, received_ns, emitter, -1)[0]


def _meet(from_km: Vector, t_ns: int, other: Trajectory, way: int = 1) -> tuple[float, int, Vector, Vector]:
    """Light time (ns) to ``other``, later (``way`` 1) or earlier (-1); the instant and state last looked at."""
    ax, ay, az = from_km
    whole_ns = 0
    for _ in range(_TURNS):
        position, velocity = other.state(t_ns + way * whole_ns)
        x, y, z = position
        vx, vy, vz = velocity
        x, y, z = x - ax, y - ay, z - az
        # One step for f(tau) = |ray(tau)| - c tau, with ray' = way * velocity.
        range_km = math.sqrt(x * x + y * y + z * z)
        closing_km_s = C_KM_S - (way * (x * vx + y * vy + z * vz) / range_km if range_km else 0.0)
        step_ns = (range_km - C_KM_S * (whole_ns * 1e-9)) / closing_km_s * 1e9
        if -_CONVERGED_NS < step_ns < _CONVERGED_NS:
            break
        whole_ns = round(whole_ns + step_ns)
    return whole_ns + step_ns, whole_ns, position, velocity


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
    for body in space.obstacles_near(emitter_km, receiver_km, sent_ns, arrive_ns):
        if emitter_stands and stands_on(body, emitter_km, sent_ns):
            continue
        if receiver_stands and stands_on(body, receiver_km, arrive_ns):
            continue
        passage = Passage.of(space, body, emitter_km, sent_ns, receiver_km, arrive_ns)
        if passage is not None and passage.clearance_km < 0.0:
            return body.name
    return None


def stands_on(body: Obstacle, place_km: Vector, t_ns: int) -> bool:
    """Whether a place (of a site) is on this body rather than on another."""
    within_km = STANDS_WITHIN_RADII * body.radius_km
    return math.dist(place_km, body.track.position_km(t_ns)) < within_km


class Passage(NamedTuple):
    """How a ray passes a body, whose ellipsoid is stretched along its pole to a sphere: a ray is still a ray.

    ``begin_km`` and ``end_km`` are the ends of the ray relative to the centre; ``part`` is where between them (0 to 1)
    it comes nearest; ``clearance_km`` how far that is outside of the sphere, negative if the ray is cut.
    """

    begin_km: Vector
    end_km: Vector
    part: float
    clearance_km: float

    @classmethod
    def of(
        cls,
        space: Space,
        body: Obstacle,
        emitter_km: Vector,
        sent_ns: int,
        receiver_km: Vector,
        arrive_ns: int,
        *,
        always: bool = False,
    ) -> Passage | None:
        """The passage; None, unless ``always``, if it is plain at the first look that the body does not cut the ray."""
        ray = rx, ry, rz = subtract(receiver_km, emitter_km)
        square = rx * rx + ry * ry + rz * rz
        if not square:
            return None
        radius_km, delay_ns = body.radius_km, arrive_ns - sent_ns
        passed_ns = 0
        for _ in range(3):  # where the body is depends on when the ray passes: off by 20,000 km, 2 km, then 0.2 m
            start = sx, sy, sz = subtract(emitter_km, body.track.position_km(sent_ns + passed_ns))
            passed = min(1.0, max(0.0, -(sx * rx + sy * ry + sz * rz) / square))
            before_ns, passed_ns = passed_ns, round(passed * delay_ns)
            nx, ny, nz = sx + passed * rx, sy + passed * ry, sz + passed * rz
            nearest_square = nx * nx + ny * ny + nz * nz
            # The body moves on, at most so far, until the ray passes; it cannot change that by more than 1e-4.
            reach_km = radius_km + _FASTEST_BODY_KM_S * 1.001e-9 * abs(passed_ns - before_ns)
            if nearest_square > reach_km * reach_km and not always:
                return None
            if passed_ns == before_ns:
                break
        if nearest_square >= radius_km * radius_km and not always:
            return None
        rows = space.rows(body.name, sent_ns)
        pole, stretch = (rows[0][2], rows[1][2], rows[2][2]), radius_km / body.polar_km - 1.0
        begin, end = _stretched(start, pole, stretch), _stretched(_along(start, ray, 1.0), pole, stretch)
        through = subtract(end, begin)
        part = min(1.0, max(0.0, -dot(begin, through) / dot(through, through)))
        surface_km = min(radius_km, math.hypot(*begin), math.hypot(*end)) - _PLACED_KM
        return cls(begin, end, part, math.hypot(*_along(begin, through, part)) - surface_km)


def _along(start: Vector, ray: Vector, part: float) -> Vector:
    return (start[0] + part * ray[0], start[1] + part * ray[1], start[2] + part * ray[2])


def _stretched(a: Vector, pole: Vector, stretch: float) -> Vector:
    return _along(a, pole, stretch * dot(a, pole))


def elevation_deg(zenith: Vector, from_km: Vector, to_km: Vector) -> float:
    """Angle in degrees of ``to_km``, seen from ``from_km``, over the plane normal to the unit vector ``zenith``."""
    ray = subtract(to_km, from_km)
    return math.degrees(math.asin(max(-1.0, min(1.0, dot(ray, zenith) / math.hypot(*ray)))))
