"""What a node finds out about its surroundings."""

import math

import pytest

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.orbiters import DSN_COMPLEXES, GroundSite, SpaceSurroundings
from lightlag.orbiters.mro import TRAJECTORY as MRO

TOUCHDOWN_NS = 1020 * NS_PER_S


@pytest.fixture(scope="module")
def around(space):
    models = {"mro": MRO, **DSN_COMPLEXES}
    models["rover"] = GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372)
    made = {name: model.realise(space) for name, model in models.items()}
    return lambda me: SpaceSurroundings(space, me, made | {"lazy": lambda: made["mro"]})


def test_ranges_are_the_same_both_ways(around):
    there, back = around("rover").range_km("mro", TOUCHDOWN_NS), around("mro").range_km("rover", TOUCHDOWN_NS)
    assert there == back == pytest.approx(574.5, abs=2)


def test_the_earth_stood_a_degree_over_the_landing_site(around):
    assert around("rover").elevation_deg("earth", TOUCHDOWN_NS) == pytest.approx(1.1, abs=0.1)
    assert around("rover").elevation_deg("goldstone", TOUCHDOWN_NS) == pytest.approx(1.1, abs=0.1)


def test_an_orbiter_has_its_planet_under_it(around):
    assert around("mro").elevation_deg("mars", TOUCHDOWN_NS) == pytest.approx(-90)


def test_light_time_from_mro_to_earth_is_eleven_minutes_and_twenty_two_seconds(around):
    assert around("mro").owlt_s("earth", TOUCHDOWN_NS) == pytest.approx(682.31, abs=0.02)


def test_at_touchdown_goldstone_and_madrid_saw_mars_and_canberra_did_not(around):
    for me in ("mro", "rover"):
        seen = {name: around(me).in_view(name, TOUCHDOWN_NS) for name in ("goldstone", "madrid", "canberra")}
        assert seen == {"goldstone": True, "madrid": True, "canberra": False}
    assert around("goldstone").in_view("mro", TOUCHDOWN_NS)
    assert not around("canberra").in_view("rover", TOUCHDOWN_NS)


def test_the_rover_saw_mro_and_half_an_orbit_later_it_did_not(around):
    assert around("rover").in_view("mro", TOUCHDOWN_NS)
    assert not around("rover").in_view("mro", TOUCHDOWN_NS + 3400 * NS_PER_S)


def test_the_site_stands_still_on_turning_mars(around):
    fixed = around("mro").fixed("mars", "rover", TOUCHDOWN_NS)
    assert math.hypot(*fixed.position_km) == pytest.approx(3391.9372, abs=1e-6)
    assert math.hypot(*fixed.velocity_km_s) < 1e-8


def test_mro_is_slower_over_the_turning_ground_than_in_space(around, space):
    # Inclined by 92.5 deg it flies against the rotation, a little: sqrt(v^2 + (omega r cos lat)^2) and more.
    fixed = around("mro").fixed("mars", "mro", TOUCHDOWN_NS)
    assert 3.4 < math.hypot(*fixed.velocity_km_s) < 3.5


def test_altitudes_are_over_the_ellipsoid(around):
    assert around("rover").altitude_km("mars", TOUCHDOWN_NS) == pytest.approx(-2.25, abs=0.02)
    assert 255 < around("mro").altitude_km("mars", TOUCHDOWN_NS) < 320


def test_a_trajectory_may_be_given_as_a_function(around):
    assert around("lazy").range_km("mro", 0) == 0


def test_an_unknown_target_is_answered_with_the_nearest(around):
    with pytest.raises(GraphError, match="'goldston' is neither a node nor a body; did you mean 'goldstone'"):
        around("mro").range_km("goldston", 0)


def test_passes_of_a_body_are_refused_with_what_to_ask_for(around):
    with pytest.raises(GraphError, match="'earth' is a body; passes are between nodes: ask for a station"):
        around("mro").passes("earth", 0, TOUCHDOWN_NS)
