"""The graphs of Tianwen-1: who heard of what, when, and why not; and the same wherever their nodes run."""

import io
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.integration.conftest import RunFiles

from lightlag.bus.errors import GraphError
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run
from lightlag.missions.tianwen1 import LANDING
from lightlag.nodes import Housekeeping
from lightlag.orbiters.surroundings import SpaceSurroundings

#: A station's elevation of Mars by the reference (a little less than by the pole's nutation and polar motion).
ELEVATION_DEG = 0.2
SHORT = {
    "zhurong-landing": {"epoch": "2021-05-14T23:08:00Z", "duration": "3 min"},
    "mex-zhurong": {"epoch": "2021-11-21T11:54:00Z", "duration": "2 min"},
    "tianwen1-arrival": {"epoch": "2021-02-10T11:50:00Z", "duration": "15 min"},
}


def launched(folder, name, **arguments):
    run(load_graph(name, arguments), RunOptions(run_dir=folder / name, report=False), PlainDisplay(io.StringIO()))
    return RunFiles(folder / name)


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    """The landing, from half an hour before entry to when Earth knows of the touchdown."""
    return launched(tmp_path_factory.mktemp("run"), "zhurong-landing", epoch="2021-05-14T22:40:00Z", duration="57 min")


@pytest.fixture(scope="module")
def overflown(tmp_path_factory):
    return launched(tmp_path_factory.mktemp("run"), "mex-zhurong")


def test_earth_learns_of_the_touchdown_through_the_orbiter_at_23_35_43(landed, reference):
    told = YAML(typ="safe").load((reference / "tianwen1_edl.yaml").read_text())["events"]
    ert = next(event["ert"] for event in told if event["id"] == "touchdown")
    for station in ("jiamusi", "zapala"):
        news = landed.learnt("touchdown", station)
        assert news["path"] == f"zhurong>tianwen1>{station}"
        assert abs(landed.t_ns(news["ert_utc"]) - landed.t_ns(f"{ert}Z")) < 1e9
    assert not any(row["receiver"] == "kashi" for row in landed.timeline)


def test_stations_see_mars_at_touchdown_as_high_as_the_reference_says(landed, reference):
    ground = YAML(typ="safe").load((reference / "ground.yaml").read_text())
    told = ground["visibility_check"]["2021-05-14T23:35:43 Zhurong touchdown"]
    world = World(landed.graph)
    t_ns = landed.t_ns("2021-05-14T23:35:43Z")
    for station, name in (("jiamusi", "Jiamusi"), ("kashi", "Kashi"), ("zapala", "Zapala_Las_Lajas")):
        seen = world.surroundings(station)
        # Where Mars was when the light left it.
        there = world.surroundings("tianwen1").state("mars", t_ns - 1_063_100_000_000)
        here, zenith = seen.state(station, t_ns), seen.trajectory(station).zenith(t_ns)
        ray = [a - b for a, b in zip(there.position_km, here.position_km, strict=True)]
        sine = sum(a * b for a, b in zip(ray, zenith, strict=True)) / math.hypot(*ray)
        assert math.degrees(math.asin(sine)) == pytest.approx(told[name], abs=ELEVATION_DEG)


def test_plasma_swallows_what_it_says_in_the_heat_and_gravity_hides_nothing(landed):
    reasons = {data["reason"] for receiver, data in landed.losses if receiver == "tianwen1"}
    assert reasons <= {"blackout", "below_horizon"}
    assert "blackout" in reasons


def test_it_says_something_for_a_while_after_touchdown(landed):
    last = max(data["sent_ns"] for receiver, data in landed.receptions if data["source"] == "zhurong")
    assert last > landed.t_ns(landed.learnt("touchdown", "tianwen1")["scet_utc"]) + 60e9


def test_the_orbiter_passes_above_its_lander_at_the_height_it_raised_its_periapsis_to(landed):
    world = World(landed.graph)
    seen = world.surroundings("tianwen1")
    assert isinstance(seen, SpaceSurroundings)
    lowest = min(seen.altitude_km("mars", t_ns) for t_ns in range(0, landed.graph.until_ns, 30_000_000_000))
    assert lowest == pytest.approx(433.3, abs=15)  # the reference tells it over the equatorial radius
    assert max(seen.range_km("zhurong", landed.t_ns(f"2021-05-14T23:{m}:00Z")) for m in range(10, 19)) < 1500


def test_braking_into_orbit_is_seen_to_begin_and_not_to_end(tmp_path):
    """Behind Mars it cannot be heard, from just before the end of the burn until half an hour later."""
    braked = launched(tmp_path, "tianwen1-arrival", epoch="2021-02-10T11:45:00Z", duration="1.5 h")
    begun = braked.learnt("insertion_start", "jiamusi")
    assert braked.t_ns(begun["ert_utc"]) - braked.t_ns(begun["scet_utc"]) == pytest.approx(641.3e9, abs=0.1e9)
    assert not any(row["event"] == "insertion_end" for row in braked.timeline)
    hidden = [d["sent_ns"] for r, d in braked.losses if r == "jiamusi" and d["reason"] == "occulted"]
    assert braked.t_ns("2021-02-10T12:00:00Z") < min(hidden) < braked.t_ns("2021-02-10T12:07:00Z")
    assert max(hidden) < braked.t_ns("2021-02-10T12:45:00Z")


def test_its_burns_are_told_with_the_record_of_them():
    published = load_graph("tianwen1-orbit").nodes["tianwen1"]
    told = published.cls("tianwen1", published.params).published
    assert [event.event for event in told] == ["plane_change_start", "parking"]


@pytest.mark.parametrize(
    ("carrier", "told"),
    [("null", "either cruise_stage_sep_before_s and entry, or a carrier"), ("3", "got the number 3")],
)
def test_a_lander_without_its_carrier_is_refused_with_the_line(tmp_path, carrier, told):
    text = LANDING.read_text()
    lander = "zhurong: {type: zhurong"
    number = next(number for number, line in enumerate(text.splitlines(), 1) if lander in line)
    file = tmp_path / "wrong.yaml"
    file.write_text(text.replace(lander, f"{lander}, params: {{landing: {{carrier: {carrier}}}}}"))
    with pytest.raises(GraphError, match=rf"wrong\.yaml:{number}:\d+: landing.*{told}"):
        load_graph(file, {})


def test_mars_express_hears_every_word_and_nobody_hears_mars_express_on_mars(overflown):
    words = [d for r, d in overflown.receptions if r == "mex" and d["source"] == "zhurong"]
    assert len(words) == 300 + 2  # and that it begins, and ends
    spoken_s = (max(d["sent_ns"] for d in words) - min(d["sent_ns"] for d in words)) / 1e9
    assert spoken_s == pytest.approx(600, abs=1)
    assert not [d for r, d in overflown.receptions if r == "zhurong"]
    word = next(d["message"] for d in words if d["type"].startswith(Housekeeping.__message_type__.split("@")[0]))
    assert word["frames_received"] == 0


def test_mars_express_stands_four_thousand_kilometres_above(overflown, reference):
    told = YAML(typ="safe").load((reference / "orbiters.yaml").read_text())["MARS_EXPRESS"]["zhurong_test"]
    seen = World(overflown.graph).surroundings("zhurong")
    middle_ns = overflown.t_ns("2021-11-21T12:00:00Z")
    assert seen.range_km("mex", middle_ns) == pytest.approx(told["range_km"], rel=0.01)
    assert seen.elevation_deg("mex", middle_ns) > 85


def test_what_it_recorded_reaches_earth_after_the_playback(overflown):
    news = overflown.learnt("blind_start", "cebreros")
    assert news["path"] == "zhurong>mex>cebreros"
    assert overflown.t_ns(news["ert_utc"]) > overflown.t_ns("2021-11-21T12:50:00Z")


@pytest.mark.parametrize(
    "name",
    ["zhurong-landing", *(pytest.param(it, marks=pytest.mark.thorough) for it in SHORT if it != "zhurong-landing")],
)
def test_a_run_is_the_same_in_two_processes(name, tmp_path):
    here = launched(tmp_path, name, **SHORT[name])
    words = [f"{key}:={value}" for key, value in SHORT[name].items()]
    command = [str(Path(sys.executable).with_name("lightlag")), "launch", name, *words, "--processes=2", "-q"]
    spread = tmp_path / "spread"
    ended = subprocess.run(
        [*command, "--no-report", "--run-dir", str(spread)], env=os.environ, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    there = RunFiles(spread)
    assert there.summary["processes"] == 2
    assert there.summary["emissions"] == here.summary["emissions"] > 0
    assert there.summary["digest"] == here.summary["digest"]
