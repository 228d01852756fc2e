"""Where the ascent vehicle, the container and the orbiter are: the plan, placed in the space of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.steering import PlannedBurn
from lightlag.orbiters import GroundSite, Space, Track
from lightlag.orbiters.space import in_space

from .cruise import Path
from .phases import ALWAYS_NS, Phase, Phases
from .plan import JEZERO, Plan, Study, plan

Array = NDArray[np.float64]

#: How near to each other the samples of a track are: under an engine and in the air; near the Earth; between planets.
_BRISK_NS, _NEAR_NS, _FAR_NS = NS_PER_S // 4, 30 * NS_PER_S, 3600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class AscentPath:
    """The ascent vehicle: on the ground, up, and in orbit for ever."""

    study: Study

    def realise(self, space: object) -> Phases:
        """The trajectory in the space of a run."""
        room, it = in_space(space), plan(self.study)
        return Phases([*_up(room, it), Phase(room.epoch.t_ns(it.in_orbit), it.stage.realise(room))])


@dataclass(frozen=True, slots=True)
class ContainerPath:
    """The container: in the ascent vehicle, in orbit, on board of the orbiter, in the capsule, on the Earth."""

    study: Study

    def realise(self, space: object) -> Phases:
        """The trajectory in the space of a run."""
        room, it = in_space(space), plan(self.study)
        t_ns = room.epoch.t_ns
        x, y, z = it.fall.ground_km().tolist()
        entry_ns = t_ns(it.entry)
        return Phases(
            [
                *_up(room, it),
                Phase(t_ns(it.in_orbit), it.container.realise(room)),
                Phase(t_ns(it.catch), it.orbiter.realise(room)),
                Phase(t_ns(it.from_mars), _among_planets(room, it.cruise_since, it.cruise, _FAR_NS)),
                Phase(t_ns(it.release), _among_planets(room, it.cruise_since, it.cruise, _NEAR_NS)),
                Phase(entry_ns, _turned(room, "earth", entry_ns, it.fall.at)),
                Phase(t_ns(it.landing), GroundSite(body="earth", xyz_km=(x, y, z)).realise(room)),
            ]
        )


@dataclass(frozen=True, slots=True)
class OrbiterPath:
    """The orbiter: about Mars, by its burns to the container and away, among the planets, past the Earth."""

    study: Study

    def realise(self, space: object) -> Phases:
        """The trajectory in the space of a run."""
        room, it = in_space(space), plan(self.study)
        t_ns = room.epoch.t_ns
        about_mars, release_ns = it.orbiter.realise(room), t_ns(it.release)
        return Phases(
            [
                Phase(ALWAYS_NS, about_mars),
                Phase(t_ns(it.from_mars), _among_planets(room, it.cruise_since, it.cruise, _FAR_NS)),
                Phase(release_ns, _among_planets(room, it.release, it.aside, _NEAR_NS)),
            ],
            [*about_mars.burns, PlannedBurn("aside", release_ns, release_ns, it.aside_km_s, "icrf")],
        )


def _up(room: Space, it: Plan) -> list[Phase]:
    """From the ground to orbit."""
    launch_ns = room.epoch.t_ns(it.launch)
    return [
        Phase(ALWAYS_NS, JEZERO.realise(room)),
        Phase(launch_ns, _turned(room, "mars", launch_ns, it.ascent.at)),
    ]


def _turned(room: Space, body: str, since_ns: int, path: Callable[[Array], Array]) -> Track:
    """A path about a body, in axes that are fixed to it at ``since_ns``, of times after that."""
    rotation = room.rotation(body, since_ns)

    def sample(first: int, count: int) -> Array:
        t_ns = np.arange(first, first + count) * _BRISK_NS
        relative = path((t_ns - since_ns) / NS_PER_S).reshape(-1, 2, 3)
        return np.asarray(room.center_states(body, t_ns) + relative @ rotation.T)

    return Track(_BRISK_NS, sample)


def _among_planets(room: Space, since: str, path: Path, step_ns: int) -> Track:
    """A barycentric path of times after an instant."""
    since_ns = room.epoch.t_ns(since)

    def sample(first: int, count: int) -> Array:
        t_ns = np.arange(first, first + count) * step_ns
        return path((t_ns - since_ns) / NS_PER_S).reshape(-1, 2, 3)

    return Track(step_ns, sample)
