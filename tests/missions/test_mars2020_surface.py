"""Perseverance's first two weeks on Mars in one run, against what is on record; and what becomes of it in trouble."""

from __future__ import annotations

import io
import itertools
import wave

import pytest
from tests.integration.conftest import RunFiles, run_here, run_once

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run
from lightlag.missions.mars2020 import SURFACE_GRAPH
from lightlag.missions.mars2020.surface import FACTS
from lightlag.nodes.sols import Sols

EARTH = ("goldstone", "madrid", "canberra")
#: The landing is somebody else's test: here the rover is on the ground from the beginning.
ON_THE_GROUND = {"epoch": "2021-02-18T20:44:00Z"}
#: When ESA said that TGO would pass, and how near to it the pass is highest.
TGO_PASS, WITHIN_S = FACTS.value("first_tgo_pass_utc"), 30
HOUR_NS = 3600 * NS_PER_S


def changed(path, *changes, **arguments):
    """A run of the surface graph with some of its text changed."""
    text = SURFACE_GRAPH.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    file = path / "changed.yaml"
    file.write_text(text)
    return run_here(path / "run", {**ON_THE_GROUND, **arguments}, str(file))


def told(files, node="perseverance"):
    """The first line of a node's log that says something, by what it says."""
    lines = {}
    for line in files.log(node):
        lines.setdefault(line["text"], line)
    return lines


@pytest.fixture(scope="module")
def surface(tmp_path_factory) -> RunFiles:
    """``mars2020-surface`` as it ships, for 15.2 sols."""
    return run_once(tmp_path_factory, "surface", {**ON_THE_GROUND, "sols": "15.2"}, "mars2020-surface")


@pytest.fixture(scope="module")
def sols(surface) -> Sols:
    return Sols.since(surface.graph.epoch, surface.t_ns("2021-02-18T20:43:48.14Z"), 77.45089)


@pytest.fixture(scope="module")
def happened(surface):
    """When what the rover tells of happened, run time."""
    return {line["text"]: line["t_ns"] for line in surface.log("perseverance") if "values" in line["fields"]}


# -- what was done, and when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "sol"),
    [
        ("hazcam_front", 0), ("health_after_landing", 0), ("mast_up", 2), ("navcam_delta", 2), ("wind", 2),
        ("mastcamz_delta", 3), ("software_uploaded", 5), ("software_updated", 8), ("route_to_delta", 9),
        ("maaz", 12), ("wheels_wiggled", 13), ("first_drive", 14),
    ],
)  # fmt: skip
def test_it_is_done_on_the_sol_on_which_it_was(happened, sols, event, sol):
    assert sols.sol(happened[event]) == sol


def test_the_first_drive_is_on_2021_03_04_in_california_takes_33_minutes_and_6_5_metres(surface, happened):
    assert surface.graph.epoch.utc(happened["first_drive"] - 8 * HOUR_NS)[:10] == "2021-03-04"
    line = told(surface)["first_drive"]
    assert line["fields"]["values"] == {"distance_m": 6.5, "odometer_m": 6.5}
    begin_ns = next(line["t_ns"] for line in surface.log("perseverance") if line["text"] == "first_drive") - 33 * 60e9
    assert line["fields"]["lmst"].startswith("sol 14 11:17")
    assert begin_ns > happened["wheels_wiggled"]


def test_the_rover_stands_almost_level(surface):
    assert told(surface)["health_after_landing"]["fields"]["values"]["tilt_deg"] == 1.0


def test_every_event_is_known_on_earth_within_half_a_sol_and_not_before_its_light_time(surface, happened):
    until_ns = surface.graph.until_ns - 13 * HOUR_NS
    learnt = {(row["event"], row["receiver"]): float(row["delay_s"]) for row in surface.timeline}
    early = [event for event, t_ns in happened.items() if t_ns < until_ns]
    assert len(early) > 25
    for event in early:
        first_s = min(learnt.get((event, station), 1e9) for station in EARTH)
        assert 682 < first_s < 13 * 3600, event
        assert (event, "operations") in learnt


# -- commands --------------------------------------------------------------------------------------------------------


def test_a_plan_arrives_each_sol_at_half_past_nine_and_earth_knows_two_light_times_after_it_was_sent(surface, sols):
    sent = {line["text"]: line for line in surface.log("operations") if "station" in line["fields"]}
    assert [f"plan for sol {sol}" for sol in range(1, 16)] == list(sent)
    heard = told(surface)
    known = told(surface, "operations")
    for sol in range(1, 16):
        assert sols.text(heard[f"plan for sol {sol}"]["t_ns"]).startswith(f"sol {sol} 09:30")
        turn_s = (known[f"plan_sol_{sol}_received"]["t_ns"] - sent[f"plan for sol {sol}"]["t_ns"]) / NS_PER_S
        owlt_s = World(surface.graph).surroundings("perseverance").owlt_s("earth", heard[f"plan for sol {sol}"]["t_ns"])
        assert 0 < turn_s - 2 * owlt_s < 10  # the rest is bits / rate, and the lines


def test_the_station_that_sends_sees_the_rover(surface):
    plans = [it for it in surface.receptions if it[1]["type"].startswith("lightlag.plan") and it[0] == "perseverance"]
    assert len(plans) == 15
    assert {header["via"][-1] for _, header in plans} == {"madrid", "goldstone"}


def test_without_plans_the_rover_does_its_default_and_says_each_sol_that_none_came(tmp_path):
    files = run_here(tmp_path / "run", {**ON_THE_GROUND, "sols": "2.6", "plans": "false"}, "mars2020-surface")
    events = [line["text"] for line in files.log("perseverance") if "values" in line["fields"]]
    assert [it for it in events if "pass" not in it] == [
        "hazcam_front", "hazcam_rear", "health_after_landing",
        "no_plan_sol_1", "health_sol_1", "no_plan_sol_2", "health_sol_2",
    ]  # fmt: skip


# -- passes ----------------------------------------------------------------------------------------------------------


def test_tgo_passes_for_the_first_time_when_esa_said(surface):
    """2021-02-19T01:07 is in the facts: it is highest then (its phase is a fit to this, its plane is not)."""
    here = World(surface.graph).surroundings("perseverance")
    at_ns = surface.t_ns(TGO_PASS)
    begun_ns = told(surface)["first_pass_tgo"]["t_ns"]
    (first,) = here.passes("tgo", 0, at_ns + HOUR_NS, mask_deg=10)
    assert first.aos_ns <= begun_ns < at_ns < first.los_ns
    highest_ns = max(range(first.aos_ns, first.los_ns, NS_PER_S), key=lambda t_ns: here.elevation_deg("tgo", t_ns))
    assert abs(highest_ns - at_ns) < WITHIN_S * NS_PER_S


def test_three_relays_pass_on_landing_day_and_all_four_are_used(surface, sols):
    """Mission operations, 2021-02-19: three UHF passes on the day before (read in sources of the facts)."""
    passes = [line for line in surface.log("perseverance") if line["text"].startswith("pass of")]
    on_sol_0 = [line["text"].split()[-1] for line in passes if sols.sol(line["t_ns"]) == 0]
    assert on_sol_0[:3] == ["mro", "odyssey", "tgo"]
    assert {line["text"].split()[-1] for line in passes} == {"mro", "odyssey", "tgo", "maven"}
    assert all(line["fields"]["sent_mbit"] <= line["fields"]["room_mbit"] for line in passes)


def test_a_thumbnail_is_on_earth_before_its_picture_and_every_picture_comes_whole(surface):
    pictures = {}
    for entry in surface.summary["pictures"]:
        name = entry["file"].partition("perseverance-")[2]
        pictures.setdefault(name, entry["complete_ert"])
        pictures[name] = min(pictures[name], entry["complete_ert"])
    whole = [name for name in pictures if name.endswith(".png") and "thumbnail" not in name]
    assert len(whole) == 9
    for name in whole:
        assert pictures[name.replace(".png", "-thumbnail.png")] < pictures[name]


def test_within_a_pass_every_thumbnail_goes_before_any_whole_picture(surface):
    """Of what waited for it: navcam pictures of sol 2 were taken before the pass in which they went."""
    sent = [
        header["message"]["picture"]
        for receiver, header in surface.receptions
        if receiver in ("mro", "tgo", "odyssey", "maven") and header["type"].startswith("lightlag.picture_piece")
    ]
    sol_2 = [name for name, _ in itertools.groupby(name for name in sent if "sol02" in name)]
    assert sol_2 == [f"sol02-navcam_{way}{kind}" for kind in ("-thumbnail", "") for way in ("delta", "south")]


def test_a_pass_that_is_too_short_for_a_picture_has_room_for_thumbnails_and_the_rest_goes_later(tmp_path):
    files = run_here(tmp_path / "run", {**ON_THE_GROUND, "sols": "0.3", "uhf_rate": "8 kbit/s"}, "mars2020-surface")
    first = told(files)["pass of mro"]["fields"]
    assert 0 < first["left_mbit"] < 2 * 2.46
    # A minute was over before there was a picture, and in the end there was no room for a frame of 32 KiB.
    assert first["room_mbit"] - first["sent_mbit"] < 0.52 + 0.27
    log = told(files, "goldstone") | told(files, "madrid")
    assert "perseverance-sol00-hazcam_rear-thumbnail: complete" in log
    assert "perseverance-sol00-hazcam_rear: complete" in log
    early, late = (log[f"perseverance-sol00-hazcam_rear{kind}: complete"]["t_ns"] for kind in ("-thumbnail", ""))
    assert late - early > HOUR_NS


def test_the_first_sounds_are_on_earth_by_2021_02_22_as_files_to_listen_to(surface):
    wind = next(entry for entry in surface.summary["pictures"] if entry["file"].endswith("sol02-wind-synthesised.wav"))
    assert wind["complete_ert"] < "2021-02-22"
    with wave.open(str(surface.path / wind["file"])) as file:
        assert file.getnframes() == 10 * file.getframerate()


def test_a_relay_that_is_gone_does_not_answer_and_what_it_would_have_taken_goes_with_the_next(tmp_path):
    crash = "faults:\n  - {crash: odyssey, at: 1 min}\n\nnodes:\n"
    files = changed(tmp_path, ("nodes:\n", crash), sols="0.4")
    lines = told(files)
    assert "odyssey does not answer" in lines
    row = next(row for row in files.timeline if row["event"] == "health_after_landing" and row["receiver"] in EARTH)
    assert row["path"].startswith("perseverance>tgo>")


def test_in_safe_mode_it_does_nothing_but_tell_and_afterwards_goes_on_with_what_it_was(tmp_path):
    """From noon of sol 2, after the mast went up, to noon of sol 3; then started again, in the night."""
    faults = "faults:\n  - {safe_mode: perseverance, from: 46 h, for: 24 h}\n"
    faults += "  - {bounce: perseverance, at: 80 h, for: 10 min}\n\nnodes:\n"
    plan = "      send: ${plans}\n      plans:\n"
    plan += '        - {sol: 2, activities: [{name: mast_up, does: move, what: mast, at: "10:45"}, '
    plan += '{name: late, does: check, at: "15:00"}]}\n'
    plan += '        - {sol: 4, activities: [{name: panorama, does: photograph, what: navcam, at: "11:00"}]}\n'
    files = changed(tmp_path, ("nodes:\n", faults), ("      send: ${plans}\n", plan), sols="4.6")
    events = [line["text"] for line in files.log("perseverance") if "values" in line["fields"]]
    done = [event for event in events if "pass" not in event and "hazcam" not in event]
    assert done == [
        "health_after_landing", "no_plan_sol_1", "health_sol_1", "mast_up", "safe_mode_sol_2", "panorama",
    ]  # fmt: skip
    assert "safe_mode_sol_2" in told(files, "operations")


def test_a_plan_that_came_in_safe_mode_is_done_afterwards(tmp_path):
    """The plan of sol 1 comes at 09:30, in safe mode; that ends before 10:30, when the plan is taken up."""
    safe = "faults:\n  - {safe_mode: perseverance, from: 17.5 h, for: 1.3 h}\n\nnodes:\n"
    files = changed(tmp_path, ("nodes:\n", safe), sols="0.85")
    lines = told(files)
    assert "plan_sol_1_received" in told(files, "operations")
    assert {"health_sol_1", "hga_up"} <= lines.keys()
    assert "no_plan_sol_1" not in lines


def test_a_plan_that_is_taken_up_late_is_done_but_for_what_is_over(tmp_path):
    """Of sol 1, safe mode ends between what is planned for 10:40 and for 11:00; then the rover is started again."""
    faults = "faults:\n  - {safe_mode: perseverance, from: 17.5 h, for: 1.85 h}\n"
    faults += "  - {bounce: perseverance, at: 21 h, for: 1 min}\n\nnodes:\n"
    files = changed(tmp_path, ("nodes:\n", faults), sols="1.1")
    events = [line["text"] for line in files.log("perseverance") if "values" in line["fields"]]
    assert [it for it in events if "pass" not in it][3:] == ["safe_mode_sol_1", "hga_up", "hazcam_evening"]
    late = [line["fields"]["to_do"] for line in files.log("perseverance") if line["text"].endswith("taken up late")]
    assert late == [2, 1]


def test_on_landing_day_it_does_once_what_it_has_on_board_whatever_befalls_it(tmp_path):
    """Safe mode after the first pictures, and started again before the last activity and after it."""
    faults = "faults:\n  - {safe_mode: perseverance, from: 100 s, for: 60 s}\n"
    faults += "  - {bounce: perseverance, at: 200 s, for: 10 s}\n"
    faults += "  - {bounce: perseverance, at: 1 h, for: 10 s}\n\nnodes:\n"
    files = changed(tmp_path, ("nodes:\n", faults), sols="0.3")
    events = [line["text"] for line in files.log("perseverance") if "values" in line["fields"]]
    assert [it for it in events if "pass" not in it] == [
        "hazcam_front", "hazcam_rear", "safe_mode_sol_0", "health_after_landing",
    ]  # fmt: skip
    for station in ("goldstone", "madrid"):
        about = [line for line in files.log(station) if "-hazcam" in line["text"]]
        assert not [line["text"] for line in about if line["level"] != "info"]
        assert len([line for line in about if line["text"].endswith(": complete")]) == 4


# -- samples, refusals -----------------------------------------------------------------------------------------------

PLAN = """      send: ${plans}
      plans:
        - sol: 1
          activities:
            - {name: first_core, does: core, what: Roubion, at: "11:00", lasts: 2 h, values: {tube: 2}}
            - {name: too_far, does: drive, what: forward, at: "14:00", lasts: 10 min, values: {distance_m: 9}}
            - {name: never_done, does: check, at: "15:00"}
        - {sol: 2, activities: [{name: all_night, does: check, at: "18:30", lasts: 2 h}]}
"""


@pytest.fixture(scope="module")
def commanded(tmp_path_factory):
    """Two sols with plans of another mind."""
    return changed(tmp_path_factory.mktemp("commanded"), ("      send: ${plans}\n", PLAN), sols="3")


def test_a_sample_is_cored_cached_and_told_to_earth_by_its_identifier(commanded):
    row = next(row for row in commanded.timeline if row["event"] == "cached_M2020-1-2" and row["receiver"] in EARTH)
    assert row["source"] == "perseverance"
    assert told(commanded)["first_core"]["fields"]["values"] == {"tube": 2.0, "samples": 1.0}


def test_what_is_refused_ends_the_plan_of_that_sol_and_earth_learns_of_it(commanded):
    known = told(commanded, "operations")
    assert "too_far_refused" in known
    assert "never_done" not in told(commanded)


def test_nothing_is_begun_that_would_last_into_the_night(commanded):
    assert "all_night: it would last into the night" in told(commanded)
    assert "all_night" not in told(commanded)


def test_a_plan_that_does_not_arrive_is_sent_again(tmp_path):
    deaf = "faults:\n  - {partition: [madrid, perseverance], from: 18 h, for: 10 min}\n\nnodes:\n"
    files = changed(tmp_path, ("nodes:\n", deaf), sols="0.8")
    sent = [line for line in files.log("operations") if line["text"] == "plan for sol 1"]
    assert len(sent) == 2
    assert "plan_sol_1_received" in told(files, "operations")
    assert "health_sol_1" in told(files)


def test_a_plan_that_comes_late_is_not_done_and_earth_learns_of_it(tmp_path):
    late = '      send: ${plans}\n      uplink: "10:40"\n'
    files = changed(tmp_path, ("      send: ${plans}\n", late), sols="0.95")
    assert [line["text"] for line in files.log("operations")].count("plan for sol 1") == 1
    assert "plan_sol_1_late" in told(files, "operations")
    assert "no_plan_sol_1" in told(files)
    assert "hga_up" not in told(files)


def test_a_plan_that_nobody_answers_is_given_up_after_three_tries(tmp_path):
    deaf = "faults:\n  - {partition: [madrid, perseverance], from: 18 h}\n\nnodes:\n"
    files = changed(tmp_path, ("nodes:\n", deaf), sols="0.85")
    lines = [line["text"] for line in files.log("operations")]
    assert lines.count("plan for sol 1") == 3
    assert "nobody has said that the plan for sol 1 came" in lines


def test_a_run_that_begins_later_has_no_use_for_the_plans_of_the_sols_before(tmp_path):
    files = run_here(tmp_path / "run", {"epoch": "2021-02-20T12:00:00Z", "sols": "0.3"}, "mars2020-surface")
    lines = [(line["text"], line["fields"].get("sol")) for line in files.log("operations")]
    assert ("the time of a plan was before the run", 1) in lines
    assert "mast_up" in told(files)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{node: mro,", "{node: mrp,"),
        ("stations: [goldstone, madrid, canberra]\n      send", "stations: [madrit]\n      send"),
    ],
)
def test_who_is_not_there_is_told_before_anything_starts(tmp_path, old, new):
    file = tmp_path / "wrong.yaml"
    file.write_text(SURFACE_GRAPH.read_text().replace(old, new))
    with pytest.raises(GraphError, match="is no node of this graph; did you mean"):
        run(load_graph(file, {}), RunOptions(run_dir=tmp_path / "run"), PlainDisplay(io.StringIO()))


@pytest.mark.thorough  # in february-2021 the rover is in two processes, too
def test_two_processes_give_the_same(tmp_path):
    arguments = {"epoch": "2021-02-18T20:43:30Z", "sols": "0.2"}
    here = run_here(tmp_path / "here", arguments, "mars2020-surface")
    options = RunOptions(run_dir=tmp_path / "two", report=False, processes=2)
    result = run(load_graph("mars2020-surface", arguments), options, PlainDisplay(io.StringIO()))
    assert (result.processes, result.digest) == (2, here.summary["digest"])
