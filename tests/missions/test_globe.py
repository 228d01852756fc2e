"""The drawn Mars: its geometry is that of the moment, and its brightness what is said of it."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from lightlag.missions.emm.instruments import InstrumentSpec, observe
from lightlag.missions.globe import albedo
from lightlag.nodes.camera import MARS

FAR_KM = 23_396.0


def spec(sees="visible", **changes):
    given = {"first": "2021-05-23T01:00:00Z", "every": "5 h", "pixel_rad": 3e-3, **changes}
    return InstrumentSpec.model_validate({"sees": sees, **given})


def over(lon_deg, lat_deg=0.0, km=FAR_KM):
    lat, lon = math.radians(lat_deg), math.radians(lon_deg)
    return km * math.cos(lat) * math.cos(lon), km * math.cos(lat) * math.sin(lon), km * math.sin(lat)


def test_the_whole_disc_is_in_the_picture_and_nothing_beyond_the_limb_is_lit():
    seen = observe(spec(), over(40), over(40)).pixels
    lit = np.argwhere(seen > 0)
    middle = (seen.shape[0] - 1) / 2
    radius = MARS.equatorial_km / math.sqrt(FAR_KM**2 - MARS.equatorial_km**2) / 3e-3
    assert np.hypot(*(lit - middle).T).max() == pytest.approx(radius, abs=1)
    assert seen[0].max() == seen[:, 0].max() == 0


@pytest.mark.parametrize("phase_deg", [30, 60, 90, 120, 150])
def test_the_lit_part_of_the_disc_is_that_of_its_phase(phase_deg):
    """The lit part of a sphere far away is (1 + cos phase) / 2; within a few per cent."""
    far = over(0, km=2e6)
    full, part = (np.count_nonzero(observe(spec(pixel_rad=2e-5), far, over(p)).pixels) for p in (0, phase_deg))
    assert part / full == pytest.approx((1 + math.cos(math.radians(phase_deg))) / 2, abs=0.04)


def test_the_morning_is_in_the_west():
    """Seen from over the place where the Sun rises, the day is in the east: on the right, as north is up."""
    seen = observe(spec(), over(0), over(90)).pixels.astype(int)
    half = seen.shape[1] // 2
    assert seen[:, half:].sum() > 20 * seen[:, :half].sum()
    assert observe(spec(), over(0), over(90)).facts["local_time_below_h"] == pytest.approx(6.0)


def test_north_is_up():
    seen = observe(spec(pixel_rad=1e-3), over(0, 40), over(0, 40)).pixels
    brightest = np.unravel_index(int(seen.argmax()), seen.shape)
    assert brightest[0] < seen.shape[0] / 3  # the ice of the pole


def test_dark_and_bright_ground_is_where_it_is_on_mars():
    places = {"syrtis": (10, 69), "acidalium": (46, 332), "arabia": (22, 30), "tharsis": (5, 250), "pole": (86, 0)}
    near = np.array([-3.0, 0.0, 3.0])
    at = {
        name: np.mean([albedo(np.array(over(lon + east, lat + north, 1.0))) for east in near for north in near])
        for name, (lat, lon) in places.items()
    }
    assert at["syrtis"] < at["arabia"] / 1.5
    assert at["acidalium"] < at["tharsis"] / 1.5
    assert at["pole"] > 0.5


def test_the_night_is_dark_but_warm():
    visible, infrared = (observe(spec(sees), over(0), over(180)).pixels for sees in ("visible", "infrared"))
    middle = visible.shape[0] // 2
    assert visible[middle, middle] == 0
    assert 10 < infrared[middle, middle] < 80


def test_the_afternoon_is_warmer_than_the_morning():
    seen = observe(spec("infrared"), over(0), over(0)).pixels.astype(int)
    half = seen.shape[1] // 2
    assert seen[:, half:].sum() > seen[:, :half].sum()  # the east is later in the day


def test_hydrogen_thins_out_with_the_distance():
    seen = observe(spec("ultraviolet", field=5, pixel_rad=5e-3), over(0), over(90)).pixels.astype(int)
    middle = seen.shape[0] // 2
    beyond = seen[middle, middle + int(1.2 * middle / 5) :]
    assert np.all(np.diff(beyond) <= 0)
    assert beyond[0] > 4 * beyond[-1] > 0


def test_the_figures_of_a_picture_are_those_of_its_geometry():
    facts = observe(spec(pixel_rad=1e-2), over(190, 20), over(250, -5)).facts
    assert facts["altitude_km"] == pytest.approx(FAR_KM - MARS.equatorial_km)
    assert facts["scale_m_px"] == pytest.approx(20_000 * 10, rel=1e-3)
    assert facts["latitude_below_deg"] == pytest.approx(20)
    assert facts["longitude_below_deg"] == pytest.approx(190)
    assert facts["local_time_below_h"] == pytest.approx(8.0)


def test_a_picture_is_the_same_bits_each_time():
    first, second = (observe(spec(), over(10, 5), over(60, 10)).pixels.tobytes() for _ in range(2))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
