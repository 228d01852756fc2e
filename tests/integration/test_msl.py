"""The landing of Curiosity in one run: one orbiter relays it, two record it, and Earth sets before it is over."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path

import pytest
import spiceypy
from PIL import Image
from ruamel.yaml import YAML
from tests.integration.conftest import RunFiles

from lightlag.bus.time import NS_PER_S
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run
from lightlag.missions.msl.landing import CuriosityLanding
from lightlag.orbiters import C_KM_S, Ephemeris

ENTRY_SCET, TOUCHDOWN_SCET, TOUCHDOWN_ERT = (
    f"2012-08-06T{time}Z" for time in ("05:10:45.65", "05:17:57.29", "05:31:45.40")
)
STATIONS = ("canberra", "canberra-34", "new-norcia")
RECORDERS = ("mro", "mars-express")
#: The last two minutes, until Earth has heard of them.
SHORT = {"epoch": "2012-08-06T05:16:00Z", "duration": "16 min", "picture": "false"}

TOUCHDOWN_TOLERANCE_S, LIGHT_TIME_TOLERANCE_S = 3.0, 0.01
RANGE_KM, RANGE_TOLERANCE_KM, SCALE_M_PX, SCALE_TOLERANCE_M_PX = 340.0, 5.0, 0.336, 0.006


def fly(path: Path, arguments: dict[str, str]) -> RunFiles:
    run(load_graph("msl", arguments), RunOptions(run_dir=path, report=False), PlainDisplay(io.StringIO()))
    return RunFiles(path)


@pytest.fixture(scope="module")
def landing(tmp_path_factory) -> RunFiles:
    """``msl`` as it ships."""
    return fly(tmp_path_factory.mktemp("msl") / "run", {})


@pytest.fixture(scope="module")
def world(landing) -> World:
    """The same nodes, trajectories and media once more, to look at."""
    return World(landing.graph)


def heard(landing, receiver, source, kind=None):
    """What a receiver heard of a source, headers and messages."""
    return [
        data
        for who, data in landing.receptions
        if who == receiver and data["source"] == source and (kind is None or data["type"].startswith(kind))
    ]


# -- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("station", STATIONS)
def test_earth_learns_of_the_touchdown_after_13_minutes_and_48_seconds_by_way_of_odyssey(landing, station):
    row = landing.learnt("wheels_contact", station)
    assert row["path"] == f"curiosity>odyssey>{station}"
    assert abs(landing.t_ns(row["scet_utc"]) - landing.t_ns(TOUCHDOWN_SCET)) < TOUCHDOWN_TOLERANCE_S * NS_PER_S
    assert abs(landing.t_ns(row["ert_utc"]) - landing.t_ns(TOUCHDOWN_ERT)) < TOUCHDOWN_TOLERANCE_S * NS_PER_S
    assert float(row["delay_s"]) == pytest.approx(13 * 60 + 48, abs=0.5)


def test_news_by_way_of_odyssey_takes_the_light_of_both_legs_and_the_time_on_the_air(landing, world):
    (to_odyssey,) = (d for d in heard(landing, "odyssey", "curiosity") if d["message"].get("id") == "wheels_contact")
    (to_earth,) = (d for d in heard(landing, "canberra", "odyssey") if d["message"].get("id") == "wheels_contact")
    around = world.surroundings("odyssey")
    light_s = around.owlt_s("canberra", to_earth["sent_ns"]) + around.range_km("curiosity", to_odyssey["t_ns"]) / C_KM_S
    on_air_s = (to_odyssey["duration_ns"] + to_earth["duration_ns"]) / NS_PER_S
    delay_s = float(landing.learnt("wheels_contact", "canberra")["delay_s"])
    assert delay_s == pytest.approx(light_s + on_air_s, abs=LIGHT_TIME_TOLERANCE_S)


def test_a_tone_to_canberra_takes_the_light_time_of_spice(landing, reference):
    """DE421, pck00010, the station's coordinates, and where the vehicle was when the tone of its entry ended."""
    tone = next(d for d in heard(landing, "canberra", "curiosity") if d["message"]["event"] == "entry_interface")
    x, y, z = (c / 1e3 for c in YAML(typ="safe").load(reference / "ground.yaml")["DSN"]["stations"]["DSS-43"]["xyz"])
    place = World(landing.graph).trajectory("curiosity").mars_fixed(tone["sent_ns"])[0]
    Ephemeris.open()
    kernel = str(reference / "kernels" / "pck00010.tpc")
    spiceypy.furnsh(kernel)
    try:
        sent_s = arrive_s = landing.graph.epoch.et_s(tone["sent_ns"])
        from_km = spiceypy.spkpos("499", sent_s, "J2000", "NONE", "0")[0]
        from_km = from_km + spiceypy.pxform("IAU_MARS", "J2000", sent_s) @ place
        for _ in range(5):
            earth_km = spiceypy.spkpos("399", arrive_s, "J2000", "NONE", "0")[0]
            station_km = earth_km + spiceypy.pxform("IAU_EARTH", "J2000", arrive_s) @ (x, y, z)
            arrive_s = sent_s + math.dist(from_km, station_km) / C_KM_S
    finally:
        spiceypy.unload(kernel)
    assert (tone["t_ns"] - tone["sent_ns"]) / NS_PER_S == pytest.approx(arrive_s - sent_s, abs=LIGHT_TIME_TOLERANCE_S)


# -- who hears it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("station", STATIONS)
def test_tones_are_heard_until_earth_sets_and_then_are_lost_below_the_horizon(landing, station):
    got = [data["sent_ns"] for data in heard(landing, station, "curiosity", "lightlag.tone")]
    lost = [data for who, data in landing.losses if who == station and data["source"] == "curiosity"]
    assert len(got) == 15
    assert len(lost) == 8
    assert max(got) < min(data["sent_ns"] for data in lost)
    # In flight the limb of Mars hides the Earth, on the ground the horizon.
    contact_ns = landing.t_ns(landing.learnt("wheels_contact", station)["scet_utc"])
    for data in lost:
        assert data["reason"] == ("occulted" if data["sent_ns"] < contact_ns else "below_horizon")
    set_s = (contact_ns - min(data["sent_ns"] for data in lost)) / NS_PER_S
    assert 60 < set_s < 180  # it set some two minutes before the touchdown


@pytest.mark.parametrize("orbiter", ["odyssey", *RECORDERS])
def test_orbiters_hear_the_descent_but_for_the_blackout(landing, orbiter):
    first_ns, contact_ns = landing.t_ns("2012-08-06T05:00:46Z"), landing.t_ns(TOUCHDOWN_SCET)
    lost = [d for who, d in landing.losses if who == orbiter and d["channel"] == "uhf" and d["sent_ns"] < contact_ns]
    assert {data["reason"] for data in lost} == {"blackout"}
    times_s = [(data["sent_ns"] - landing.t_ns(ENTRY_SCET)) / NS_PER_S for data in lost]
    assert 60 <= max(times_s) - min(times_s) <= 100  # as predicted before the landing
    assert min(data["sent_ns"] for data in heard(landing, orbiter, "curiosity")) < first_ns + NS_PER_S


def test_odyssey_passes_nearest_four_minutes_before_the_touchdown_and_sets_soon_after(landing, world):
    around, contact_ns = world.surroundings("curiosity"), landing.t_ns(TOUCHDOWN_SCET)
    after_s = [
        (data["sent_ns"] - contact_ns) / NS_PER_S
        for who, data in landing.losses
        if who == "odyssey" and data["reason"] == "below_horizon"
    ]
    assert 120 < min(after_s) < 360
    ranges_km = {second: around.range_km("odyssey", contact_ns + second * NS_PER_S) for second in range(-400, 1, 20)}
    assert min(ranges_km, key=ranges_km.get) == pytest.approx(-240, abs=60)


def test_mars_express_is_within_reach_for_as_long_as_it_recorded(landing, world):
    around = world.surroundings("mars-express")
    for minute in range(28):
        assert around.range_km("curiosity", landing.t_ns("2012-08-06T04:56:00Z") + minute * 60 * NS_PER_S) < 7000


@pytest.mark.parametrize("orbiter", RECORDERS)
def test_recordings_come_home_hours_later_as_they_were_made(landing, orbiter):
    begins_ns = landing.t_ns(landing.graph.nodes[orbiter].params.playback_at)
    recorded = [data for data in heard(landing, orbiter, "curiosity") if data["t_ns"] < begins_ns]
    played = [data for data in heard(landing, "new-norcia", orbiter) if data["via"] == [orbiter]]
    assert len(recorded) > 500
    assert [data["message"] for data in played] == [data["message"] for data in recorded]
    assert all(data["sent_ns"] > begins_ns for data in played)
    assert begins_ns - landing.t_ns(TOUCHDOWN_SCET) > 3600 * NS_PER_S


def test_what_mars_express_recorded_is_on_earth_when_it_was_expected(landing):
    arrived_ns = [d["t_ns"] for d in heard(landing, "new-norcia", "mars-express") if d["via"]]
    assert min(arrived_ns) == pytest.approx(landing.t_ns("2012-08-06T06:40:00Z"), abs=60 * NS_PER_S)


# -- the picture -----------------------------------------------------------------------------------------------------


def test_mro_photographs_the_parachute_from_340_kilometres(landing):
    note = next(line for line in landing.log("mro") if line["text"] == "picture taken")
    facts, at_s = note["fields"]["facts"], (note["t_ns"] - landing.t_ns(ENTRY_SCET)) / NS_PER_S
    assert at_s == pytest.approx(372, abs=15)
    assert facts["range_km"] == pytest.approx(RANGE_KM, abs=RANGE_TOLERANCE_KM)
    assert facts["target_range_km"] == pytest.approx(RANGE_KM, abs=RANGE_TOLERANCE_KM)
    assert facts["scale_m_px"] == pytest.approx(SCALE_M_PX, abs=SCALE_TOLERANCE_M_PX)
    under_parachute = landing.learnt("backshell_sep", "mro")["scet_utc"]
    assert note["t_ns"] < landing.t_ns(under_parachute)


def test_the_picture_waits_aboard_and_shows_the_canopy(landing):
    files = {Path(picture["file"]).name: picture for picture in landing.summary["pictures"]}
    whole = files["canberra-mro-ESP_028256_9022.png"]
    assert landing.t_ns(whole["complete_ert"]) > landing.t_ns("2012-08-06T07:05:00Z") + 828 * NS_PER_S
    with Image.open(landing.path / "pictures" / "canberra-mro-ESP_028256_9022-crop.png") as crop:
        bright = crop.point(lambda level: 255 * (level > 160)).getbbox()
    # 21.5 m are 64 pixels here, each of them drawn four times; a few on the far side are in the shade.
    assert (bright[2] - bright[0]) / 4 == pytest.approx(64, abs=8)


# -- everywhere the same ---------------------------------------------------------------------------------------------


def test_the_graph_has_the_orbits_of_the_facts(landing):
    for name in ("odyssey", *RECORDERS):
        spec = landing.graph.nodes[name].params.trajectory.kepler
        for key, value in CuriosityLanding.facts().values(f"orbits.{name}").items():
            told = float(value.split()[0]) if isinstance(value, str) and " " in value else value
            assert getattr(spec, key) == told, (name, key)


@pytest.mark.thorough  # other landings are in two processes, too
def test_two_processes_give_the_same_digest_as_one(tmp_path):
    here = fly(tmp_path / "here", SHORT)
    words = [f"{name}:={value}" for name, value in SHORT.items()]
    command = [str(Path(sys.executable).with_name("lightlag")), "launch", "msl", *words, "--processes=2"]
    subprocess.run(
        [*command, "--quiet", "--no-report", "--run-dir", str(tmp_path / "two")],
        cwd=tmp_path, check=True, capture_output=True, timeout=200,
    )  # fmt: skip
    two = RunFiles(tmp_path / "two")
    assert two.summary["processes"] == 2
    assert two.summary["digest"] == here.summary["digest"]
    assert two.timeline == here.timeline
    assert "wheels_contact" in {row["event"] for row in here.timeline if row["receiver"] == "canberra"}
