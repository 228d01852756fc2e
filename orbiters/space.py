"""Space: one run's view of the solar system, with its epoch as the origin of time.

Bodies are interpolated between samples of the ephemeris on a grid fixed to the epoch, and turn by formula, so that
SPICE is asked once per half-hour of simulated time and body, never per message.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.trajectory import State, Vector

from .ephemeris import NAIF_IDS, Ephemeris, nearest
from .frames import EarthRotation, IauRotation, Rotation, Rows, add, scale
from .trajectory import Track

# Fourth derivatives are below 5e-19 km/s^4 (Earth about the Earth-Moon barycentre), so 1800 s costs 0.02 mm; the
# rounding of 2e8 km in a double is 0.03 mm.
_BODY_STEP_NS = 1800 * NS_PER_S
# No body moves faster (the Earth: 30.3 km/s at perihelion).
_FASTEST_BODY_KM_S = 31.0
_HOUR_NS = 3600 * NS_PER_S
# "Near" a line of sight: what comes no nearer will not hide anything for a while.
_NEAR_KM = 50_000.0


class Obstacle(NamedTuple):
    """A body that can stand in the way: its name, its centre's track, its equatorial and polar radius (km)."""

    name: str
    track: Track
    radius_km: float
    polar_km: float


class Space:
    """Where the bodies are and how they turn, at run times in ns since ``epoch``.

    Positions agree with SPICE on DE421 to 0.2 mm; rotations are those of ``ephemeris.rotation_model`` for mars and
    ``frames.EarthRotation`` for the earth.
    """

    def __init__(self, epoch: Epoch, ephemeris: Ephemeris) -> None:
        """Raises GraphError if the epoch lies outside the ephemeris."""
        self.epoch = epoch
        self.ephemeris = ephemeris
        self.require(0, 0)
        self._centres: dict[int, list[tuple[Obstacle, float, float, float, float]]] = {}
        self._tracks = {body: self._track(body) for body in NAIF_IDS}
        self._rotations: Mapping[str, Rotation] = {
            "earth": EarthRotation(),
            "mars": self._iau_rotation("mars"),
            "sun": self._iau_rotation("sun"),
        }

    def require(self, t0_ns: int, t1_ns: int) -> None:
        """Raise GraphError, with the dates covered, if [t0_ns, t1_ns] reaches outside the ephemeris."""
        self.ephemeris.require(self.epoch.et_s(t0_ns), self.epoch.et_s(t1_ns))

    def body(self, body: str) -> Track:
        """The centre of ``body`` as a trajectory."""
        try:
            return self._tracks[body]
        except KeyError:
            raise GraphError(f"{body!r} is not a known body{nearest(body, NAIF_IDS)}") from None

    def body_state(self, body: str, t_ns: int) -> State:
        """State of the centre of ``body``: ICRF, barycentric, km and km/s."""
        return self.body(body).state(t_ns)

    def rotation_of(self, body: str) -> Rotation:
        """The model by which ``body`` turns."""
        self.body(body)
        return self._rotations[body]

    def rows(self, body: str, t_ns: int) -> Rows:
        """Body-fixed to ICRF as three rows of floats (see ``frames.apply``)."""
        return self.rotation_of(body).fixed(self.epoch.et_s(t_ns))

    def rotation(self, body: str, t_ns: int) -> NDArray[np.float64]:
        """Body-fixed to ICRF as an array of shape (3, 3): ``rotation @ fixed`` is ICRF."""
        return np.array(self.rows(body, t_ns))

    def gm_km3_s2(self, body: str) -> float:
        """Gravitational parameter (gm_de440.tpc)."""
        return self._gm_km3_s2[self._known(body)]

    def radii_km(self, body: str) -> tuple[float, float, float]:
        """Semi-axes of the reference ellipsoid: two equatorial, one polar (pck00010.tpc)."""
        return self._radii_km[self._known(body)]

    @cached_property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """Bodies that can stand in the way."""
        radii = self._radii_km
        return tuple(Obstacle(name, self._tracks[name], radii[name][0], radii[name][2]) for name in sorted(NAIF_IDS))

    def obstacles_near(self, a_km: Vector, b_km: Vector, t0_ns: int, t1_ns: int) -> list[Obstacle]:
        """Those that may come within 50,000 km of the straight line from ``a_km`` to ``b_km`` in [t0_ns, t1_ns].

        A coarse look, by where the bodies are in the middle of the hour: it leaves out nothing that matters.
        """
        hour = t0_ns // _HOUR_NS
        centres = self._centres.get(hour)
        if centres is None:
            middle_ns = hour * _HOUR_NS + _HOUR_NS // 2
            centres = self._centres[hour] = [
                (body, *body.track.position_km(middle_ns), body.radius_km + _NEAR_KM) for body in self.obstacles
            ]
        ax, ay, az = a_km
        rx, ry, rz = b_km[0] - ax, b_km[1] - ay, b_km[2] - az
        square = rx * rx + ry * ry + rz * rz
        # The middle of the hour is at most half an hour off at t0, and that and the rest at t1.
        moved_km = _FASTEST_BODY_KM_S * 1e-9 * (_HOUR_NS // 2 + t1_ns - t0_ns)
        near = []
        for body, cx, cy, cz, near_km in centres:
            x, y, z = ax - cx, ay - cy, az - cz
            part = -(x * rx + y * ry + z * rz)
            if part > 0.0:
                part = 1.0 if part > square else part / square
                x, y, z = x + part * rx, y + part * ry, z + part * rz
            reach_km = near_km + moved_km
            if x * x + y * y + z * z < reach_km * reach_km:
                near.append(body)
        return near

    @cached_property
    def _gm_km3_s2(self) -> Mapping[str, float]:
        return {body: self.ephemeris.constants(body, "GM")[0] for body in NAIF_IDS}

    @cached_property
    def _radii_km(self) -> Mapping[str, tuple[float, float, float]]:
        radii = {body: self.ephemeris.constants(body, "RADII") for body in NAIF_IDS}
        return {body: (a, b, c) for body, (a, b, c) in radii.items()}

    def _known(self, body: str) -> str:
        self.body(body)
        return body

    def _track(self, body: str) -> Track:
        def sample(first: int, count: int) -> list[State]:
            return [self._exact(body, index * _BODY_STEP_NS) for index in range(first, first + count)]

        return Track(_BODY_STEP_NS, sample)

    def _exact(self, body: str, t_ns: int) -> State:
        # A double counts the seconds since J2000 in steps of 0.1 us, in which a planet moves 3 mm: carry the remainder.
        et_s = self.epoch.et_s(t_ns)
        late_s = float(Fraction(self.epoch.tdb_ns + t_ns, NS_PER_S) - Fraction(et_s))
        position_km, velocity_km_s = self.ephemeris.state(body, et_s)
        return State(add(position_km, scale(late_s, velocity_km_s)), velocity_km_s)

    def _iau_rotation(self, body: str) -> IauRotation:
        ra, dec, w = (self.ephemeris.constants(body, item) for item in ("POLE_RA", "POLE_DEC", "PM"))
        return IauRotation((ra[0], ra[1]), (dec[0], dec[1]), (w[0], w[1]))


def in_space(space: object) -> Space:
    """``space`` as a ``Space``: the layers below know it only as an object."""
    if isinstance(space, Space):
        return space
    raise TypeError(f"a trajectory is realised in a lightlag.orbiters.Space, not in a {type(space).__name__}")
