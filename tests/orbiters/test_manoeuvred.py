"""Trajectories with declared burns: what they fly, what is promised of them, and what is refused."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import spiceypy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.integrate import solve_ivp

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.steering import Planned
from lightlag.orbiters import (
    DSN_COMPLEXES,
    Burn,
    GroundSite,
    KeplerOrbit,
    Manoeuvred,
    Space,
    SpaceMedium,
    SpaceSurroundings,
    SpkFile,
    StateOrbit,
    Steered,
    Terminal,
)
from lightlag.orbiters.declared import TrajectorySpec
from lightlag.orbiters.frames import subtract
from lightlag.orbiters.gravity import MARS_FIELD
from lightlag.orbiters.lookahead import least_delay_s

UNTIL_NS = 3 * 3600 * NS_PER_S
EPOCH = "2021-02-18T20:26:50.08Z"
ORBIT = KeplerOrbit(center="mars", epoch=EPOCH, periapsis_km=300, apoapsis_km=6000, inclination_deg=40)
RAISE = Burn(name="raise", at="2021-02-18T20:43:30.08Z", delta_v_km_s=(0.0, 0.05, 0.0), over_s=60)
#: GM of what else pulls, km3/s2 (gm_de440.tpc), by NAIF id.
OTHERS = {199: 22031.868551, 299: 324858.592, 3: 403503.235625, 5: 126712764.1, 6: 37940584.8418}
TIANWEN = StateOrbit(  # Tianwen-1 on its approach, 2021-02-08 (its telemetry; e = 1.544)
    center="mars",
    epoch="2021-02-08T22:14:25.049Z",
    position_km=(-345203.0840200648, 103420.7793506179, -15761.45641910906),
    velocity_km_s=(2.409386271990221, -0.7794198288828311, 0.1211831900815355),
    frame="equator_j2000",
)


@pytest.fixture(scope="module")
def run_space(ephemeris, space):
    return Space(space.epoch, ephemeris, until_ns=UNTIL_NS)


@pytest.fixture(scope="module")
def arrival_space(ephemeris):
    """Ten days before Tianwen-1 passed Mars' periapsis, and a day beyond."""
    return Space(Epoch.parse("2021-01-31T12:00:00Z"), ephemeris, until_ns=11 * 86_400 * NS_PER_S)


def about_mars(space, trajectory, t_ns):
    state, mars = trajectory.state(t_ns), space.body_state("mars", t_ns)
    return np.array([subtract(state.position_km, mars.position_km), subtract(state.velocity_km_s, mars.velocity_km_s)])


def test_it_flies_what_a_node_would_fly_that_commands_the_same_burn(run_space):
    declared = Manoeuvred(nominal=ORBIT, burns=(RAISE,)).realise(run_space)
    commanded = Steered(nominal=ORBIT, center="mars", leeway_km=5000).realise(run_space)
    commanded.burn(declared.burns[0].begin_ns, RAISE.delta_v_km_s, 60 * NS_PER_S, "rtn")
    for t_ns in range(0, UNTIL_NS, 333 * NS_PER_S):
        assert declared.state(t_ns) == commanded.state(t_ns)
    assert declared.zenith(UNTIL_NS) is None
    assert declared.attenuation_db(UNTIL_NS, 4e8) == 0.0


def test_burns_may_be_over_before_the_run_begins_or_begin_after_it_has_ended(run_space, ephemeris):
    early = Burn(at="2021-02-18T19:00:00Z", delta_v_km_s=(0.0, 0.1, 0.0))
    late = Burn(at="2031-02-18T19:00:00Z", delta_v_km_s=(0.0, 0.1, 0.0))
    both = Manoeuvred(nominal=ORBIT, burns=(late, early)).realise(run_space)
    alone = Manoeuvred(nominal=ORBIT, burns=(early,)).realise(run_space)
    assert isinstance(both, Planned)
    assert [burn.begin_ns < 0 for burn in both.burns] == [True, False]
    assert both.state(UNTIL_NS) == alone.state(UNTIL_NS) != ORBIT.realise(run_space).state(UNTIL_NS)


def test_where_it_is_does_not_depend_on_when_the_run_ends(run_space, ephemeris):
    model = Manoeuvred(nominal=ORBIT, burns=(RAISE,))
    here = model.realise(run_space)
    longer = model.realise(Space(run_space.epoch, ephemeris, until_ns=9 * UNTIL_NS))
    assert all(here.state(t_ns) == longer.state(t_ns) for t_ns in range(0, UNTIL_NS + 1, 71 * NS_PER_S))


@pytest.mark.parametrize("over_s", [0.0, 900.0])
def test_insertion_ends_where_another_integrator_takes_it(arrival_space, over_s):
    space = arrival_space
    at_ns = space.epoch.t_ns("2021-02-10T11:52:00Z")
    burn = Burn(at="2021-02-10T11:52:00Z", delta_v_km_s=(0.1, -0.8, 0.05), over_s=over_s, axes="icrf")
    flown = Manoeuvred(nominal=TIANWEN, burns=(burn,)).realise(space)
    begin = about_mars(space, TIANWEN.realise(space), at_ns).ravel()
    if not over_s:
        begin[3:] += burn.delta_v_km_s
    end_s = 4000.0
    ends = by_runge_kutta(space, at_ns, begin, over_s, np.divide(burn.delta_v_km_s, over_s)) if over_s else begin
    ends = by_runge_kutta(space, at_ns + round(over_s) * NS_PER_S, ends, end_s)
    there = about_mars(space, flown, at_ns + round(over_s + end_s) * NS_PER_S).ravel()
    assert math.dist(there[:3], ends[:3]) < 1e-4  # 10 cm, after a burn of up to 15 min and an hour of coast


def by_runge_kutta(space, start_ns, begin, until_s, push=(0.0, 0.0, 0.0)):
    """Position and velocity relative to Mars after ``until_s``, under its field, the sun and a push."""
    gm, gm_sun = space.gm_km3_s2("mars"), space.gm_km3_s2("sun")

    def rates(since_s, y):
        t_ns = start_ns + round(since_s * NS_PER_S)
        rows = space.rotation("mars", t_ns)
        away = np.array(subtract(space.body_state("sun", t_ns).position_km, space.body_state("mars", t_ns).position_km))
        pull = rows @ MARS_FIELD.acceleration_km_s2(gm, rows.T @ y[:3])
        tide = (away - y[:3]) / np.linalg.norm(away - y[:3]) ** 3 - away / np.linalg.norm(away) ** 3
        return [*y[3:], *(pull + gm_sun * tide + push)]

    return solve_ivp(rates, (0.0, until_s), begin, method="DOP853", rtol=1e-13, atol=1e-12).y[:, -1]


# -- from far away ----------------------------------------------------------------------------------------------------


def about_the_sun(space, start_ns, begin, until_s, others):
    """Barycentric state after ``until_s``, integrated in the barycentric frame under sun, Mars and ``others``."""
    gms = {10: space.gm_km3_s2("sun"), 499: space.gm_km3_s2("mars"), **others}
    start_et_s = space.epoch.et_s(start_ns)

    def rates(since_s, y):
        pull = np.zeros(3)
        for body, gm in gms.items():
            away = np.array(spiceypy.spkgps(body, start_et_s + since_s, "J2000", 0)[0]) - y[:3]
            pull += gm * away / np.linalg.norm(away) ** 3
        return [*y[3:], *pull]

    return solve_ivp(rates, (0.0, until_s), begin, method="DOP853", rtol=1e-12, atol=1e-6).y[:, -1]


def test_an_approach_over_ten_days_keeps_to_one_that_counts_every_planet(arrival_space):
    """From 2.2 million km, almost four times the radius of the sphere of influence, to 20,000 km from Mars."""
    space, path = arrival_space, TIANWEN.realise(arrival_space)
    begin_ns, end_ns = 0, space.epoch.t_ns("2021-02-10T10:30:00Z")
    begin = np.array(path.state(begin_ns)).ravel()
    assert np.linalg.norm(about_mars(space, path, begin_ns)[0]) > 2.1e6
    here = np.array(path.state(end_ns).position_km)
    until_s = (end_ns - begin_ns) / NS_PER_S
    all_told = about_the_sun(space, begin_ns, begin, until_s, OTHERS)
    sun_and_mars = about_the_sun(space, begin_ns, begin, until_s, {})
    assert np.linalg.norm(here - all_told[:3]) < 1.0
    # What a change of centre would cost, with the same two bodies: the pull of the others, counted for one end only.
    assert np.linalg.norm(sun_and_mars[:3] - all_told[:3]) > 50.0


def test_a_hyperbola_passes_its_periapsis_when_and_where_its_telemetry_says(arrival_space):
    space, path = arrival_space, TIANWEN.realise(arrival_space)
    published_ns = space.epoch.t_ns("2021-02-10T12:00:02Z")
    times_ns = [published_ns + s * NS_PER_S for s in range(-60, 61)]
    heights_km = [np.linalg.norm(about_mars(space, path, t_ns)[0]) - 3396.19 for t_ns in times_ns]
    lowest = min(range(len(times_ns)), key=lambda k: heights_km[k])
    assert abs(times_ns[lowest] - published_ns) <= 5 * NS_PER_S
    assert heights_km[lowest] == pytest.approx(391, abs=5)


def test_the_cruise_of_mars_2020_is_flown_as_its_navigators_had_it(ephemeris, reference):
    """Two states of NAIF's kernel, six and a half minutes and 2,000 km apart, before the cruise stage left."""
    kernel = reference / "kernels" / "m2020_cruise_od138_v1.bsp"
    space = Space(Epoch.parse("2021-02-18T20:20:05Z"), ephemeris, until_ns=380 * NS_PER_S)
    flown = SpkFile(path=str(kernel), target=-168, step_s=1).realise(space)
    position, velocity = about_mars(space, flown, 0)
    model = StateOrbit(
        center="mars", epoch="2021-02-18T20:20:05Z", position_km=tuple(position), velocity_km_s=tuple(velocity)
    ).realise(space)
    for t_ns in range(0, space.until_ns, 60 * NS_PER_S):
        assert math.dist(model.state(t_ns).position_km, flown.state(t_ns).position_km) < 0.01


# -- lookahead and passes ---------------------------------------------------------------------------------------------

burns = st.lists(
    st.tuples(
        st.integers(-3600, 3 * 3600),
        st.tuples(*[st.floats(-0.3, 0.3)] * 3),
        st.integers(1, 600) | st.just(0),
        st.sampled_from(["rtn", "icrf"]),
    ),
    max_size=3,
    unique_by=lambda burn: burn[0] // 1200,
)


def declared(space, drawn):
    made = []
    for after_s, delta_v, over_s, axes in sorted(drawn):
        if not made or after_s >= made[-1][1]:
            at = space.epoch.utc(after_s * NS_PER_S, 9)
            made.append((Burn(at=at, delta_v_km_s=delta_v, over_s=over_s, axes=axes), after_s + over_s))
    return Manoeuvred(nominal=ORBIT, burns=tuple(burn for burn, _ in made))


#: Of a light time whose bound is the light time itself: positions are told to micrometres.
ROUNDING_S = 1e-13


@given(drawn=burns, begin_s=st.integers(0, 10_000), length_s=st.integers(0, 4000))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_it_burns_its_balls_hold_it_and_no_signal_comes_sooner_than_promised(
    run_space, drawn, begin_s, length_s
):
    path = declared(run_space, drawn).realise(run_space)
    begin_ns, end_ns = begin_s * NS_PER_S, (begin_s + length_s) * NS_PER_S
    ball = path.bound(begin_ns, end_ns)
    base = GroundSite(body="mars", lat_deg=0.0, lon_deg=-60.0).realise(run_space)
    around = SpaceSurroundings(run_space, "it", {"it": path, "base": base})
    least_s = least_delay_s(path, base, begin_ns, end_ns), least_delay_s(base, path, begin_ns, end_ns)
    back = SpaceSurroundings(run_space, "base", {"it": path, "base": base})
    for t_ns in range(begin_ns, end_ns + 1, 97 * NS_PER_S):
        assert math.dist(path.state(t_ns).position_km, ball.centre_km) <= ball.radius_km
        assert around.owlt_s("base", t_ns) >= least_s[0] - ROUNDING_S
        assert back.owlt_s("it", t_ns) >= least_s[1] - ROUNDING_S


@pytest.mark.parametrize("me", ["it", "base", "madrid"])
def test_passes_are_those_that_the_medium_hears_before_between_and_after_burns(run_space, me):
    """Burns of half a kilometre per second, one of them at once: a look ahead of them knows nothing of what follows."""
    burning = Manoeuvred(
        nominal=ORBIT,
        burns=(
            Burn(at="2021-02-18T20:43:30.08Z", delta_v_km_s=(0.5, 0.3, 0.0)),
            Burn(at="2021-02-18T21:43:30.08Z", delta_v_km_s=(-0.7, 0.0, 0.4), over_s=300),
        ),
    )
    radio = RadioSpec(transmit_hz="400 MHz", receive_hz="400 MHz")
    paths = {
        "it": burning.realise(run_space),
        "base": GroundSite(body="mars", lat_deg=0.0, lon_deg=-60.0).realise(run_space),
        "madrid": DSN_COMPLEXES["madrid"].realise(run_space),
    }
    medium = SpaceMedium(run_space, {name: Terminal(path, radio) for name, path in paths.items()})
    target = "madrid" if me == "it" else "it"
    found = SpaceSurroundings(run_space, me, paths).passes(target, 0, UNTIL_NS)
    for t_ns in range(0, UNTIL_NS, 20 * NS_PER_S):
        emission = SimpleNamespace(source=me, sent_ns=t_ns, emitter=medium.stamp(me, t_ns))
        heard = medium.judge(emission, target).loss is None
        near_an_edge = any(abs(t_ns - edge) < NS_PER_S // 10 for one in found for edge in one)
        assert near_an_edge or heard == any(one.aos_ns <= t_ns < one.los_ns for one in found)


# -- declared in a graph, and refused ---------------------------------------------------------------------------------


def test_a_graph_declares_the_same():
    spec = TrajectorySpec.model_validate(
        {
            "manoeuvred": {
                "nominal": {
                    "kepler": {
                        "center": "mars",
                        "epoch": EPOCH,
                        "periapsis": "300 km",
                        "apoapsis": "6000 km",
                        "inclination": "40 deg",
                    }
                },
                "burns": [{"name": "raise", "at": RAISE.at, "delta_v_km_s": [0, 0.05, 0], "over": "1 min"}],
            }
        }
    )
    assert spec.model() == Manoeuvred(nominal=ORBIT, burns=(RAISE,))
    assert spec.about == "mars"


@pytest.mark.parametrize(
    ("burns", "said"),
    [
        ((RAISE, Burn(name="again", at="2021-02-18T20:44:00Z", delta_v_km_s=(0, 0, 0))), "burn 'again' begins at"),
        ((Burn(at=EPOCH, delta_v_km_s=(0, 0, 0), over_s=-1),), "lasts -1 s; give 0"),
        ((Burn(at=EPOCH, delta_v_km_s=(0, math.nan, 0)),), "give three numbers"),
        ((Burn(at=EPOCH, delta_v_km_s=(0, -4.078, 0)),), "cannot be integrated"),
    ],
)
def test_nonsense_is_refused(run_space, burns, said):
    with pytest.raises(GraphError, match=said):
        Manoeuvred(nominal=ORBIT, burns=burns).realise(run_space).state(UNTIL_NS)


def test_who_does_not_say_what_it_is_about_is_asked():
    nominal = SpkFile(path="x.bsp", target=-74)
    with pytest.raises(GraphError, match="a SpkFile does not say what it is about; give the center"):
        Manoeuvred(nominal=nominal, burns=())
    with pytest.raises(ValidationError, match="does not say what it is about"):
        TrajectorySpec.model_validate(
            {
                "manoeuvred": {
                    "nominal": {"spk": {"file": "x.bsp", "target": -74}},
                    "burns": [{"at": EPOCH, "delta_v_km_s": [0, 0, 0]}],
                }
            }
        )
    assert Manoeuvred(nominal=nominal, burns=(), center="mars").about() == "mars"
