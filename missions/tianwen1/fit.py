"""The fits of this mission, to be done again: ``python -m lightlag.missions.tianwen1.fit`` prints what the facts hold.

A burn is fitted to the position of the telemetry state that it ``meets``, three numbers to three; the velocity there is
what it can be judged by. One that gives a ``period_s`` instead pushes straight back, as hard as that needs. The landing
is fitted to seven published figures by seven parameters, from the facts as they are, so that fitted facts stay what
they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.trajectory import Vector
from lightlag.orbiters import Burn, Ephemeris, Manoeuvred, Space
from lightlag.orbiters.declared import TrajectorySpec
from lightlag.orbiters.frames import dot, subtract

from .paths import declared, facts, path, state
from .zhurong import landing

#: Targets of the landing: E in seconds, height above the site in km (CN, ZEN). The rest is that the parachute is
#: released above the site; later the divert would hide where guidance had led to.
MORTAR_S, MORTAR_KM, HEATSHIELD_S, RELEASE_S, TOUCHDOWN_S = 284.0, 10.0, 310.0, 370.0, 550.0
_KM_PER_DEG = 59.1
#: A burn for a period is sought between these (km/s), and a periapsis this far around.
_PUSHES_KM_S = (-0.045, -0.038)
_TWO_HOURS_NS = 7200 * NS_PER_S
#: How long after the last state of a path it is still flown: over two sols after the last burn.
_BEYOND_NS = 5 * 86_400 * NS_PER_S


def space_of(name: str) -> Space:
    """A space in which a path and all that its burns meet can be looked at."""
    states = [record for record in facts().records("states") if record["id"] in _on(name)]
    epochs = [Epoch.parse(record["epoch"]) for record in states]
    first, last = min(epochs, key=lambda it: it.tdb_ns), max(epochs, key=lambda it: it.tdb_ns)
    return Space(first, Ephemeris.open(), until_ns=last.tdb_ns - first.tdb_ns + _BEYOND_NS)


def miss(space: Space, flown: Manoeuvred, met: str) -> tuple[Vector, Vector]:
    """By how much a path misses a state of the telemetry: km and km/s, ICRF."""
    record = next(record for record in facts().records("states") if record["id"] == met)
    t_ns = space.epoch.t_ns(record["epoch"])
    there = TrajectorySpec.model_validate(state(met)).model().realise(space).state(t_ns)
    here = flown.realise(space).state(t_ns)
    return subtract(here.position_km, there.position_km), subtract(here.velocity_km_s, there.velocity_km_s)


def periapsis_ns(space: Space, flown: Manoeuvred, near_ns: int) -> int:
    """Run time of the periapsis within two hours of a time."""
    from scipy.optimize import brentq

    path = flown.realise(space)

    def rising(t_ns: float) -> float:
        here, mars = path.state(round(t_ns)), space.body_state("mars", round(t_ns))
        return dot(*(subtract(a, b) for a, b in zip(here, mars, strict=True)))

    found: float = brentq(rising, near_ns - _TWO_HOURS_NS, near_ns + _TWO_HOURS_NS, xtol=1e4)
    return round(found)


def fitted_burns(name: str) -> list[Burn]:
    """The burns of a path, fitted one after the other to what their records say."""
    space, flown = space_of(name), path(name).model()
    assert isinstance(flown, Manoeuvred)
    for number, burn in enumerate(flown.burns):
        record = next(record for record in facts().records("burns") if record["id"] == burn.name)
        flown = replace(
            flown, burns=(*flown.burns[:number], _fitted(space, flown, number, record), *flown.burns[number + 1 :])
        )
    return list(flown.burns)


def _fitted(space: Space, flown: Manoeuvred, number: int, record: Mapping[str, Any]) -> Burn:
    from scipy.optimize import brentq, root

    burn = flown.burns[number]

    def pushed(delta_v: Sequence[float]) -> Manoeuvred:
        x, y, z = (round(float(v), 9) for v in delta_v)
        return replace(flown, burns=(*flown.burns[:number], replace(burn, delta_v_km_s=(x, y, z))))

    def too_long_s(forward: float) -> float:
        first_ns = periapsis_ns(space, pushed((0.0, forward, 0.0)), space.epoch.t_ns(burn.at))
        next_ns = first_ns + round(float(record["period_s"]) * NS_PER_S)
        return (periapsis_ns(space, pushed((0.0, forward, 0.0)), next_ns) - next_ns) / NS_PER_S

    if "meets" in record:
        found = root(lambda dv: miss(space, pushed(dv), record["meets"])[0], burn.delta_v_km_s, options={"eps": 1e-6}).x
    else:
        found = (0.0, brentq(too_long_s, *_PUSHES_KM_S, xtol=1e-9), 0.0)
    return pushed(found).burns[-1]


def _on(name: str) -> set[str]:
    first, *burns = facts().value(f"paths.{name}")
    return {
        first,
        *(record["meets"] for record in facts().records("burns") if record["id"] in burns and "meets" in record),
    }


def changed(x: Sequence[float]) -> dict[str, Any]:
    """The seven parameters of the landing, as changes of it."""
    bank, reversal_s, low, high, drag, mach, hover_s = (float(value) for value in x)
    return {
        "guidance": {"bank_deg": f"{bank:.6f} deg", "reversals_s": [f"{reversal_s:.4f} s"]},
        "air": {"density_factors": [[10, low], [50, high]]},
        "parachute": {"drag_factor": drag},
        "descent": {"heatshield_mach": mach, "hover_s": f"{hover_s:.4f} s"},
    }


def fitted_landing() -> list[float]:
    """Bank (deg), reversal (E), two density factors, drag factor, Mach number of the heat shield, hover (s)."""
    from scipy.optimize import least_squares

    space = Space(Epoch.parse("2021-05-14T23:00:00Z"), Ephemeris.open())
    now = landing().params

    def off(x: Sequence[float]) -> list[float]:
        flown = landing(**changed(x)).realise(space)
        at = {event.id: event for event in flown.events}
        e_s = {name: (event.t_ns - flown.entry_interface_ns) / NS_PER_S for name, event in at.items()}
        mortar, down = at["parachute_mortar"].values, at["parachute_release"].values
        return [
            e_s["parachute_mortar"] - MORTAR_S,
            10.0 * (mortar["height_km"] - MORTAR_KM),
            _KM_PER_DEG * (down["lat_deg"] - now.site.lat_deg),
            _KM_PER_DEG * (down["lon_deg"] - now.site.lon_deg),
            e_s["heatshield_sep"] - HEATSHIELD_S,
            e_s["parachute_release"] - RELEASE_S,
            e_s["touchdown"] - TOUCHDOWN_S,
        ]

    (_, low), (_, high) = now.air.density_factors
    assert now.descent.kind == "hover"
    begin = [now.guidance.bank_deg, now.guidance.reversals_s[0], low, high]
    begin += [now.parachute.drag_factor, now.descent.heatshield_mach, now.descent.hover_s]
    scale = [10, 10, 0.1, 0.1, 0.1, 0.1, 10]
    found = least_squares(off, begin, bounds=(0.0, 500.0), x_scale=scale, diff_step=1e-3)
    return [float(value) for value in found.x]


def main() -> None:
    """Print all fits."""
    for name in facts().values("paths"):
        if "manoeuvred" in declared(name):
            for burn in fitted_burns(name):
                print(f"{name:15} {burn.name:15} {list(burn.delta_v_km_s)}")  # noqa: T201
    print("landing", [round(value, 6) for value in fitted_landing()])  # noqa: T201


if __name__ == "__main__":
    main()
