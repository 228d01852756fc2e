"""Space: one run's view of the solar system, with its epoch as the origin of time.

Bodies are interpolated between samples of the ephemeris on a grid fixed to the epoch, and turn by formula, so that
SPICE is asked once per half-hour of simulated time and body, never per message.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.trajectory import State, Vector

from .ephemeris import CENTERS, NAIF_IDS, Ephemeris, nearest
from .frames import EarthRotation, IauRotation, Rotation, Rows, add, scale
from .trajectory import States, Track

# Fourth derivatives are below 5e-19 km/s^4 (Earth about the Earth-Moon barycentre), so 1800 s costs 0.02 mm; the
# rounding of 2e8 km in a double is 0.03 mm.
_BODY_STEP_NS = 1800 * NS_PER_S
# No body is pulled harder (the Earth by the sun at perihelion: 6.1e-6 km/s2).
_BODY_KM_S2 = 6.5e-6
#: No body moves faster (the Earth: 30.3 km/s at perihelion).
FASTEST_BODY_KM_S = 31.0
_HOUR_NS, _HALF_HOUR_S = 3600 * NS_PER_S, 1800.0
#: A site this close to a body's centre, in its radii, stands on it (Olympus Mons reaches 1.007).
STANDS_WITHIN_RADII = 1.02


class Obstacle(NamedTuple):
    """A body that can stand in the way: its centre's track, its equatorial radius, how near its centre a site is on it.

    ``pull_km_s2`` is its gravity at that radius. Stretched along the pole (ICRF) by a factor of 1 + ``stretch``, its
    ellipsoid is a sphere.
    """

    name: str
    track: Track
    radius_km: float
    stands_within_km: float
    pull_km_s2: float
    stretch: float
    pole: Vector


class Space:
    """Where the bodies are and how they turn, at run times in ns since ``epoch``.

    Positions agree with SPICE on DE421 to 0.2 mm; rotations are those of ``ephemeris.rotation_model`` for mars and
    ``frames.EarthRotation`` for the earth.
    """

    def __init__(self, epoch: Epoch, ephemeris: Ephemeris, *, until_ns: int = 0, folder: str | Path = "") -> None:
        """Raises GraphError if the epoch lies outside the ephemeris.

        ``until_ns`` is the end of the run, which what is read from files must reach; ``folder`` is where they lie
        if their paths are relative (the graph's).
        """
        self.epoch = epoch
        self.ephemeris = ephemeris
        self.until_ns = until_ns
        self.folder = Path(folder)
        self.require(0, 0)
        self._obstacles: dict[int, list[tuple[Obstacle, float, float, float, float, float, float, float]]] = {}
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

    def center_states(self, center: str | int, t_ns: NDArray[np.int64]) -> States:
        """States at many times of what trajectories are relative to: a name in ``CENTERS``, or an id in DE421.

        Raises:
            GraphError: there is no such centre.
        """
        if isinstance(center, str):
            if center not in CENTERS:
                raise GraphError(f"{center!r} is not a known centre{nearest(center, CENTERS)}")
            center = CENTERS[center]
        if center == CENTERS["solar system barycenter"]:
            return np.zeros((len(t_ns), 2, 3))
        for name, naif_id in NAIF_IDS.items():
            if naif_id == center:
                return self._tracks[name].states(t_ns)
        return np.array([self._exact(center, t) for t in t_ns.tolist()]).reshape(-1, 2, 3)

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

    def obstacles_near(
        self,
        a_km: Vector,
        b_km: Vector,
        t0_ns: int,
        t1_ns: int,
        a_stands: bool = False,
        b_stands: bool = False,
        within_km: float = 0.0,
    ) -> list[tuple[Obstacle, float]]:
        """Bodies that a ray from ``a_km`` at ``t0_ns`` to ``b_km`` at ``t1_ns`` may pass within ``within_km`` of.

        With each, at what part of the way (0 to 1) it is about nearest. A quick look that leaves out nothing: bodies
        move in a straight line for an hour, so that past a moving body a ray is straight too, if a little slower.
        A body on which an end surely stands is left out.
        """
        hour = t0_ns // _HOUR_NS
        bodies = self._obstacles.get(hour)
        if bodies is None:
            bodies = self._obstacles[hour] = [self._obstacle(body, hour) for body in sorted(NAIF_IDS)]
        ax, ay, az = a_km
        rx, ry, rz = b_km[0] - ax, b_km[1] - ay, b_km[2] - az
        since_s, delay_s = (t0_ns - hour * _HOUR_NS) * 1e-9 - _HALF_HOUR_S, (t1_ns - t0_ns) * 1e-9
        # What the straight line of a body is off by: half its acceleration times the square of the time.
        while_s = _HALF_HOUR_S + delay_s
        off_km = 1.0 + 0.5 * _BODY_KM_S2 * while_s * while_s
        more_km = within_km + off_km
        near = []
        for body, radius_km, cx, cy, cz, vx, vy, vz in bodies:
            reach_km = radius_km + more_km
            # From s to e. Most are told by one coordinate: both ends lie beyond the body, on the same side.
            sx, wx = ax - cx - since_s * vx, rx - delay_s * vx
            ex = sx + wx
            if (sx > reach_km < ex) or (sx < -reach_km > ex):
                continue
            sy, wy = ay - cy - since_s * vy, ry - delay_s * vy
            ey = sy + wy
            if (sy > reach_km < ey) or (sy < -reach_km > ey):
                continue
            sz, wz = az - cz - since_s * vz, rz - delay_s * vz
            ez = sz + wz
            start_square, end_square = sx * sx + sy * sy + sz * sz, ex * ex + ey * ey + ez * ez
            if a_stands or b_stands:
                on_km = max(0.0, body.stands_within_km - off_km)
                if a_stands and start_square < on_km * on_km:
                    continue
                if b_stands and end_square < on_km * on_km:
                    continue
            along = -(sx * wx + sy * wy + sz * wz)
            part, square = 0.0, start_square
            if along > 0.0:
                way_square = wx * wx + wy * wy + wz * wz
                if along < way_square:
                    part = along / way_square
                    square -= part * along  # rounds to some 10 km2, where a reach 1 km farther makes thousands
                else:
                    part, square = 1.0, end_square
            if square < reach_km * reach_km:
                near.append((body, part))
        return near

    def _obstacle(self, body: str, hour: int) -> tuple[Obstacle, float, float, float, float, float, float, float]:
        """A body with its radius, and its position and velocity in the middle of an hour."""
        middle_ns = hour * _HOUR_NS + _HOUR_NS // 2
        track, rows = self._tracks[body], self.rows(body, middle_ns)
        equatorial_km, _, polar_km = self._radii_km[body]
        # In an hour no pole turns by more than 1e-7.
        pole = (rows[0][2], rows[1][2], rows[2][2])
        stands_within_km = STANDS_WITHIN_RADII * equatorial_km
        pull_km_s2 = self._gm_km3_s2[body] / equatorial_km**2
        stretch = equatorial_km / polar_km - 1.0
        obstacle = Obstacle(body, track, equatorial_km, stands_within_km, pull_km_s2, stretch, pole)
        position, velocity = track.state(middle_ns)
        return obstacle, equatorial_km, *position, *velocity

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

    def _exact(self, body: str | int, t_ns: int) -> State:
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
