"""Motion near Mars as seen by someone who turns with it: gravity, the forces of rotation, and spherical coordinates.

Everything here is in the Mars-fixed frame (IAU_MARS, planetocentric) in km, km/s and km/s2, with speeds relative to
the turning planet, so that neither an epoch nor an ephemeris is needed. Gravity beyond J2 is left out: it moves the
vehicle by 0.06 km in the nine minutes before entry, and by 1.3 km if one looks an hour back (degree and order 3). So
are the Sun's tide (2 m in an hour) and the moons.
"""

from __future__ import annotations

import math
from typing import NamedTuple

Vector = tuple[float, float, float]

#: Mars without its moons, km3/s2. Source: gm_de440.tpc (NAIF).
GM_KM3_S2 = 42828.37362
#: Unnormalised, of the normalised C20 -8.7502e-4 of the low-degree field that reproduces MRO's node crossings.
J2 = 8.7502e-4 * math.sqrt(5.0)
#: Reference radius of that field, km.
J2_RADIUS_KM = 3396.0
#: Rotation of Mars, rad/s: 350.89198226 deg a day. Source: pck00010.tpc (NAIF).
ROTATION_RAD_S = math.radians(350.89198226) / 86400.0
#: Equatorial and polar radius of the reference ellipsoid, km. Source: pck00010.tpc (NAIF).
EQUATOR_KM, POLE_KM = 3396.19, 3376.20
#: The standard acceleration in which decelerations are told, m/s2 (exact).
STANDARD_GRAVITY_M_S2 = 9.80665


class Spherical(NamedTuple):
    """Planetocentric position and velocity: km, degrees east and north, m/s, degrees up and clockwise from north."""

    radius_km: float
    lat_deg: float
    lon_deg: float
    speed_m_s: float
    flight_path_deg: float
    azimuth_deg: float


def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def norm(a: Vector) -> float:
    """Length of a vector."""
    return math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])


def direction(lat_deg: float, lon_deg: float) -> Vector:
    """Unit vector towards a planetocentric latitude and east longitude."""
    lat, lon = math.radians(lat_deg), math.radians(lon_deg)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def east_north(up: Vector) -> tuple[Vector, Vector]:
    """Unit vectors to the east and to the north at the place whose vertical is ``up`` (not a pole)."""
    equatorial = math.hypot(up[0], up[1])
    east = (-up[1] / equatorial, up[0] / equatorial, 0.0)
    north = (-up[2] * up[0] / equatorial, -up[2] * up[1] / equatorial, equatorial)
    return east, north


def inertial_acceleration(x: float, y: float, z: float, vx: float, vy: float, vz: float) -> Vector:
    """What a body feels nothing of: GM + J2, centrifugal and Coriolis acceleration in the turning frame, km/s2.

    J2: Vallado, Fundamentals of Astrodynamics, section 8.7 (first zonal term).
    """
    r2 = x * x + y * y + z * z
    pull = -GM_KM3_S2 / (r2 * math.sqrt(r2))
    zonal = 1.5 * J2 * J2_RADIUS_KM * J2_RADIUS_KM / r2
    sine2 = 5.0 * z * z / r2
    flat = pull * (1.0 + zonal * (1.0 - sine2))
    w = ROTATION_RAD_S
    return (
        flat * x + w * w * x + 2.0 * w * vy,
        flat * y + w * w * y - 2.0 * w * vx,
        pull * (1.0 + zonal * (3.0 - sine2)) * z,
    )


def cartesian(where: Spherical) -> tuple[Vector, Vector]:
    """Mars-fixed position (km) and velocity (km/s) of a spherical state."""
    up = direction(where.lat_deg, where.lon_deg)
    east, north = east_north(up)
    path, azimuth = math.radians(where.flight_path_deg), math.radians(where.azimuth_deg)
    climb = where.speed_m_s * 1e-3 * math.sin(path)
    level = where.speed_m_s * 1e-3 * math.cos(path)
    to_east, to_north = level * math.sin(azimuth), level * math.cos(azimuth)
    radius = where.radius_km
    return (
        (radius * up[0], radius * up[1], radius * up[2]),
        (
            climb * up[0] + to_east * east[0] + to_north * north[0],
            climb * up[1] + to_east * east[1] + to_north * north[1],
            climb * up[2] + to_east * east[2] + to_north * north[2],
        ),
    )


def spherical(position_km: Vector, velocity_km_s: Vector) -> Spherical:
    """Spherical state of a Mars-fixed position (km) and velocity (km/s); angles of a body at rest are 0."""
    radius = norm(position_km)
    up = (position_km[0] / radius, position_km[1] / radius, position_km[2] / radius)
    east, north = east_north(up)
    climb, to_east, to_north = dot(velocity_km_s, up), dot(velocity_km_s, east), dot(velocity_km_s, north)
    return Spherical(
        radius_km=radius,
        lat_deg=math.degrees(math.asin(up[2])),
        lon_deg=math.degrees(math.atan2(up[1], up[0])) % 360.0,
        speed_m_s=norm(velocity_km_s) * 1e3,
        flight_path_deg=math.degrees(math.atan2(climb, math.hypot(to_east, to_north))),
        azimuth_deg=math.degrees(math.atan2(to_east, to_north)) % 360.0,
    )


def range_km(a: Vector, b: Vector, radius_km: float) -> float:
    """Great-circle distance on a sphere of ``radius_km`` between the points below ``a`` and ``b``."""
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return radius_km * math.atan2(norm(cross), dot(a, b))
