"""A trajectory with burns that are known beforehand: the orbit before the first of them, and when each pushes how hard.

    Manoeuvred(
        nominal=StateOrbit(center="mars", ...),
        burns=(Burn(name="insertion", at="2021-02-10T11:52:00Z", delta_v_km_s=(0.0, -0.9, 0.0), over_s=900),),
    )

It is the declared counterpart of ``Steered``, whose node commands its burns while the run goes on. As everybody knows
these burns, lookahead and passes are those of what is really flown, and others see it as it is.

After the first burn it is integrated about ``center``, under the forces of ``StateOrbit`` and the push. That holds far
from the centre too, so that the centre does not change at the sphere of influence (Mars': 577,000 km). With a state
relative to Mars, the pull of the sun enters as the difference of what it does to the vehicle and to Mars; what is left
out, the pull of the other planets, is all but the same for both. Relative to the sun it would have to be counted. From
ten days before arrival, 2.2 million km away, to 20,000 km an integration about Mars is off by 0.5 km from one that
counts every planet; one about the sun, with the same two bodies, by 54 km. (Sunlight is left out in all of them.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.steering import Axes, PlannedBurn
from lightlag.nodes.trajectory import Ball, State, Trajectory, TrajectoryModel, Vector

from .arcs import ALWAYS_NS, Arc, burnt, kinks_of, path_at, pieces_between
from .space import Space, in_space
from .trajectory import Track, ball_of_balls, settled

# The last coast is known for so long beyond the end of the run that what is asked within it does not depend on the end.
_BEYOND_NS = 600 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """A constant push from ``at`` (ISO 8601 UTC, SCET) on, which adds ``delta_v_km_s`` in ``over_s`` seconds.

    The push keeps its direction in space. With ``over_s`` of 0 the velocity changes at once. ``axes`` are those of
    ``delta_v_km_s``: radial (outward), forward and normal to the orbit at the beginning of the burn, or ICRF.
    """

    at: str
    delta_v_km_s: Vector
    over_s: float = 0.0
    axes: Axes = "rtn"
    #: What its events are called: ``burn_start``, ``burn_end``; of one that is at once ``burn``.
    name: str = "burn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manoeuvred:
    """A trajectory that is left by declared burns."""

    nominal: TrajectoryModel
    burns: tuple[Burn, ...]
    #: What it is integrated about after a burn; None: what ``nominal`` is declared to be about.
    center: str | None = None

    def __post_init__(self) -> None:
        for burn in self.burns:
            if not (burn.over_s >= 0.0 and math.isfinite(burn.over_s)):
                raise GraphError(f"burn {burn.name!r} lasts {burn.over_s} s; give 0, which is at once, or more")
            if not all(map(math.isfinite, burn.delta_v_km_s)):
                raise GraphError(f"burn {burn.name!r} adds {burn.delta_v_km_s} km/s; give three numbers")
        self.about()

    def about(self) -> str:
        """What it is integrated about.

        Raises:
            GraphError: neither it nor its nominal trajectory says.
        """
        about = self.center or getattr(self.nominal, "center", None)
        if not isinstance(about, str):
            raise GraphError(
                f"a {type(self.nominal).__name__} does not say what it is about; give the center of the burns (mars)"
            )
        return about

    def realise(self, space: object) -> ManoeuvredTrajectory:
        """The trajectory in the space of a run.

        Raises:
            GraphError: burns overlap, an instant is none, or what follows a burn cannot be integrated.
        """
        room = in_space(space)
        planned = [
            PlannedBurn(burn.name, t_ns, t_ns + round(burn.over_s * NS_PER_S), burn.delta_v_km_s, burn.axes)
            for burn in self.burns
            for t_ns in [room.epoch.t_ns(burn.at)]
        ]
        planned.sort(key=lambda burn: burn.begin_ns)
        for earlier, later in pairwise(planned):
            if later.begin_ns < earlier.end_ns:
                begins, ends = room.epoch.utc(later.begin_ns), room.epoch.utc(earlier.end_ns)
                raise GraphError(
                    f"burn {later.name!r} begins at {begins}, before burn {earlier.name!r} ends at {ends}; burns "
                    f"follow one another"
                )
        return ManoeuvredTrajectory(room, self.nominal.realise(room), self.about(), planned)


class ManoeuvredTrajectory:
    """The trajectory of a ``Manoeuvred``: implements ``Trajectory`` and ``lightlag.nodes.steering.Planned``."""

    def __init__(self, space: Space, nominal: Trajectory, center: str, burns: Sequence[PlannedBurn]) -> None:
        space.body(center)
        #: In the order of time, those after the end of the run as well.
        self.burns: Sequence[PlannedBurn] = tuple(burns)
        self._arcs = [Arc(ALWAYS_NS, nominal)]
        end_ns = space.until_ns + _BEYOND_NS
        # What is burnt later than that, nobody will see.
        flown = [burn for burn in burns if burn.begin_ns < end_ns]
        for number, burn in enumerate(flown, start=1):
            coast_ns = flown[number].begin_ns if number < len(flown) else max(end_ns, burn.end_ns + _BEYOND_NS)
            push = burn.delta_v_km_s, burn.end_ns - burn.begin_ns, burn.axes
            self._arcs += burnt(space, center, self._arcs[-1].path, burn.begin_ns, *push, coast_ns)
        #: Instants at which the velocity or the acceleration leaps.
        self.kinks_ns = kinks_of(self._arcs)

    def state(self, t_ns: int) -> State:
        """State at ``t_ns``: ICRF, barycentric, km and km/s."""
        return path_at(self._arcs, t_ns).state(t_ns)

    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        """A ball around every position in [t0_ns, t1_ns] (km)."""
        return ball_of_balls([path.bound(a_ns, b_ns) for path, a_ns, b_ns in pieces_between(self._arcs, t0_ns, t1_ns)])

    def zenith(self, t_ns: int) -> Vector | None:
        """As the nominal trajectory until the first burn; None from then on: in flight."""
        return path_at(self._arcs, t_ns).zenith(t_ns)

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        """As the nominal trajectory until the first burn; 0 from then on: clear space."""
        return path_at(self._arcs, t_ns).attenuation_db(t_ns, frequency_hz)

    def settled(self, t_ns: int) -> Track | None:
        """The track that it is after its last burn."""
        last = self._arcs[-1]
        return settled(last.path, t_ns) if t_ns >= last.since_ns else None
