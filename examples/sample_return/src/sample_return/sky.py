"""What a plan needs of a space, as arrays: bodies, axes that turn with them, and orbits about Mars.

A state is an array of six: position (km) and velocity (km/s), ICRF; barycentric, unless it is said relative to what.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightlag.nodes import State
from lightlag.orbiters import GroundSite, Space, StateOrbit

Array = NDArray[np.float64]
#: The pole of the Earth, and near enough that of the planets' orbits for telling one side from the other.
NORTH = np.array((0.0, 0.0, 1.0))
#: The change of velocity by which the effect of a burn is told.
NUDGE_KM_S = 1e-6


class Sky:
    """A space, asked in arrays; times are its run times in ns."""

    def __init__(self, room: Space) -> None:
        self.room = room

    def utc(self, t_ns: int) -> str:
        """UTC to the nanosecond."""
        return self.room.epoch.utc(t_ns, 9)

    def gm(self, body: str) -> float:
        """Gravitational parameter, km3/s2."""
        return self.room.gm_km3_s2(body)

    def body(self, body: str, t_ns: int) -> Array:
        """State of the centre of a body."""
        return array(self.room.body_state(body, t_ns))

    def relative(self, body: str, state: Array, t_ns: int) -> Array:
        """A state, relative to the centre of a body."""
        return np.asarray(state - self.body(body, t_ns))

    def to_fixed(self, body: str, relative: Array, t_ns: int) -> Array:
        """A relative state in axes that stand still and are those of the body at ``t_ns``."""
        rows = self.room.rotation(body, t_ns)
        return np.concatenate((rows.T @ relative[:3], rows.T @ relative[3:]))

    def from_fixed(self, body: str, fixed: Array, t_ns: int) -> Array:
        """The way back."""
        rows = self.room.rotation(body, t_ns)
        return np.concatenate((rows @ fixed[:3], rows @ fixed[3:]))

    def site_km(self, site: GroundSite) -> Array:
        """Where a site is, in the axes of its body."""
        return np.array(site.realise(self.room).fixed_km)

    def orbit(self, t_ns: int, relative: Array) -> StateOrbit:
        """The orbit about Mars through a state relative to it."""
        return StateOrbit(
            center="mars",
            epoch=self.utc(t_ns),
            position_km=vector(relative[:3]),
            velocity_km_s=vector(relative[3:]),
        )

    def flown(self, orbit: StateOrbit, t_ns: int) -> Array:
        """The state, relative to Mars, that an orbit about it comes to."""
        return self.relative("mars", array(orbit.realise(self.room).state(t_ns)), t_ns)


def array(state: State) -> Array:
    """A state as an array."""
    return np.array([*state.position_km, *state.velocity_km_s])


def vector(a: Array) -> tuple[float, float, float]:
    """An array of three as a tuple."""
    x, y, z = a.tolist()
    return x, y, z


def size(a: Array) -> float:
    """The length of a vector."""
    return float(np.linalg.norm(a))


def excess_km_s(relative: Array, gm_km3_s2: float) -> float:
    """The speed that a hyperbola about a body has far from it."""
    return math.sqrt(float(relative[3:] @ relative[3:]) - 2 * gm_km3_s2 / size(relative[:3]))


def north_deg(a: Array) -> float:
    """Latitude, planetocentric."""
    return math.degrees(math.asin(a[2] / size(a)))


def east_deg(a: Array) -> float:
    """East longitude, -180 to 180."""
    return math.degrees(math.atan2(a[1], a[0]))
