"""Hope's two graphs, run once: what Earth learns of the arrival, and when; a revolution in the science orbit."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.integration.conftest import RunFiles

from lightlag.bus.time import NS_PER_S
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.faults import with_faults
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run
from lightlag.missions import emm
from lightlag.missions.facts import load_facts

ARRIVAL = load_facts(emm.FACTS).values("arrival")
#: The burn until it is known; a contact, and a picture that is taken and sent in it.
SHORT = {
    "hope-arrival": {"epoch": "2021-02-09T15:28:00Z", "duration": "42 min"},
    "hope-science": {"epoch": "2021-05-23T10:30:00Z", "duration": "50 min"},
}


def run_here(path: Path, graph: str, arguments: dict[str, str], *faults: str) -> RunFiles:
    loaded = with_faults(load_graph(graph, arguments), faults)
    run(loaded, RunOptions(run_dir=path, report=False), PlainDisplay(io.StringIO()))
    return RunFiles(path)


@pytest.fixture(scope="module")
def arrival(tmp_path_factory):
    return run_here(tmp_path_factory.mktemp("arrival") / "run", "hope-arrival", {})


@pytest.fixture(scope="module")
def science(tmp_path_factory):
    return run_here(tmp_path_factory.mktemp("science") / "run", "hope-science", {})


@pytest.mark.parametrize("event", ["insertion_start", "insertion_end"])
def test_every_published_event_of_the_arrival_is_met(arrival, event):
    """The tolerance of what is modelled at Mars is 5 s; the record is to the minute."""
    (flown,) = [it for it in arrival.graph.nodes["hope"].cls("hope").published if it.event == event]
    happened_ns = arrival.t_ns(arrival.learnt(event, "madrid")["scet_utc"])
    assert abs(happened_ns - arrival.t_ns(flown.scet_utc)) < 5 * NS_PER_S


@pytest.mark.parametrize(("event", "light_s"), [("insertion_start", 637.152), ("insertion_end", 637.243)])
def test_news_comes_a_light_time_and_a_frame_at_the_low_rate_later(arrival, event, light_s):
    """The reference's light time is from centre to centre; Hope and Madrid are up to 33 ms nearer or farther."""
    heard = [it for receiver, it in arrival.receptions if receiver == "madrid" and it["message"].get("id") == event]
    assert len(heard) == 1
    assert (heard[0]["t_ns"] - heard[0]["sent_ns"]) / NS_PER_S == pytest.approx(light_s, abs=0.033)
    assert heard[0]["duration_ns"] / NS_PER_S == pytest.approx(8 * heard[0]["bytes"] / 200)


def test_the_end_of_the_burn_is_known_in_the_published_minute(arrival):
    """16:08 was published, to the minute; of the beginning 15:42, which does not go with 15:30 and 11 minutes."""
    known_ns = arrival.t_ns(arrival.learnt("insertion_end", "madrid")["ert_utc"])
    assert abs(known_ns - arrival.t_ns(ARRIVAL["burn_end_known_utc"])) < 30 * NS_PER_S
    start_ns = arrival.t_ns(arrival.learnt("insertion_start", "madrid")["ert_utc"])
    assert abs(start_ns - arrival.t_ns(ARRIVAL["burn_start_known_utc"])) < 90 * NS_PER_S


def test_hope_is_captured_during_the_burn_and_madrid_alone_hears_it(arrival):
    events = [row["event"] for row in arrival.timeline]
    assert events == ["insertion_start", "periapsis_1", "captured", "insertion_end"]
    assert {row["receiver"] for row in arrival.timeline} == {"madrid"}


def test_mars_stands_in_between_after_the_burn(arrival):
    hidden = [it["sent_ns"] for _, it in arrival.losses if it["reason"] == "occulted"]
    assert min(hidden) > arrival.t_ns(ARRIVAL["burn_end_utc"])
    assert 13 < (max(hidden) - min(hidden)) / 60e9 < 15


def test_the_high_gain_antenna_takes_over(arrival):
    channels = {it["channel"]: it["sent_ns"] for receiver, it in arrival.receptions if receiver == "madrid"}
    assert list(channels) == ["low_gain", "downlink"]
    assert channels["low_gain"] < arrival.t_ns("2021-02-09T16:40:01Z") < channels["downlink"]


def test_hope_comes_back_to_its_periapsis_after_55_hours(science):
    turns = {row["event"]: science.t_ns(row["scet_utc"]) for row in science.timeline}
    assert (turns["periapsis_2"] - turns["periapsis_1"]) / NS_PER_S / 3600 == pytest.approx(55.0, abs=0.05)
    heights = {
        line["text"]: line["fields"]["values"]["altitude_km"] for line in science.log("hope") if line["text"] in turns
    }
    assert heights["periapsis_1"] == pytest.approx(20_000, abs=5)
    assert heights["apoapsis_1"] == pytest.approx(43_000, abs=5)


def test_every_picture_that_was_taken_is_on_earth_at_many_local_times(science):
    taken = [line for line in science.log("hope") if line["text"].endswith(" taken")]
    pictures = [Path(it["file"]).stem.split("hope-")[1] for it in science.summary["pictures"]]
    assert sorted(pictures) == sorted(line["text"].removesuffix(" taken") for line in taken)
    assert {name.split("-")[0] for name in pictures} == {"exi", "emirs", "emus"}
    local = [line["fields"]["facts"]["local_time_below_h"] for line in taken if line["text"].startswith("exi")]
    assert len({int(hour // 3) for hour in local}) >= 6  # of eight parts of the day


def test_what_arrives_is_what_the_moment_looks_like(science):
    files = {it["file"].split("hope-")[1]: science.path / it["file"] for it in science.summary["pictures"]}
    day, night = (np.asarray(Image.open(files[f"exi-{number}.png"])) for number in ("01", "05"))
    assert np.count_nonzero(day) / day.size > 0.5
    assert np.count_nonzero(night) / night.size < 0.01


def test_hope_sends_in_contacts_alone_and_to_the_station_that_listens(science):
    contacts = science.graph.nodes["hope"].params.contacts
    assert science.receptions
    for receiver, it in science.receptions:
        (during,) = [c for c in contacts if 0 <= it["sent_ns"] - science.t_ns(c.start) <= c.duration * NS_PER_S]
        assert receiver == during.station
    assert not science.losses


def test_what_does_not_end_within_a_contact_stays_on_board(tmp_path):
    """In the hour that is left of the contact 500 bit/s are less than the picture has."""
    slow = run_here(tmp_path / "run", "hope-science", {**SHORT["hope-science"], "duration": "2 h", "rate": "500 bit/s"})
    end_ns = slow.t_ns("2021-05-23T12:00:00Z")
    sent_ns = [it["sent_ns"] for _, it in slow.receptions]
    assert end_ns - 8 * 8192 / 500 * NS_PER_S - NS_PER_S < max(sent_ns) <= end_ns
    (ends,) = [line for line in slow.log("hope") if line["text"] == "contact ends"]
    assert ends["fields"]["stored_bits"] > 1e6
    assert not slow.summary["pictures"]


def test_in_safe_mode_hope_takes_no_pictures_and_is_there_in_its_contacts(tmp_path):
    fault = "safe_mode: hope, from: 10 min"
    safe = run_here(tmp_path / "run", "hope-science", {**SHORT["hope-science"], "duration": "95 min"}, fault)
    texts = [line["text"] for line in safe.log("hope")]
    assert not [text for text in texts if text.endswith(" taken")]
    assert texts.count("contact begins") == 2  # the rest of it, after the change of mode
    assert texts.count("contact ends") == 1


@pytest.mark.thorough  # in february-2021 Hope is in two processes, too
@pytest.mark.parametrize("graph", SHORT)
def test_a_run_is_the_same_in_two_processes(tmp_path, graph):
    here = run_here(tmp_path / "here", graph, SHORT[graph])
    command = [str(Path(sys.executable).with_name("lightlag")), "launch", graph, "--processes=2", "--no-report"]
    words = [f"{name}:={value}" for name, value in SHORT[graph].items()]
    there = tmp_path / "there"
    subprocess.run([*command, *words, "-q", "--run-dir", str(there)], cwd=tmp_path, check=True, timeout=120)
    spread = RunFiles(there)
    assert spread.summary["processes"] == 2
    assert spread.summary["digest"] == here.summary["digest"]
    assert spread.summary["receptions"] == here.summary["receptions"] > 20
