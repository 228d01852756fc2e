"""The plan of a whole return: every burn and every instant, from a few dates.

It is made from the far end to the near one. Departure and arrival fix, by Lambert's problem, in which direction and how
fast Mars is to be left. The plane of the orbit is to hold that direction, which fixes at what time of the day of the
launch Jezero passes under it. The orbiter comes to where the ascent vehicle has left the container (``rendezvous``).
Last, the burn that leaves Mars is corrected until the way home, integrated, meets the point over the Earth from which
the capsule falls to where it is awaited (``homing``).

A plan depends on its ``Study`` alone: it is made in a space of its own, and is the same in every run and process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.orbiters import Ephemeris, GroundSite, Manoeuvred, Space, StateOrbit

from .ascent import J2, J2_RADIUS_KM, TURN_RAD_S, Ascent, ascend
from .cruise import Path, Pull
from .entry import Fall, fall
from .homing import OVERLAP_NS, RELEASE_NS, UTAH, Homeward, homeward
from .lambert import lambert
from .rendezvous import rendezvous
from .sky import NORTH, Array, Sky, excess_km_s, size, vector

#: On the floor of Jezero, near where Perseverance landed (Mars 2020 landing site, 18.4446 N 77.4509 E).
JEZERO = GroundSite(body="mars", lat_deg=18.4446, lon_deg=77.4509, height_km=-2.57)

_DAY_NS = 86_400 * NS_PER_S
# Assumed: how fast the container is pushed off, and by how much the orbiter turns aside before the Earth.
_PUSHED_OFF_KM_S, _ASIDE_KM_S = 3e-4, 0.025


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
    epoch = Epoch.parse(study.launch)
    catch_ns, leave_ns, arrive_ns = map(epoch.t_ns, (study.catch, study.departure, study.arrival))
    if not 2 * _DAY_NS <= catch_ns < leave_ns < arrive_ns:
        raise GraphError(
            f"launch {study.launch}, catch {study.catch}, departure {study.departure}, arrival {study.arrival}: "
            f"they follow one another, the catch two days or more after the launch"
        )
    room = Space(epoch, Ephemeris.open(), until_ns=arrive_ns + 3 * _DAY_NS)
    room.require(0, room.until_ns)
    sky, pull = Sky(room), Pull(room)

    leaves, meets = _without_planets(sky, leave_ns, arrive_ns)
    ascent, launch_ns = _launch(sky, study, leaves, leave_ns)
    in_orbit_ns = launch_ns + round(ascent.stage2_end_s * NS_PER_S)
    in_orbit = sky.from_fixed("mars", ascent.states[-1], launch_ns)
    push = _PUSHED_OFF_KM_S * in_orbit[3:] / size(in_orbit[3:])
    container = sky.orbit(in_orbit_ns, np.concatenate((in_orbit[:3], in_orbit[3:] + push)))
    waiting, burns, held = rendezvous(sky, container, catch_ns)
    home = homeward(sky, pull, held, (leaves, meets), leave_ns, arrive_ns)
    aside, released = _aside(sky, home)
    turned = released + np.concatenate((np.zeros(3), aside))
    aside_path, _ = pull.coast(home.entry_ns - RELEASE_NS, turned[None, :], room.until_ns)
    there = sky.relative("earth", home.there, home.entry_ns)
    down = fall(sky.to_fixed("earth", there, home.entry_ns))
    begin = sky.relative("mars", home.path(np.zeros(1))[0], home.since_ns)
    return Plan(
        ascent=ascent,
        launch=sky.utc(launch_ns),
        in_orbit=sky.utc(in_orbit_ns),
        catch=sky.utc(catch_ns),
        release=sky.utc(home.entry_ns - RELEASE_NS),
        entry=sky.utc(home.entry_ns),
        landing=sky.utc(home.entry_ns + round(down.end_s * NS_PER_S)),
        from_mars=sky.utc(home.since_ns + OVERLAP_NS),
        stage=sky.orbit(in_orbit_ns, in_orbit),
        container=container,
        orbiter=Manoeuvred(nominal=waiting, burns=(*burns, home.burn)),
        cruise_since=sky.utc(home.since_ns),
        cruise=home.path,
        aside=aside_path,
        aside_km_s=vector(aside),
        fall=down,
        entry_miss_km=home.miss_km,
        landing_miss_km=size(down.ground_km() - sky.site_km(UTAH)),
        lambert_km_s=(size(leaves), size(meets)),
        excess_km_s=(excess_km_s(begin, sky.gm("mars")), excess_km_s(there, sky.gm("earth"))),
    )


def _without_planets(sky: Sky, leave_ns: int, arrive_ns: int) -> tuple[Array, Array]:
    """With what velocity Mars is left and the Earth is met, relative to them, if they did not pull."""
    mars = sky.relative("sun", sky.body("mars", leave_ns), leave_ns)
    earth = sky.relative("sun", sky.body("earth", arrive_ns), arrive_ns)
    left, met = lambert(mars[:3], earth[:3], (arrive_ns - leave_ns) / NS_PER_S, sky.gm("sun"), NORTH)
    return left - mars[3:], met - earth[3:]


def _launch(sky: Sky, study: Study, leaves: Array, leave_ns: int) -> tuple[Ascent, int]:
    """The flight to orbit, and when it begins.

    The plane of the orbit drifts while container and orbiter wait in it, by the secular rate of J2 (first order: a
    tenth of a degree in a week is left, which the injection takes along).
    """
    x, y, z = sky.site_km(JEZERO).tolist()
    flight = ascend((x, y, z), study.altitude_km, study.inclination_deg)
    end = sky.from_fixed("mars", flight.states[-1], 0)
    radius = size(end[:3])
    motion_rad_s = math.sqrt(sky.gm("mars") / radius**3)
    drift_rad_s = (
        -1.5 * motion_rad_s * J2 * (J2_RADIUS_KM / radius) ** 2 * math.cos(math.radians(study.inclination_deg))
    )
    rows = sky.room.rotation("mars", leave_ns)
    ahead_rad = to_turn(rows.T @ np.cross(end[:3], end[3:]), rows.T @ leaves, study.inclination_deg)
    # Launched later it drifts for less long.
    drifted_rad = drift_rad_s * leave_ns / NS_PER_S
    late_s = ((ahead_rad - drifted_rad) % math.tau) / (TURN_RAD_S - drift_rad_s)
    return flight, round(late_s * NS_PER_S)


def to_turn(normal: Array, direction: Array, inclination_deg: float) -> float:
    """By which angle (rad) a plane has to be turned about the pole (z) to hold a direction; the lesser of two.

    Raises:
        GraphError: the direction is farther off the equator than the plane is inclined.
    """
    lift = math.asin(direction[2] / size(direction))
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


def _aside(sky: Sky, home: Homeward) -> tuple[Array, Array]:
    """By what push the orbiter turns aside, away from the Earth and across its way; and its state before that."""
    release_ns = home.entry_ns - RELEASE_NS
    released = home.path(np.array([(release_ns - home.since_ns) / NS_PER_S]))[0]
    up = sky.relative("earth", home.there, home.entry_ns)[:3]
    way = sky.relative("earth", released, release_ns)[3:]
    off = up - (up @ way) * way / (way @ way)
    return _ASIDE_KM_S * off / size(off), released
