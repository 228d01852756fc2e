"""The integration against an integrator of another kind."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.trajectory import State
from lightlag.orbiters.frames import subtract
from lightlag.orbiters.gravity import MARS_FIELD
from lightlag.orbiters.mro import TRAJECTORY as MRO
from lightlag.orbiters.orbits import StateOrbit
from lightlag.orbiters.propagation import Propagation

TOLERANCE_KM = 1e-6  # 1 mm, of a Runge-Kutta of eighth order at its finest, in half a day


def by_runge_kutta(space, start_ns, start, until_s):
    """Position and velocity relative to Mars after ``until_s``, under its field and the sun."""
    gm, gm_sun = space.gm_km3_s2("mars"), space.gm_km3_s2("sun")

    def rates(since_s, y):
        t_ns = start_ns + round(since_s * NS_PER_S)
        rows = space.rotation("mars", t_ns)
        away = np.array(subtract(space.body_state("sun", t_ns).position_km, space.body_state("mars", t_ns).position_km))
        pull = rows @ MARS_FIELD.acceleration_km_s2(gm, rows.T @ y[:3])
        tide = (away - y[:3]) / np.linalg.norm(away - y[:3]) ** 3 - away / np.linalg.norm(away) ** 3
        return [*y[3:], *(pull + gm_sun * tide)]

    begin = [*start.position_km, *start.velocity_km_s]
    return solve_ivp(rates, (0.0, until_s), begin, method="DOP853", rtol=1e-13, atol=1e-12).y[:, -1]


@pytest.mark.parametrize("until_s", [-20_000, 43_200])
def test_mro_goes_where_another_integrator_takes_it(space, until_s):
    start_ns, start = space.epoch.t_ns(MRO.epoch), State(MRO.position_km, MRO.velocity_km_s)
    t_ns = start_ns + until_s * NS_PER_S
    ((position_km, _),) = Propagation(space, "mars", start_ns, start).states(np.array([t_ns]))
    here = subtract(position_km, space.body_state("mars", t_ns).position_km)
    assert math.dist(here, by_runge_kutta(space, start_ns, start, until_s)[:3]) < TOLERANCE_KM


def test_states_do_not_depend_on_which_were_asked_for_together(space):
    start = State(MRO.position_km, MRO.velocity_km_s)
    times = np.arange(-20, 20) * 900 * NS_PER_S
    together = Propagation(space, "mars", 0, start).states(times)
    one_by_one = Propagation(space, "mars", 0, start)
    assert np.array_equal([one_by_one.states(times[k : k + 1])[0] for k in reversed(range(40))], together[::-1])


def test_a_fall_into_the_centre_is_an_error_that_says_where(space):
    orbit = StateOrbit(
        center="mars", epoch="2021-02-18T20:00:00Z", position_km=(5000.0, 0.0, 0.0), velocity_km_s=(0.0, 0.0, 0.0)
    )
    with pytest.raises(GraphError, match=r"cannot be integrated past .* from the centre there"):
        orbit.realise(space).state(10_000 * NS_PER_S)
