"""The fits of this mission, to be done again: ``python -m lightlag.missions.tianwen1.fit`` prints what the facts hold.

A burn is fitted to the position of the telemetry state that it ``meets``, three numbers to three; the velocity there is
what it can be judged by. The landing is fitted to seven published figures by seven parameters, from the facts as they
are, so that fitted facts stay what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.trajectory import Vector
from lightlag.orbiters import Burn, Ephemeris, Manoeuvred, Space
from lightlag.orbiters.declared import TrajectorySpec
from lightlag.orbiters.frames import subtract

from .paths import declared, facts, path, state
from .zhurong import landing

#: Targets of the landing: E in seconds, height above the site in km (CN, ZEN). The rest is that the parachute is
#: released above the site; later the divert would hide where guidance had led to.
MORTAR_S, MORTAR_KM, HEATSHIELD_S, RELEASE_S, TOUCHDOWN_S = 284.0, 10.0, 310.0, 370.0, 550.0
_KM_PER_DEG = 59.1


def space_of(name: str) -> Space:
    """A space in which a path and all that its burns meet can be looked at."""
    states = [record for record in facts().records("states") if record["id"] in _on(name)]
    epochs = [Epoch.parse(record["epoch"]) for record in states]
    first, last = min(epochs, key=lambda it: it.tdb_ns), max(epochs, key=lambda it: it.tdb_ns)
    return Space(first, Ephemeris.open(), until_ns=last.tdb_ns - first.tdb_ns + 86_400 * NS_PER_S)


def miss(space: Space, flown: Manoeuvred, met: str) -> tuple[Vector, Vector]:
    """By how much a path misses a state of the telemetry: km and km/s, ICRF."""
    record = next(record for record in facts().records("states") if record["id"] == met)
    t_ns = space.epoch.t_ns(record["epoch"])
    there = TrajectorySpec.model_validate(state(met)).model().realise(space).state(t_ns)
    here = flown.realise(space).state(t_ns)
    return subtract(here.position_km, there.position_km), subtract(here.velocity_km_s, there.velocity_km_s)


def fitted_burns(name: str) -> list[Burn]:
    """The burns of a path, fitted one after the other to what each meets; one that meets nothing is as in the facts."""
    from scipy.optimize import root

    space, flown = space_of(name), path(name).model()
    assert isinstance(flown, Manoeuvred)
    done: list[Burn] = []
    for burn in flown.burns:
        met = next(record for record in facts().records("burns") if record["id"] == burn.name).get("meets")

        def with_burn(delta_v: Sequence[float], burn: Burn = burn) -> Manoeuvred:
            x, y, z = (float(v) for v in delta_v)
            last = Burn(name=burn.name, at=burn.at, over_s=burn.over_s, delta_v_km_s=(x, y, z))
            return Manoeuvred(nominal=flown.nominal, burns=(*done, last))

        if met is not None:
            found = root(lambda dv: miss(space, with_burn(dv), met)[0], burn.delta_v_km_s, options={"eps": 1e-6})  # noqa: B023
            burn = with_burn([round(float(v), 9) for v in found.x]).burns[-1]
        done.append(burn)
    return done


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
