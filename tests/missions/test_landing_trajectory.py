"""A landing as a trajectory keeps the promises of the protocol: pure, bounded, smooth, and on the ground at the end."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.integrate import solve_ivp

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.missions.edl.flight import fly
from lightlag.missions.mars2020.landing import landing
from lightlag.orbiters.frames import add, apply
from lightlag.orbiters.trajectory import settled

MINUTE_NS = 60 * NS_PER_S
#: From an hour before entry interface to half an hour after it, in the run time of the fixture's epoch (E-600 s).
TIMES_NS = st.integers(-50 * MINUTE_NS, 40 * MINUTE_NS)


@given(
    TIMES_NS, st.sampled_from([1, 20 * NS_PER_S, 5 * MINUTE_NS, 90 * MINUTE_NS]), st.lists(st.floats(0, 1), max_size=8)
)
@settings(max_examples=60, deadline=None)
def test_it_stays_in_the_ball_it_promises(perseverance, t0_ns, length_ns, parts):
    ball = perseverance.bound(t0_ns, t0_ns + length_ns)
    for part in [0.0, *parts, 1.0]:
        position = perseverance.state(t0_ns + round(part * length_ns)).position_km
        assert math.dist(position, ball.centre_km) <= ball.radius_km


def test_a_ball_is_hardly_larger_than_the_way_flown_in_it(perseverance, at):
    for begin_s in range(-600, 600, 60):
        t0_ns, t1_ns = at(begin_s), at(begin_s + 60)
        way_km = math.dist(perseverance.state(t0_ns).position_km, perseverance.state(t1_ns).position_km)
        assert perseverance.bound(t0_ns, t1_ns).radius_km < way_km / 2 + 40.0


@given(st.lists(TIMES_NS, min_size=2, max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_state_does_not_depend_on_what_was_asked_before(space, perseverance, times):
    fresh = landing().realise(space)
    assert [fresh.state(t) for t in reversed(times)] == [perseverance.state(t) for t in reversed(times)]


def test_its_velocity_is_the_derivative_of_its_position(perseverance, at):
    for tenth in range(-6000, 4500, 7):
        t_ns = at(tenth / 10)
        before, here, after = (perseverance.state(t_ns + dt) for dt in (-5_000_000, 0, 5_000_000))
        measured = np.subtract(after.position_km, before.position_km) / 0.01
        # 2e8 km in a double are known to 3e-8 km, a hundredth of a second therefore to 6e-6 km/s.
        assert np.linalg.norm(measured - here.velocity_km_s) < 3e-5


def test_no_event_makes_it_jump(perseverance):
    for event in perseverance.events:
        before, after = (perseverance.mars_fixed(event.t_ns + dt) for dt in (-1_500_000, 1_500_000))
        assert math.dist(before[0], after[0]) < 0.003 * 6.0
        if event.values["speed_m_s"] < 100.0:
            assert math.dist(before[0], after[0]) < 0.003 * 0.1
        assert math.dist(before[1], after[1]) < 3e-3


def test_a_finer_grid_gives_the_same_states_to_a_centimetre(flight, monkeypatch):
    from lightlag.missions.edl import flight as module

    monkeypatch.setattr(module, "_AIR_STEP_S", 0.025)
    monkeypatch.setattr(module, "_CRUISE_STEP_S", 1.0)
    finer = module.fly.__wrapped__(landing().params)
    for quarter in range(-4 * 7200, 4 * 418):
        t_s = quarter / 4 + 0.0371
        assert math.dist(flight.arc(t_s).state(t_s)[0], finer.arc(t_s).state(t_s)[0]) < 1e-5


def test_a_tighter_integration_moves_the_touchdown_by_less_than_a_metre(flight, monkeypatch):
    from lightlag.missions.edl import flight as module

    monkeypatch.setattr(module, "_RTOL", 1e-11)
    monkeypatch.setattr(module, "_ATOL", 1e-11)
    tighter = module.fly.__wrapped__(landing().params)
    assert math.dist(flight.landed_km, tighter.landed_km) < 1e-3
    assert flight.contact_s == pytest.approx(tighter.contact_s, abs=1e-3)


def test_equal_parameters_are_flown_once():
    assert fly(landing().params) is fly(landing(guidance={"bank_deg": "56.4 deg"}).params)
    assert fly(landing().params) is not fly(landing(vehicle={"entry_mass_kg": 3360}).params)


def test_it_has_a_horizon_only_once_it_stands(perseverance, happened):
    contact_ns = happened["wheels_contact"].t_ns
    assert perseverance.zenith(contact_ns - 1) is None
    up = perseverance.zenith(contact_ns)
    assert math.hypot(*up) == pytest.approx(1.0, abs=1e-11)  # interpolated, as of every site
    out = np.subtract(perseverance.state(contact_ns).position_km, perseverance._space.body_state("mars", contact_ns)[0])
    # The plumb line leans by f sin(2 lat) from the radius: 0.2 deg at 18 deg north.
    assert math.degrees(math.acos(out @ np.array(up) / np.linalg.norm(out))) == pytest.approx(0.2, abs=0.02)


def test_from_contact_on_it_is_the_track_of_its_site(perseverance, space, happened):
    contact_ns = happened["wheels_contact"].t_ns
    assert settled(perseverance, contact_ns - 1) is None
    site = settled(perseverance, contact_ns)
    for t_ns in (contact_ns, contact_ns + 1, contact_ns + 7_777_777_777_777):
        fixed_km, _ = perseverance.mars_fixed(t_ns)
        there = add(space.body_state("mars", t_ns).position_km, apply(space.rows("mars", t_ns), fixed_km))
        assert math.dist(perseverance.state(t_ns).position_km, there) < 1e-6
        assert perseverance.state(t_ns) == site.state(t_ns)
        assert perseverance.zenith(t_ns) == site.zenith(t_ns)


def test_the_rover_turns_with_mars(perseverance, space, at):
    t_ns = at(4000)
    rover, mars = perseverance.state(t_ns), space.body_state("mars", t_ns)
    speed_km_s = math.dist(rover.velocity_km_s, mars.velocity_km_s)
    assert speed_km_s == pytest.approx(7.088218e-5 * 3391.9372 * math.cos(math.radians(18.445)), rel=1e-4)
    assert perseverance.mars_fixed(t_ns)[1] == (0.0, 0.0, 0.0)
    assert perseverance.telemetry(t_ns).deceleration_g == pytest.approx(3.71 / 9.80665, rel=0.01)


def test_telemetry_in_cruise_feels_nothing(perseverance, at):
    here = perseverance.telemetry(at(-300))
    assert (here.mach, here.dynamic_pressure_pa, here.deceleration_g) == (0.0, 0.0, 0.0)
    assert here.height_km > 500.0


def test_before_the_approach_it_comes_along_the_orbit_through_its_beginning(perseverance, at):
    before, after = (perseverance.state(at(-7200 + dt)) for dt in (-0.001, 0.001))
    way = np.subtract(after.position_km, before.position_km)
    assert way == pytest.approx(np.multiply(before.velocity_km_s, 0.002), abs=1e-6)
    assert before.velocity_km_s == pytest.approx(after.velocity_km_s, abs=1e-7)


def test_nine_days_before_it_is_where_an_integration_with_the_sun_has_it(space, perseverance, at):
    """Newton's law for Mars and the sun alone, by another integrator from the barycentre; J2 is felt at the end."""
    gm_mars, gm_sun = space.gm_km3_s2("mars"), space.gm_km3_s2("sun")

    def fall(since_s, state):
        t_ns = at(-7200) + round(since_s * NS_PER_S)
        arms = [state[:3] - np.array(space.body_state(body, t_ns).position_km) for body in ("mars", "sun")]
        pull = sum(-gm * arm / np.linalg.norm(arm) ** 3 for gm, arm in zip((gm_mars, gm_sun), arms, strict=True))
        return np.concatenate((state[3:], pull))

    start = perseverance.state(at(-7200))
    first = np.concatenate((start.position_km, start.velocity_km_s))
    nine_days_s = 9 * 86_400.0
    solution = solve_ivp(fall, (0.0, -nine_days_s), first, rtol=1e-10, atol=1e-6, method="DOP853")
    there = perseverance.state(at(-7200 - nine_days_s))
    # About the sun the pull of the other planets on Mars is missing, and only on Mars: some 50 km in nine days.
    assert math.dist(there.position_km, solution.y[:3, -1]) < 100.0
    mars_km = space.body_state("mars", at(-7200 - nine_days_s)).position_km
    assert 2.0e6 < math.dist(there.position_km, mars_km) < 2.6e6


def test_of_a_cruise_thirty_days_are_known(perseverance, at):
    perseverance.state(at(-30 * 86_400))
    with pytest.raises(GraphError, match=r"begins at 2021-01-19T18:36:50\.08.Z.*start the run later"):
        perseverance.state(at(-31 * 86_400))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"guidance": {"bank_deg": "120 deg"}}, r"meets the ground at E\+\d+"),
        ({"parachute": {"trigger_range_km": "1 m"}}, "meets the ground|never comes within trigger_range_km"),
        ({"parachute": {"drag_factor": 0.05}}, "meets the ground|below the|never"),
        ({"vehicle": {"lift_to_drag": 0.9}, "guidance": {"bank_deg": "0 deg"}}, "never|ground"),
    ],
)
def test_a_landing_that_fails_says_how(changes, message):
    with pytest.raises(GraphError, match=message):
        fly(landing(**changes).params)


def test_a_trigger_that_is_passed_already_acts_at_once():
    events = fly(landing(descent={"heatshield_mach": 2.5, "radar_lock_height_km": "12.6 km"}).params).events_s
    assert events["heatshield_sep"] == events["full_inflation"] == events["radar_lock"]


def test_an_earlier_parachute_comes_down_later():
    early = fly(landing(parachute={"trigger_range_km": "12 km"}).params).events_s
    assert early["parachute_mortar"] < fly(landing().params).events_s["parachute_mortar"] - 3.0
    assert early["wheels_contact"] > fly(landing().params).events_s["wheels_contact"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"guidance": {"bank_deg": 50}}, "has no unit"),
        ({"guidance": {"bank_deg": "50 km"}}, "not a unit of angle"),
        ({"vehicle": {"entry_mass_kg": -1}}, "greater than 0"),
        ({"vehicle": {"heatshield_kg": 4000}}, "less than entry_mass_kg"),
        ({"vehicle": {"drag": []}}, "there must be a row"),
        ({"parachute": {"drag": [[1, 0.5], [0, 0.6]]}}, "must increase"),
        ({"air": {"density_factors": [[5, 1], [5, 2]]}}, "must increase"),
        ({"air": {"wind_gone_above_km": "5 km"}}, "must be above wind_full_below_km"),
        ({"guidance": {"reversals_s": ["20 s", "10 s"]}}, "must increase"),
        ({"guidance": {"sufr_speed_m_s": 9000}}, "must be below the speed of entry"),
        ({"descent": {"skycrane_speed_m_s": 40}}, "must be below constant_speed_m_s"),
        ({"approach_s": "60 s"}, "lies before the trajectory begins"),
        ({"gidance": {}}, "Extra inputs"),
    ],
)
def test_parameters_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        landing(**changes)
