"""The space of the landing of Perseverance."""

import pytest

from lightlag.bus.time import Epoch
from lightlag.orbiters import Ephemeris, Space
from lightlag.orbiters.frames import apply_inverse, subtract


@pytest.fixture(scope="session")
def ephemeris():
    return Ephemeris.open()


@pytest.fixture(scope="session")
def space(ephemeris):
    """Its epoch is entry interface less ten minutes."""
    return Space(Epoch.parse("2021-02-18T20:26:50.08Z"), ephemeris)


@pytest.fixture(scope="session")
def mars_fixed(space):
    """Position in IAU_MARS axes (km) of a trajectory at a run time."""

    def position(trajectory, t_ns):
        from_centre = subtract(trajectory.state(t_ns).position_km, space.body_state("mars", t_ns).position_km)
        return apply_inverse(space.rows("mars", t_ns), from_centre)

    return position
