"""Light time against SPICE and published figures; what hides what."""

import math
from types import SimpleNamespace

import pytest
import spiceypy
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.trajectory import State
from lightlag.orbiters import (
    C_KM_S,
    DSN_COMPLEXES,
    GroundSite,
    Space,
    elevation_deg,
    light_time_back_ns,
    light_time_ns,
    occulting_body,
)
from lightlag.orbiters.frames import add, apply, scale, unit
from lightlag.orbiters.geometry import meet
from lightlag.orbiters.maven import TRAJECTORY as MAVEN
from lightlag.orbiters.mro import TRAJECTORY as MRO

LIGHT_TIME_TOLERANCE_S = 0.01
SPICE_TOLERANCE_S = 1e-9


def test_light_times_are_the_published_ones_in_every_row(ephemeris, reference):
    rows = YAML(typ="safe").load(reference / "light_time.yaml")["rows"]
    assert len(rows) == 9
    for row in rows:
        space = Space(Epoch.parse(row["utc"]), ephemeris)
        if row["mode"] == "X":
            tau_ns = light_time_ns(space.body_state("mars", 0).position_km, 0, space.body("earth"))
        else:
            tau_ns = light_time_back_ns(space.body_state("earth", 0).position_km, 0, space.body("mars"))
        assert tau_ns / NS_PER_S == pytest.approx(row["s"], abs=LIGHT_TIME_TOLERANCE_S), row["what"]
        assert tau_ns / NS_PER_S * C_KM_S == pytest.approx(row["km"], abs=LIGHT_TIME_TOLERANCE_S * C_KM_S)


@pytest.mark.parametrize(("correction", "observer", "target"), [("XCN", "mars", "earth"), ("CN", "earth", "mars")])
def test_light_time_is_that_of_spice_converged(space, correction, observer, target):
    solve = light_time_ns if correction == "XCN" else light_time_back_ns
    offset_ns = -space.epoch.tdb_ns % NS_PER_S  # a whole second since J2000, which SPICE's double holds exactly
    for day in range(-900, 900, 60):
        t_ns = day * 86_400 * NS_PER_S + offset_ns
        expected_s = spiceypy.spkezr(target, space.epoch.et_s(t_ns), "J2000", correction, observer)[1]
        actual_ns = solve(space.body_state(observer, t_ns).position_km, t_ns, space.body(target))
        assert actual_ns / NS_PER_S == pytest.approx(expected_s, abs=SPICE_TOLERANCE_S)


def test_entry_interface_is_heard_on_earth_at_the_published_second(space):
    entry_ns = space.epoch.t_ns("2021-02-18T20:36:50.08Z")
    tau_ns = light_time_ns(space.body_state("mars", entry_ns).position_km, entry_ns, space.body("earth"))
    assert space.epoch.utc(entry_ns + round(tau_ns), 1) == "2021-02-18T20:48:12.4Z"


@settings(max_examples=100, deadline=None)
@given(t_ns=st.integers(-(10**14), 10**14))
def test_a_signal_meets_its_receiver_to_the_rounding_of_a_nanosecond(maven, space, t_ns):
    start = space.body_state("earth", t_ns).position_km
    tau_ns = light_time_ns(start, t_ns, maven)
    there = maven.state(t_ns + round(tau_ns))
    left_km = math.dist(there.position_km, start) - C_KM_S * round(tau_ns) / NS_PER_S
    assert abs(left_km) < 0.51e-9 * (C_KM_S + 60)
    back_ns = light_time_back_ns(there.position_km, t_ns + round(tau_ns), space.body("earth"))
    assert back_ns == pytest.approx(tau_ns, abs=1.1)


@settings(max_examples=300, deadline=None)
@given(
    pair=st.sampled_from(
        [("goldstone", "mro"), ("mro", "goldstone"), ("mro", "maven"), ("maven", "site"), ("mro", "mro")]
    ),
    t_ns=st.one_of(st.integers(-(10**14), 10**14), st.integers(-1000, 1000).map(lambda k: k * 80 * NS_PER_S)),
    way=st.sampled_from([1, -1]),
)
def test_a_light_time_is_exact_to_what_a_double_tells_of_positions(tracks, pair, t_ns, way):
    here, other = tracks[pair[0]].state(t_ns).position_km, tracks[pair[1]]
    tau_ns, there = meet(here, t_ns, other, way)
    # A signal needs that time to get there; and there is where the other is then, between two whole nanoseconds.
    assert math.dist(here, there) / C_KM_S * NS_PER_S == pytest.approx(tau_ns, abs=1e-3)
    whole_ns = round(tau_ns)
    position, velocity = other.state(t_ns + way * whole_ns)
    assert math.dist(there, add(position, scale(way * (tau_ns - whole_ns) / NS_PER_S, velocity))) < 1e-6


def test_light_times_to_a_track_are_those_to_any_trajectory_that_moves_like_it(tracks):
    for t_ns in range(0, 10**14, 1_234_567_890_123):
        here = tracks["goldstone"].state(t_ns).position_km
        plain = SimpleNamespace(state=tracks["mro"].state)
        for way in (1, -1):
            assert meet(here, t_ns, tracks["mro"], way)[0] == pytest.approx(meet(here, t_ns, plain, way)[0], abs=1e-3)


@pytest.fixture(scope="module")
def tracks(space):
    site = GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372)
    models = {"maven": MAVEN, "mro": MRO, "goldstone": DSN_COMPLEXES["goldstone"], "site": site}
    return {name: model.realise(space) for name, model in models.items()}


@pytest.fixture(scope="module")
def maven(space):
    return MAVEN.realise(space)


def from_mars(space, t_ns, fixed_km):
    """A place in Mars-fixed axes (km), at a run time, in the ICRF."""
    return add(space.body_state("mars", t_ns).position_km, apply(space.rows("mars", t_ns), fixed_km))


@pytest.mark.parametrize(("height_km", "hidden"), [(-1.0, True), (1.0, False)])
@pytest.mark.parametrize(
    ("limb_km", "along"),
    [((3396.19, 0, 0), (0, 1, 0)), ((0, 3396.19, 0), (1, 0, 1)), ((0, 0, 3376.20), (1, 0, 0))],
)
def test_the_ellipsoid_of_mars_hides_what_is_behind_its_limb(space, limb_km, along, height_km, hidden):
    top = tuple(value * (1 + height_km / 3396.19) for value in limb_km)
    ends = [from_mars(space, 0, add(top, scale(sign * 5000.0, unit(along)))) for sign in (-1, 1)]
    assert occulting_body(space, ends[0], 0, ends[1], 1) == ("mars" if hidden else None)


def test_what_is_in_front_of_a_planet_is_not_hidden_by_it(space):
    near, far = from_mars(space, 0, (5000, 0, 0)), from_mars(space, 0, (9000, 100, 0))
    assert occulting_body(space, near, 0, far, 1) is None


def test_the_body_is_where_it_is_when_the_ray_passes_it(space):
    # From behind Mars to Earth: in eleven minutes of light time Mars moves four of its radii.
    sent_ns, mars, earth = 0, space.body_state("mars", 0).position_km, space.body("earth")
    away = unit(add(mars, scale(-1.0, earth.state(0).position_km)))
    behind = add(mars, scale(10_000.0, away))
    arrive_ns = round(light_time_ns(behind, sent_ns, earth))
    assert occulting_body(space, behind, sent_ns, earth.state(arrive_ns).position_km, arrive_ns) == "mars"
    # Back again it arrives where the orbiter stood, and Mars has left the line eleven minutes later ...
    sent_ns = 0
    back_ns = round(light_time_ns(earth.state(0).position_km, 0, Still(behind)))
    assert occulting_body(space, earth.state(0).position_km, sent_ns, behind, back_ns) is None
    # ... unless the orbiter has gone with it.
    behind_later = add(space.body_state("mars", back_ns).position_km, scale(10_000.0, away))
    assert occulting_body(space, earth.state(0).position_km, 0, behind_later, back_ns) == "mars"


class Still:
    """A trajectory that stays where it is."""

    def __init__(self, position_km):
        self._state = State(position_km, (0.0, 0.0, 0.0))

    def state(self, t_ns):
        return self._state


def test_the_sun_stands_between_earth_and_mars_at_the_conjunction_of_october_2021(ephemeris):
    # Minimum separation 0.6 deg from the sun's centre: the ray misses the disc; through the centre it would not.
    space = Space(Epoch.parse("2021-10-08T04:00:00Z"), ephemeris)
    mars, sun, earth = (space.body_state(body, 0).position_km for body in ("mars", "sun", "earth"))
    tau_ns = round(light_time_ns(mars, 0, space.body("earth")))
    assert occulting_body(space, mars, 0, earth, tau_ns) is None
    beyond = add(sun, scale(2e8, unit(add(sun, scale(-1.0, earth)))))
    assert occulting_body(space, beyond, 0, earth, tau_ns) == "sun"


def test_a_descent_below_the_ellipsoid_is_not_hidden_by_the_ground_it_sinks_into(space):
    # Jezero lies 2.3 km under the reference ellipsoid.
    low = from_mars(space, 0, (3390.0, 0, 0))
    over_horizon, under_horizon = from_mars(space, 0, (3500.0, 600.0, 0)), from_mars(space, 0, (3380.0, 600.0, 0))
    assert occulting_body(space, low, 0, over_horizon, 1) is None
    assert occulting_body(space, low, 0, under_horizon, 1) == "mars"


def test_a_site_is_hidden_by_its_horizon_and_not_by_its_own_body(space):
    ground, antipode = from_mars(space, 0, (3396.0, 0, 0)), from_mars(space, 0, (-9000.0, 0, 0))
    assert occulting_body(space, ground, 0, antipode, 1) == "mars"
    assert occulting_body(space, ground, 0, antipode, 1, emitter_stands=True) is None
    assert occulting_body(space, antipode, 0, ground, 1, receiver_stands=True) is None


def test_the_centre_of_a_body_is_not_hidden_by_that_body(space):
    mars, earth = space.body_state("mars", 0).position_km, space.body("earth")
    tau_ns = round(light_time_ns(mars, 0, earth))
    assert occulting_body(space, mars, 0, earth.state(tau_ns).position_km, tau_ns) is None


def test_elevation_is_ninety_degrees_at_the_zenith_and_zero_at_the_horizon():
    assert elevation_deg((0, 0, 1), (1, 2, 3), (1, 2, 7)) == pytest.approx(90)
    assert elevation_deg((0, 0, 1), (1, 2, 3), (5, 2, 3)) == pytest.approx(0)
    assert elevation_deg((0, 0, 1), (1, 2, 3), (2, 2, 2)) == pytest.approx(-45)
