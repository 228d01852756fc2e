"""Powered descent: from the parachute to the ground, flown by the numbers.

Guidance is followed perfectly: the engines do whatever the legs of the way down (``descents``) ask, and thrust and
propellant are not modelled. Navigation moves the touchdown towards the target, no farther than it can, during the first
leg, the braking.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .arc import Arc
from .descents import Leg, WayDown
from .dynamics import Vector, direction, dot, inertial_acceleration, norm
from .parameters import Site

_STEP_S = 0.1


def divert(site: Site, descent: WayDown, up: Vector) -> Vector:
    """Tangent at ``up`` (in radii) to the touchdown: the site, or as far towards it as the divert goes."""
    target = direction(site.lat_deg, site.lon_deg)
    along = dot(target, up)
    if along <= 0.0:  # the site is beyond the horizon of the whole planet
        return 0.0, 0.0, 0.0
    tangent = (target[0] / along - up[0], target[1] / along - up[1], target[2] / along - up[2])
    distance = norm(tangent)
    part = min(1.0, descent.divert_km / (site.radius_km * distance)) if distance > 0.0 else 0.0
    return tangent[0] * part, tangent[1] * part, tangent[2] * part


class Steering(NamedTuple):
    """Horizontal motion over the ground in radii: a quartic in the part of braking that is left, for each axis.

    It starts with the drift of the vehicle and ends over the touchdown with neither velocity nor acceleration.
    """

    up: Vector
    begin_s: float
    seconds: float
    end: Vector
    cubic: Vector
    quartic: Vector

    @classmethod
    def towards(cls, end: Vector, up: Vector, drift: Vector, begin_s: float, seconds: float) -> Steering:
        """From above ``up`` with ``drift`` (radii/s) to the tangent ``end``, in ``seconds``."""
        ways = [(a, d * seconds) for a, d in zip(end, drift, strict=True)]
        cubic, quartic = tuple(d - 4.0 * a for a, d in ways), tuple(3.0 * a - d for a, d in ways)
        return cls(up, begin_s, seconds, end, (cubic[0], cubic[1], cubic[2]), (quartic[0], quartic[1], quartic[2]))

    def at(self, t_s: float) -> tuple[Vector, Vector, Vector]:
        """Unit vertical of the place above which the vehicle is, its rate (1/s), and the acceleration (1/s2)."""
        left = max(0.0, 1.0 - (t_s - self.begin_s) / self.seconds)
        point, rate, push = [], [], []
        for u, end, cubic, quartic in zip(self.up, self.end, self.cubic, self.quartic, strict=True):
            point.append(u + end + left**3 * (cubic + left * quartic))
            rate.append(-(left**2) * (3.0 * cubic + 4.0 * left * quartic) / self.seconds)
            push.append(left * (6.0 * cubic + 12.0 * left * quartic) / self.seconds**2)
        length = math.sqrt(sum(c * c for c in point))
        vertical = (point[0] / length, point[1] / length, point[2] / length)
        turn = sum(v * r for v, r in zip(vertical, rate, strict=True))
        spin = [(r - v * turn) / length for v, r in zip(vertical, rate, strict=True)]
        return vertical, (spin[0], spin[1], spin[2]), (push[0], push[1], push[2])


def descend(
    site: Site, descent: WayDown, t_s: float, position_km: Vector, velocity_km_s: Vector
) -> tuple[list[Arc], dict[str, float]]:
    """Arcs and marks (E) from the start of the engines to contact."""
    radius = norm(position_km)
    up = (position_km[0] / radius, position_km[1] / radius, position_km[2] / radius)
    climb = dot(velocity_km_s, up)
    x, y, z = ((v - climb * u) / radius for v, u in zip(velocity_km_s, up, strict=True))
    height_km = radius - site.radius_km
    legs = list(descent.legs(height_km, -climb))
    steering = Steering.towards(divert(site, descent, up), up, (x, y, z), t_s, legs[0].seconds)
    arcs: list[Arc] = []
    marks: dict[str, float] = {}
    for leg in legs:
        sinks = leg.braking_km_s2 == 0.0 and leg.speed_km_s > 0.0
        down_s = height_km / leg.speed_km_s if sinks else math.inf
        seconds = min(leg.seconds, down_s)
        if leg.mark:
            marks[leg.mark] = t_s
        arcs.append(_leg_arc(leg, steering, t_s, seconds, site.radius_km + height_km))
        t_s += seconds
        height_km -= (leg.speed_km_s - 0.5 * leg.braking_km_s2 * seconds) * seconds
        if seconds == down_s:
            break
    marks[descent.contact] = t_s
    marks |= {event: t_s + after_s for event, after_s in descent.standing_s.items()}
    return arcs, marks


def _leg_arc(leg: Leg, steering: Steering, t0_s: float, seconds: float, radius_km: float) -> Arc:
    def state(t_s: float) -> tuple[Vector, Vector]:
        dt = t_s - t0_s
        up, rate, _ = steering.at(t_s)
        radius = radius_km - (leg.speed_km_s - 0.5 * leg.braking_km_s2 * dt) * dt
        climb = leg.braking_km_s2 * dt - leg.speed_km_s
        x, y, z = (radius * u for u in up)
        vx, vy, vz = (climb * u + radius * r for u, r in zip(up, rate, strict=True))
        return (x, y, z), (vx, vy, vz)

    def thrust(t_s: float, position_km: Vector, velocity_km_s: Vector) -> Vector:
        """Acceleration of the curve less what gravity does; its centripetal part (2 mm/s2) is left out."""
        up, _, push = steering.at(t_s)
        fall = inertial_acceleration(*position_km, *velocity_km_s)
        x, y, z = (leg.braking_km_s2 * u + radius_km * p - g for u, p, g in zip(up, push, fall, strict=True))
        return x, y, z

    return Arc.sampled(t0_s, t0_s + seconds, _STEP_S, lambda times: [state(t_s) for t_s in times], thrust)
