"""The fit of the entry and descent to what was flown; ``python -m lightlag.missions.msl.fit`` does it again.

What was expected of a figure beforehand is what Mars 2020 flew or was fitted to, and of the air that of the table.
"""

from __future__ import annotations

from lightlag.missions.edl.fitting import Goal, Knob, fit, outcome, written

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


def main() -> None:
    """Do the fit and print every knob and goal beside what the facts have."""
    found = fit(CuriosityLanding, KNOBS, GOALS)
    print(f"{'':28}{'in facts':>10}{'found':>10}")  # noqa: T201
    for path, value in found.values.items():
        print(f"{path:28}{written(CuriosityLanding, path):10.4f}{value:10.4f}")  # noqa: T201
    print(f"\n{'':34}{'flown':>9}{'facts':>9}{'found':>9}")  # noqa: T201
    for goal, now, then in zip(GOALS, outcome(CuriosityLanding, {}, GOALS), found.reached, strict=True):
        print(f"{goal.event + ' ' + goal.quantity:34}{goal.value:9.2f}{now:9.2f}{then:9.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
