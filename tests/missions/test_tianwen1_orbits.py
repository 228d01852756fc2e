"""Tianwen-1 flies from one state of its telemetry to the next, within the burns that it made."""

import math

import numpy as np
import pytest
from ruamel.yaml import YAML

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.missions.tianwen1.fit import fitted_burns, miss, space_of
from lightlag.missions.tianwen1.paths import declared, facts, path, state
from lightlag.orbiters import Ephemeris, Manoeuvred, Space
from lightlag.orbiters.declared import TrajectorySpec

GM_KM3_S2, RADIUS_KM = 42828.37362, 3396.19
#: A state of the telemetry by its name in the reference tables.
NAMES = {
    "approach": "approach",
    "phasing": "phasing",
    "parking/reconnaissance": "reconnaissance",
    "after lander release": "avoiding",
    "relay": "relay",
    "remote sensing": "remote_sensing",
}
#: Two states on either side of each burn, when it was, how far apart the coasts from either pass there, and by how much
#: their velocities differ: what was read out of the telemetry, with no burn of ours in it.
BURNS = [
    ("approach", "capture", "2021-02-10T12:00:08Z", 5.2, 662.4),
    ("capture", "polar", "2021-02-15T09:01:04Z", 0.4, 127.6),
    ("before_phasing", "phasing", "2021-02-20T11:44:18Z", 0.7, 52.6),
    ("reconnaissance", "entry_path", "2021-05-14T17:17:27Z", 0.05, 21.2),
    ("entry_path", "avoiding", "2021-05-14T20:54:35Z", 0.05, 61.2),
    ("late_relay", "remote_sensing", "2021-11-08T11:29:27Z", 2.6, 80.4),
]
#: What a path does with the state that its burn was fitted to: position within the rounding of the fit, and the
#: velocity, which was not fitted, as near as the burn's own course lets it be (m/s).
MEETS = [
    ("arrival", "capture", 0.5),
    ("orbits", "before_phasing", 0.05),
    ("orbits", "phasing", 0.05),
    ("landing", "entry_path", 0.01),
    ("landing", "avoiding", 0.02),
    ("remote_sensing", "remote_sensing", 5.0),
]


@pytest.fixture(scope="module")
def february():
    return Space(Epoch.parse("2021-02-08T22:00:00Z"), Ephemeris.open(), until_ns=20 * 86_400 * NS_PER_S)


def about_mars(space, trajectory, t_ns):
    here, mars = trajectory.state(t_ns), space.body_state("mars", t_ns)
    return np.subtract(here.position_km, mars.position_km), np.subtract(here.velocity_km_s, mars.velocity_km_s)


def coast(space, name):
    return TrajectorySpec.model_validate(state(name)).model().realise(space)


def shape(position, velocity):
    """Periapsis and apoapsis over the equatorial radius (km), and period (s)."""
    distance, speed = float(np.linalg.norm(position)), float(np.linalg.norm(velocity))
    a = 1 / (2 / distance - speed**2 / GM_KM3_S2)
    e = math.sqrt(1 - float(np.linalg.norm(np.cross(position, velocity))) ** 2 / GM_KM3_S2 / a)
    return a * (1 - e) - RADIUS_KM, a * (1 + e) - RADIUS_KM, math.tau * math.sqrt(a**3 / GM_KM3_S2)


def periapsis(space, trajectory, near_utc):
    """Run time (ns) and altitude (km over the equatorial radius) of the passage near an instant."""
    from scipy.optimize import minimize_scalar

    near = space.epoch.t_ns(near_utc)
    found = minimize_scalar(
        lambda t: np.linalg.norm(about_mars(space, trajectory, round(t))[0]),
        bounds=(near - 1800 * NS_PER_S, near + 1800 * NS_PER_S),
        method="bounded",
        options={"xatol": 1e6},
    )
    return round(found.x), found.fun - RADIUS_KM


def test_the_facts_have_the_states_of_the_reference(reference):
    there = YAML(typ="safe").load((reference / "orbiters.yaml").read_text())["TIANWEN_1"]["states"]
    here = {record["id"]: record for record in facts().records("states")}
    assert {told["what"] for told in there} == set(NAMES)
    for told in there:
        ours = here[NAMES[told["what"]]]
        assert [*ours["position_km"], *ours["velocity_km_s"]] == told["x"]
        assert ours["epoch"] == f"{told['epoch']}Z"


def test_without_braking_it_would_have_passed_where_the_reference_says(february):
    at_ns, altitude_km = periapsis(february, coast(february, "approach"), "2021-02-10T12:00:02Z")
    assert at_ns == pytest.approx(february.epoch.t_ns("2021-02-10T12:00:02Z"), abs=0.5 * NS_PER_S)
    assert altitude_km == pytest.approx(391, abs=1.0)


@pytest.mark.parametrize(("before", "after", "at", "gap_km", "delta_v_m_s"), BURNS, ids=[row[1] for row in BURNS])
def test_states_on_either_side_of_a_burn_differ_by_that_burn(before, after, at, gap_km, delta_v_m_s):
    space = Space(Epoch.parse(at), Ephemeris.open())
    (p, v), (q, w) = (about_mars(space, coast(space, name), 0) for name in (before, after))
    assert np.linalg.norm(q - p) < gap_km
    assert np.linalg.norm(w - v) * 1e3 == pytest.approx(delta_v_m_s, abs=0.1)


@pytest.mark.parametrize(("name", "met", "off_m_s"), MEETS, ids=[row[1] for row in MEETS])
def test_a_path_leads_from_state_to_state(name, met, off_m_s):
    flown = path(name).model()
    off_km, off_km_s = miss(space_of(name), flown, met)
    assert math.hypot(*off_km) < 0.1
    assert math.hypot(*off_km_s) * 1e3 < off_m_s


def test_a_state_that_was_not_fitted_is_passed_within_a_kilometre():
    """Ninety minutes after the plane change, whose burn is fitted to a state five days later."""
    off_km, off_km_s = miss(space_of("orbits"), path("orbits").model(), "polar")
    assert math.hypot(*off_km) < 1.0
    assert math.hypot(*off_km_s) * 1e3 < 0.15
    off_km, off_km_s = miss(space_of("landing"), path("lander").model(), "deorbited")
    assert math.hypot(*off_km) < 0.05
    assert math.hypot(*off_km_s) * 1e3 < 0.01


@pytest.mark.parametrize(
    "name",
    ["landing", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("arrival", "orbits", "remote_sensing"))],
)
def test_the_burns_of_the_facts_are_what_the_fit_gives(name):
    flown = path(name).model()
    assert isinstance(flown, Manoeuvred)
    for ours, fitted in zip(flown.burns, fitted_burns(name), strict=True):
        assert ours.delta_v_km_s == pytest.approx(fitted.delta_v_km_s, abs=2e-7)


def test_the_capture_orbit_is_the_published_one(february):
    flown = path("arrival").model().realise(february)
    at_ns = february.epoch.t_ns("2021-02-10T14:00:00Z")
    position, velocity = about_mars(february, flown, at_ns)
    low_km, _, period_s = shape(position, velocity)
    pole = february.rotation_of("mars").pole(february.epoch.et_s(at_ns))
    normal = np.cross(position, velocity)
    assert low_km == pytest.approx(400, abs=10)
    assert period_s / 86_400 == pytest.approx(10, abs=0.5)
    assert math.degrees(math.acos(normal @ pole / np.linalg.norm(normal))) == pytest.approx(10, abs=1.5)
    # 3,000 N for 15 minutes are that much for a spacecraft of four tonnes, which is what it was.
    burn = path("arrival").model().burns[0]
    assert 3000 * burn.over_s / (math.hypot(*burn.delta_v_km_s) * 1e3) == pytest.approx(4000, abs=100)


def test_the_parking_orbit_is_the_published_one(february):
    flown = path("orbits").model().realise(february)
    first, _ = periapsis(february, flown, "2021-02-23T22:31:47Z")
    second, low_km = periapsis(february, flown, "2021-02-25T23:50:57Z")
    assert (second - first) / NS_PER_S == pytest.approx(2 * 88775.244, abs=2)  # fitted: two sols
    assert low_km == pytest.approx(280, abs=5)
    _, high_km, _ = shape(*about_mars(february, flown, second))
    assert high_km == pytest.approx(59_000, abs=500)


def test_before_separation_it_would_fall_into_mars_and_after_it_passes_above(reference):
    told = YAML(typ="safe").load((reference / "tianwen1_edl.yaml").read_text())
    space = space_of("landing")
    for name, low_km in (
        ("lander", told["entry_trajectory_before_separation"]["elements"]["periapsis_alt_km"]),
        ("landing", next(e for e in told["events"] if e["id"] == "orbiter_avoidance_burn")["new_periapsis_alt_km"]),
    ):
        flown = path(name).model().realise(space)
        at_ns = space.epoch.t_ns("2021-05-14T21:36:34Z")
        assert shape(*about_mars(space, flown, at_ns))[0] == pytest.approx(low_km, abs=1.0)


def test_a_relay_path_is_a_coast():
    assert set(declared("relay")) == {"state"}
