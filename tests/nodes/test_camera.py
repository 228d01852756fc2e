"""The camera against the published geometry of ESP_068281_9024, the picture of Perseverance under its parachute."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lightlag.bus.errors import GraphError, NodeError
from lightlag.nodes.camera import (
    MARS,
    CameraSpec,
    PinholeCamera,
    Window,
    angle_deg,
    find_scene,
    photograph,
)

# uahirise.org/ESP_068281_9024: 0.697 m a pixel of one microradian, hence the range.
PUBLISHED_RANGE_KM, PUBLISHED_SCALE_M_PX, PUBLISHED_EMISSION_DEG = 697.0, 0.697, 72.2
PUBLISHED_INCIDENCE_DEG, PUBLISHED_PHASE_DEG = 50.0, 43.5
TOLERANCE = 0.02
SUN_TOLERANCE_DEG = 1.0  # the page gives the incidence in whole degrees

SHUTTER_S = 356.0  # after entry interface: 2021-02-18T20:42:46.08
# Mars to Sun in IAU_MARS at the shutter: CSPICE, DE421, pck00010, with light time and aberration.
SUN = (0.8753148, 0.4817397, 0.0418432)

SPEC = CameraSpec(
    shutter="2021-02-18T20:42:46.08Z",
    centre_lat="18.261 deg",
    centre_lon="77.389 deg",
    centre_height="-2.27 km",
    target="perseverance",
    target_lat="18.467 deg",
    target_lon="77.432 deg",
    target_height="50 m",
    scene="lightlag.missions.mars2020.scene:JEZERO",
)
MRO_AT_SHUTTER = (1140.869, 3430.609, 602.748)


class Blank:
    """A scene with nothing in it, which remembers what it was asked."""

    def render(self, camera, sun, objects, seed):
        self.asked = camera, sun, objects, seed
        return np.zeros((camera.window.height, camera.window.width), dtype=np.uint8)


def rows_of(path: Path) -> dict[float, list[float]]:
    lines = [row for row in csv.reader(path.read_text().splitlines()) if not row[0].startswith("#")]
    return {float(row[0]): [float(value) for value in row[1:]] for row in lines[1:]}


@pytest.fixture(scope="module")
def mro_km(reference):
    """MRO at the shutter: cubic through the four rows of its track around it."""
    track = rows_of(reference / "mro_2021-02-18_track.csv")
    times = [340.0, 350.0, 360.0, 370.0]
    weights = [math.prod((SHUTTER_S - b) / (a - b) for b in times if b != a) for a in times]
    return tuple(sum(w * track[t][axis] for w, t in zip(weights, times, strict=True)) for axis in range(3))


@pytest.fixture(scope="module")
def vehicle_km(reference):
    radius_m, _, lat_deg, lon_deg, *_ = rows_of(reference / "m2020_edl_model.csv")[SHUTTER_S]
    surface_km = math.dist((0, 0, 0), MARS.point_km(lat_deg, lon_deg))
    return MARS.point_km(lat_deg, lon_deg, radius_m / 1e3 - surface_km)


@pytest.fixture(scope="module")
def photo(mro_km, vehicle_km):
    return photograph(SPEC, mro_km, vehicle_km, (0.0, 0.0, -0.08), SUN, Blank(), 7)


def test_range_and_pixel_scale_are_those_of_the_published_picture(photo):
    assert photo.range_km == pytest.approx(PUBLISHED_RANGE_KM, rel=TOLERANCE)
    assert photo.scale_m_px == pytest.approx(PUBLISHED_SCALE_M_PX, rel=TOLERANCE)


def test_emission_angle_is_that_of_the_published_picture(photo):
    assert photo.emission_deg == pytest.approx(PUBLISHED_EMISSION_DEG, rel=TOLERANCE)


def test_the_sun_stands_where_the_published_picture_has_it(photo):
    assert photo.incidence_deg == pytest.approx(PUBLISHED_INCIDENCE_DEG, abs=SUN_TOLERANCE_DEG)
    assert photo.phase_deg == pytest.approx(PUBLISHED_PHASE_DEG, abs=SUN_TOLERANCE_DEG)


def test_the_boresight_lies_outside_the_window_below_and_right_of_it(photo):
    assert photo.target_range_km == pytest.approx(708.0, abs=2.0)  # orbiters.yaml, computed
    assert (-photo.window.column, -photo.window.row) > (photo.window.width, photo.window.height)


def test_the_window_holds_the_vehicle_where_it_was_predicted(photo):
    across, down = SPEC.target_at
    assert photo.target_px == pytest.approx((across * SPEC.width, down * SPEC.height), abs=100)


def test_the_window_also_holds_the_vehicle_where_it_was_flown(mro_km):
    # LCAM frame 44, 0.7 s before the shutter: a kilometre from the model that made the prediction.
    lat_deg, lon_deg, radius_km = 18.45248, 77.43952, 3391.9372 + 2.3479
    height_km = radius_km - math.dist((0, 0, 0), MARS.point_km(lat_deg, lon_deg))
    camera = SPEC.camera(mro_km)
    column, row = camera.project(MARS.point_km(lat_deg, lon_deg, height_km))
    assert 100 < column < SPEC.width - 100
    assert 100 < row < SPEC.height - 100


def test_the_facts_that_travel_say_where_to_look(photo):
    facts = photo.facts()
    assert (facts["target_column_px"], facts["target_row_px"]) == photo.target_px
    assert all(isinstance(value, float) for value in facts.values())


def test_the_scene_is_asked_for_the_window_with_the_vehicle_in_it(mro_km, vehicle_km):
    scene = Blank()
    photo = photograph(SPEC, mro_km, vehicle_km, (0.0, 0.0, -0.08), [10 * axis for axis in SUN], scene, 7)
    camera, sun, objects, seed = scene.asked
    assert camera.window == photo.window
    assert math.dist((0, 0, 0), sun) == pytest.approx(1.0)
    assert [(thing.name, thing.position_km) for thing in objects] == [("perseverance", vehicle_km)]
    assert seed == 7


def test_the_boresight_is_the_origin_of_the_window():
    camera = SPEC.camera(MRO_AT_SHUTTER)
    centre = MARS.point_km(SPEC.centre_lat, SPEC.centre_lon, SPEC.centre_height)
    assert camera.project(centre) == pytest.approx((-camera.window.column, -camera.window.row), abs=1e-3)


def test_up_is_up_in_the_picture():
    camera = SPEC.camera(MRO_AT_SHUTTER)
    low, high = MARS.point_km(18.467, 77.432), MARS.point_km(18.467, 77.432, 0.1)
    columns, rows = camera.project([low, high])
    assert rows[1] < rows[0] - 100
    assert columns[1] == pytest.approx(columns[0], abs=2)


@given(st.floats(-9000, 9000), st.floats(-9000, 9000), st.floats(1, 1e5))
def test_a_ray_leads_back_to_its_pixel(column, row, distance_km):
    camera = PinholeCamera.aimed(
        (100.0, -3600.0, 50.0), (0.0, -3390.0, 9.0), (0.0, 0.0, 1.0), 1e-6, Window(5, -9, 8, 8)
    )
    point = np.array(camera.position_km) + distance_km * camera.rays(column, row)
    assert camera.project(point) == pytest.approx((column, row), abs=1e-3)


@given(st.floats(-89, 89), st.floats(-180, 180))
def test_a_ray_straight_down_meets_the_ground_below(lat_deg, lon_deg):
    below = MARS.point_km(lat_deg, lon_deg)
    vertical = MARS.normal(below)
    above = np.array(below) + 300 * vertical
    assert MARS.hit_km(above, -vertical) == pytest.approx(np.array(below), abs=1e-6)
    assert angle_deg(vertical, below) < 0.4  # the flattening of Mars


def test_a_ray_past_the_planet_meets_nothing():
    assert np.isnan(MARS.hit_km((5000.0, 0.0, 0.0), (0.0, 1.0, 0.0))).all()


def test_a_window_off_the_detector_is_refused():
    spec = SPEC.model_copy(update={"target_lon": 76.5})
    with pytest.raises(NodeError, match="off a detector of 20264 px"):
        spec.camera(MRO_AT_SHUTTER)


def test_an_image_centre_behind_the_planet_is_refused():
    behind = tuple(-axis for axis in MRO_AT_SHUTTER)
    spec = SPEC.model_copy(update={"swath_px": 10**9})
    with pytest.raises(NodeError, match="below the horizon"):
        photograph(spec, behind, behind, (0.0, 0.0, 0.0), SUN, Blank(), 7)


def test_a_scene_is_found_by_its_import_string():
    assert callable(find_scene("lightlag.missions.mars2020.scene:JEZERO").render)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lightlag.no_such_place:SCENE", "was not found"),
        ("lightlag.nodes.camera:NOTHING", "was not found"),
        ("lightlag.nodes.camera:MARS", "no method render"),
    ],
)
def test_a_scene_that_is_none_is_an_error_that_says_why(name, reason):
    with pytest.raises(GraphError, match=reason):
        find_scene(name)


def test_an_angle_without_its_unit_is_refused():
    with pytest.raises(ValidationError, match="has no unit"):
        CameraSpec(**{**SPEC.model_dump(), "centre_lat": 18.261})
