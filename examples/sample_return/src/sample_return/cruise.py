"""A path among the planets: what is far from all of them, and pulled by all of them, integrated.

About Mars lightlag integrates itself (``StateOrbit``, ``Manoeuvred``: the planet's field, and the sun). Beyond the
sphere of influence the other planets count as well, and near the Earth the moon: so the way home is integrated here,
relative to the solar-system barycentre, under the sun, Venus, the Earth, the moon, Mars, Jupiter and Saturn as points.
Left out: sunlight (about 1e-7 m/s2 on a spacecraft with large panels, 30,000 km in nine months, which flight takes out
with small burns on the way), and the oblateness of the Earth (0.5 km up to entry).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.time import NS_PER_S
from lightlag.nodes import State
from lightlag.orbiters import Space, Track

Array = NDArray[np.float64]
#: States (n, 6) at times in seconds after the start.
Path = Callable[[Array], Array]

#: Gravitational parameters (km3/s2, gm_de440.tpc; planets with their moons), and how near to each other places are
#: sampled (h).
#: By NAIF's number in DE421. Six hours cost 1 mm of the moon's place, which turns fastest.
_BODIES: Mapping[int, tuple[float, int]] = {
    10: (132712440041.279, 24),  # sun
    299: (324858.592, 24),  # Venus
    399: (398600.435507, 6),  # Earth
    301: (4902.800118, 6),  # moon
    499: (42828.37362, 24),  # Mars
    5: (126712764.1, 48),  # Jupiter
    6: (37940584.8418, 48),  # Saturn
}


class Pull:
    """What all bodies together do to something small, in the space of a run."""

    def __init__(self, space: Space) -> None:
        self._tracks = [_track(space, body, hours) for body, (_, hours) in _BODIES.items()]
        self._gm = np.array([gm for gm, _ in _BODIES.values()])

    def coast(self, begin_ns: int, states: Array, end_ns: int) -> tuple[Path, Array]:
        """What states (columns, 6; ICRF, barycentric, km and km/s) at ``begin_ns`` come to: the first, and all ends.

        The end may lie before the beginning.
        """
        from scipy.integrate import solve_ivp

        columns = len(states)

        def rates(since_s: float, y: Array) -> Array:
            t_ns = begin_ns + round(since_s * NS_PER_S)
            places = np.array([track.position_km(t_ns) for track in self._tracks])
            there = y.reshape(columns, 6)
            arms = places[None, :, :] - there[:, None, :3]
            squares = (arms * arms).sum(axis=2)
            pull = (self._gm[None, :, None] * arms / (squares * np.sqrt(squares))[:, :, None]).sum(axis=1)
            return np.concatenate((there[:, 3:], pull), axis=1).ravel()

        end_s = (end_ns - begin_ns) / NS_PER_S
        solved = solve_ivp(
            rates, (0.0, end_s), states.ravel(), method="DOP853", rtol=1e-11, atol=1e-5, dense_output=True
        )
        dense, low_s, high_s = solved.sol, min(0.0, end_s), max(0.0, end_s)

        def path(t_s: Array) -> Array:
            # Beyond its ends it goes straight on.
            known_s = np.clip(t_s, low_s, high_s)
            states = np.asarray(dense(known_s))[:6].T
            states[:, :3] += (t_s - known_s)[:, None] * states[:, 3:]
            return states

        return path, solved.y[:, -1].reshape(columns, 6)


def _track(space: Space, body: int, hours: int) -> Track:
    step_ns = hours * 3600 * NS_PER_S

    def sample(first: int, count: int) -> list[State]:
        return [space.ephemeris.state(body, space.epoch.et_s(index * step_ns)) for index in range(first, first + count)]

    return Track(step_ns, sample)
