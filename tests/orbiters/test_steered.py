"""A trajectory that is changed by burns: what changes, what does not, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lightlag.bus.errors import BrokenPromise, GraphError, NodeError
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.nodes import Host, Node, Steering
from lightlag.orbiters import GroundSite, KeplerOrbit, Space, SpaceSurroundings, StateOrbit, Steered
from lightlag.orbiters.frames import subtract

UNTIL_NS = 3 * 3600 * NS_PER_S
EPOCH = "2021-02-18T20:26:50.08Z"
ORBIT = KeplerOrbit(center="mars", epoch=EPOCH, periapsis_km=300, apoapsis_km=6000, inclination_deg=40)
STEERED = Steered(nominal=ORBIT, center="mars", leeway_km=5000)
BURN_NS = 1000 * NS_PER_S


@pytest.fixture(scope="module")
def run_space(ephemeris, space):
    return Space(space.epoch, ephemeris, until_ns=UNTIL_NS)


@pytest.fixture
def steered(run_space):
    return STEERED.realise(run_space)


def about_mars(run_space, trajectory, t_ns):
    state, mars = trajectory.state(t_ns), run_space.body_state("mars", t_ns)
    return np.array([subtract(state.position_km, mars.position_km), subtract(state.velocity_km_s, mars.velocity_km_s)])


def test_without_a_burn_it_is_the_nominal_one(run_space, steered):
    for t_ns in range(0, UNTIL_NS, 971 * NS_PER_S):
        assert steered.state(t_ns) == ORBIT.realise(run_space).state(t_ns)
        assert steered.zenith(t_ns) is None
        assert steered.attenuation_db(t_ns, 4e8) == 0.0


def test_a_burn_changes_nothing_before_it_and_the_position_at_it_does_not_leap(run_space, steered):
    before = {t_ns: steered.state(t_ns) for t_ns in range(0, BURN_NS, 99 * NS_PER_S)}
    steered.burn(BURN_NS, (0.0, 0.05, 0.0), 60 * NS_PER_S, "rtn")
    assert all(steered.state(t_ns) == state for t_ns, state in before.items())
    for edge_ns in (BURN_NS, BURN_NS + 60 * NS_PER_S):
        here, there = steered.state(edge_ns - 1), steered.state(edge_ns)
        assert math.dist(here.position_km, there.position_km) < 1e-5
        assert math.dist(here.velocity_km_s, there.velocity_km_s) < 1e-6


def test_an_impulse_adds_its_velocity_in_the_axes_that_are_named(run_space, steered):
    position, velocity = about_mars(run_space, steered, BURN_NS)
    forward = np.cross(np.cross(position, velocity), position)
    steered.burn(BURN_NS, (0.0, 0.02, 0.0), 0, "rtn")
    _, after = about_mars(run_space, steered, BURN_NS)
    assert after - velocity == pytest.approx(0.02 * forward / np.linalg.norm(forward), abs=1e-7)
    steered.burn(BURN_NS, (0.01, 0.0, -0.03), 0, "icrf")
    _, again = about_mars(run_space, steered, BURN_NS)
    assert again - after == pytest.approx([0.01, 0.0, -0.03], abs=1e-7)  # two in one instant add up


def test_a_burn_out_of_nothing_is_a_state_that_is_integrated(run_space, steered):
    steered.burn(BURN_NS, (0.0, 0.0, 0.0), 0, "icrf")
    position, velocity = about_mars(run_space, ORBIT.realise(run_space), BURN_NS)
    free = StateOrbit(
        center="mars",
        epoch=run_space.epoch.utc(BURN_NS, digits=9),
        position_km=tuple(position.tolist()),
        velocity_km_s=tuple(velocity.tolist()),
    ).realise(run_space)
    for t_ns in range(BURN_NS, UNTIL_NS, 777 * NS_PER_S):
        assert math.dist(steered.state(t_ns).position_km, free.state(t_ns).position_km) < 1e-4


def test_a_cut_off_gives_up_what_was_to_be_burnt(run_space, steered):
    whole, cut = STEERED.realise(run_space), steered
    for trajectory in (whole, cut):
        trajectory.burn(BURN_NS, (0.0, 0.06, 0.0), 60 * NS_PER_S, "rtn")
    half_ns = BURN_NS + 30 * NS_PER_S
    cut.burn(half_ns, (0.0, 0.0, 0.0), 0, "rtn")
    speeds = [
        np.linalg.norm(about_mars(run_space, it, half_ns + 30 * NS_PER_S)[1])
        - np.linalg.norm(about_mars(run_space, cut, half_ns)[1])
        for it in (cut, whole)
    ]
    assert speeds[1] - speeds[0] == pytest.approx(0.03, abs=2e-3)


def test_its_past_does_not_depend_on_what_was_asked(run_space):
    asked, silent = STEERED.realise(run_space), STEERED.realise(run_space)
    for t_ns in range(0, UNTIL_NS, 500 * NS_PER_S):
        asked.state(t_ns)
    for trajectory in (asked, silent):
        trajectory.burn(BURN_NS, (0.0, 0.05, 0.0), 90 * NS_PER_S, "rtn")
    for t_ns in range(UNTIL_NS, 0, -500 * NS_PER_S):
        asked.state(t_ns)
    for trajectory in (asked, silent):
        trajectory.burn(3 * BURN_NS, (0.01, -0.05, 0.0), 0, "rtn")
    for t_ns in range(0, UNTIL_NS, 333 * NS_PER_S):
        assert asked.state(t_ns) == silent.state(t_ns)


@given(
    burns=st.lists(
        st.tuples(
            st.integers(0, UNTIL_NS - 1),
            st.tuples(*[st.floats(-0.1, 0.1)] * 3),
            st.integers(NS_PER_S, 300 * NS_PER_S) | st.just(0),
            st.sampled_from(["rtn", "icrf"]),
        ),
        max_size=3,
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_it_burns_it_stays_in_the_ball_that_was_promised_before(run_space, burns):
    trajectory = STEERED.realise(run_space)
    windows = [(t_ns, min(t_ns + 600 * NS_PER_S, UNTIL_NS)) for t_ns in range(0, UNTIL_NS, 600 * NS_PER_S)]
    promised = [trajectory.bound(*window) for window in windows]
    for t_ns, *burn in sorted(burns):
        try:
            trajectory.burn(t_ns, *burn)
        except BrokenPromise:
            continue  # it was refused, and the one before goes on
    for (begin_ns, end_ns), ball in zip(windows, promised, strict=True):
        assert trajectory.bound(begin_ns, end_ns) == ball
        for t_ns in range(begin_ns, end_ns + 1, 50 * NS_PER_S):
            assert math.dist(trajectory.state(t_ns).position_km, ball.centre_km) <= ball.radius_km


# -- as a node has it -------------------------------------------------------------------------------------------------


class Probe(Node):
    """Does what a test wrote."""

    def __init__(self, name, trajectory, script):
        super().__init__(name)
        self.model, self.script = trajectory, script

    @property
    def trajectory(self):
        return self.model

    async def run(self):
        await self.script(self)


def flown(run_space, model, script):
    """A run of one probe; how it failed, if it did."""
    live = {"probe": model.realise(run_space), "moon": ORBIT.realise(run_space)}
    host = Host(
        "host",
        [Probe("probe", model, script)],
        [],
        epoch=run_space.epoch,
        seed=1,
        until_ns=UNTIL_NS,
        surroundings=lambda node: seen.setdefault(node, SpaceSurroundings(run_space, node, live)),
    )
    seen: dict[str, SpaceSurroundings] = {}
    return host.activate(NEVER_NS, [], NEVER_NS).failure, seen, live


def test_a_burn_beyond_the_leeway_is_refused_with_the_name_of_the_node(run_space):
    async def script(probe):
        await probe.sleep_until(BURN_NS)
        Steering(probe).burn((0.0, 0.4, 0.0))

    failure, _, live = flown(run_space, STEERED, script)
    assert failure.t_ns == BURN_NS
    assert "BrokenPromise: probe: this burn would take it perhaps" in failure.traceback
    assert "give it more leeway, or burn less" in failure.traceback
    assert live["probe"].state(UNTIL_NS) == live["probe"].nominal.state(UNTIL_NS)


def test_who_has_no_engine_is_told_how_to_declare_one(run_space):
    async def script(probe):
        Steering(probe).burn((0.0, 0.01, 0.0))

    failure, _, _ = flown(run_space, ORBIT, script)
    assert "probe cannot burn: its trajectory is a Track; declare it as Steered(" in failure.traceback


def test_nonsense_is_refused(run_space):
    async def script(probe):
        with pytest.raises(NodeError, match="cannot burn over -1 s; give 0"):
            Steering(probe).burn((0.0, 0.0, 0.0), over_s=-1)
        # Straight down: what lies ahead goes through the centre of Mars.
        _, velocity = about_mars(run_space, probe.surroundings.trajectory("probe"), 0)
        Steering(probe).burn(tuple((-velocity).tolist()), axes="icrf")

    failure, _, _ = flown(run_space, Steered(nominal=ORBIT, center="mars", leeway_km=1e6), script)
    assert "NodeError: this burn cannot be made: an orbit about mars cannot be integrated" in failure.traceback
    with pytest.raises(GraphError, match="leeway_km is 0"):
        Steered(nominal=ORBIT, center="mars", leeway_km=0)
    with pytest.raises(GraphError, match="'marss' is not a known body"):
        Steered(nominal=ORBIT, center="marss", leeway_km=1).realise(run_space)


def test_passes_are_found_anew_after_a_burn_and_others_go_by_the_nominal_trajectory(run_space, ephemeris):
    site = GroundSite(body="mars", lat_deg=0.0, lon_deg=-60.0)
    live = {"probe": STEERED.realise(run_space), "base": site.realise(run_space)}
    own, other = (SpaceSurroundings(run_space, name, live) for name in ("probe", "base"))
    before = own.passes("base", 0, UNTIL_NS), other.passes("probe", 0, UNTIL_NS)
    assert before[0]
    live["probe"].burn(BURN_NS, (0.0, 0.1, 0.0), 0, "rtn")
    after = own.passes("base", 0, UNTIL_NS), other.passes("probe", 0, UNTIL_NS)
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert own.state("probe", UNTIL_NS) == live["probe"].state(UNTIL_NS)
    assert other.state("probe", UNTIL_NS) == live["probe"].nominal.state(UNTIL_NS)
