"""What a rover does with an activity, and what it refuses to do."""

from __future__ import annotations

import io
import wave
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.missions.mars2020.surface import PerseveranceSkills, plans
from lightlag.missions.surface import Activity, ActivityRefused, PlanSpec, Sample
from lightlag.missions.surface.skills import thumbnail
from lightlag.missions.surface.sound import RATE_HZ, wind
from lightlag.nodes.products import Products
from lightlag.nodes.sols import SOL_NS, Sols

SUN_OVER_JEZERO = (1.0, 0.4, 0.3)


def activity(does, what="", *, lasts=60.0, **values):
    return Activity("it", does, what, 43_200, lasts, values)


@pytest.fixture
def perseverance():
    """Its skills on sol 164, at noon."""
    sols = Sols(0)
    sun = SimpleNamespace(fixed=lambda body, target, t_ns: SimpleNamespace(position_km=SUN_OVER_JEZERO))
    now_ns = sols.t_ns(164, "12:00")
    rover = SimpleNamespace(now_ns=now_ns, rng=Random(1), surroundings=sun)
    return PerseveranceSkills(rover, sols, Products(1e9))


def test_there_is_no_drive_before_the_software_of_the_surface_is_in(perseverance):
    with pytest.raises(ActivityRefused, match="drive only after surface-software"):
        perseverance.do(activity("drive", distance_m=6.5))
    perseverance.do(activity("install", "surface-software"))
    assert perseverance.do(activity("drive", distance_m=6.5)) == {"distance_m": 6.5, "odometer_m": 6.5}
    assert perseverance.do(activity("drive", distance_m=10.0))["odometer_m"] == 16.5


def test_a_drive_of_more_than_two_hundred_metres_is_refused(perseverance):
    perseverance.do(activity("install", "surface-software"))
    for metres in (0.0, 201.0):
        with pytest.raises(ActivityRefused, match="at most 200 m"):
            perseverance.do(activity("drive", distance_m=metres))
    assert perseverance.odometer_m == 0.0


def test_a_camera_on_the_mast_waits_for_the_mast(perseverance):
    with pytest.raises(ActivityRefused, match="navcam only after mast"):
        perseverance.do(activity("photograph", "navcam"))
    perseverance.do(activity("move", "mast"))
    assert perseverance.do(activity("photograph", "navcam")) == {"height_px": 480.0, "width_px": 640.0}
    assert list(perseverance.products.left) == ["sol164-it-thumbnail", "sol164-it"]


def test_no_two_products_have_the_same_name_even_after_a_restart(perseverance):
    perseverance.do(activity("photograph", "hazcam-rear"))
    again = perseverance.again(perseverance.rover)
    again.do(activity("photograph", "hazcam-rear"))
    assert list(again.products.left) == ["sol164-it-thumbnail", "sol164-it", "sol164-it-2-thumbnail", "sol164-it-2"]


@pytest.mark.parametrize(
    ("does", "what", "told"),
    [
        ("dance", "", "how to dance; known: check"),
        ("photograph", "kodak", "no camera"),
        ("listen", "ear", "no microphone"),
    ],
)
def test_what_is_not_known_is_refused(perseverance, does, what, told):
    with pytest.raises(ActivityRefused, match=told):
        perseverance.do(activity(does, what))


def test_a_core_is_cached_under_its_mission_sol_and_tube(perseverance):
    """M2020-164-2 is the identifier of the first attempt of 2021-08-06, of the rock Roubion."""
    assert perseverance.do(activity("core", "Roubion", tube=2)) == {"tube": 2.0, "samples": 1.0}
    assert perseverance.samples == [Sample("M2020-164-2", "Roubion", 164, 2)]
    with pytest.raises(ActivityRefused, match="tube 2 holds a sample"):
        perseverance.do(activity("core", "Rochette", tube=2))


def test_a_route_is_driven_down(perseverance):
    perseverance.do(activity("install", "surface-software"))
    assert perseverance.do(activity("plan_route", "delta", length_km=2.1))["left_km"] == 2.1
    perseverance.do(activity("drive", distance_m=100.0))
    assert perseverance.do(activity("plan_route", "delta", length_km=2.1))["left_km"] == 2.0


def test_a_product_for_which_there_is_no_room_is_refused(perseverance):
    perseverance.products.capacity_bits = 1000
    with pytest.raises(ActivityRefused, match="does not fit"):
        perseverance.do(activity("photograph", "hazcam-front"))


def test_the_same_place_in_the_same_light_is_the_same_picture_but_for_the_noise(perseverance):
    first, second = (perseverance.picture(activity("photograph", "hazcam-rear")) for _ in range(2))
    assert first.shape == (480, 640)
    assert 0 < np.abs(first.astype(int) - second).mean() < 4


def test_the_sky_is_brighter_than_the_ground_and_the_ground_has_detail(perseverance):
    picture = perseverance.picture(activity("photograph", "hazcam-front"))
    sky, ground = picture[:60], picture[240:]
    assert sky.mean() > ground.mean() + 20
    assert ground.std() > 4


def test_a_thumbnail_is_the_mean_of_squares():
    pixels = np.repeat(np.repeat(np.arange(64, dtype=np.uint8)[np.newaxis], 48, 0), 10, 0).repeat(10, 1)
    small = thumbnail(pixels)
    assert small.shape == (48, 64)
    assert (small == np.arange(64)).all()
    assert thumbnail(pixels[:20, :30]).shape == (20, 30)


def test_wind_is_a_wav_file_of_the_length_asked_for_and_mostly_low():
    with wave.open(io.BytesIO(wind(4.0, seed=3))) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (RATE_HZ, 4 * RATE_HZ, 1)
        samples = np.frombuffer(file.readframes(4 * RATE_HZ), dtype="<i2").astype(float)
    power = np.abs(np.fft.rfft(samples)) ** 2
    assert power[: 4 * 300].sum() > 5 * power[4 * 300 :].sum()  # below 300 Hz, and above
    assert 300 < samples.std() < 10_000
    assert wind(1.0, seed=3) != wind(1.0, seed=4)


def test_the_plans_on_record_are_those_of_fifteen_sols():
    on_record = {plan.sol: [one.name for one in plan.activities] for plan in plans("plans")}
    assert list(on_record) == list(range(1, 16))
    assert "software_updated" in on_record[8]
    assert "first_drive" in on_record[14]


def test_a_plan_out_of_the_order_of_time_is_refused():
    late, early = {"name": "a", "does": "check", "at": "12:00"}, {"name": "b", "does": "check", "at": "11:00"}
    with pytest.raises(ValueError, match="not in the order of time"):
        PlanSpec.model_validate({"sol": 1, "activities": [late, early]})


def test_dates_on_record_and_their_sols_agree():
    """The dates are those of California, eight hours behind UTC."""
    epoch = Epoch.parse("2021-02-18T20:43:48.14Z")
    sols, california_ns = Sols.since(epoch, 0, 77.45089), -8 * 3600 * NS_PER_S
    for sol, date in ((2, "2021-02-20"), (3, "2021-02-21"), (8, "2021-02-26"), (12, "2021-03-02"), (14, "2021-03-04")):
        assert epoch.utc(sols.t_ns(sol, "11:00") + california_ns)[:10] == date, sol
    assert sols.t_ns(1, "00:00") - sols.midnight_ns == SOL_NS
