"""A landing as a trajectory: where the vehicle is in a run, what happens to it, and what it measures on the way.

``Landing`` is the declaration; ``realise`` places its flight in a run's space. Before contact the vehicle is in
flight (no zenith: only a planet's body can hide it); from contact on it stands on Mars and turns with it for ever.
From ``approach_s`` before entry interface on it falls as the landing's own dynamics say, and before that along the
orbit through their first state, which has the sun and a field of gravity (for thirty days; what the cruise corrected on
its way is left out). If it came from an orbit about Mars, it is on its carrier's path until entry interface, and enters
with the state that it has there.
The landing is flown when something is first asked of it, once per process for equal parameters.

How good it is, for Mars 2020: the last 17 minutes of the approach to 70 m against navigation's own; under the parachute
0.13 km in position and 20 m in height against the pictures on which it was fitted; event times to 1 s (peak heating, a
proxy: 3 s); peak deceleration to 2 %; between entry and parachute within 1.5 km of an independent 3-DOF study. Flight
used what is left out here (reversals by guidance, attitude, swing, gusts, terrain), and no other landing is predicted
better than that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import Ball, State, Trajectory
from lightlag.orbiters.frames import add, apply, apply_inverse, subtract
from lightlag.orbiters.orbits import integrated
from lightlag.orbiters.propagation import Propagation
from lightlag.orbiters.sites import GroundSite, SiteTrack
from lightlag.orbiters.space import Space, in_space
from lightlag.orbiters.trajectory import ball_of_balls, enclosing_ball, kinks_ns

from .dynamics import (
    ROTATION_RAD_S,
    STANDARD_GRAVITY_M_S2,
    Vector,
    direction,
    inertial_acceleration,
    norm,
    range_km,
    spherical,
)
from .flight import Flight, fly
from .parameters import Entry, LandingParams
from .plasma import attenuation_db

#: Event times are whole multiples of this from entry interface: as fine as they are told.
_GRAIN_NS = 1_000_000
_REST: Vector = (0.0, 0.0, 0.0)
#: Of a cruise no more than this is known.
_CRUISE_NS = 30 * 86_400 * NS_PER_S
#: How far apart a bound samples the trajectory, before entry, in the air, and on the ground, s.
_APPROACH_STEP_S, _AIR_STEP_S, _GROUND_STEP_S = 30.0, 5.0, 900.0
#: More samples than this a bound does not take of one stretch; it grows instead.
_MOST_SAMPLES = 64
#: Acceleration before entry and on the ground, km/s2 in the ICRF: less than GM / r^2 at 3,400 km; 1.7e-5 by rotation
#: and 2.6e-6 by the Sun.
_APPROACH_KM_S2, _GROUND_KM_S2 = 4e-3, 2.5e-5


class Telemetry(NamedTuple):
    """What the vehicle would measure. Angles are Mars-fixed and planetocentric, speeds over the turning planet."""

    height_km: float
    """Above the radius of the landing site."""
    range_km: float
    """Great circle to the landing site."""
    lat_deg: float
    lon_deg: float
    speed_m_s: float
    flight_path_deg: float
    mach: float
    """Of the flow around the vehicle, wind included; 0 in the vacuum before entry interface and on the ground."""
    dynamic_pressure_pa: float
    deceleration_g: float
    """Size of the non-gravitational acceleration in standard gravities (9.80665 m/s2); on the ground what it bears."""


class LandingEvent(NamedTuple):
    """Something that happens to the vehicle, with what it measured then (the fields of ``Telemetry``)."""

    id: str
    t_ns: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Landing:
    """A landing on Mars, as declared."""

    params: LandingParams

    def realise(self, space: object) -> LandingTrajectory:
        """The landing in the space (``lightlag.orbiters.Space``) of a run."""
        return LandingTrajectory(self.params, in_space(space))


class LandingTrajectory:
    """Where the vehicle is in one run."""

    def __init__(self, params: LandingParams, space: Space) -> None:
        self.params = params
        self._space = space
        #: Run time of E+0.
        self.entry_interface_ns = space.epoch.t_ns(params.entry_interface_utc)
        self._start_ns = self.entry_interface_ns - round(params.approach_s * NS_PER_S)

    @cached_property
    def _carrier(self) -> Trajectory | None:
        """The path until entry interface, of a vehicle that comes from an orbit."""
        carrier, space = self.params.carrier, self._space
        if carrier is None:
            return None
        if space.until_ns < self.entry_interface_ns:  # a path with burns is known to the end of the run only
            space = Space(space.epoch, space.ephemeris, until_ns=self.entry_interface_ns, folder=space.folder)
        return carrier.trajectory.model().realise(space)

    @cached_property
    def _flight(self) -> Flight:
        if self._carrier is None:
            return fly(self.params)
        where = spherical(*self._fixed(self._carrier, self.entry_interface_ns))
        return fly(self.params.model_copy(update={"entry": Entry.model_construct(**where._asdict())}))

    @cached_property
    def _brought(self) -> tuple[Trajectory, int]:
        """The path before its own dynamics begin, and when they do."""
        if self._carrier is not None:
            return self._carrier, self.entry_interface_ns
        at_s = -self.params.approach_s
        start = self._in_space(self._start_ns, *self._flight.arc(at_s).state(at_s))
        centre = self._space.body_state("mars", self._start_ns)
        relative = State(*(subtract(here, there) for here, there in zip(start, centre, strict=True)))
        return integrated(Propagation(self._space, "mars", self._start_ns, relative)), self._start_ns

    @property
    def kinks_ns(self) -> Sequence[int]:
        """Instants at which the velocity leaps while it rides on its carrier: that one's burns."""
        if self._carrier is None:
            return ()
        return [t_ns for t_ns in kinks_ns(self._carrier) if t_ns < self.entry_interface_ns]

    @cached_property
    def _contact_ns(self) -> int:
        return self._t_ns(self._flight.contact_s)

    @cached_property
    def _site(self) -> SiteTrack:
        """Where it stands in the end."""
        return GroundSite(body="mars", xyz_km=self._flight.landed_km).realise(self._space)

    @cached_property
    def events(self) -> tuple[LandingEvent, ...]:
        """What happens, in order of time; ids as in the flight's published record."""
        events = [
            LandingEvent(name, self._t_ns(at_s), self.telemetry(self._t_ns(at_s))._asdict())
            for name, at_s in self._flight.events_s.items()
        ]
        return tuple(sorted(events, key=lambda event: (event.t_ns, event.id)))

    def state(self, t_ns: int) -> State:
        """State at ``t_ns``: ICRF, barycentric, km and km/s.

        Raises:
            GraphError: before its path is known.
        """
        if t_ns >= self._contact_ns:
            return self._site.state(t_ns)
        path, until_ns = self._brought
        if t_ns < until_ns:
            self._check_known(t_ns)
            return path.state(t_ns)
        return self._in_space(t_ns, *self.mars_fixed(t_ns))

    def _in_space(self, t_ns: int, position: Vector, velocity: Vector) -> State:
        """A Mars-fixed position and a velocity over the turning planet, as a state in the ICRF."""
        (x, y, z), (vx, vy, vz) = position, velocity
        rows = self._space.rows("mars", t_ns)
        centre = self._space.body_state("mars", t_ns)
        turning = (vx - ROTATION_RAD_S * y, vy + ROTATION_RAD_S * x, vz)
        return State(
            add(centre.position_km, apply(rows, (x, y, z))),
            add(centre.velocity_km_s, apply(rows, turning)),
        )

    def mars_fixed(self, t_ns: int) -> tuple[Vector, Vector]:
        """Position (km) and velocity over the turning planet (km/s) in IAU_MARS (pck00010)."""
        if t_ns >= self._contact_ns:
            return self._flight.landed_km, _REST
        path, until_ns = self._brought
        if t_ns < until_ns:
            self._check_known(t_ns)
            return self._fixed(path, t_ns)
        at_s = self._e_s(t_ns)
        return self._flight.arc(at_s).state(at_s)

    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        """A ball around every position in [t0_ns, t1_ns].

        Between two samples dt apart a curve leaves its chord by at most a dt^2 / 8 + dv dt / 4, with a the greatest
        acceleration and dv the sum of the jumps in velocity; the ball holds all chords and is wider by that.
        """
        entry_ns, contact_ns = self.entry_interface_ns, self._contact_ns
        if t0_ns >= contact_ns:
            return self._site.bound(t0_ns, t1_ns)
        path, until_ns = self._brought
        if t0_ns < until_ns:
            before = path.bound(t0_ns, min(t1_ns, until_ns))
            return before if t1_ns <= until_ns else ball_of_balls([before, self.bound(until_ns, t1_ns)])
        points: list[Vector] = []
        margin_km = 0.0
        stretches = (
            (t0_ns, min(t1_ns, entry_ns), _APPROACH_STEP_S, _APPROACH_KM_S2, 0.0),
            (max(t0_ns, entry_ns), min(t1_ns, contact_ns), _AIR_STEP_S, self._air_km_s2, self._jumps_km_s),
            (max(t0_ns, contact_ns), max(t0_ns, t1_ns), _GROUND_STEP_S, _GROUND_KM_S2, 0.0),
        )
        for begin_ns, end_ns, step_s, acceleration, jumps in stretches:
            if begin_ns > end_ns:
                continue
            count = max(1, min(_MOST_SAMPLES, math.ceil((end_ns - begin_ns) / (step_s * NS_PER_S))))
            points += [self.state(begin_ns + (end_ns - begin_ns) * i // count).position_km for i in range(count + 1)]
            dt = (end_ns - begin_ns) / count / NS_PER_S + 1e-9
            margin_km = max(margin_km, acceleration * dt * dt / 8.0 + jumps * dt / 4.0)
        ball = enclosing_ball(points)
        return Ball(ball.centre_km, ball.radius_km + margin_km)

    def zenith(self, t_ns: int) -> Vector | None:
        """The normal of the reference ellipsoid (ICRF) once the wheels stand on the ground; None in flight."""
        if t_ns < self._contact_ns:
            return None
        return self._site.zenith(t_ns)

    def settled(self, t_ns: int) -> SiteTrack | None:
        """The site that it stands on from ``t_ns`` on, if it is down by then."""
        return self._site if t_ns >= self._contact_ns else None

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        """What the plasma takes from a signal, dB."""
        if not self.entry_interface_ns <= t_ns < self._contact_ns:
            return 0.0
        flow = self._flight.forces.atmosphere.flow(*self.mars_fixed(t_ns))
        return attenuation_db(self.params.plasma, flow.density_kg_m3, flow.speed_m_s, frequency_hz)

    def telemetry(self, t_ns: int) -> Telemetry:
        """What the vehicle measures at ``t_ns``."""
        position, velocity = self.mars_fixed(t_ns)
        site = self.params.site
        where = spherical(position, velocity)
        mach = pressure = felt = 0.0
        if t_ns >= self._contact_ns:
            felt = norm(inertial_acceleration(*position, *velocity)) * 1e3
        elif t_ns >= self.entry_interface_ns:
            at_s = self._e_s(t_ns)
            flow = self._flight.forces.atmosphere.flow(position, velocity)
            mach, pressure, felt = flow.mach, flow.pressure_pa, self._flight.arc(at_s).sensed_at(at_s)
        return Telemetry(
            height_km=where.radius_km - site.radius_km,
            range_km=range_km(position, direction(site.lat_deg, site.lon_deg), site.radius_km),
            lat_deg=where.lat_deg,
            lon_deg=where.lon_deg,
            speed_m_s=where.speed_m_s,
            flight_path_deg=where.flight_path_deg,
            mach=mach,
            dynamic_pressure_pa=pressure,
            deceleration_g=felt / STANDARD_GRAVITY_M_S2,
        )

    def _check_known(self, t_ns: int) -> None:
        first_ns = self._start_ns - (_CRUISE_NS if self._carrier is None else 0)
        if t_ns < first_ns:
            begins, asked = self._space.epoch.utc(first_ns), self._space.epoch.utc(t_ns)
            raise GraphError(
                f"the landing's trajectory begins at {begins}, and {asked} was asked for; start the run later"
            )

    def _fixed(self, path: Trajectory, t_ns: int) -> tuple[Vector, Vector]:
        """Where a path is: Mars-fixed position (km) and velocity over the turning planet (km/s)."""
        rows, centre, here = self._space.rows("mars", t_ns), self._space.body_state("mars", t_ns), path.state(t_ns)
        x, y, z = apply_inverse(rows, subtract(here.position_km, centre.position_km))
        vx, vy, vz = apply_inverse(rows, subtract(here.velocity_km_s, centre.velocity_km_s))
        return (x, y, z), (vx + ROTATION_RAD_S * y, vy - ROTATION_RAD_S * x, vz)

    def _e_s(self, t_ns: int) -> float:
        return (t_ns - self.entry_interface_ns) / NS_PER_S

    def _t_ns(self, at_s: float) -> int:
        return self.entry_interface_ns + round(at_s * NS_PER_S / _GRAIN_NS) * _GRAIN_NS

    @cached_property
    def _air_km_s2(self) -> float:
        """Greatest acceleration in the air in the ICRF: what is felt, and what gravity and the Sun may add."""
        felt = max(max(arc.sensed_m_s2) for arc in self._flight.arcs)
        return 1.05 * felt * 1e-3 + _APPROACH_KM_S2

    @cached_property
    def _jumps_km_s(self) -> float:
        """All jumps of velocity on the way down."""
        return self.params.descent.jumps_km_s
