"""Lower bounds of light time: never above a delay, seldom far below."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightlag.bus.time import NS_PER_S
from lightlag.orbiters import DSN_COMPLEXES, GroundSite, light_time_ns
from lightlag.orbiters.hope import TRAJECTORY as HOPE
from lightlag.orbiters.lookahead import least_delay_s
from lightlag.orbiters.maven import TRAJECTORY as MAVEN
from lightlag.orbiters.mro import TRAJECTORY as MRO

WINDOW_NS = 600 * NS_PER_S
ROUNDING_S = 1e-12  # the medium takes a microsecond off
PAIRS = [
    ("jezero", "mro"),
    ("mro", "maven"),
    ("maven", "jezero"),
    ("hope", "mro"),
    ("mro", "madrid"),
    ("madrid", "hope"),
]


class Promised:
    """A trajectory of which nothing is known but its states and its balls."""

    def __init__(self, track):
        self.state, self.bound = track.state, track.bound


@pytest.fixture(scope="module")
def tracks(space):
    models = {"mro": MRO, "maven": MAVEN, "hope": HOPE, "madrid": DSN_COMPLEXES["madrid"]}
    models["jezero"] = GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372)
    return {name: model.realise(space) for name, model in models.items()}


def shortest_s(emitter, receiver, t0_ns, t1_ns, looks):
    return min(
        light_time_ns(emitter.state(t_ns).position_km, t_ns, receiver) / NS_PER_S
        for t_ns in range(t0_ns, t1_ns + 1, max(1, (t1_ns - t0_ns) // looks))
    )


@settings(max_examples=60, deadline=None)
@given(pair=st.sampled_from(PAIRS), start_s=st.integers(0, 80_000), span_s=st.sampled_from([0, 1, 60, 600, 5000]))
def test_a_bound_is_under_every_delay_and_not_far(tracks, pair, start_s, span_s):
    emitter, receiver = (tracks[name] for name in pair)
    t0_ns = start_s * NS_PER_S
    t1_ns = t0_ns + span_s * NS_PER_S
    shortest = shortest_s(emitter, receiver, t0_ns, t1_ns, 100)
    assert 0.9 * shortest < least_delay_s(emitter, receiver, t0_ns, t1_ns) <= shortest + ROUNDING_S


def test_every_window_of_a_day_has_lookahead_between_jezero_and_mro_overhead(tracks):
    # The nearest that MRO comes is 300 km: a millisecond.
    bounds = [least_delay_s(tracks["jezero"], tracks["mro"], k * WINDOW_NS, (k + 1) * WINDOW_NS) for k in range(144)]
    assert 0.0009 < min(bounds) < 0.002


@pytest.mark.parametrize("pair", PAIRS)
def test_balls_alone_give_a_bound_too(tracks, pair):
    emitter, receiver = (tracks[name] for name in pair)
    for start in range(20):
        window = start * 4000 * NS_PER_S, start * 4000 * NS_PER_S + WINDOW_NS
        by_balls = least_delay_s(Promised(emitter), Promised(receiver), *window)
        assert 0.0 < by_balls <= shortest_s(emitter, receiver, *window, 60) + ROUNDING_S
        assert by_balls <= 1.1 * least_delay_s(emitter, receiver, *window)


def test_a_place_has_no_lookahead_to_itself(tracks):
    assert least_delay_s(tracks["mro"], tracks["mro"], 0, WINDOW_NS) == pytest.approx(0.0, abs=1e-9)


def test_who_has_settled_on_a_track_is_bounded_like_it(tracks):
    lander = Promised(tracks["jezero"])
    lander.settled = lambda t_ns: tracks["jezero"] if t_ns >= WINDOW_NS else None
    for link in ((lander, tracks["mro"]), (tracks["mro"], lander)):
        on_track = [tracks["jezero"] if end is lander else end for end in link]
        after, before = (2 * WINDOW_NS, 3 * WINDOW_NS), (0, WINDOW_NS)
        assert least_delay_s(*link, *after) == least_delay_s(*on_track, *after)
        assert 0.0 < least_delay_s(*link, *before) < least_delay_s(*on_track, *before)
