"""What MRO sees over Jezero: the vehicle under its parachute, to size and lit by the Sun, and ground below it."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from lightlag.bus.errors import NodeError
from lightlag.missions.mars2020.scene import JEZERO, jezero_ground
from lightlag.missions.terrain import crater_cell, oblique_view
from lightlag.nodes.camera import MARS, CameraSpec, PinholeCamera, Window, photograph
from lightlag.nodes.picture import Assembler, pieces, png_bytes
from lightlag.nodes.scene import SceneObject

# The shutter of 2021-02-18T20:42:46.08, Mars-fixed: MRO from mro_2021-02-18_track.csv, the vehicle and its velocity
# from m2020_edl_model.csv (79 m/s, 1.7 deg off the vertical), the Sun from CSPICE with DE421.
MRO_KM = (1140.869, 3430.609, 602.748)
VEHICLE_KM = MARS.point_km(18.466866, 77.431533, 0.0504)
VEHICLE_KM_S = (-0.018481, -0.072756, -0.026024)
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
SMALL = SPEC.model_copy(update={"width": 256, "height": 256, "target_at": (0.5, 0.7)})

CHUTE_PX, CHUTE_TOLERANCE_PX = 30, 2  # 21.5 m at 708 km and 1 microradian
HANG_PX, HANG_TOLERANCE_PX = 64, 8  # lines of 1.7 D, bridle, and half the canopy
MOST_MEMORY_MB = 250
FULL_SIZE = (2560, 4096)


def take(spec=SMALL, velocity_km_s=VEHICLE_KM_S, seed=7):
    return photograph(spec, MRO_KM, VEHICLE_KM, velocity_km_s, SUN, JEZERO, seed)


@pytest.fixture(scope="module")
def small():
    return take()


@pytest.fixture(scope="module")
def canopy(small):
    """Where the canopy is, against the same picture without it: (rows, columns) of what differs, above the lines."""
    empty = take(velocity_km_s=(0.0, 0.0, 0.0))
    differs = np.abs(small.pixels.astype(int) - empty.pixels) > 40
    differs[int(small.target_px[1]) - 48 :] = False
    return np.nonzero(differs)


def test_the_canopy_spans_about_thirty_pixels(canopy):
    _, columns = canopy
    assert columns.max() - columns.min() + 1 == pytest.approx(CHUTE_PX, abs=CHUTE_TOLERANCE_PX)


def test_the_canopy_stands_over_the_capsule_on_its_lines(small, canopy):
    rows, columns = canopy
    column, row = small.target_px
    assert row - rows.mean() == pytest.approx(HANG_PX, abs=HANG_TOLERANCE_PX)
    assert columns.mean() == pytest.approx(column, abs=4)
    capsule = small.pixels[int(row) - 3 : int(row) + 1, int(column) - 2 : int(column) + 3]
    assert capsule.mean() > np.median(small.pixels) + 40


def test_the_canopy_is_lit_from_the_left_where_the_sun_is(small, canopy):
    rows, columns = canopy
    middle = columns.mean()
    left, right = (small.pixels[rows[side], columns[side]].mean() for side in (columns < middle, columns > middle))
    assert left > right + 20


def test_a_gap_separates_the_disk_from_the_band(small, canopy):
    rows, columns = canopy
    profile = small.pixels[rows.min() : rows.max() + 1, int(columns.mean()) - 4 : int(columns.mean()) + 5].mean(axis=1)
    dark = len(profile) // 2 + int(np.argmin(profile[len(profile) // 2 : -2]))
    assert profile[dark] < 0.85 * profile[dark - 3]
    assert profile[dark] < 0.85 * profile[dark + 2]


def test_the_canopy_trails_behind_the_airflow():
    camera = SMALL.camera(MRO_KM)
    up, right = np.array(camera.up), camera.right
    leaning = take(velocity_km_s=tuple(0.08 * (-0.94 * up + 0.34 * right)))
    straight = take(velocity_km_s=tuple(-0.08 * up))
    bright = [np.nonzero(photo.pixels > 200)[1].mean() for photo in (leaning, straight)]
    assert bright[0] < bright[1] - 10


def test_the_same_seed_gives_the_same_bits_and_another_only_other_noise(small):
    again, other = take(), take(seed=8)
    assert np.array_equal(small.pixels, again.pixels)
    difference = small.pixels.astype(int) - other.pixels
    assert difference.any()
    assert np.sqrt((difference**2).mean()) < 5


def test_the_ground_stays_where_it_is_when_the_window_moves():
    camera = SMALL.camera(MRO_KM)
    column, row, width, height = camera.window
    moved = PinholeCamera(
        camera.position_km, camera.boresight, camera.up, camera.ifov_rad, Window(column + 64, row + 32, width, height)
    )
    here, there = (oblique_view(jezero_ground(), one, SUN) for one in (camera, moved))
    assert np.abs(here[32:, 64:] - there[:-32, :-64]).mean() < 0.02 * here.mean()


def test_the_delta_stands_above_the_floor_on_which_perseverance_landed():
    heights, _ = jezero_ground().relief(
        np.array([[-5000.0, 0.0]], dtype=np.float32), np.array([[2100.0, 0.0]], dtype=np.float32)
    )
    assert heights[0, 0] > heights[0, 1] + 20


def test_craters_twice_as_large_are_four_times_as_rare():
    craters = [one for i in range(12) for j in range(12) for one in crater_cell(1, 5, i, j, 2.0, 2.1)]
    ratio = sum(one.radius_m > 16 * 2**0.5 for one in craters) / len(craters)
    # N(>D) ~ D^-2.1 between 32 and 64 m: the share above the octave's geometric middle.
    assert ratio == pytest.approx((2**-1.05 - 2**-2.1) / (1 - 2**-2.1), abs=0.06)
    assert craters == [one for i in range(12) for j in range(12) for one in crater_cell(1, 5, i, j, 2.0, 2.1)]


def test_a_camera_that_leans_or_sees_the_sky_is_refused():
    camera = SMALL.camera(MRO_KM)
    leaning = PinholeCamera.aimed(MRO_KM, VEHICLE_KM, camera.right, 1e-6, camera.window)
    with pytest.raises(NodeError, match="upright"):
        JEZERO.render(leaning, SUN, (), 7)
    sky = PinholeCamera(MRO_KM, camera.boresight, camera.up, 1e-6, Window(0, -200_000, 64, 64))
    with pytest.raises(NodeError, match=r"sky|upright"):
        JEZERO.render(sky, SUN, (), 7)


def test_a_vehicle_that_is_out_of_the_window_leaves_the_ground_as_it_is():
    camera = SMALL.camera(MRO_KM)
    far = SceneObject("perseverance", MARS.point_km(18.0, 77.0), VEHICLE_KM_S)
    assert np.array_equal(JEZERO.render(camera, SUN, (far,), 7), JEZERO.render(camera, SUN, (), 7))


def test_the_whole_picture_reaches_the_ground_pixel_by_pixel_in_modest_memory():
    jezero_ground()  # its tiles are made once and stay
    tracemalloc.start()
    try:
        photo = take(SPEC)
        peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
    assert peak_mb < MOST_MEMORY_MB
    assert photo.pixels.shape == FULL_SIZE
    assert 80 < photo.pixels.mean() < 140  # exposed neither dark nor white
    assert (photo.pixels == 255).mean() < 1e-4
    assembler = Assembler()
    for piece in reversed(list(pieces("hirise", photo.pixels, 0, photo.facts()))):
        assembler.add(piece)
    received = assembler.picture()
    assert np.array_equal(received.pixels, photo.pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(received.pixels)))), photo.pixels)
