"""The landing as it happens: approach, entry, parachute, powered descent, each piece up to the trigger that ends it.

``fly`` integrates one set of parameters in the Mars-fixed frame and returns a ``Flight``: arcs, and the E of every
event. Events are consequences: of range to the target or speed (mortar), speed (SUFR), Mach number (flap, heat shield),
height (radar, navigation, release), height over speed (backshell), contact, a stated time after another event, or the
extreme of a quantity.
Only what parameters call a flown input (reversals, balance masses) happens at a time that was told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from lightlag.bus.errors import GraphError

from .arc import Arc, StatesAt, peak
from .dynamics import Spherical, Vector, cartesian, direction, dot, inertial_acceleration, norm, range_km
from .forces import Craft, Forces
from .parameters import Banking, LandingParams
from .plasma import attenuation_db
from .powered import descend

_CRUISE_STEP_S, _AIR_STEP_S = 5.0, 0.1
#: Nothing that this model flies takes longer from one event to the next.
_PATIENCE_S = 1200.0
# Relative, and absolute in km and km/s: ten times tighter moves the touchdown by less than a metre.
_RTOL, _ATOL = 1e-9, 1e-9

#: A trigger: positive before, negative after, of E, position (km) and velocity (km/s).
Trigger = Callable[[float, Vector, Vector], float]


@dataclass(frozen=True, slots=True)
class Flight:
    """One landing: arcs from the start of the approach to contact, and when what happened (E, s)."""

    arcs: tuple[Arc, ...]
    events_s: Mapping[str, float]
    #: E at which it stands on the ground, and where, Mars-fixed, km.
    contact_s: float
    landed_km: Vector
    forces: Forces

    def arc(self, t_s: float) -> Arc:
        """The arc that holds an E before contact; at a corner, the later one."""
        low, high = 0, len(self.arcs) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.arcs[middle].t0_s <= t_s:
                low = middle
            else:
                high = middle - 1
        return self.arcs[low]


class _Pilot:
    """Flies the pieces one after the other and keeps what has been flown."""

    def __init__(self, params: LandingParams) -> None:
        self.params = params
        self.forces = Forces(params)
        self.target = direction(params.site.lat_deg, params.site.lon_deg)
        self.t_s = 0.0
        assert params.entry is not None, "of a vehicle with a carrier the landing's trajectory finds it"
        self.position, self.velocity = cartesian(Spherical(**params.entry.model_dump()))
        self.arcs: list[Arc] = []
        self.events: dict[str, float] = {"entry_interface": 0.0}

    def mark(self, event: str) -> None:
        """Something happens now."""
        self.events[event] = self.t_s

    def approach(self) -> None:
        """Backwards from entry interface, in a vacuum; of a vehicle with a carrier that one's path is known instead."""
        event, at_s = self.params.separation
        self.events[event] = at_s
        if self.params.carrier is not None:
            return
        solution = _solve(_nothing, 0.0, -self.params.approach_s, self.position, self.velocity, [])
        self.arcs.append(Arc.sampled(-self.params.approach_s, 0.0, _CRUISE_STEP_S, _dense(solution), _nothing))

    def fly(
        self,
        craft: Craft | None,
        seconds: float,
        until: Trigger | None = None,
        watch: Mapping[str, Trigger] | None = None,
    ) -> bool:
        """Fly ``craft`` (None: free fall) for ``seconds`` or until the trigger; True if it was the trigger.

        Triggers in ``watch`` are marked as they pass and do not end the piece; each is marked once.
        """
        pending = {name: trigger for name, trigger in (watch or {}).items() if name not in self.events}
        for name, trigger in pending.items():
            if trigger(self.t_s, self.position, self.velocity) <= 0.0:
                self.mark(name)
        if until is not None and until(self.t_s, self.position, self.velocity) <= 0.0:
            return True
        force = partial(self.forces.acceleration, craft) if craft is not None else _nothing
        ends = [self._ground, *([until] if until is not None else [])]
        solution = _solve(
            force, self.t_s, self.t_s + seconds, self.position, self.velocity, ends, list(pending.values())
        )
        end_s = float(solution.t[-1])
        states = _dense(solution)
        if solution.t_events[0].size:
            where = ", ".join(self.events)
            raise GraphError(
                f"with these landing parameters the vehicle meets the ground at E+{end_s:.1f} s, after: {where}; "
                "it needs more lift upwards, less density, or an earlier trigger"
            )
        for name, passed in zip(pending, solution.t_events[len(ends) :], strict=True):
            if passed.size and name not in self.events:
                self.events[name] = float(passed[0])
        if end_s > self.t_s:
            self.arcs.append(Arc.sampled(self.t_s, end_s, _AIR_STEP_S, states, force))
        self.t_s = end_s
        ((self.position, self.velocity),) = states([end_s])
        return until is not None and bool(solution.t_events[1].size)

    def _ground(self, t_s: float, position: Vector, velocity: Vector) -> float:
        return norm(position) - self.params.site.radius_km

    def entry(self) -> Craft:
        """Under lift, and without it; ends with the mortar."""
        vehicle, guidance = self.params.vehicle, self.params.guidance
        mass = vehicle.entry_mass_kg
        if isinstance(guidance, Banking):
            event, drops_s = "sufr_start", guidance.balance_masses_after_s
            straight, what = self._slower_than(guidance.sufr_speed_m_s), "slows to sufr_speed_m_s"
        else:
            event, drops_s = "trim_flap", ()
            straight, what = self._mach_below(guidance.flap_mach), "slows to flap_mach"
        if not self.fly(Craft(mass, 1.0), _PATIENCE_S, until=straight):
            raise self._never(what)
        self.mark(event)
        start_s, pieces = self.t_s, len(drops_s)
        trigger, what = self._mortar()
        fired = False
        for gone, after_s in enumerate((*drops_s, _PATIENCE_S)):
            part = gone / pieces if pieces else 1.0
            craft = Craft(mass - part * vehicle.balance_mass_kg, 1.0 - part)
            if after_s > self.t_s - start_s:
                fired = self.fly(craft, start_s + after_s - self.t_s, until=trigger)
            if fired:
                break
        if not fired:
            raise self._never(what)
        self.mark("parachute_mortar")
        return craft

    def parachute(self, craft: Craft) -> None:
        """From the mortar to where the parachute is left."""
        chute, descent = self.params.parachute, self.params.descent
        craft = craft._replace(lift=0.0)
        self.fly(craft, chute.line_stretch_s)
        self.mark("line_stretch")
        craft = craft._replace(stretched_s=self.t_s)
        self.fly(craft, chute.inflation_s)
        self.mark("full_inflation")
        if not self.fly(craft, _PATIENCE_S, until=self._mach_below(descent.heatshield_mach)):
            raise self._never("slows to heatshield_mach under the parachute")
        self.mark("heatshield_sep")
        craft = craft._replace(mass_kg=craft.mass_kg - self.params.vehicle.heatshield_kg)
        watch = {event: self._lower_than(height_km) for event, height_km in descent.heights_km.items()}
        if not self.fly(craft, _PATIENCE_S, until=self._must_brake, watch=watch):
            raise self._never("comes down to the height at which it leaves its parachute")
        self.mark(descent.left)

    def powered(self) -> None:
        """From where the parachute is left to contact."""
        site, descent = self.params.site, self.params.descent
        self.fly(None, descent.drop_s)
        height = norm(self.position) - site.radius_km
        if height <= descent.braked_height_km:
            raise GraphError(
                f"with these landing parameters the engines start {height * 1e3:.0f} m above the ground, below the "
                f"{descent.braked_height_km * 1e3:.0f} m at which braking has to be over; "
                "open the parachute higher"
            )
        arcs, marks = descend(site, descent, self.t_s, self.position, self.velocity)
        self.arcs += arcs
        self.events |= marks
        self.position, _ = arcs[-1].state(arcs[-1].t1_s)

    def _never(self, what: str) -> GraphError:
        return GraphError(f"with these landing parameters the vehicle never {what}")

    def _slower_than(self, speed_m_s: float) -> Trigger:
        return lambda t_s, position, velocity: norm(velocity) * 1e3 - speed_m_s

    def _lower_than(self, height_km: float) -> Trigger:
        return lambda t_s, position, velocity: norm(position) - self.params.site.radius_km - height_km

    def _mach_below(self, mach: float) -> Trigger:
        return lambda t_s, position, velocity: self.forces.atmosphere.flow(position, velocity).mach - mach

    def _mortar(self) -> tuple[Trigger, str]:
        """What fires the parachute, and how that is told."""
        chute = self.params.parachute
        if chute.trigger_range_km is None:
            assert chute.trigger_speed_m_s is not None
            return self._slower_than(chute.trigger_speed_m_s), "slows to trigger_speed_m_s"
        return self._nearer_than(chute.trigger_range_km), "comes within trigger_range_km of the site"

    def _nearer_than(self, limit_km: float) -> Trigger:
        return lambda t_s, position, velocity: range_km(position, self.target, self.params.site.radius_km) - limit_km

    def _must_brake(self, t_s: float, position: Vector, velocity: Vector) -> float:
        radius = norm(position)
        sink = -dot(velocity, position) / radius
        return radius - self.params.site.radius_km - self.params.descent.separation_height_km(sink)


def _nothing(t_s: float, position: Vector, velocity: Vector) -> Vector:
    return 0.0, 0.0, 0.0


def _solve(
    force: Callable[[float, Vector, Vector], Vector],
    t0_s: float,
    t1_s: float,
    position: Vector,
    velocity: Vector,
    ends: list[Trigger],
    watch: list[Trigger] | None = None,
) -> Any:
    """Integrate; ``ends`` stop it, ``watch`` are only found."""
    import numpy as np
    from scipy.integrate import solve_ivp

    def rates(t_s: float, state: Any) -> list[float]:
        x, y, z, vx, vy, vz = state.tolist()
        gx, gy, gz = inertial_acceleration(x, y, z, vx, vy, vz)
        ax, ay, az = force(t_s, (x, y, z), (vx, vy, vz))
        return [vx, vy, vz, gx + ax, gy + ay, gz + az]

    def event(trigger: Trigger, terminal: bool) -> Callable[[float, Any], float]:
        def value(t_s: float, state: Any) -> float:
            x, y, z, vx, vy, vz = state.tolist()
            return trigger(t_s, (x, y, z), (vx, vy, vz))

        value.terminal, value.direction = terminal, -1.0  # type: ignore[attr-defined]
        return value

    events = [event(trigger, True) for trigger in ends] + [event(trigger, False) for trigger in watch or []]
    return solve_ivp(
        rates,
        (t0_s, t1_s),
        np.array([*position, *velocity]),
        method="DOP853",
        rtol=_RTOL,
        atol=_ATOL,
        dense_output=True,
        events=events or None,
    )


def _dense(solution: Any) -> StatesAt:
    def states(times_s: list[float]) -> list[tuple[Vector, Vector]]:
        return [((x, y, z), (vx, vy, vz)) for x, y, z, vx, vy, vz in solution.sol(times_s).T.tolist()]

    return states


def _extremes(params: LandingParams, forces: Forces, arcs: list[Arc], events: dict[str, float]) -> dict[str, float]:
    """What is known only afterwards: peaks and the blackout, over the arc under lift, from entry interface on."""
    arc = next(arc for arc in arcs if arc.t0_s == 0.0)
    times = arc.times_s[:-1]  # evenly spaced
    flows = [
        forces.atmosphere.flow(position, velocity)
        for position, velocity in zip(arc.positions_km, arc.velocities_km_s, strict=True)
    ][:-1]
    found = {
        # Heating at the stagnation point as sqrt(density) V^3: Sutton and Graves, NASA TR R-376 (1971).
        "peak_heating": peak(times, [math.sqrt(flow.density_kg_m3) * flow.speed_m_s**3 for flow in flows]),
        "peak_deceleration": peak(times, arc.sensed_m_s2[:-1]),
        "max_dynamic_pressure": peak(times, [flow.pressure_pa for flow in flows]),
    }
    plasma = params.plasma
    losses = [attenuation_db(plasma, flow.density_kg_m3, flow.speed_m_s, plasma.blackout_hz) for flow in flows]
    dark = [i for i, loss in enumerate(losses) if loss >= plasma.blackout_db]
    if dark:
        for name, i in (("plasma_blackout_start", dark[0]), ("plasma_blackout_end", dark[-1] + 1)):
            if 0 < i < len(losses):
                part = (plasma.blackout_db - losses[i - 1]) / (losses[i] - losses[i - 1])
                found[name] = times[i - 1] + part * (times[i] - times[i - 1])
    reversals = [at_s for at_s in params.guidance.reversals_s if at_s < arc.t1_s]
    return found | {f"bank_reversal_{count}": at_s for count, at_s in enumerate(reversals, start=1)}


@lru_cache(maxsize=16)
def fly(params: LandingParams) -> Flight:
    """Fly one landing. Pure: equal parameters give the same flight, which a process computes once.

    Raises:
        GraphError: the parameters lead to no landing; the message says what happens instead.
    """
    pilot = _Pilot(params)
    pilot.approach()
    craft = pilot.entry()
    pilot.parachute(craft)
    pilot.powered()
    events = pilot.events | _extremes(params, pilot.forces, pilot.arcs, pilot.events)
    ordered = dict(sorted(events.items(), key=lambda item: (item[1], item[0])))
    return Flight(tuple(pilot.arcs), ordered, events[params.descent.contact], pilot.position, pilot.forces)
