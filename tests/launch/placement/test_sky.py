"""Where things are, asked from outside of a run: light times and elevations as others have computed them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lightlag.bus.errors import GraphError
from lightlag.bus.time import Epoch
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.sky import Sky, is_known_anywhere

TOUCHDOWN = "2021-02-18T20:43:49.64Z"


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


@pytest.fixture(scope="module")
def landing_day() -> Sky:
    return Sky(load_graph("mars2020"))


def test_light_times_between_mars_and_earth_are_those_of_the_reference(reference: Path) -> None:
    """Of DE421, by two independent programs; to 1 ms, the last digit that is given."""
    for row in read(reference / "light_time.yaml")["rows"]:
        sky = Sky(epoch=Epoch.parse(row["utc"]))
        ray = sky.ray_back("mars", "earth", 0) if row["mode"] == "R" else sky.ray("mars", "earth", 0)
        assert ray.owlt_s == pytest.approx(row["s"], abs=0.001), row["what"]
        assert ray.range_km == pytest.approx(row["km"], abs=150), row["what"]


def test_mars_is_as_high_over_the_stations_as_spice_has_it(reference: Path) -> None:
    """Elevations to 0.1 deg, with full Earth orientation; ours leaves out nutation and polar motion."""
    for what, heights in read(reference / "ground.yaml")["visibility_check"].items():
        sky = Sky(epoch=Epoch.parse(what.split()[0] + "Z"))
        for station in ("DSS-14", "DSS-43", "DSS-63"):
            if station in heights:
                ray = sky.ray_back("mars", station, 0)
                assert ray.target_elevation_deg == pytest.approx(heights[station], abs=0.1)
                assert (ray.blocked == "below_horizon") is (heights[station] < 0)


def test_what_is_received_was_sent_a_light_time_before() -> None:
    sky = Sky(epoch=Epoch.parse(TOUCHDOWN))
    ray = sky.ray_back("mars", "goldstone", 0)
    assert abs(ray.arrive_ns) <= 2
    assert ray.sent_ns == pytest.approx(-ray.owlt_s * 1e9, abs=2)
    assert ray.range_km == pytest.approx(ray.owlt_s * 299_792.458)


def test_a_planet_stands_between_two_of_its_satellites(landing_day: Sky) -> None:
    t_ns = landing_day.epoch.t_ns("2021-02-18T20:42:46Z")
    assert landing_day.ray("mro", "tianwen1", t_ns).blocked == "mars"
    assert landing_day.ray("mro", "maven", t_ns).blocked is None


def test_the_light_time_is_that_of_the_run(landing_day: Sky) -> None:
    graph = load_graph("mars2020")
    from lightlag.launch.placement.world import World

    t_ns = graph.epoch.t_ns(TOUCHDOWN)
    within = World(graph).surroundings("mro").owlt_s("goldstone", t_ns)
    assert landing_day.ray("mro", "goldstone", t_ns).owlt_s == within


def test_where_mro_was_when_it_took_the_picture(landing_day: Sky) -> None:
    """From 700 km away, over 9.5 deg north: its orbit is low, and round."""
    found = landing_day.whereabouts("mro", landing_day.epoch.t_ns("2021-02-18T20:42:46.08Z"))
    assert found.nearby is not None
    assert (found.nearby.planet, found.kind) == ("mars", "node")
    assert 250 < found.nearby.altitude_km < 320
    assert 3.3 < found.nearby.speed_km_s < 3.5
    (perseverance,) = [ray for ray in found.nodes if ray.target == "perseverance"]
    assert perseverance.range_km == pytest.approx(700, abs=15)
    assert {ray.target: ray.blocked for ray in found.stations} == {
        "canberra": "below_horizon",
        "goldstone": None,
        "madrid": None,
    }
    assert found.owlt_to_earth_s == pytest.approx(682.3, abs=0.1)
    assert math.dist(found.position_icrf_km, (0, 0, 0)) == pytest.approx(found.distances_km["sun"], rel=0.01)


def test_mars_is_behind_the_sun_at_conjunction() -> None:
    found = Sky(epoch=Epoch.parse("2021-10-08T04:00:00Z")).whereabouts("mars", 0)
    assert found.sun_earth_probe_deg is not None
    assert found.sun_earth_probe_deg < 1.0
    assert found.nearby is None
    assert found.nodes == ()


def test_a_station_stands_on_the_earth_and_is_not_asked_which_stations_see_it() -> None:
    found = Sky(epoch=Epoch.parse(TOUCHDOWN)).whereabouts("DSS-14", 0)
    assert found.nearby is not None
    assert (found.nearby.planet, found.kind, found.stations) == ("earth", "station", ())
    assert found.nearby.altitude_km == pytest.approx(1.0, abs=0.05)
    assert found.nearby.lat_deg == pytest.approx(35.24, abs=0.01)  # planetocentric, of 35.426 geodetic
    assert found.nearby.lon_east_deg == pytest.approx(-116.889, abs=0.01)
    assert found.nearby.ground_speed_km_s == pytest.approx(0.0, abs=1e-6)
    assert Sky(epoch=Epoch.parse(TOUCHDOWN)).whereabouts("earth", 0).owlt_to_earth_s is None


def test_names_that_are_none_are_told_with_the_nearest(landing_day: Sky) -> None:
    assert is_known_anywhere("dss-14")
    assert not is_known_anywhere("mro")
    with pytest.raises(GraphError, match="no body or station; did you mean 'mars'"):
        Sky(epoch=Epoch.parse(TOUCHDOWN)).ray("marz", "earth", 0)
    with pytest.raises(GraphError, match="node of the graph; did you mean 'perseverance'"):
        landing_day.whereabouts("perseverence", 0)
    with pytest.raises(GraphError, match="covers 1899"):
        Sky(epoch=Epoch.parse(TOUCHDOWN)).ray("mars", "earth", 200 * 365 * 86_400 * 10**9)


def test_a_node_that_is_only_on_wires_is_nowhere(tmp_path: Path) -> None:
    from tests.launch.fixtures.graphs import TICKS

    (tmp_path / "ticks.yaml").write_text(TICKS)
    sky = Sky(load_graph(tmp_path / "ticks.yaml"))
    assert sky.nodes == []
    with pytest.raises(GraphError, match="ticker is nowhere"):
        sky.ray("ticker", "earth", 0)
