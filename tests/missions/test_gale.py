"""What MRO sees over Gale: Curiosity's own ground and canopy, in the light and on the detector of every scene."""

import numpy as np
import pytest

from lightlag.missions.mars2020.scene import JEZERO
from lightlag.missions.msl.scene import GALE, gale_ground
from lightlag.nodes.camera import MARS, CameraSpec, photograph

# The shutter of 2012-08-06T05:16:57.65, Mars-fixed: MRO as the graph has it, the vehicle as this model flies it.
MRO_KM = (-2532.373, 2619.178, -321.639)
VEHICLE_KM = MARS.point_km(-4.58841, 137.43537, -3.115)
VEHICLE_KM_S = (0.0517, -0.0486, 0.0057)
SUN = (0.109, 0.972, 0.208)
SPEC = CameraSpec(
    shutter="2012-08-06T05:16:57.65Z",
    centre_lat="-4.5965 deg",
    centre_lon="137.4019 deg",
    centre_height="-4.93 km",
    target="curiosity",
    target_lat="-4.58841 deg",
    target_lon="137.43537 deg",
    target_height="-3.115 km",
    target_at=(0.5, 0.6),
    width=256,
    height=256,
    scene="lightlag.missions.msl.scene:GALE",
)


def take(scene=GALE, target="curiosity"):
    spec = SPEC.model_copy(update={"target": target})
    return photograph(spec, MRO_KM, VEHICLE_KM, VEHICLE_KM_S, SUN, scene, 7)


@pytest.fixture(scope="module")
def photo():
    return take()


def test_the_canopy_of_twenty_one_metres_spans_sixty_four_pixels(photo):
    without = take(target="nobody")
    columns = np.nonzero(np.abs(photo.pixels.astype(int) - without.pixels) > 12)[1]
    assert columns.max() - columns.min() + 1 == pytest.approx(21.5 / photo.scale_m_px, abs=4)


def test_the_disk_is_white_and_the_band_below_it_dark(photo):
    column, row = (round(x) for x in photo.target_px)
    disk = photo.pixels[row - 88 : row - 78, column - 6 : column + 6]
    band = photo.pixels[row - 55 : row - 51, column - 6 : column + 6]
    assert disk.mean() > 200
    assert band.mean() < 150


def test_a_scene_draws_only_its_own_vehicle():
    assert np.array_equal(take(target="perseverance").pixels, take(target="nobody").pixels)
    assert not np.array_equal(take(JEZERO, "perseverance").pixels, take(JEZERO, "nobody").pixels)


def test_dark_dunes_lie_south_of_the_plain_on_which_curiosity_landed():
    ground = gale_ground()
    east = np.linspace(-2000.0, 2000.0, 200, dtype=np.float32)[np.newaxis, :]
    _, plain = ground.relief(east, np.full_like(east, 1500.0))
    _, dunes = ground.relief(east, np.full_like(east, -1500.0))
    assert dunes.mean() < 0.8 * plain.mean()


def test_the_ground_lies_where_the_mission_stands():
    """Site and radius are the facts'; the ellipsoid is 4.93 km above it."""
    ground = gale_ground()
    assert np.linalg.norm(ground.site_km) == pytest.approx(3391.13, abs=0.001)
    assert ground.surface.equatorial_km == pytest.approx(MARS.equatorial_km - 4.931, abs=0.001)
