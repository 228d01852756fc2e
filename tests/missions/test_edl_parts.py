"""The parts of a landing: gravity, air, bank, arcs, braking and plasma, each against what is known of it."""

import math
from itertools import pairwise

import pytest

from lightlag.missions.edl import arc as arcs
from lightlag.missions.edl.atmosphere import Atmosphere, interpolate
from lightlag.missions.edl.dynamics import (
    EQUATOR_KM,
    GM_KM3_S2,
    POLE_KM,
    ROTATION_RAD_S,
    Spherical,
    cartesian,
    direction,
    dot,
    inertial_acceleration,
    norm,
    range_km,
    spherical,
)
from lightlag.missions.edl.forces import Craft, Forces, bank_profile
from lightlag.missions.edl.plasma import attenuation_db
from lightlag.missions.edl.powered import descend, divert
from lightlag.missions.mars2020.landing import landing

PARAMS = landing().params


def test_constants_are_those_of_the_reference(reference):
    from ruamel.yaml import YAML

    mars = YAML(typ="safe").load((reference / "physical.yaml").read_text())["mars"]
    assert mars["gm_km3_s2"]["v"] == GM_KM3_S2
    assert mars["rotation_rate_rad_s"]["v"] == pytest.approx(ROTATION_RAD_S, rel=1e-7)
    assert (mars["radii_km"]["eq"], mars["radii_km"]["polar"]) == (EQUATOR_KM, POLE_KM)


def test_spherical_and_cartesian_are_inverse():
    state = Spherical(3500.0, -41.0, 283.0, 4321.0, -12.5, 207.0)
    assert spherical(*cartesian(state)) == pytest.approx(state, rel=1e-12)


def test_energy_in_the_turning_frame_is_conserved_in_a_vacuum():
    """v^2/2 - w^2 rho^2/2 - GM/r (with J2) is the Jacobi integral of the motion that the approach integrates."""
    from lightlag.missions.edl.dynamics import J2, J2_RADIUS_KM
    from lightlag.missions.edl.flight import fly

    def jacobi(position, velocity):
        r = norm(position)
        zonal = J2 * (J2_RADIUS_KM / r) ** 2 * (1.5 * (position[2] / r) ** 2 - 0.5)
        turning = ROTATION_RAD_S**2 * (position[0] ** 2 + position[1] ** 2)
        return dot(velocity, velocity) / 2 - turning / 2 - GM_KM3_S2 / r * (1.0 - zonal)

    approach = fly(PARAMS).arcs[0]
    at_entry = jacobi(*approach.state(0.0))
    assert [jacobi(*approach.state(t)) for t in (-7200.0, -3000.0, -600.0)] == pytest.approx([at_entry] * 3, rel=1e-8)


def test_a_stone_on_the_equator_feels_the_surface_gravity_of_mars():
    x, y, z = inertial_acceleration(EQUATOR_KM, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert (x * 1e3, y, z) == pytest.approx((-3.71, 0.0, 0.0), abs=0.02)


def test_a_degree_of_the_great_circle_is_fifty_nine_kilometres():
    assert range_km(direction(0, 0), direction(0, 1), 3390.0) == pytest.approx(59.17, abs=0.01)
    assert range_km(direction(10, 20), direction(10, 20), 3390.0) == pytest.approx(0.0, abs=1e-4)


def test_the_air_is_the_cospar_table_times_the_factors_of_the_day(reference):
    from ruamel.yaml import YAML

    table = YAML(typ="safe").load((reference / "physical.yaml").read_text())["atmosphere_cospar"]
    air = Atmosphere(PARAMS.air)
    assert len(table) == 15
    for altitude_km, (density, kelvin, _) in table.items():
        factor = interpolate(PARAMS.air.density_factors, altitude_km)
        assert air.density_kg_m3(altitude_km) == pytest.approx(density * factor, rel=1e-12)
        assert air.sound_m_s(altitude_km) == pytest.approx(math.sqrt(1.29 * 191.0 * kelvin), rel=1e-12)
    assert air.density_kg_m3(15.0) == pytest.approx(
        math.sqrt(6.47e-3 * 2.63e-3) * interpolate(PARAMS.air.density_factors, 15.0), rel=1e-12
    )
    assert 0 < air.density_kg_m3(500.0) < 1e-15


def test_the_wind_carries_what_floats_in_it():
    wind = PARAMS.air
    low = cartesian(Spherical(wind.areoid_radius_km + 1.0, 18.0, 77.0, 0.0, 0.0, 0.0))
    flow = Atmosphere(wind).flow(*low)
    assert flow.speed_m_s == pytest.approx(math.hypot(wind.wind_east_m_s, wind.wind_north_m_s))
    high = cartesian(Spherical(wind.areoid_radius_km + wind.wind_gone_above_km, 18.0, 77.0, 0.0, 0.0, 0.0))
    assert Atmosphere(wind).flow(*high).speed_m_s == 0.0


def test_drag_opposes_the_flow_and_lift_stands_across_it():
    state = cartesian(Spherical(3394.507 + 25.0, 19.0, 74.0, 3760.0, -8.0, 105.0))
    forces = Forces(PARAMS)
    drag = forces.acceleration(Craft(3368.0), 0.0, *state)
    both = forces.acceleration(Craft(3368.0, lift=1.0), 0.0, *state)
    lift = tuple(b - d for b, d in zip(both, drag, strict=True))
    assert dot(drag, state[1]) == pytest.approx(-norm(drag) * norm(state[1]), rel=1e-12)
    assert dot(lift, state[1]) == pytest.approx(0.0, abs=1e-12)
    assert norm(lift) / norm(drag) == pytest.approx(PARAMS.vehicle.lift_to_drag, rel=1e-9)


def test_a_positive_bank_turns_to_the_right():
    eastward = cartesian(Spherical(3420.0, 0.0, 0.0, 4000.0, 0.0, 90.0))
    banked = landing(guidance={"bank_deg": "90 deg", "reversals_s": []}).params
    drag = Forces(banked).acceleration(Craft(3368.0), 0.0, *eastward)
    both = Forces(banked).acceleration(Craft(3368.0, lift=1.0), 0.0, *eastward)
    assert both[2] - drag[2] < 0.0  # to the south
    assert both[0] == pytest.approx(drag[0], abs=1e-12)  # not upwards


def test_reversals_take_the_time_that_the_roll_rate_needs():
    guidance = PARAMS.guidance
    bank = bank_profile(guidance)
    first, second, third = guidance.reversals_s
    roll_s = 2 * guidance.bank_deg / guidance.roll_rate_deg_s
    assert interpolate(bank, 0.0) == guidance.bank_deg
    assert interpolate(bank, first + roll_s / 2) == pytest.approx(0.0, abs=1e-9)
    assert interpolate(bank, first + roll_s) == pytest.approx(-guidance.bank_deg)
    assert interpolate(bank, second + roll_s) == pytest.approx(guidance.bank_deg)
    assert interpolate(bank, third + 60.0) == pytest.approx(-guidance.alignment_bank_deg)


def test_a_reversal_that_comes_too_soon_starts_from_where_the_roll_is():
    guidance = landing(guidance={"bank_deg": "50 deg", "reversals_s": ["10 s", "14 s", "90 s"]}).params.guidance
    bank = bank_profile(guidance)
    assert interpolate(bank, 14.0) == pytest.approx(10.0)
    assert interpolate(bank, 18.0) == pytest.approx(50.0)


def test_the_parachute_fills_with_the_square_of_the_time():
    state = cartesian(Spherical(3394.507 + 9.8, 18.5, 77.3, 430.0, -19.0, 107.0))
    forces, open_s = Forces(PARAMS), PARAMS.parachute.inflation_s
    packed, half, full, later = (
        norm(forces.acceleration(Craft(3218.0, stretched_s=100.0), 100.0 + part * open_s, *state))
        for part in (0.0, 0.5, 1.0, 2.0)
    )
    assert half - packed == pytest.approx((full - packed) / 4)
    assert later == full


def test_the_peak_of_a_parabola_is_found_between_samples():
    times = [0.1 * i for i in range(50)]
    assert arcs.peak(times, [-((t - 2.345) ** 2) for t in times]) == pytest.approx(2.345)
    assert arcs.peak(times, times) == times[-1]


def test_a_grid_ends_where_the_arc_ends_and_leaves_no_sliver():
    assert arcs.grid(0.0, 0.3, 0.1) == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert arcs.grid(1.0, 1.05, 0.1) == [1.0, 1.05]
    assert arcs.grid(0.0, 0.2500001, 0.1)[-1] == 0.2500001


def test_the_sky_crane_stands_at_the_height_that_its_legs_need():
    # 0.75 m/s for 18.34 s and 7.5 m of bridle; 32 to 0.75 m/s in 5.92 s; 32 m/s for 4.24 s (the reference's record).
    assert PARAMS.descent.braked_height_km == pytest.approx(
        0.02125 + (0.032 + 0.00075) / 2 * 5.92 + 0.032 * 4.24, abs=1e-4
    )
    assert PARAMS.descent.separation_height_km(0.08) == pytest.approx(2.17, abs=0.08)  # LCAM: 2,170 +- 80 m
    assert PARAMS.descent.separation_height_km(0.09) > PARAMS.descent.separation_height_km(0.08)


def test_braking_ends_over_the_place_that_the_divert_reached():
    site, descent = PARAMS.site, PARAMS.descent
    start = cartesian(Spherical(site.radius_km + 2.1, 18.46, 77.44, 85.0, -75.0, 130.0))
    legs, marks = descend(site, descent, 100.0, *start)
    assert legs[0].state(100.0)[0] == pytest.approx(start[0], abs=1e-9)
    assert legs[0].state(100.0)[1] == pytest.approx(start[1], abs=1e-9)
    for before, after in pairwise(legs):
        assert math.dist(before.state(before.t1_s)[0], after.state(after.t0_s)[0]) < 1e-9
    position, velocity = legs[-1].state(legs[-1].t1_s)
    assert norm(position) == pytest.approx(site.radius_km, abs=1e-9)
    assert norm(velocity) * 1e3 == pytest.approx(descent.skycrane_speed_m_s)
    assert range_km(start[0], position, site.radius_km) == pytest.approx(descent.divert_km, abs=1e-3)
    assert marks["touchdown_declared"] - marks["wheels_contact"] == pytest.approx(descent.declared_after_s)


def test_engines_that_start_over_the_site_come_down_on_it():
    site, descent = PARAMS.site, PARAMS.descent
    up = direction(site.lat_deg, site.lon_deg)
    assert norm(divert(site, descent, up)) < 1e-12
    assert divert(site, descent, direction(-site.lat_deg, site.lon_deg - 180.0)) == (0.0, 0.0, 0.0)


def test_plasma_stops_what_is_below_its_frequency_and_nothing_above():
    density, speed = 1e-3, 4500.0
    assert attenuation_db(PARAMS.plasma, density, speed, 401.6e6) > 100.0
    assert attenuation_db(PARAMS.plasma, density, speed, 8.4e9) == 0.0
    assert attenuation_db(PARAMS.plasma, density, 1000.0, 401.6e6) == 0.0
