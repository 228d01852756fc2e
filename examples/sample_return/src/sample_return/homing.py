"""The way home: the burn that leaves Mars, corrected until the way that follows falls to where it is awaited.

What is aimed at is a place three days before the entry, where the Earth hardly bends the way yet, so that corrections
are right to the second order. Where that place is depends on how fast it comes, and how fast it comes on the burn: so
the entry is sought again with every correction, until the two agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.orbiters import Burn, GroundSite, Manoeuvred, StateOrbit, Track

from . import entry
from .cruise import Path, Pull
from .entry import fall
from .sky import NORTH, NUDGE_KM_S, Array, Sky, array, east_deg, north_deg, size, vector

#: Where the capsule is awaited: the Utah Test and Training Range, where Genesis, Stardust and OSIRIS-REx came down.
UTAH = GroundSite(body="earth", lat_deg=40.3, lon_deg=-113.4, height_km=entry.GROUND_KM)
#: So long before entry the capsule is let go, and so long after the injection the pull of all planets counts: Mars is
#: 0.7 million km behind by then, and its sphere of influence reaches to 0.58.
RELEASE_NS, FROM_MARS_NS = 3 * 86_400 * NS_PER_S, 3 * 86_400 * NS_PER_S
#: What is integrated among the planets begins so long before it is flown, and ends so long after: a curve through
#: samples needs some beyond its ends.
OVERLAP_NS = 2 * 3600 * NS_PER_S

# Assumed: leaving Mars takes so long (2 km/s in 20 minutes are 1.7 m/s2), and the capsule enters so steeply.
_INJECTION_S = 1200.0
_STEEP_DEG = 14.0
# About how far it falls on, in radii of the Earth; how fast that turns.
_FORWARD, _TURN_DEG_H = 0.06, 15.041
# From nearer than the first the effect of a burn is known; where the capsule enters is found again when the way is
# known as well as the second; the aim is met when it is missed by less than the third.
_NEAR_KM, _AGAIN_KM, _MISS_KM, _TURNS = 6e4, 100.0, 1.0, 16


class Homeward(NamedTuple):
    """The burn; the states after ``since_ns``; when and in what state (barycentric) the capsule enters."""

    burn: Burn
    path: Path
    since_ns: int
    entry_ns: int
    there: Array
    #: How far that is from where it should.
    miss_km: float


def homeward(
    sky: Sky, pull: Pull, orbit: StateOrbit, velocities: tuple[Array, Array], leave_ns: int, arrive_ns: int
) -> Homeward:
    """The way home from an orbit about Mars, left after ``leave_ns``, to the day that begins at ``arrive_ns``.

    ``velocities`` are a first guess: with which Mars is left, and with which the Earth is met, far from both.

    Raises:
        GraphError: there is none.
    """
    leaves, meets = velocities
    flying = orbit.realise(sky.room)
    middle_ns, delta_v = _impulse(sky, flying, leaves, leave_ns)
    begin_ns = middle_ns - round(_INJECTION_S / 2 * NS_PER_S)
    before = sky.orbit(begin_ns, sky.relative("mars", array(flying.state(begin_ns)), begin_ns))
    since_ns = begin_ns + FROM_MARS_NS - OVERLAP_NS

    def burn(delta_v: Array) -> Burn:
        at = sky.utc(begin_ns)
        return Burn(name="injection", at=at, delta_v_km_s=vector(delta_v), over_s=_INJECTION_S, axes="icrf")

    def outbound(delta_v: Array) -> Array:
        return array(Manoeuvred(nominal=before, burns=(burn(delta_v),)).realise(sky.room).state(since_ns))

    def effect_of(delta_v: Array, to_ns: int) -> Array:
        nudges = [np.zeros(3), *(NUDGE_KM_S * np.eye(3))]
        _, ends = pull.coast(since_ns, np.array([outbound(delta_v + nudge) for nudge in nudges]), to_ns)
        return np.asarray((ends[1:] - ends[0]).T / NUDGE_KM_S)

    door = _Door(sky, arrive_ns)
    other, part, exactly, effect, miss_km = np.zeros(3), 1.0, True, np.zeros((6, 3)), math.inf
    for _ in range(_TURNS):
        entry_ns, wanted = door.entry(meets, exactly)
        early_ns = entry_ns - RELEASE_NS
        _, early = pull.coast(entry_ns, wanted[None, :], early_ns)
        for _ in range(_TURNS):
            if miss_km > _NEAR_KM:
                effect = effect_of(delta_v, early_ns)
            _, ends = pull.coast(since_ns, outbound(delta_v)[None, :], early_ns)
            miss = early[0, :3] - ends[0, :3]
            more = np.linalg.solve(effect[:3], miss)
            delta_v, miss_km = delta_v + more, size(miss)
            if miss_km < _NEAR_KM:
                break
        last, other = other, (ends[0] + effect @ more - early[0])[3:]
        off_km = max(miss_km, size(other) * RELEASE_NS / NS_PER_S)
        if exactly and off_km < _MISS_KM:
            path, _ = pull.coast(since_ns, outbound(delta_v)[None, :], entry_ns + OVERLAP_NS)
            there = path(np.array([(entry_ns - since_ns) / NS_PER_S]))[0]
            return Homeward(burn(delta_v), path, since_ns, entry_ns, there, size(there[:3] - wanted[:3]))
        exactly = off_km < _AGAIN_KM
        # It comes otherwise than was thought: the entry is sought again with that, or with a part of it (Aitken).
        if last.any():
            part *= -float(last @ (other - last)) / float((other - last) @ (other - last))
        meets = meets + part * other
    raise GraphError(
        f"no burn was found that brings it to the Earth: after {_TURNS} corrections it is still missed by "
        f"{miss_km:,.0f} km; choose other days of departure and arrival"
    )


def _impulse(sky: Sky, orbit: Track, leaves: Array, leave_ns: int) -> tuple[int, Array]:
    """When an orbit is best left, in the revolution after ``leave_ns``, and what is added then if it is done at once.

    It is left where the hyperbola that is wanted has its periapsis.
    """
    gm = sky.gm("mars")
    here = sky.relative("mars", array(orbit.state(leave_ns)), leave_ns)
    radius, excess = size(here[:3]), size(leaves)
    out_rad = math.acos(-1.0 / (1.0 + radius * excess * excess / gm))
    normal = np.cross(here[:3], here[3:])
    normal /= size(normal)
    flat = leaves - (leaves @ normal) * normal
    ahead_rad = math.atan2(float(np.cross(here[:3], flat) @ normal), float(here[:3] @ flat))
    turn = (ahead_rad - out_rad) % math.tau
    t_ns = leave_ns + round(turn * math.sqrt(radius**3 / gm) * NS_PER_S)
    there = sky.relative("mars", array(orbit.state(t_ns)), t_ns)
    way = np.cross(np.cross(there[:3], leaves), there[:3])
    speed = math.sqrt(excess * excess + 2 * gm / size(there[:3]))
    return t_ns, speed * way / size(way) - there[3:]


class _Door:
    """Where the capsule has to enter, to fall to where it is awaited; it remembers what was right before."""

    def __init__(self, sky: Sky, arrive_ns: int) -> None:
        self._sky, self._arrive_ns = sky, arrive_ns
        self._target = sky.site_km(UTAH)
        #: On which side of the Earth (an angle about the way it comes), and at what hour of the day.
        self._known: tuple[float, float] | None = None

    def entry(self, meets: Array, exactly: bool) -> tuple[int, Array]:
        """When it enters, and in what state (barycentric), if it comes with ``meets``.

        If not ``exactly``, on the side and at the hour that were right before.
        """
        from scipy.optimize import root

        sky, arrive_ns, target = self._sky, self._arrive_ns, self._target
        gm, radius = sky.gm("earth"), entry.EQUATOR_KM + entry.INTERFACE_KM
        excess, steep = size(meets), math.radians(_STEEP_DEG)
        along = meets / excess
        speed = math.sqrt(excess * excess + 2 * gm / radius)
        p = (radius * speed * math.cos(steep)) ** 2 / gm
        e = math.sqrt(1.0 + p * excess * excess / gm)
        swept = math.acos(-1.0 / e) - math.acos((p / radius - 1.0) / e)
        side = np.cross(along, NORTH)
        side /= size(side)
        other = np.cross(along, side)

        def state(angle: float) -> Array:
            off = math.cos(angle) * side + math.sin(angle) * other
            up = math.sin(swept) * off - math.cos(swept) * along
            level = math.cos(swept) * off + math.sin(swept) * along
            return np.concatenate((radius * up, speed * (math.cos(steep) * level - math.sin(steep) * up)))

        def missed(guess: Sequence[float]) -> tuple[float, float]:
            t_ns = arrive_ns + round(guess[1] * 3600 * NS_PER_S)
            ground = fall(sky.to_fixed("earth", state(guess[0]), t_ns)).ground_km()
            return north_deg(ground) - north_deg(target), (east_deg(ground) - east_deg(target) + 180) % 360 - 180

        def north_off(angle: float) -> float:
            here = state(angle)
            return abs(north_deg(here[:3] + _FORWARD * radius * here[3:] / size(here[3:])) - north_deg(target))

        if self._known is None:
            # Eastward, as the Earth turns; the first guess of the angle is the best of some, if it fell straight on.
            tries = [k * math.tau / 72 for k in range(72)]
            angle = min((it for it in tries if np.cross(state(it)[:3], state(it)[3:])[2] > 0), key=north_off)
            self._known = angle, (missed((angle, 0.0))[1] / _TURN_DEG_H) % (360 / _TURN_DEG_H)
        if exactly:
            found = root(missed, self._known, tol=1e-5)
            if not found.success:
                raise GraphError("the capsule cannot fall to where it is awaited; choose another day of arrival")
            self._known = float(found.x[0]), float(found.x[1])
        angle, hours = self._known
        entry_ns = arrive_ns + round(hours * 3600) * NS_PER_S
        return entry_ns, state(angle) + sky.body("earth", entry_ns)
