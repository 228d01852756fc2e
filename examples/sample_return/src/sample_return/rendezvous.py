"""The rendezvous: where the orbiter waits for the container, and the burns that bring it there.

It is made backwards: from the place where the container is caught to that behind it where the orbiter had stopped, from
there half a revolution down to where it had left a lower orbit, in which it had gained on the container day by day.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.orbiters import Burn, StateOrbit

from .sky import NUDGE_KM_S, Array, Sky, size, vector

# Assumed: so much lower it waits; it stops so far behind, and takes so long for the rest.
_LOWER_KM = 40.0
_BEHIND_KM, _LAST_S = 0.5, 1800.0
# The container is met when it is missed by less.
_MISS_KM, _TURNS = 1e-4, 12


class Rendezvous(NamedTuple):
    """Where the orbiter waits, the two burns, and its orbit after them, up to the catch and on."""

    waiting: StateOrbit
    burns: tuple[Burn, Burn]
    held: StateOrbit


def rendezvous(sky: Sky, container: StateOrbit, catch_ns: int) -> Rendezvous:
    """The rendezvous with what is in an orbit about Mars.

    Raises:
        GraphError: it is not met.
    """
    stop_ns = catch_ns - round(_LAST_S * NS_PER_S)
    other, caught = sky.flown(container, stop_ns), sky.flown(container, catch_ns)
    forward = other[3:] / size(other[3:])
    place = other[:3] - _BEHIND_KM * forward
    held = sky.orbit(
        stop_ns, _closing(sky, stop_ns, place, other[3:] + _BEHIND_KM / _LAST_S * forward, caught, catch_ns)
    )

    # A circle lower by h takes a push of n h / 4 at either end of the way up (Hohmann, to the first order).
    gm, radius = sky.gm("mars"), size(place)
    push = math.sqrt(gm / radius**3) * _LOWER_KM / 4.0
    arriving = other[3:] - push * forward
    up_ns = round(math.pi * math.sqrt((radius - _LOWER_KM / 2) ** 3 / gm) * NS_PER_S)
    rise_ns = stop_ns - up_ns
    low = sky.flown(sky.orbit(stop_ns, np.concatenate((place, arriving))), rise_ns)
    raising = push * low[3:] / size(low[3:])
    waiting = sky.orbit(rise_ns, np.concatenate((low[:3], low[3:] - raising)))
    matching = np.array(held.velocity_km_s) - arriving
    burns = (
        Burn(name="raise", at=sky.utc(rise_ns), delta_v_km_s=vector(raising), axes="icrf"),
        Burn(name="match", at=sky.utc(stop_ns), delta_v_km_s=vector(matching), axes="icrf"),
    )
    return Rendezvous(waiting, burns, held)


def _closing(sky: Sky, begin_ns: int, place: Array, velocity: Array, aim: Array, end_ns: int) -> Array:
    """The state at ``place`` that comes to ``aim``: what it misses is put right by the effect of three small pushes."""
    for _ in range(_TURNS):
        pushes = [np.zeros(3), *(NUDGE_KM_S * np.eye(3))]
        orbits = [sky.orbit(begin_ns, np.concatenate((place, velocity + push))) for push in pushes]
        ends = np.array([sky.flown(orbit, end_ns)[:3] for orbit in orbits])
        miss = aim[:3] - ends[0]
        if size(miss) < _MISS_KM:
            return np.concatenate((place, velocity))
        velocity = velocity + np.linalg.solve((ends[1:] - ends[0]).T / NUDGE_KM_S, miss)
    raise GraphError(f"the orbiter misses the container by {size(miss):.3f} km; choose another instant of the catch")
