"""A trajectory that its own node changes while the run goes on: by burns, as it decides or is told.

Until the first burn it is the nominal one. From then on it is a list of arcs, each integrated from the state at its
beginning under a constant push: what lies ahead is always what will be if nothing more is commanded. Where it is at an
instant follows from the burns up to then and from nothing else, so that it is the same in every placement, and after a
host was killed. What is in flight to the node when it burns is solved again (``Host.rejudge``).

Lookahead is made before anybody burns, in processes that never hear of it: it rests on ``leeway_km``, how far from its
nominal trajectory the node may be at any time of the run. A burn that would take it farther is refused when it is
commanded. Other nodes see the nominal trajectory when they ask for its surroundings, wherever they run; what they
receive of it, and it of them, is by where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from lightlag.bus.errors import BrokenPromise, GraphError, NodeError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.steering import Axes
from lightlag.nodes.trajectory import Ball, State, Trajectory, TrajectoryModel, Vector

from .arcs import ALWAYS_NS, Arc, burnt, kinks_of, path_at
from .space import Space, in_space

#: A burn is held to the leeway in pieces of this, up to the end of the run.
_PIECE_NS = 600 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """A nominal trajectory that may be left by burns; ``center`` is what it is integrated about from then on.

    Forces are those of ``StateOrbit``, and the push of an engine. Not for landings: what lies ahead must not meet the
    centre.
    """

    nominal: TrajectoryModel
    center: str
    #: How far from nominal it may ever be: the lookahead to and from it is shorter by as much light time.
    leeway_km: float

    def __post_init__(self) -> None:
        if not self.leeway_km > 0:
            raise GraphError(f"leeway_km is {self.leeway_km}; give how far burns may take it from its nominal orbit")

    def realise(self, space: object) -> SteeredTrajectory:
        """The trajectory in the space of a run."""
        room = in_space(space)
        return SteeredTrajectory(room, self.nominal.realise(room), self.center, self.leeway_km)


class SteeredTrajectory:
    """The trajectory of a ``Steered``: implements ``Trajectory``, and ``lightlag.nodes.steering.Steerable``."""

    def __init__(self, space: Space, nominal: Trajectory, center: str, leeway_km: float) -> None:
        self._space, self._center, self._leeway_km = space, center, leeway_km
        space.body(center)
        #: What it would be without any burn.
        self.nominal = nominal
        self._arcs = [Arc(ALWAYS_NS, nominal)]
        self._watchers: list[Callable[[], None]] = []

    def state(self, t_ns: int) -> State:
        """State at ``t_ns`` by all burns until now: ICRF, barycentric, km and km/s."""
        return self._path(t_ns).state(t_ns)

    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        """A ball around every position in [t0_ns, t1_ns] (km), whatever is commanded."""
        ball = self.nominal.bound(t0_ns, t1_ns)
        return Ball(ball.centre_km, ball.radius_km + self._leeway_km)

    def zenith(self, t_ns: int) -> Vector | None:
        """As the nominal trajectory until the first burn; None from then on: in flight."""
        return self._path(t_ns).zenith(t_ns)

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        """As the nominal trajectory until the first burn; 0 from then on: clear space."""
        return self._path(t_ns).attenuation_db(t_ns, frequency_hz)

    @property
    def kinks_ns(self) -> list[int]:
        """Instants at which the velocity or the acceleration leaps."""
        return kinks_of(self._arcs)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` after every burn that is commanded."""
        self._watchers.append(changed)

    # -- what its node commands ---------------------------------------------------------------------------------

    def burn(self, t_ns: int, delta_v_km_s: Vector, over_ns: int, axes: Axes) -> None:
        """From ``t_ns`` on a constant push that adds ``delta_v_km_s`` in ``over_ns``, and coasting after it.

        What was commanded for later is given up.

        Raises:
            BrokenPromise: it would leave its leeway before the end of the run.
            NodeError: what lies ahead cannot be integrated.
        """
        arcs = [arc for arc in self._arcs if arc.since_ns < t_ns]
        end_ns = max(self._space.until_ns, t_ns + over_ns + _PIECE_NS)
        arcs += burnt(self._space, self._center, self._path(t_ns), t_ns, delta_v_km_s, over_ns, axes, end_ns)
        try:
            self._hold_to_leeway(arcs, t_ns)
        except GraphError as error:
            raise NodeError(f"this burn cannot be made: {error}") from None
        self._arcs = arcs
        for changed in self._watchers:
            changed()

    def _path(self, t_ns: int) -> Trajectory:
        return path_at(self._arcs, t_ns)

    def _hold_to_leeway(self, arcs: list[Arc], t_ns: int) -> None:
        until_ns = self._space.until_ns
        ends = [*(arc.since_ns for arc in arcs[1:]), until_ns]
        for arc, end_ns in zip(arcs, ends, strict=True):
            begin_ns = max(arc.since_ns, t_ns)
            while begin_ns < min(end_ns, until_ns):
                piece_ns = min((begin_ns // _PIECE_NS + 1) * _PIECE_NS, end_ns, until_ns)
                ball, promised = arc.path.bound(begin_ns, piece_ns), self.nominal.bound(begin_ns, piece_ns)
                over_km = math.dist(ball.centre_km, promised.centre_km) + ball.radius_km - promised.radius_km
                if over_km > self._leeway_km:
                    raise BrokenPromise(
                        f"this burn would take it perhaps {over_km:.0f} km away from its nominal trajectory by "
                        f"{self._space.epoch.utc(piece_ns, 0)}, and lookahead rests on its leeway_km of "
                        f"{self._leeway_km:g}: give it more leeway, or burn less"
                    )
                begin_ns = piece_ns
