"""Where a node is: the protocols that a trajectory implements, and what launch hands to a node about its surroundings.

Nothing here computes; ``lightlag.orbiters`` implements these. All states are ICRF, relative to the solar-system
barycentre, in km and km/s, at a run time in integer nanoseconds of TDB since the epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

Vector = tuple[float, float, float]


class State(NamedTuple):
    """Position (km) and velocity (km/s), ICRF, relative to the solar-system barycentre."""

    position_km: Vector
    velocity_km_s: Vector


class Ball(NamedTuple):
    """A ball that a trajectory stays in over an interval: centre (km, ICRF, barycentric) and radius (km)."""

    centre_km: Vector
    radius_km: float


class Pass(NamedTuple):
    """An interval in view: a signal sent at ``aos_ns`` <= t < ``los_ns`` gets past all bodies and both horizons."""

    aos_ns: int
    los_ns: int


class Trajectory(Protocol):
    """Where a node is, in one run."""

    def state(self, t_ns: int) -> State:
        """State at ``t_ns``; must be a pure function of ``t_ns`` (never of what was asked before)."""
        ...

    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        """A ball that holds every ``state(t).position_km`` for t0_ns <= t <= t1_ns."""
        ...

    def zenith(self, t_ns: int) -> Vector | None:
        """Unit vector (ICRF) of the local vertical if the node stands on a surface at ``t_ns``; None in flight."""
        ...

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        """What surrounds the vehicle (plasma) takes from a signal of ``frequency_hz``, in dB; 0 in clear space."""
        ...


class TrajectoryModel(Protocol):
    """A trajectory as declared: data, without an epoch. ``realise`` places it in a run."""

    def realise(self, space: object) -> Trajectory:
        """The trajectory in the space (``lightlag.orbiters.Space``: epoch and ephemeris) of a run."""
        ...


class Surroundings(Protocol):
    """What a node can find out about the geometry around it. ``target`` is a node's name or a body (``"mars"``).

    Of itself it knows where it is; of another node that steers, where that was to be without its burns.
    """

    def trajectory(self, target: str) -> Trajectory:
        """The trajectory of ``target`` in this run."""
        ...

    def state(self, target: str, t_ns: int) -> State:
        """Geometric state of ``target``."""
        ...

    def range_km(self, target: str, t_ns: int) -> float:
        """Geometric distance from this node to ``target``."""
        ...

    def elevation_deg(self, target: str, t_ns: int) -> float:
        """Elevation of ``target`` over this node's local horizontal plane (geocentric vertical in flight)."""
        ...

    def altitude_km(self, body: str, t_ns: int) -> float:
        """Height of this node over the reference ellipsoid of ``body``, along the radius."""
        ...

    def fixed(self, body: str, target: str, t_ns: int) -> State:
        """State of ``target`` relative to the centre of ``body``, in the frame that turns with it (km, km/s)."""
        ...

    def owlt_s(self, target: str, t_ns: int) -> float:
        """One-way light time in seconds of a signal that leaves this node at ``t_ns``, to ``target``."""
        ...

    def in_view(self, target: str, t_ns: int, *, mask_deg: float = 0.0, target_mask_deg: float = 0.0) -> bool:
        """Whether a signal sent now to ``target`` gets past all bodies and both horizons.

        The masks are the elevations that this node, and ``target``, must see the other at if they stand on a surface.
        """
        ...

    def passes(
        self, target: str, t0_ns: int, t1_ns: int, *, mask_deg: float = 0.0, target_mask_deg: float = 0.0
    ) -> Sequence[Pass]:
        """The intervals of [t0_ns, t1_ns) in which ``in_view``; those that reach beyond are cut at its ends."""
        ...
