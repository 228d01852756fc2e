"""Sites: places that stand on a body and turn with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import State, Vector

from .frames import add, apply, cross, scale
from .space import Space, in_space
from .trajectory import Track

# On the turning Earth the sixth derivative is 1e-21 km/s^6: 600 s cost 3e-9 km. What counts more, 2 mm on the Earth, is
# that the pole's own motion is left out of the velocity.
_STEP_NS = 600 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundSite:
    """A place fixed to ``body``: either ``xyz_km``, or geodetic latitude, east longitude and height.

    ``xyz_km`` is in body-fixed axes (ITRF for the earth, IAU_MARS for mars). Geodetic coordinates refer to the body's
    reference ellipsoid (``Space.radii_km``), whose outward normal is also the site's zenith.
    """

    body: str
    xyz_km: Vector | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    height_km: float = 0.0

    def __post_init__(self) -> None:
        geodetic = (self.lat_deg, self.lon_deg)
        if (self.xyz_km is None) == (None in geodetic) or geodetic.count(None) == 1:
            raise GraphError("a site takes either xyz_km, or lat_deg and lon_deg (geodetic) with height_km")

    @classmethod
    def planetocentric(cls, body: str, lat_deg: float, lon_deg: float, radius_km: float) -> GroundSite:
        """A site at a planetocentric latitude, east longitude and distance from the centre."""
        lat, lon = math.radians(lat_deg), math.radians(lon_deg)
        direction = (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))
        return cls(body=body, xyz_km=scale(radius_km, direction))

    def realise(self, space: object) -> SiteTrack:
        """The site in the space of a run."""
        return SiteTrack(in_space(space), self)


class SiteTrack(Track):
    """The trajectory of a ``GroundSite``."""

    def __init__(self, space: Space, site: GroundSite) -> None:
        self._space, self._body = space, site.body
        equatorial_km, _, polar_km = space.radii_km(site.body)
        if site.xyz_km is not None:
            self.fixed_km = site.xyz_km
            lat_deg, lon_deg, _ = geodetic(self.fixed_km, equatorial_km, polar_km)
        else:
            assert site.lat_deg is not None
            assert site.lon_deg is not None
            lat_deg, lon_deg = site.lat_deg, site.lon_deg
            self.fixed_km = from_geodetic(lat_deg, lon_deg, site.height_km, equatorial_km, polar_km)
        self._normal = normal(lat_deg, lon_deg)
        self._rate_rad_s = space.rotation_of(site.body).rate_rad_s
        super().__init__(_STEP_NS, self._sample)
        # The tip of the unit vector is a curve like any other.
        self._tip = Track(_STEP_NS, self._sample_tip)

    def zenith(self, t_ns: int) -> Vector:
        """The outward normal of the reference ellipsoid (geodetic vertical), ICRF."""
        return self._tip.position_km(t_ns)

    def _sample(self, first: int, count: int) -> list[State]:
        samples = []
        for index in range(first, first + count):
            center = self._space.body_state(self._body, index * _STEP_NS)
            arm, sweep = self._turned(self.fixed_km, index * _STEP_NS)
            samples.append(State(add(center.position_km, arm), add(center.velocity_km_s, sweep)))
        return samples

    def _sample_tip(self, first: int, count: int) -> list[State]:
        return [self._turned(self._normal, index * _STEP_NS) for index in range(first, first + count)]

    def _turned(self, fixed: Vector, t_ns: int) -> State:
        """A body-fixed vector and its rate of change, ICRF, without the motion of the body's centre."""
        rows = self._space.rows(self._body, t_ns)
        arm = apply(rows, fixed)
        pole = (rows[0][2], rows[1][2], rows[2][2])
        return State(arm, scale(self._rate_rad_s, cross(pole, arm)))


def normal(lat_deg: float, lon_deg: float) -> Vector:
    """Outward unit normal of an ellipsoid of revolution at a geodetic latitude and east longitude, body-fixed."""
    lat, lon = math.radians(lat_deg), math.radians(lon_deg)
    return (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))


def from_geodetic(lat_deg: float, lon_deg: float, height_km: float, equatorial_km: float, polar_km: float) -> Vector:
    """Body-fixed position (km) of geodetic coordinates over the ellipsoid with these semi-axes."""
    x, y, z = normal(lat_deg, lon_deg)
    flat = (polar_km / equatorial_km) ** 2
    curvature_km = equatorial_km / math.sqrt(1 - (1 - flat) * z * z)
    out = curvature_km + height_km
    return (out * x, out * y, (flat * curvature_km + height_km) * z)


def geodetic(fixed_km: Vector, equatorial_km: float, polar_km: float) -> tuple[float, float, float]:
    """Geodetic latitude (deg), east longitude (deg, -180 to 180) and height (km) of a body-fixed position.

    By fixed-point iteration, which gains two digits a turn for the earth and mars; not for points near the centre.
    """
    x, y, z = fixed_km
    squeeze = 1 - (polar_km / equatorial_km) ** 2
    axis_km = math.hypot(x, y)
    lat = math.atan2(z, axis_km * (1 - squeeze))
    curvature_km = equatorial_km
    for _ in range(10):
        curvature_km = equatorial_km / math.sqrt(1 - squeeze * math.sin(lat) ** 2)
        lat = math.atan2(z + squeeze * curvature_km * math.sin(lat), axis_km)
    height_km = axis_km * math.cos(lat) + z * math.sin(lat) - equatorial_km**2 / curvature_km
    return math.degrees(lat), math.degrees(math.atan2(y, x)), height_km
