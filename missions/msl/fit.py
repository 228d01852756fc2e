"""What was fitted for this mission, for anybody to do again: ``python -m lightlag.missions.msl.fit``.

The entry and descent are fitted to what was flown. What was expected of a figure beforehand is what Mars 2020 flew or
was fitted to, and of the air that of the table. Of MRO and Odyssey node and phase are found, of which no state is in
reach, from what was published of their passes over the landing; Mars Express was chosen by hand, in steps of 10 deg.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from lightlag.bus.time import Epoch
from lightlag.missions.edl.fitting import Goal, Knob, fit, outcome, written
from lightlag.nodes.camera import MARS
from lightlag.nodes.trajectory import Vector
from lightlag.orbiters import Ephemeris, KeplerOrbit, Space
from lightlag.orbiters.frames import apply_inverse, cross, subtract

from .landing import CuriosityLanding

KNOBS = (
    Knob("air.density_factors.0", 1.0, 0.15),
    Knob("air.density_factors.1", 1.0, 0.15),
    Knob("air.density_factors.2", 1.0, 0.15),
    Knob("guidance.bank_deg", 56.4, 5.0),
    Knob("guidance.alignment_bank_deg", 9.7, 10.0),
    Knob("guidance.sufr_speed_m_s", 484.5, 50.0),
    Knob("parachute.trigger_range_km", 9.557, 3.0),
    Knob("parachute.drag_factor", 1.08, 0.1),
    Knob("descent.heatshield_mach", 0.5986, 0.1),
    Knob("descent.radar_lock_height_km", 8.0, 2.0),
    Knob("descent.braking_m_s2", 1.6, 0.5),
)
GOALS = (
    Goal("peak_heating", "e_s", 73.44, 1.5),
    Goal("peak_deceleration", "e_s", 80.35, 0.3),
    Goal("peak_deceleration", "deceleration_g", 12.58, 0.3),
    Goal("sufr_start", "e_s", 240.12, 0.1),
    Goal("parachute_mortar", "e_s", 259.28, 0.1),
    Goal("parachute_mortar", "height_km", 11.0, 0.5),
    Goal("heatshield_sep", "e_s", 279.01, 0.1),
    Goal("radar_lock", "e_s", 297.24, 0.1),
    Goal("backshell_sep", "e_s", 375.91, 0.1),
    Goal("constant_velocity", "e_s", 400.21, 0.2),
    Goal("wheels_contact", "miss_km", 0.0, 0.3),
)

#: Where HiRISE was pointed, km over the ellipsoid, and how far MRO is to be from there at the shutter.
_CENTRE, _RANGE_KM = (-4.5965, 137.4019, -4.93), 338.0
#: How far east of the site Odyssey passes: at 15:45 local mean time, when it is 14:59 at the site.
_EAST_DEG = 11.4


def orbits() -> dict[str, tuple[float, float]]:
    """Ascending node and mean anomaly of MRO and Odyssey, degrees at the epochs that the graph gives them."""
    site = CuriosityLanding.model_validate({}).site
    mro = _orbit("mro", raan_deg=66.0, mean_anomaly_deg=77.0)
    odyssey = _orbit("odyssey", raan_deg=261.0, mean_anomaly_deg=277.0)
    return {
        "mro": _abeam(mro, MARS.point_km(*_CENTRE), lambda here, range_km: range_km - _RANGE_KM),
        "odyssey": _abeam(
            odyssey,
            MARS.point_km(site.lat_deg, site.lon_deg),
            lambda here, range_km: math.degrees(math.atan2(here[1], here[0])) - site.lon_deg - _EAST_DEG,
        ),
    }


def _orbit(name: str, **angles: float) -> KeplerOrbit:
    """The orbit that the facts have, with other angles."""
    told = CuriosityLanding.facts().values(f"orbits.{name}")
    figures = {key: float(told[key].split()[0]) for key in ("a", "inclination", "aop")}
    a_km, inclination_deg, aop_deg = figures.values()
    return KeplerOrbit(
        center="mars", epoch=told["epoch"], a_km=a_km, e=told["e"], inclination_deg=inclination_deg, aop_deg=aop_deg,
        **angles,
    )  # fmt: skip


def _abeam(orbit: KeplerOrbit, place_km: Vector, miss: Callable[[Vector, float], float]) -> tuple[float, float]:
    """Node and mean anomaly with which an orbiter is nearest to a place at its epoch, and ``miss`` is zero.

    ``miss`` is told where the orbiter is (Mars-fixed, km) and its distance from the place, km.
    """
    from scipy.optimize import least_squares

    space = Space(Epoch.parse(orbit.epoch), Ephemeris.open())
    rows, mars = space.rows("mars", 0), space.body_state("mars", 0)
    turn = (0.0, 0.0, space.rotation_of("mars").rate_rad_s)

    def misses(angles: list[float]) -> list[float]:
        state = replace(orbit, raan_deg=float(angles[0]), mean_anomaly_deg=float(angles[1])).realise(space).state(0)
        here = apply_inverse(rows, subtract(state.position_km, mars.position_km))
        drift = apply_inverse(rows, subtract(state.velocity_km_s, mars.velocity_km_s))
        drift = subtract(drift, cross(turn, here))
        sight = subtract(here, place_km)
        distance_km = math.hypot(*sight)
        rate_km_s = sum(s * d for s, d in zip(sight, drift, strict=True)) / distance_km
        return [miss(here, distance_km), rate_km_s]

    found = least_squares(misses, [orbit.raan_deg, orbit.mean_anomaly_deg], diff_step=1e-5, x_scale=(1.0, 1.0)).x
    return float(found[0]), float(found[1])


def main() -> None:
    """Do the fits, and print what is found beside what the facts have, and what comes out beside what was flown."""
    found = fit(CuriosityLanding, KNOBS, GOALS)
    print(f"{'':28}{'in facts':>10}{'found':>10}")  # noqa: T201
    for path, value in found.values.items():
        print(f"{path:28}{written(CuriosityLanding, path):10.4f}{value:10.4f}")  # noqa: T201
    for name, angles in orbits().items():
        told = CuriosityLanding.facts().values(f"orbits.{name}")
        for key, angle_deg in zip(("raan", "mean_anomaly"), angles, strict=True):
            print(f"{name + ' ' + key:28}{float(told[key].split()[0]):10.4f}{angle_deg:10.4f}")  # noqa: T201
    print(f"\n{'':34}{'flown':>9}{'facts':>9}{'found':>9}")  # noqa: T201
    for goal, now, then in zip(GOALS, outcome(CuriosityLanding, {}, GOALS), found.reached, strict=True):
        print(f"{goal.event + ' ' + goal.quantity:34}{goal.value:9.2f}{now:9.2f}{then:9.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
