"""Sites that turn with their body: stations on Earth, the landing site on Mars."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.orbiters import DSN_ANTENNAS, DSN_COMPLEXES, GroundSite, Space, elevation_deg, light_time_back_ns
from lightlag.orbiters.frames import apply, dot
from lightlag.orbiters.sites import from_geodetic, geodetic
from lightlag.orbiters.stations import CDSN_ANTENNAS, ESTRACK_ANTENNAS, STATIONS

ELEVATION_TOLERANCE_DEG = 0.2


@pytest.fixture(scope="module")
def ground(reference):
    return YAML(typ="safe").load(reference / "ground.yaml")


def test_stations_see_mars_as_high_as_spice_with_measured_earth_orientation(ephemeris, ground):
    checked = 0
    for when, rows in ground["visibility_check"].items():
        space = Space(Epoch.parse(when.split()[0] + "Z"), ephemeris)
        for name, expected_deg in rows.items():
            if name == "Bochum":  # has no coordinates in the tables
                continue
            station = STATIONS[name.removesuffix("_Las_Lajas")].realise(space)
            here = station.state(0).position_km
            tau_ns = light_time_back_ns(here, 0, space.body("mars"))
            there = space.body_state("mars", -round(tau_ns)).position_km
            seen_deg = elevation_deg(station.zenith(0), here, there)
            assert seen_deg == pytest.approx(expected_deg, abs=ELEVATION_TOLERANCE_DEG), (when, name)
            checked += 1
    assert checked == 12


def test_antennas_stand_where_the_tables_have_them(ground):
    for name, site in DSN_ANTENNAS.items():
        row = ground["DSN"]["stations"][name]
        assert site.xyz_km == pytest.approx([metres / 1e3 for metres in row["xyz"]], abs=1e-9)
        lat_deg, lon_deg, height_km = geodetic(site.xyz_km, 6378.137, 6356.752314)
        assert lat_deg == pytest.approx(row["lat"], abs=1e-5)
        assert lon_deg % 360 == pytest.approx(row["lon"], abs=1e-5)
        assert height_km * 1e3 == pytest.approx(row["alt_m"], abs=0.2)


def test_the_other_networks_stand_where_the_tables_have_them(ground):
    for network, antennas in (("ESTRACK", ESTRACK_ANTENNAS), ("CDSN", CDSN_ANTENNAS)):
        rows = {name.removesuffix("_Las_Lajas"): row for name, row in ground[network].items() if "lat" in row}
        assert {name: (site.lat_deg, site.lon_deg) for name, site in antennas.items()} == {
            name: (row["lat"], row["lon"]) for name, row in rows.items()
        }


def test_each_complex_is_one_of_its_antennas(ground):
    for complex_name, site in DSN_COMPLEXES.items():
        antenna = next(name for name, other in DSN_ANTENNAS.items() if other == site)
        assert ground["DSN"]["stations"][antenna]["complex"].lower() == complex_name


@given(lat_deg=st.floats(-90, 90), lon_deg=st.floats(-179.9, 179.9), height_km=st.floats(-9, 500))
def test_geodetic_coordinates_come_back(lat_deg, lon_deg, height_km):
    fixed_km = from_geodetic(lat_deg, lon_deg, height_km, 3396.19, 3376.20)
    lat, lon, height = geodetic(fixed_km, 3396.19, 3376.20)
    assert lat == pytest.approx(lat_deg, abs=1e-9)
    assert height == pytest.approx(height_km, abs=1e-8)
    if abs(lat_deg) < 89.99:
        assert lon == pytest.approx(lon_deg, abs=1e-6)


def test_a_site_turns_with_its_body_and_its_zenith_with_it(space):
    site = GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372)
    track = site.realise(space)
    for t_ns in range(0, 90_000 * NS_PER_S, 7_777_777_777_777):
        centre = space.body_state("mars", t_ns).position_km
        expected = tuple(a + b for a, b in zip(centre, apply(space.rows("mars", t_ns), site.xyz_km), strict=True))
        assert math.dist(track.state(t_ns).position_km, expected) < 1e-6
        zenith = track.zenith(t_ns)
        assert dot(zenith, zenith) == pytest.approx(1.0)
        # The geodetic vertical leans from the radius by up to 0.34 deg on Mars: 0.2 deg at Jezero.
        radial = tuple((a - b) / 3391.9372 for a, b in zip(expected, centre, strict=True))
        assert math.degrees(math.acos(dot(zenith, radial))) == pytest.approx(0.202, abs=0.005)


def test_the_landing_site_lies_2_3_km_under_the_ellipsoid_of_mars():
    site = GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372)
    assert geodetic(site.xyz_km, 3396.19, 3376.20)[2] == pytest.approx(-2.25, abs=0.05)


@pytest.mark.parametrize("place", [{}, {"lat_deg": 3}, {"xyz_km": (1, 2, 3), "lat_deg": 1, "lon_deg": 2}])
def test_a_site_without_one_place_is_refused(place):
    with pytest.raises(GraphError, match="either xyz_km, or lat_deg and lon_deg"):
        GroundSite(body="mars", **place)
