"""What a node can find out about the geometry around it: ranges, elevations, light times, who is in view."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import Pass, State, Trajectory

from .ephemeris import NAIF_IDS, nearest
from .frames import apply_inverse, cross, dot, subtract, unit
from .geometry import elevation_deg, light_time_ns
from .passes import Passes
from .space import Space
from .steered import SteeredTrajectory


class SpaceSurroundings:
    """The ``Surroundings`` of node ``me`` among ``trajectories`` (by node name) and the bodies of ``space``.

    A trajectory may be given as a function that makes it when it is first needed. A node's name goes before a body's.
    Of a node that steers the others see its nominal trajectory, for its burns are known where it runs and nowhere else.
    """

    def __init__(
        self, space: Space, me: str, trajectories: Mapping[str, Trajectory | Callable[[], Trajectory]]
    ) -> None:
        self._space, self._me, self._given = space, me, trajectories
        self._known: dict[str, Trajectory] = {}
        self._passes: dict[tuple[str, float, float], Passes] = {}

    def state(self, target: str, t_ns: int) -> State:
        """Geometric state of ``target``: ICRF, barycentric, km and km/s."""
        return self.trajectory(target).state(t_ns)

    def range_km(self, target: str, t_ns: int) -> float:
        """Geometric distance from this node to ``target``."""
        return math.dist(self.state(self._me, t_ns).position_km, self.state(target, t_ns).position_km)

    def elevation_deg(self, target: str, t_ns: int) -> float:
        """Elevation of ``target``, both at ``t_ns``, over this node's horizontal plane.

        On a surface that is the plane of the site's zenith; in flight, the one normal to the line from the centre of
        the nearest planet (earth or mars).
        """
        here = self.state(self._me, t_ns).position_km
        zenith = self.trajectory(self._me).zenith(t_ns)
        if zenith is None:
            centres = [self._space.body_state(body, t_ns).position_km for body in ("earth", "mars")]
            zenith = unit(subtract(here, min(centres, key=lambda centre: math.dist(here, centre))))
        return elevation_deg(zenith, here, self.state(target, t_ns).position_km)

    def altitude_km(self, body: str, t_ns: int) -> float:
        """Height of this node over the reference ellipsoid of ``body``, along the radius."""
        space = self._space
        arm = subtract(self.state(self._me, t_ns).position_km, space.body(body).position_km(t_ns))
        equatorial_km, _, polar_km = space.radii_km(body)
        # Of an ellipsoid of revolution only the sine of the latitude counts.
        radius_km = math.hypot(*arm)
        sine = dot(arm, space.rotation_of(body).pole(space.epoch.et_s(t_ns))) / radius_km
        return radius_km - 1.0 / math.hypot(math.sqrt(1.0 - min(1.0, sine * sine)) / equatorial_km, sine / polar_km)

    def fixed(self, body: str, target: str, t_ns: int) -> State:
        """State of ``target`` relative to the centre of ``body``, in the frame that turns with it (km, km/s)."""
        centre, there = self._space.body_state(body, t_ns), self.state(target, t_ns)
        rows = self._space.rows(body, t_ns)
        arm = apply_inverse(rows, subtract(there.position_km, centre.position_km))
        drift = apply_inverse(rows, subtract(there.velocity_km_s, centre.velocity_km_s))
        turn = (0.0, 0.0, self._space.rotation_of(body).rate_rad_s)
        return State(arm, subtract(drift, cross(turn, arm)))

    def owlt_s(self, target: str, t_ns: int) -> float:
        """Light time in seconds of a signal that leaves this node at ``t_ns``, to ``target``."""
        return light_time_ns(self.state(self._me, t_ns).position_km, t_ns, self.trajectory(target)) / NS_PER_S

    def in_view(self, target: str, t_ns: int, *, mask_deg: float = 0.0, target_mask_deg: float = 0.0) -> bool:
        """Whether a signal that leaves this node at ``t_ns`` reaches ``target`` past all bodies and both horizons.

        An end that stands on a surface sees the other from its mask (elevation, deg) upwards. Answered from passes,
        which are found once: looking often costs little.
        """
        found = self._passes.get((target, mask_deg, target_mask_deg))
        return (found or self._found(target, mask_deg, target_mask_deg)).in_view(t_ns)

    def passes(
        self, target: str, t0_ns: int, t1_ns: int, *, mask_deg: float = 0.0, target_mask_deg: float = 0.0
    ) -> list[Pass]:
        """The intervals of [t0_ns, t1_ns) in which ``in_view``, to a millisecond; see ``orbiters.passes.Passes``.

        Raises:
            GraphError: ``target`` is no node.
        """
        return self._found(target, mask_deg, target_mask_deg).between(t0_ns, t1_ns)

    def _found(self, target: str, mask_deg: float, target_mask_deg: float) -> Passes:
        key = (target, mask_deg, target_mask_deg)
        if key not in self._passes:
            if target not in self._given:
                self.trajectory(target)  # says that there is none of that name
                raise GraphError(f"{target!r} is a body; passes are between nodes: ask for a station or a lander on it")
            ends = self.trajectory(self._me), self.trajectory(target)
            self._passes[key] = Passes(self._space, *ends, mask_deg, target_mask_deg)
        return self._passes[key]

    def trajectory(self, target: str) -> Trajectory:
        """The trajectory of ``target`` in this run; raises GraphError if there is no such node or body."""
        known = self._known.get(target)
        if known is None:
            if target in self._given:
                given = self._given[target]
                known = given() if callable(given) else given
            elif target in NAIF_IDS:
                known = self._space.body(target)
            else:
                raise GraphError(f"{target!r} is neither a node nor a body{nearest(target, [*self._given, *NAIF_IDS])}")
            known = self._known[target] = self._seen(target, known)
        return known

    def _seen(self, target: str, trajectory: Trajectory) -> Trajectory:
        """A trajectory as this node sees it: of another node that steers, the nominal one."""
        if not isinstance(trajectory, SteeredTrajectory):
            return trajectory
        if target != self._me:
            return trajectory.nominal
        trajectory.watch(self._passes.clear)
        return trajectory
