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
from .space import FASTEST_BODY_KM_S, Obstacle, Space
from .trajectory import C_KM_S, Track

_TURNS = 10
#: Bodies are placed to 0.2 m when a ray passes: it must dip 1 m below the end it starts from to be cut.
PLACED_KM = 1e-3
# In this time a body moves by 0.2 m.
_PASSED_NS = 6000
# The error left is the step times what the velocity is off by (3 km/s between the planets), over c: 1e-5 ns.
_CONVERGED_NS = 1000.0


def light_time_ns(emitter_km: Vector, sent_ns: int, receiver: Trajectory) -> float:
    """Nanoseconds from ``sent_ns`` until a signal that left ``emitter_km`` then meets ``receiver``.

    Solves |r_rx(sent + tau) - r_tx(sent)| = c tau by Newton's method with the velocity between the last two looks, to
    the 1e-4 ns that barycentric positions are rounded to. Trajectories answer at whole nanoseconds, so each step is
    taken from the nearest one.
    """
    return meet(emitter_km, sent_ns, receiver)[0]


def light_time_back_ns(receiver_km: Vector, received_ns: int, emitter: Trajectory) -> float:
    """Nanoseconds before ``received_ns`` at which a signal that arrives at ``receiver_km`` then left ``emitter``."""
    return meet(receiver_km, received_ns, emitter, -1)[0]


def meet(from_km: Vector, t_ns: int, other: Trajectory, way: int = 1) -> tuple[float, Vector]:
    """Light time (ns) from an event to ``other``, later (``way`` 1) or earlier (-1); where that is then (km)."""
    if isinstance(other, Track):
        return other.meet(from_km, t_ns, way)
    ax, ay, az = from_km
    px, py, pz = other.state(t_ns).position_km
    x, y, z = px - ax, py - ay, pz - az
    # The first step is as if it stood still; later ones go by how it moved between the last two looks.
    tau_ns = math.sqrt(x * x + y * y + z * z) / C_KM_S * 1e9
    before_ns, whole_ns = 0, round(tau_ns)
    if not whole_ns:
        return tau_ns, (px, py, pz)
    for _ in range(_TURNS):
        qx, qy, qz = other.state(t_ns + way * whole_ns).position_km
        per_s = way * 1e9 / (whole_ns - before_ns)
        vx, vy, vz = (qx - px) * per_s, (qy - py) * per_s, (qz - pz) * per_s
        x, y, z = qx - ax, qy - ay, qz - az
        # One step for f(tau) = |ray(tau)| - c tau, with ray' = way * velocity.
        range_km = math.sqrt(x * x + y * y + z * z)
        closing_km_s = C_KM_S - (way * (x * vx + y * vy + z * vz) / range_km if range_km else 0.0)
        step_ns = (range_km - C_KM_S * (whole_ns * 1e-9)) / closing_km_s * 1e9
        tau_ns = whole_ns + step_ns
        if -_CONVERGED_NS < step_ns < _CONVERGED_NS:
            break
        before_ns, whole_ns = whole_ns, round(tau_ns)
        px, py, pz = qx, qy, qz
    rest_s = way * step_ns * 1e-9
    return tau_ns, (qx + rest_s * vx, qy + rest_s * vy, qz + rest_s * vz)


def occulting_body(
    space: Space,
    emitter_km: Vector,
    sent_ns: int,
    receiver_km: Vector,
    arrive_ns: int,
    emitter_stands: bool = False,
    receiver_stands: bool = False,
) -> str | None:
    """The first of earth, mars and sun whose reference ellipsoid cuts the ray, each where it is when the ray passes.

    A site that *stands* on a body is not hidden by that body (its horizon decides). For an end in flight below the
    reference surface (a descent into a basin) the ellipsoid is shrunk to pass through it, so that it is hidden only
    from what is below its horizon. An end at the very centre of a body is never hidden by that body.
    """
    for body, part in space.obstacles_near(
        emitter_km, receiver_km, sent_ns, arrive_ns, emitter_stands, receiver_stands
    ):
        passage = Passage.of(body, part, emitter_km, sent_ns, receiver_km, arrive_ns, emitter_stands, receiver_stands)
        if passage is not None and passage.clearance_km < 0.0:
            return body.name
    return None


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
        body: Obstacle,
        part: float,
        emitter_km: Vector,
        sent_ns: int,
        receiver_km: Vector,
        arrive_ns: int,
        emitter_stands: bool,
        receiver_stands: bool,
        *,
        always: bool = False,
    ) -> Passage | None:
        """The passage, about ``part`` of the way; None if an end stands on the body.

        And, unless ``always``, None as soon as it is plain that the body does not cut the ray.
        """
        ax, ay, az = emitter_km
        rx, ry, rz = receiver_km[0] - ax, receiver_km[1] - ay, receiver_km[2] - az
        square = rx * rx + ry * ry + rz * rz
        if not square:
            return None
        radius_km, delay_ns = body.radius_km, arrive_ns - sent_ns
        passed_ns = round(part * delay_ns)
        for _ in range(3):  # where the body is depends on when the ray passes: off by 30 km before, by 3 m after
            cx, cy, cz = body.track.position_km(sent_ns + passed_ns)
            sx, sy, sz = ax - cx, ay - cy, az - cz
            passed = min(1.0, max(0.0, -(sx * rx + sy * ry + sz * rz) / square))
            before_ns, passed_ns = passed_ns, round(passed * delay_ns)
            nx, ny, nz = sx + passed * rx, sy + passed * ry, sz + passed * rz
            near_square = nx * nx + ny * ny + nz * nz
            # The body is elsewhere, by so much at most, when the ray passes.
            reach_km = radius_km + FASTEST_BODY_KM_S * 1.001e-9 * abs(passed_ns - before_ns)
            if near_square > reach_km * reach_km and not always:
                return None
            if abs(passed_ns - before_ns) < _PASSED_NS:
                break
        if near_square >= radius_km * radius_km and not always:
            return None
        within_km = body.stands_within_km
        if emitter_stands and math.hypot(sx, sy, sz) < within_km:
            return None
        if receiver_stands and math.hypot(sx + rx, sy + ry, sz + rz) < within_km:
            return None
        pole, stretch = body.pole, body.stretch
        begin = stretched((sx, sy, sz), pole, stretch)
        end = stretched((sx + rx, sy + ry, sz + rz), pole, stretch)
        through = subtract(end, begin)
        part = min(1.0, max(0.0, -dot(begin, through) / dot(through, through)))
        surface_km = min(radius_km, math.hypot(*begin), math.hypot(*end)) - PLACED_KM
        return cls(begin, end, part, math.hypot(*_along(begin, through, part)) - surface_km)


def _along(start: Vector, ray: Vector, part: float) -> Vector:
    return (start[0] + part * ray[0], start[1] + part * ray[1], start[2] + part * ray[2])


def stretched(a: Vector, pole: Vector, stretch: float) -> Vector:
    """``a`` (km or km/s) in the space that makes an ellipsoid a sphere (see ``Obstacle``)."""
    return _along(a, pole, stretch * dot(a, pole))


def elevation_deg(zenith: Vector, from_km: Vector, to_km: Vector) -> float:
    """Angle in degrees of ``to_km``, seen from ``from_km``, over the plane normal to the unit vector ``zenith``."""
    ray = subtract(to_km, from_km)
    return math.degrees(math.asin(max(-1.0, min(1.0, dot(ray, zenith) / math.hypot(*ray)))))
