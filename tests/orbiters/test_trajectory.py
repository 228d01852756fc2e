"""Tracks and their balls."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightlag.bus.time import NS_PER_S
from lightlag.orbiters import DSN_COMPLEXES, KeplerOrbit
from lightlag.orbiters.maven import TRAJECTORY as MAVEN
from lightlag.orbiters.mro import TRAJECTORY as MRO
from lightlag.orbiters.orbits import _Ellipse
from lightlag.orbiters.tianwen1 import TRAJECTORY as TIANWEN1

INTERPOLATION_TOLERANCE_KM = 1e-5  # 1 cm


@pytest.fixture(scope="module")
def tracks(space):
    declared = {"mro": MRO, "maven": MAVEN, "tianwen1": TIANWEN1, "madrid": DSN_COMPLEXES["madrid"]}
    return {name: model.realise(space) for name, model in declared.items()} | {"mars": space.body("mars")}


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(["madrid", "mars", "maven", "mro", "tianwen1"]),
    t0_ns=st.integers(-3600 * NS_PER_S, 3 * 3600 * NS_PER_S),
    span_ns=st.one_of(st.integers(0, 10 * NS_PER_S), st.integers(0, 3600 * NS_PER_S)),
    parts=st.lists(st.floats(0, 1), min_size=5, max_size=20),
)
def test_a_trajectory_stays_in_the_ball_it_promises(tracks, name, t0_ns, span_ns, parts):
    track = tracks[name]
    ball = track.bound(t0_ns, t0_ns + span_ns)
    for part in [0.0, 1.0, *parts]:
        t_ns = t0_ns + min(span_ns, int(part * span_ns))
        assert math.dist(ball.centre_km, track.state(t_ns).position_km) <= ball.radius_km


@pytest.mark.parametrize("name", ["madrid", "maven", "mro", "tianwen1"])
@pytest.mark.parametrize(("span_s", "slack"), [(1, 1.001), (10, 1.01), (3600, 1.05)])
def test_a_ball_is_hardly_wider_than_the_way_made_in_it(tracks, name, span_s, slack):
    track, span_ns = tracks[name], span_s * NS_PER_S
    points = [track.state(span_ns * k // 200).position_km for k in range(201)]
    widest_km = max(math.dist(a, b) for a in points[::20] for b in points)
    assert track.bound(0, span_ns).radius_km < slack * widest_km / 2 * math.sqrt(4 / 3) + 1e-5


def test_an_orbit_interpolated_is_the_orbit_itself_within_a_centimetre(space):
    track, exact = MAVEN.realise(space), _Ellipse(MAVEN, space)
    for t_ns in range(0, 13_000 * NS_PER_S, 97_531_234_567):
        here, (position_km, velocity_km_s) = track.state(t_ns), exact.states(np.array([t_ns]))[0]
        assert math.dist(here.position_km, position_km) < INTERPOLATION_TOLERANCE_KM
        assert math.dist(here.velocity_km_s, velocity_km_s) < INTERPOLATION_TOLERANCE_KM / 10


@pytest.mark.parametrize("name", ["madrid", "mars", "maven", "mro", "tianwen1"])
def test_velocity_is_the_derivative_of_position(tracks, name):
    track, h_ns = tracks[name], NS_PER_S // 2
    for t_ns in range(0, 7000 * NS_PER_S, 333_333_333_333):
        before, now, after = (track.state(t_ns + k * h_ns) for k in (-1, 0, 1))
        slope = [(b - a) / (2 * h_ns / NS_PER_S) for a, b in zip(before[0], after[0], strict=True)]
        assert math.dist(slope, now.velocity_km_s) < 1e-6


@pytest.mark.parametrize("name", ["madrid", "mars", "maven", "mro", "tianwen1"])
def test_many_states_at_once_are_those_that_are_asked_for_one_by_one(tracks, name):
    times = np.arange(-50, 50) * 97_531_234_567
    for t_ns, (position_km, velocity_km_s) in zip(times.tolist(), tracks[name].states(times), strict=True):
        one = tracks[name].state(t_ns)
        assert math.dist(one.position_km, position_km) < 1e-7
        assert math.dist(one.velocity_km_s, velocity_km_s) < 1e-12


@pytest.mark.parametrize("model", [MRO, MAVEN, TIANWEN1, DSN_COMPLEXES["goldstone"]], ids=lambda model: str(model)[:25])
def test_a_state_does_not_depend_on_what_was_asked_before(space, model):
    instants = [k * 1_234_567_890_123 for k in range(-3, 8)]
    forward, backward = model.realise(space), model.realise(space)
    ahead = [forward.state(t_ns) for t_ns in instants]
    behind = [backward.state(t_ns) for t_ns in reversed(instants)]
    assert ahead == behind[::-1]


def test_forgotten_pieces_of_a_track_come_back_to_the_bit(space, monkeypatch):
    track = KeplerOrbit(
        center="mars", epoch="2021-02-18T00:00:00Z", periapsis_km=300, apoapsis_km=400, inclination_deg=90
    ).realise(space)
    before = track.state(77)
    monkeypatch.setattr("lightlag.orbiters.trajectory._KEEP", 10)
    track.state(10**13)
    assert len(track._pieces) < 100
    assert track.state(77) == before
