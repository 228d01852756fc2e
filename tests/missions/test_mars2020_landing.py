"""Perseverance lands where, when and as it landed; figures from mars2020_edl.yaml and the tables beside it."""

import csv
import math

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.interpolate import CubicSpline

from lightlag.bus.time import NS_PER_S, tdb_ns_from_utc
from lightlag.missions.edl.dynamics import direction, range_km, spherical
from lightlag.missions.mars2020.landing import Mars2020Landing, landing

EVENT_TIME_S = 2.0
PEAK_PART = 0.08
#: sqrt(density) V^3 peaks before the heating that was reconstructed: the proxy knows no boundary layer or radiation.
HEATING_TIME_S = 3.0
#: Planned or called-out times, not reconstructed ones.
ROUGH_TIMES = {"radar_lock": 20.0, "trn_start": 5.0, "peak_heating": HEATING_TIME_S, "plasma_blackout_start": 5.0}
LCAM_POSITION_KM, LCAM_HEIGHT_KM = 0.2, 0.1
STUDY_POSITION_KM, STUDY_HEIGHT_KM, STUDY_SPEED_M_S = 2.0, 0.6, 60.0
CRUISE_KM, CRUISE_KM_S = 0.1, 2e-4
RELAY_RANGE_KM, RELAY_ELEVATION_DEG, RELAY_RATE_KM_S = 10.0, 1.0, 0.1
#: The table's row of closest approach says 30.0 deg and 489.5 km; that range is right, but MRO's track and the landing
#: site, both of the same reference, give 31.2 deg there. The comparison is with these.
RELAY_ELEVATION_FROM_TRACK_DEG = {512: 31.2}


def e_s(perseverance, event):
    return (event.t_ns - perseverance.entry_interface_ns) / NS_PER_S


def test_every_event_of_the_record_happens_within_two_seconds(perseverance, happened, flown):
    cameras = {name for name in flown if name.startswith("lcam") or name == "hirise_image"}
    assert set(happened) == (set(flown) - cameras) | {"plasma_blackout_end"}
    for name in set(flown) - cameras:
        expected = flown[name].get("e_s", flown[name].get("plan_e_s"))
        tolerance_s = ROUGH_TIMES.get(name, EVENT_TIME_S)
        assert e_s(perseverance, happened[name]) == pytest.approx(expected, abs=tolerance_s), name


def test_events_happen_in_the_flown_order(happened, flown):
    order = [name for name in flown if name in happened]
    close = {"peak_deceleration", "max_dynamic_pressure"}  # one instant here, 0.5 s apart in flight
    times = [happened[name].t_ns for name in order if name not in close]
    assert times == sorted(times)


def test_peak_deceleration_is_within_eight_percent_and_two_seconds(perseverance, happened, flown):
    peak, record = happened["peak_deceleration"], flown["peak_deceleration"]
    assert peak.values["deceleration_g"] == pytest.approx(record["accel_g"], rel=PEAK_PART)
    assert e_s(perseverance, peak) == pytest.approx(record["e_s"], abs=EVENT_TIME_S)


def test_the_parachute_opens_near_twelve_kilometres_at_the_called_out_speed(perseverance, happened, flown):
    mortar, record = happened["parachute_mortar"], flown["parachute_mortar"]
    assert e_s(perseverance, mortar) == pytest.approx(record["e_s"], abs=EVENT_TIME_S)
    assert mortar.values["height_km"] == pytest.approx(12.75, abs=1.0)
    assert 415.0 <= mortar.values["speed_m_s"] <= 445.0


def test_parachute_inflation_is_felt_as_it_was(happened, flown):
    felt_m_s2 = happened["full_inflation"].values["deceleration_g"] * 9.80665
    assert felt_m_s2 == pytest.approx(flown["full_inflation"]["accel_m_s2"][0], rel=0.15)


def test_the_heat_shield_falls_at_the_called_out_speed(happened, flown):
    speed_m_s = happened["heatshield_sep"].values["speed_m_s"]
    assert speed_m_s == pytest.approx(flown["heatshield_sep"]["callout"]["v_m_s"], abs=5.0)


def test_the_backshell_is_left_at_the_height_that_the_camera_saw(happened, flown):
    height_km = happened["backshell_sep"].values["height_km"]
    assert height_km == pytest.approx(flown["backshell_sep"]["h_above_site_m"] / 1e3, abs=0.3)


def test_touchdown_is_within_two_seconds_of_the_flown_time(happened, flown, space):
    declared = happened["touchdown_declared"].t_ns + space.epoch.tdb_ns
    assert declared == pytest.approx(
        tdb_ns_from_utc(f"2021-02-18T{flown['touchdown_declared']['scet']}Z"), abs=EVENT_TIME_S * NS_PER_S
    )


def test_it_lands_within_five_kilometres_of_the_site_and_not_exactly_there(happened, published):
    site, landed = published["landing"], happened["wheels_contact"].values
    miss_km = range_km(
        direction(landed["lat_deg"], landed["lon_deg"]), direction(site["lat_deg"], site["lon_deg"]), site["radius_km"]
    )
    assert 0.001 < miss_km < 5.0


@pytest.mark.parametrize("frame", ["lcam_frame_1", "lcam_frame_19", "lcam_frame_44"])
def test_under_the_parachute_it_is_where_its_camera_saw_it(frame, perseverance, at, flown):
    seen = flown[frame]
    here = perseverance.telemetry(at(seen["e_s"]))
    off_km = range_km(direction(here.lat_deg, here.lon_deg), direction(seen["lat"], seen["lon"]), 3392.0)
    assert off_km < LCAM_POSITION_KM
    assert here.height_km == pytest.approx(seen["h_above_site_m"] / 1e3, abs=LCAM_HEIGHT_KM)


def test_it_flies_like_the_independent_study(reference, flight):
    with (reference / "m2020_edl_model.csv").open() as file:
        rows = [
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(line for line in file if not line.startswith("#"))
        ]
    assert len(rows) > 300
    for row in rows:
        here = spherical(*flight.arc(row["t_s"]).state(row["t_s"]))
        there = direction(row["lat_deg"], row["lon_deg"])
        assert range_km(direction(here.lat_deg, here.lon_deg), there, 3392.0) < STUDY_POSITION_KM
        assert here.radius_km == pytest.approx(row["radius_m"] / 1e3, abs=STUDY_HEIGHT_KM)
        assert here.speed_m_s == pytest.approx(row["v_rel_m_s"], abs=STUDY_SPEED_M_S)


def test_the_approach_is_the_navigators_own(reference, space, perseverance):
    import spiceypy

    kernel = str(reference / "kernels" / "m2020_cruise_od138_v1.bsp")
    spiceypy.furnsh(kernel)
    try:
        for minute in range(8):
            t_ns = space.epoch.t_ns(f"2021-02-18T20:{20 + minute}:00Z")
            flown_state, _ = spiceypy.spkgeo(-168, space.epoch.et_s(t_ns), "J2000", 4)
            state, mars = perseverance.state(t_ns), space.body_state("mars", t_ns)
            position = np.subtract(state.position_km, mars.position_km)
            velocity = np.subtract(state.velocity_km_s, mars.velocity_km_s)
            assert np.linalg.norm(position - flown_state[:3]) < CRUISE_KM
            assert np.linalg.norm(velocity - flown_state[3:]) < CRUISE_KM_S
    finally:
        spiceypy.unload(kernel)


def test_entry_interface_is_where_the_reconstruction_puts_it(flight, published):
    """The conventional radius is passed 0.10 s after E+0, as the record says (20:36:50.18 against 20:36:50.08)."""
    entry = published["entry_state"]
    here = spherical(*flight.arc(0.10).state(0.10))
    assert here.radius_km == pytest.approx(entry["radius_km"]["v"], abs=0.01)
    assert here.lat_deg == pytest.approx(entry["lat_deg"]["v"], abs=0.001)
    assert here.lon_deg == pytest.approx(entry["lon_deg"]["v"], abs=0.001)
    assert here.speed_m_s == pytest.approx(entry["relative"]["v_km_s"] * 1e3, abs=1.0)
    assert here.flight_path_deg == pytest.approx(entry["relative"]["fpa_deg"], abs=0.01)
    assert here.azimuth_deg == pytest.approx(entry["relative"]["azimuth_deg"], abs=0.01)


def test_mro_is_as_far_and_as_high_as_it_was(reference, perseverance, at):
    with (reference / "mro_2021-02-18_track.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    mro = CubicSpline(
        [float(row["t_s"]) for row in rows], [[float(row[axis]) for axis in ("x_km", "y_km", "z_km")] for row in rows]
    )
    geometry = YAML(typ="safe").load((reference / "orbiters.yaml").read_text())["relay_geometry_m2020"]
    for t_s, expected_km, rate_km_s, mro_deg, _ in geometry:
        position, velocity = (np.array(part) for part in perseverance.mars_fixed(at(t_s)))
        sight = mro(t_s) - position
        distance_km = float(np.linalg.norm(sight))
        assert distance_km == pytest.approx(expected_km, abs=RELAY_RANGE_KM)
        assert sight @ (mro(t_s, 1) - velocity) / distance_km == pytest.approx(rate_km_s, abs=RELAY_RATE_KM_S)
        if t_s >= 87:
            up = position / np.linalg.norm(position)
            expected_deg = RELAY_ELEVATION_FROM_TRACK_DEG.get(t_s, mro_deg)
            elevation_deg = math.degrees(math.asin(sight @ up / distance_km))
            assert elevation_deg == pytest.approx(expected_deg, abs=RELAY_ELEVATION_DEG)


def test_earth_stands_one_degree_over_the_horizon_at_touchdown(perseverance, happened, space, published):
    t_ns = happened["wheels_contact"].t_ns
    sight = np.subtract(space.body_state("earth", t_ns).position_km, perseverance.state(t_ns).position_km)
    elevation_deg = math.degrees(math.asin(sight @ np.array(perseverance.zenith(t_ns)) / np.linalg.norm(sight)))
    assert elevation_deg == pytest.approx(published["landing"]["earth_elevation_deg"], abs=0.1)


def test_uhf_is_lost_for_about_a_minute_and_x_band_is_not(perseverance, happened, at, flown):
    record = flown["plasma_blackout_start"]
    begin, end = happened["plasma_blackout_start"].t_ns, happened["plasma_blackout_end"].t_ns
    assert begin == pytest.approx(at(record["e_s"]), abs=2 * NS_PER_S)
    assert (end - begin) / NS_PER_S == pytest.approx(record["duration_s"], abs=5.0)
    for second in range(-60, 420):
        t_ns = at(second)
        assert (perseverance.attenuation_db(t_ns, 401.6e6) >= 20.0) == (begin <= t_ns <= end)
        assert perseverance.attenuation_db(t_ns, 8.4e9) == 0.0


def test_a_graph_changes_one_figure_and_keeps_the_others():
    changed = landing(guidance={"bank_deg": "50 deg"}).params
    assert changed.guidance.bank_deg == 50.0
    assert changed.guidance.reversals_s == landing().params.guidance.reversals_s
    assert changed.vehicle == landing().params.vehicle


def test_the_published_record_never_reaches_the_dynamics(published):
    facts = Mars2020Landing.facts()
    parameters = facts.values("parameters")
    assert "published_record" not in parameters
    for record in facts.records("published_record"):
        told = next((e for e in published["events"] if e["id"] == record["id"]), None)
        if told and "e_s" in told:
            assert record["e_s"] == told["e_s"]


def test_a_later_entry_interface_moves_the_whole_landing(space, perseverance):
    late = landing(entry_interface_utc="2021-02-18T20:37:50.08Z").realise(space)
    for ours, theirs in zip(late.events, perseverance.events, strict=True):
        assert ours.id == theirs.id
        assert ours.t_ns - theirs.t_ns == pytest.approx(60 * NS_PER_S, abs=100)  # TDB gains 14 ns on UTC in a minute
