"""The plan of a whole return: every burn and every instant, from a few dates.

It is made from the far end to the near one. Departure and arrival fix, by Lambert's problem, in which direction and how
fast Mars is to be left. The plane of the orbit is to hold that direction, which fixes at what time of the day of the
launch Jezero passes under it. The orbiter comes to where the ascent vehicle has left the container. Last, the burn that
leaves Mars is corrected until the way home, integrated, meets the point over the Earth from which the capsule falls to
where it is awaited.

A plan depends on its ``Study`` alone: it is made in a space of its own, and is the same in every run and process.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes import State
from lightlag.orbiters import Burn, Ephemeris, GroundSite, Manoeuvred, Space, StateOrbit

from . import ascent, entry
from .ascent import Ascent, ascend
from .cruise import Path, Pull
from .entry import Fall, fall
from .lambert import lambert

Array = NDArray[np.float64]

#: On the floor of Jezero, near where Perseverance landed (Mars 2020 landing site, 18.4446 N 77.4509 E).
JEZERO = GroundSite(body="mars", lat_deg=18.4446, lon_deg=77.4509, height_km=-2.57)
#: Where the capsule is awaited: the Utah Test and Training Range, where Genesis, Stardust and OSIRIS-REx came down.
UTAH = GroundSite(body="earth", lat_deg=40.3, lon_deg=-113.4, height_km=entry.GROUND_KM)

_DAY_NS = 86_400 * NS_PER_S
# All that follows is assumed. The orbiter waits lower than the container, and so gains on it.
_LOWER_KM = 40.0
#: It comes to a stop so far behind, and takes so long for the rest.
_BEHIND_KM, _LAST_S = 0.5, 1800.0
#: The container is pushed off so fast.
_PUSHED_OFF_KM_S = 3e-4
#: Leaving Mars takes so long: 2.1 km/s in 20 minutes are 1.8 m/s2.
_INJECTION_S = 1200.0
#: From then on it is the pull of all planets that counts; by then it is outside of Mars' sphere of influence.
_FROM_MARS_NS = 3 * _DAY_NS
#: What is integrated among the planets begins so long before it is flown, and ends so long after: a curve through
#: samples needs some beyond its ends.
_OVERLAP_NS = 2 * 3600 * NS_PER_S
#: The capsule is let go so long before entry, and the orbiter then turns aside by so much.
_RELEASE_NS, _ASIDE_KM_S = 3 * _DAY_NS, 0.025
#: How steep the capsule enters, over a planet that stands still.
_STEEP_DEG = 14.0
# About how far it falls on, in radii of the Earth; how fast that turns.
_FORWARD, _TURN_DEG_H = 0.06, 15.041
# A correction from as near as this is right at once, to the second order; the aim is met when it is missed by less.
_NEAR_KM, _MISS_KM, _TURNS = 6e4, 1.0, 16
# Where the capsule enters is found again when the way is known this well.
_AGAIN_KM = 100.0
# The change of the burn by which its effect is told.
_NUDGE_KM_S = 1e-6


@dataclass(frozen=True, slots=True)
class Study:
    """What is asked for. Dates are UTC (SCET); the times of day of launch and landing follow from them."""

    #: The container is launched in the day (of Mars) that begins then, and caught, and brought away.
    launch: str
    catch: str
    departure: str
    #: It lands in the day that begins then.
    arrival: str
    altitude_km: float
    inclination_deg: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan. Instants are UTC to the nanosecond; motions are those of ``lightlag.orbiters`` where there are any."""

    study: Study
    ascent: Ascent
    launch: str
    in_orbit: str
    catch: str
    release: str
    entry: str
    landing: str
    #: From there to there the pull of all planets counts.
    from_mars: str
    stage: StateOrbit
    container: StateOrbit
    orbiter: Manoeuvred
    #: States after ``cruise_since``, and of the orbiter after ``release``; barycentric.
    cruise_since: str
    cruise: Path
    aside: Path
    aside_km_s: tuple[float, float, float]
    fall: Fall
    #: How far the entry is from its aim, and the landing from where it is awaited.
    entry_miss_km: float
    landing_miss_km: float
    #: How fast Mars is left and the Earth met, without their pull: by Lambert's problem, and as flown.
    lambert_km_s: tuple[float, float]
    excess_km_s: tuple[float, float]


@lru_cache(maxsize=4)
def plan(study: Study) -> Plan:
    """The plan of a study; made once in a process.

    Raises:
        GraphError: there is none with these dates, this altitude or inclination.
    """
    return _Planner(study).made()


class _Planner:
    """The steps by which a plan is made."""

    def __init__(self, study: Study) -> None:
        self.study = study
        epoch = Epoch.parse(study.launch)
        self.catch_ns, self.leave_ns, self.arrive_ns = map(epoch.t_ns, (study.catch, study.departure, study.arrival))
        if not 2 * _DAY_NS <= self.catch_ns < self.leave_ns < self.arrive_ns:
            raise GraphError(
                f"launch {study.launch}, catch {study.catch}, departure {study.departure}, arrival {study.arrival}: "
                f"they follow one another, the catch two days or more after the launch"
            )
        self.room = Space(epoch, Ephemeris.open(), until_ns=self.arrive_ns + 3 * _DAY_NS)
        self.room.require(0, self.room.until_ns)
        self.pull = Pull(self.room)
        self.entered: tuple[float, float] | None = None

    def made(self) -> Plan:
        """All of it."""
        utc = self.utc
        leaves, meets = self.lambert()
        ascent, launch_ns, in_orbit = self.launch(leaves)
        in_orbit_ns = launch_ns + round(ascent.stage2_end_s * NS_PER_S)
        stage = self.orbit(in_orbit_ns, in_orbit)
        pushed = in_orbit.copy()
        pushed[3:] += _PUSHED_OFF_KM_S * pushed[3:] / np.linalg.norm(pushed[3:])
        container = self.orbit(in_orbit_ns, pushed)
        nominal, burns, held = self.rendezvous(container)
        injection, cruise, aim, miss_km, begin_ns = self.injection(held, leaves, meets)
        entry_ns, there = aim
        release_ns = entry_ns - _RELEASE_NS
        released = cruise(np.array([(release_ns - begin_ns) / NS_PER_S]))[0]
        turned = self.pushed_aside(released, there, entry_ns)
        aside, _ = self.pull.coast(release_ns, turned[None, :], self.room.until_ns)
        down = fall(self.earth_fixed(there, entry_ns))
        landing_ns = entry_ns + round(down.end_s * NS_PER_S)
        start = cruise(np.zeros(1))[0]
        return Plan(
            study=self.study,
            ascent=ascent,
            launch=utc(launch_ns),
            in_orbit=utc(in_orbit_ns),
            catch=utc(self.catch_ns),
            release=utc(release_ns),
            entry=utc(entry_ns),
            landing=utc(landing_ns),
            from_mars=utc(begin_ns + _OVERLAP_NS),
            cruise_since=utc(begin_ns),
            stage=stage,
            container=container,
            orbiter=Manoeuvred(nominal=nominal, burns=(*burns, injection)),
            cruise=cruise,
            aside=aside,
            aside_km_s=_vector((turned - released)[3:]),
            fall=down,
            entry_miss_km=miss_km,
            landing_miss_km=float(np.linalg.norm(down.ground_km() - _fixed_km(self.room, UTAH))),
            lambert_km_s=(float(np.linalg.norm(leaves)), float(np.linalg.norm(meets))),
            excess_km_s=(
                float(np.linalg.norm(_asymptote(self.relative("mars", start, begin_ns), self.gm("mars")))),
                float(np.linalg.norm(_asymptote(self.relative("earth", there, entry_ns), self.gm("earth"), -1))),
            ),
        )

    # -- steps --------------------------------------------------------------------------------------------------

    def lambert(self) -> tuple[Array, Array]:
        """With what velocity Mars is left and the Earth is met, relative to them, if they did not pull."""
        sun = [self.body("sun", t_ns) for t_ns in (self.leave_ns, self.arrive_ns)]
        mars, earth = self.body("mars", self.leave_ns) - sun[0], self.body("earth", self.arrive_ns) - sun[1]
        time_s = (self.arrive_ns - self.leave_ns) / NS_PER_S
        north = np.array((0.0, 0.0, 1.0))
        left, met = lambert(mars[:3], earth[:3], time_s, self.gm("sun"), north)
        return left - mars[3:], met - earth[3:]

    def launch(self, leaves: Array) -> tuple[Ascent, int, Array]:
        """The flight to orbit, when it begins, and the state (ICRF, about Mars) at its end.

        The plane of the orbit drifts while container and orbiter wait in it, by the secular rate of J2 (first order:
        a tenth of a degree in a week is left, which the injection takes along).
        """
        site_km = _fixed_km(self.room, JEZERO)
        flight = ascend((site_km[0], site_km[1], site_km[2]), self.study.altitude_km, self.study.inclination_deg)
        end = self.turned(flight.states[-1], 0)
        rows = self.room.rotation("mars", self.leave_ns)
        radius = float(np.linalg.norm(end[:3]))
        n = math.sqrt(ascent.GM_KM3_S2 / radius**3)
        cosine = math.cos(math.radians(self.study.inclination_deg))
        drift_rad_s = -1.5 * n * ascent.J2 * (ascent.J2_RADIUS_KM / radius) ** 2 * cosine
        drifted_rad = drift_rad_s * self.leave_ns / NS_PER_S
        ahead_rad = _to_turn(rows.T @ np.cross(end[:3], end[3:]), rows.T @ leaves, self.study.inclination_deg)
        # Launched later it drifts for less long.
        late_s = ((ahead_rad - drifted_rad) % math.tau) / (ascent.TURN_RAD_S - drift_rad_s)
        launch_ns = round(late_s * NS_PER_S)
        return flight, launch_ns, self.turned(flight.states[-1], launch_ns)

    def rendezvous(self, container: StateOrbit) -> tuple[StateOrbit, list[Burn], State]:
        """Where the orbiter waits, the burns that bring it to the container, and its state (about Mars) there.

        It is made backwards: from the place where the container is caught to that behind it where the orbiter stopped,
        from there half a revolution down to where it had left a lower orbit.
        """
        room = self.room
        stop_ns = self.catch_ns - round(_LAST_S * NS_PER_S)
        track = container.realise(room)
        other = self.relative("mars", _array(track.state(stop_ns)), stop_ns)
        caught = self.relative("mars", _array(track.state(self.catch_ns)), self.catch_ns)
        forward = other[3:] / np.linalg.norm(other[3:])
        place = other[:3] - _BEHIND_KM * forward
        # What closes the gap in that time, put right by what it misses: over half an hour a push is felt as it is
        # to a few percent.
        velocity = other[3:] + _BEHIND_KM / _LAST_S * forward
        for _ in range(12):
            reached = self.relative("mars", self.flown(stop_ns, np.r_[place, velocity], self.catch_ns), self.catch_ns)
            gap = caught[:3] - reached[:3]
            if float(np.linalg.norm(gap)) < 1e-4:
                break
            velocity = velocity + self.carried_back(stop_ns, np.r_[place, velocity], gap)
        radius = float(np.linalg.norm(place))
        slower = math.sqrt(ascent.GM_KM3_S2 / radius**3) * _LOWER_KM / 4.0
        arriving = other[3:] - slower * forward
        below_km = radius - _LOWER_KM / 2
        rise_ns = stop_ns - round(math.pi * math.sqrt(below_km**3 / ascent.GM_KM3_S2) * NS_PER_S)
        low = self.relative("mars", self.flown(stop_ns, np.r_[place, arriving], rise_ns), rise_ns)
        raising = slower * low[3:] / np.linalg.norm(low[3:])
        waiting = low.copy()
        waiting[3:] -= raising
        burns = [
            Burn(name="raise", at=self.utc(rise_ns), delta_v_km_s=_vector(raising), axes="icrf"),
            Burn(name="match", at=self.utc(stop_ns), delta_v_km_s=_vector(velocity - arriving), axes="icrf"),
        ]
        return self.orbit(rise_ns, waiting), burns, State(_vector(place), _vector(velocity))

    def carried_back(self, begin_ns: int, state: Array, gap: Array) -> Array:
        """The change of velocity that moves where it will be when the container is caught by ``gap``."""
        ends = [self.flown(begin_ns, state, self.catch_ns)[:3]]
        for axis in range(3):
            nudged = state.copy()
            nudged[3 + axis] += _NUDGE_KM_S
            ends.append(self.flown(begin_ns, nudged, self.catch_ns)[:3])
        effect = np.column_stack([(end - ends[0]) / _NUDGE_KM_S for end in ends[1:]])
        return np.asarray(np.linalg.solve(effect, gap))

    def injection(self, held: State, leaves: Array, meets: Array) -> tuple[Burn, Path, tuple[int, Array], float, int]:
        """The burn that leaves Mars; the way home; when and in what state it enters; by how much that misses; since.

        First a place three days before entry is aimed at, where the Earth hardly bends the way yet, then the entry.
        """
        stop_ns = self.catch_ns - round(_LAST_S * NS_PER_S)
        orbit = self.orbit(stop_ns, np.array([*held.position_km, *held.velocity_km_s])).realise(self.room)
        middle_ns, delta_v = self.departure(orbit, leaves)
        begin_ns = middle_ns - round(_INJECTION_S / 2 * NS_PER_S)
        before = self.orbit(begin_ns, self.relative("mars", _array(orbit.state(begin_ns)), begin_ns))
        hand_ns = begin_ns + _FROM_MARS_NS - _OVERLAP_NS
        name, at = "injection", self.utc(begin_ns)

        def burn(delta_v: Array) -> Burn:
            return Burn(name=name, at=at, delta_v_km_s=_vector(delta_v), over_s=_INJECTION_S, axes="icrf")

        def outbound(delta_v: Array) -> Array:
            return _array(Manoeuvred(nominal=before, burns=(burn(delta_v),)).realise(self.room).state(hand_ns))

        def effect_of(delta_v: Array, to_ns: int) -> Array:
            nudges = [np.zeros(3), *(_NUDGE_KM_S * np.eye(3))]
            _, ends = self.pull.coast(hand_ns, np.array([outbound(delta_v + nudge) for nudge in nudges]), to_ns)
            return np.asarray((ends[1:] - ends[0]).T / _NUDGE_KM_S)

        other, part, exactly, effect, miss_km = np.zeros(3), 1.0, True, np.zeros((6, 3)), math.inf
        for _ in range(_TURNS):
            entry_ns, wanted = self.entry(meets, exactly)
            early_ns = entry_ns - _RELEASE_NS
            _, early = self.pull.coast(entry_ns, wanted[None, :], early_ns)
            for _ in range(_TURNS):
                if miss_km > _NEAR_KM:
                    effect = effect_of(delta_v, early_ns)
                _, ends = self.pull.coast(hand_ns, outbound(delta_v)[None, :], early_ns)
                miss = early[0, :3] - ends[0, :3]
                more = np.linalg.solve(effect[:3], miss)
                delta_v, miss_km = delta_v + more, float(np.linalg.norm(miss))
                if miss_km < _NEAR_KM:
                    break
            last, other = other, (ends[0] + effect @ more - early[0])[3:]
            off_km = max(miss_km, float(np.linalg.norm(other)) * _RELEASE_NS / NS_PER_S)
            if exactly and off_km < _MISS_KM:
                path, _ = self.pull.coast(hand_ns, outbound(delta_v)[None, :], entry_ns + _OVERLAP_NS)
                there = path(np.array([(entry_ns - hand_ns) / NS_PER_S]))[0]
                return burn(delta_v), path, (entry_ns, there), float(np.linalg.norm(there[:3] - wanted[:3])), hand_ns
            exactly = off_km < _AGAIN_KM
            # It comes otherwise than was thought: the entry is sought again with that, or with a part of it (Aitken).
            if last.any():
                part *= -float(last @ (other - last)) / float((other - last) @ (other - last))
            meets = meets + part * other
        raise GraphError(
            f"no burn was found that brings it to the Earth: after {_TURNS} corrections it is still missed by "
            f"{miss_km:,.0f} km; choose other days of departure and arrival"
        )

    def departure(self, orbit: object, leaves: Array) -> tuple[int, Array]:
        """The middle of the burn, and what it adds if it were done at once: tangential, to the hyperbola wanted."""
        gm = self.gm("mars")
        here = self.relative("mars", _array(orbit.state(self.leave_ns)), self.leave_ns)  # type: ignore[attr-defined]
        radius, excess = float(np.linalg.norm(here[:3])), float(np.linalg.norm(leaves))
        out_rad = math.acos(-1.0 / (1.0 + radius * excess * excess / gm))
        normal = np.cross(here[:3], here[3:])
        flat = leaves - (leaves @ normal) * normal / (normal @ normal)
        ahead = math.atan2(float(np.cross(here[:3], flat) @ normal) / np.linalg.norm(normal), float(here[:3] @ flat))
        turn = (ahead - out_rad) % math.tau
        middle_ns = self.leave_ns + round(turn * math.sqrt(radius**3 / gm) * NS_PER_S)
        there = self.relative("mars", _array(orbit.state(middle_ns)), middle_ns)  # type: ignore[attr-defined]
        radius = float(np.linalg.norm(there[:3]))
        way = np.cross(np.cross(there[:3], leaves), there[:3])
        speed = math.sqrt(excess * excess + 2 * gm / radius)
        return middle_ns, speed * way / np.linalg.norm(way) - there[3:]

    def entry(self, meets: Array, exactly: bool) -> tuple[int, Array]:
        """When the capsule enters, and in what state (barycentric), if it comes with ``meets`` and falls to Utah.

        If not ``exactly``, at the hour and on the side that were right before.
        """
        from scipy.optimize import root

        gm, radius = self.gm("earth"), entry.EQUATOR_KM + entry.INTERFACE_KM
        excess, steep = float(np.linalg.norm(meets)), math.radians(_STEEP_DEG)
        along = meets / excess
        speed = math.sqrt(excess * excess + 2 * gm / radius)
        p = (radius * speed * math.cos(steep)) ** 2 / gm
        e = math.sqrt(1.0 + p * excess * excess / gm)
        swept = math.acos(-1.0 / e) - math.acos((p / radius - 1.0) / e)
        north = np.array((0.0, 0.0, 1.0))
        side = np.cross(along, north)
        side /= np.linalg.norm(side)
        other = np.cross(along, side)

        def state(angle: float) -> Array:
            off = math.cos(angle) * side + math.sin(angle) * other
            up = math.sin(swept) * off - math.cos(swept) * along
            level = math.cos(swept) * off + math.sin(swept) * along
            return np.concatenate((radius * up, speed * (math.cos(steep) * level - math.sin(steep) * up)))

        def missed(guess: Sequence[float]) -> tuple[float, float]:
            t_ns = self.arrive_ns + round(guess[1] * 3600 * NS_PER_S)
            ground = fall(self.turned_from_earth(state(guess[0]), t_ns)).ground_km()
            return _north_deg(ground) - _north_deg(target), (_east_deg(ground) - _east_deg(target) + 180) % 360 - 180

        target = _fixed_km(self.room, UTAH)

        def north_off(angle: float) -> float:
            here = state(angle)
            way = here[3:] / float(np.linalg.norm(here[3:]))
            return abs(_north_deg(here[:3] + _FORWARD * radius * way) - _north_deg(target))

        if self.entered is None:
            # Eastward, as the Earth turns; the first guess of the angle is the best of some, if it fell straight on.
            tries = [k * math.tau / 72 for k in range(72)]
            angle = min((it for it in tries if np.cross(state(it)[:3], state(it)[3:])[2] > 0), key=north_off)
            self.entered = angle, (missed((angle, 0.0))[1] / _TURN_DEG_H) % (360 / _TURN_DEG_H)
        if exactly:
            found = root(missed, self.entered, tol=1e-5)
            if not found.success:
                raise GraphError("the capsule cannot fall to where it is awaited; choose another day of arrival")
            self.entered = float(found.x[0]), float(found.x[1])
        angle, hours = self.entered
        entry_ns = self.arrive_ns + round(hours * 3600) * NS_PER_S
        return entry_ns, state(angle) + self.body("earth", entry_ns)

    def pushed_aside(self, released: Array, there: Array, entry_ns: int) -> Array:
        """The state of the orbiter after it has turned aside: away from the Earth, across its way."""
        up = self.relative("earth", there, entry_ns)[:3]
        way = self.relative("earth", released, entry_ns - _RELEASE_NS)[3:]
        off = up - (up @ way) * way / (way @ way)
        pushed = released.copy()
        pushed[3:] += _ASIDE_KM_S * off / np.linalg.norm(off)
        return pushed

    # -- small things -------------------------------------------------------------------------------------------

    def utc(self, t_ns: int) -> str:
        return self.room.epoch.utc(t_ns, 9)

    def gm(self, body: str) -> float:
        return self.room.gm_km3_s2(body)

    def body(self, body: str, t_ns: int) -> Array:
        return _array(self.room.body_state(body, t_ns))

    def relative(self, body: str, state: Array, t_ns: int) -> Array:
        return np.asarray(state - self.body(body, t_ns))

    def turned(self, fixed: Array, t_ns: int) -> Array:
        """From axes that are Mars-fixed at ``t_ns`` to the ICRF."""
        rows = self.room.rotation("mars", t_ns)
        return np.concatenate((rows @ fixed[:3], rows @ fixed[3:]))

    def turned_from_earth(self, state: Array, t_ns: int) -> Array:
        rows = self.room.rotation("earth", t_ns)
        return np.concatenate((rows.T @ state[:3], rows.T @ state[3:]))

    def earth_fixed(self, state: Array, t_ns: int) -> Array:
        return self.turned_from_earth(self.relative("earth", state, t_ns), t_ns)

    def orbit(self, t_ns: int, state: Array) -> StateOrbit:
        """The orbit about Mars through a state (relative to it, ICRF)."""
        return StateOrbit(
            center="mars", epoch=self.utc(t_ns), position_km=_vector(state[:3]), velocity_km_s=_vector(state[3:])
        )

    def flown(self, begin_ns: int, state: Array, end_ns: int) -> Array:
        """What a state about Mars comes to; barycentric."""
        return _array(self.orbit(begin_ns, state).realise(self.room).state(end_ns))


def _fixed_km(room: Space, site: GroundSite) -> Array:
    return np.array(site.realise(room).fixed_km)


def _array(state: State) -> Array:
    return np.array([*state.position_km, *state.velocity_km_s])


def _vector(a: Array) -> tuple[float, float, float]:
    x, y, z = a.tolist()
    return x, y, z


def _north_deg(a: Array) -> float:
    return math.degrees(math.asin(a[2] / float(np.linalg.norm(a))))


def _east_deg(a: Array) -> float:
    return math.degrees(math.atan2(a[1], a[0]))


def _to_turn(normal: Array, direction: Array, inclination_deg: float) -> float:
    """By which angle a plane has to be turned about the pole (z) to hold a direction; the lesser of two."""
    lift = math.asin(direction[2] / float(np.linalg.norm(direction)))
    ratio = math.tan(lift) / math.tan(math.radians(inclination_deg))
    if abs(ratio) >= 1:
        raise GraphError(
            f"Mars has to be left in a direction {math.degrees(lift):.1f} deg off its equator, and an orbit inclined "
            f"by {inclination_deg:g} deg does not hold it; give one of {abs(math.degrees(lift)) + 1:.0f} deg or more, "
            f"or other days"
        )
    node = math.atan2(normal[0], -normal[1])
    east = math.atan2(direction[1], direction[0])
    wanted = east - math.asin(ratio), east - math.pi + math.asin(ratio)
    turns = [(node_wanted - node + math.pi) % math.tau - math.pi for node_wanted in wanted]
    return min(turns, key=abs)


def _asymptote(state: Array, gm: float, way: int = 1) -> Array:
    """The velocity far out of a hyperbola through a state, going (1) or coming (-1)."""
    r, v = state[:3], state[3:]
    radius = float(np.linalg.norm(r))
    excess = math.sqrt(float(v @ v) - 2 * gm / radius)
    h = np.cross(r, v)
    shape = np.cross(v, h) / gm - r / radius
    e = float(np.linalg.norm(shape))
    # The direction of periapsis, and the one across it in the plane: the asymptote is at an anomaly of acos(-1/e).
    x, y = shape / e, np.cross(h, shape) / (e * float(np.linalg.norm(h)))
    return (
        np.asarray(excess * (-way * x + math.sqrt(e * e - 1) * y) / e)
        if way > 0
        else np.asarray(excess * (x + math.sqrt(e * e - 1) * y) / e)
    )
