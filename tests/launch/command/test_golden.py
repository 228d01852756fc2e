"""``lightlag golden``: what departs is told, what may depart is not, and an update shows what it changes."""

from __future__ import annotations

import json
import shutil

import pytest
from tests.launch.fixtures.graphs import TICKS
from tests.launch.run.test_resume import Watcher
from typer.testing import CliRunner

from lightlag.bus.errors import GraphError
from lightlag.launch.command.calling import app_of
from lightlag.launch.graph.diagnostics import InvalidGraph
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.look.golden import TOLERANCES, changes, compare, departures_text, extract, parse, to_yaml
from lightlag.launch.run.closing import versions
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run


@pytest.fixture(scope="module")
def ticks(tmp_path_factory):
    """A run of a graph in which one hears another tick."""
    folder = tmp_path_factory.mktemp("ticks")
    (folder / "graph.yaml").write_text(TICKS)
    run(load_graph(folder / "graph.yaml"), RunOptions(run_dir=folder / "run", report=False), Watcher())
    return folder / "run"


@pytest.fixture
def found(ticks):
    return extract(ticks)


@pytest.fixture
def golden(ticks, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def called(file, *words):
        done = CliRunner().invoke(app_of("golden"), ["golden", str(ticks), str(file), *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return called


def copy(tree):
    return json.loads(json.dumps(tree))


def departed(found, **tolerances):
    """What departs from an extract, with changes made by the caller in a copy of it, by path."""

    def of(change):
        other = copy(found)
        change(other)
        return {it.path: it.tolerance for it in compare(other, {**found, "tolerances": tolerances}).departures}

    return of


def test_an_extract_tells_who_learnt_what_when_and_by_which_path(found):
    assert found["events"]["ticker tick-3"] == {
        "scet": "2021-02-18T20:26:03.000Z",
        "listener": ["2021-02-18T20:26:05.500Z", "ticker>listener"],
    }
    assert found["received"] == {"listener": {"ticks lightlag.event": 17}}
    assert found["lost"] == {"listener": {"in_flight": 2}}
    assert (found["run"]["graph"], found["run"]["emissions"]) == ("ticks", 19)
    assert found["digest"].keys() == {"value", "fingerprint", *versions()}


def test_a_golden_file_holds_the_extract(found):
    text = to_yaml(found, TOLERANCES)
    assert parse(text, "it") == {**copy(found), "tolerances": TOLERANCES}
    assert '"' not in text.partition("digest:")[0]  # nothing but what looks like a number needs quotes


def test_what_departs_within_the_tolerance_of_its_kind_is_the_same(found):
    of = departed(found, counts="10 %", values="1 %")

    def a_little(tree):
        tree["events"]["ticker tick-3"]["scet"] = "2021-02-18T20:26:03.009Z"
        tree["received"]["listener"]["ticks lightlag.event"] = 16
        tree["run"]["simulated_s"] = 20.1
        tree["lost"]["nobody"] = {"snr": 0}

    assert of(a_little) == {}


def test_what_departs_further_is_told_with_what_is_allowed(found):
    def much(tree):
        tree["events"]["ticker tick-3"]["scet"] = "2021-02-18T20:26:03.011Z"
        tree["events"]["ticker tick-4"]["listener"][1] = "ticker>relay>listener"
        del tree["events"]["ticker tick-5"]
        tree["received"]["listener"]["ticks lightlag.event"] = 15
        tree["lost"]["listener"]["snr"] = 3
        tree["run"]["simulated_s"] = 20.1
        tree["run"]["seed"] = 2
        tree["digest"]["value"] = "0"
        tree["pictures"] = {"pictures/it.png": ["2021-02-18T20:26:03.000Z", None]}

    assert departed(found)(much) == {
        "events.ticker tick-3.scet": "10 ms",
        "events.ticker tick-4.listener[1]": "",
        "events.ticker tick-5.scet": "",
        "events.ticker tick-5.listener": "",
        "received.listener.ticks lightlag.event": "1 %",
        "lost.listener.snr": "1 %",
        "run.simulated_s": "0.1 %",
        "run.seed": "",
        "pictures.pictures/it.png": "",
        "digest.value": "",
    }


def test_numbers_that_are_nothing_are_the_same(found):
    found["last_words"] = {"rover lightlag.vehicle_state": {"height_km": 4.5e-13, "speed_m_s": 0.0}}
    other = parse(to_yaml(found, TOLERANCES), "it")
    assert other["last_words"]["rover lightlag.vehicle_state"] == {"height_km": 0.0, "speed_m_s": 0.0}
    assert compare(found, other).departures == []
    assert changes(found, other) == []


@pytest.mark.parametrize("key", ["fingerprint", "python", "numpy", "scipy", "lightlag"])
def test_the_digest_is_compared_only_where_it_was_made(found, key):
    other = copy(found)
    other["digest"] |= {"value": "0", key: "another"}
    compared = compare(other, found)
    assert compared.departures == []
    assert compared.digest_not_compared == f"{key} is another here and {found['digest'][key]} there"
    assert compared.agree == compare(found, found).agree - 1


def test_departures_are_told_in_columns(found):
    other = copy(found)
    other["events"]["ticker tick-3"]["scet"] = "2021-02-18T20:26:04.500Z"
    other["received"]["listener"]["ticks lightlag.event"] = 15
    lines = departures_text(compare(other, found).departures)
    assert [line.split("  ")[0] for line in lines] == [
        "",
        "events.ticker tick-3.scet",
        "received.listener.ticks lightlag.event",
    ]
    assert lines[1].split()[-4:] == ["+1.500", "s", "10", "ms"]
    assert lines[2].split()[-5:] == ["15", "17", "-2", "1", "%"]


@pytest.mark.parametrize(
    ("tolerances", "words"),
    [({"counts": "many"}, "'many' is no tolerance; write a percentage"), ({"sizes": "1 %"}, "no tolerance of sizes")],
)
def test_a_tolerance_that_is_none_is_told(found, tolerances, words):
    with pytest.raises(GraphError, match=words):
        compare(found, {**found, "tolerances": tolerances})


def test_what_is_no_golden_run_is_told():
    with pytest.raises(InvalidGraph, match="it is no golden run"):
        parse("events: [1]\n", "it")


def test_a_run_that_did_not_end_is_not_compared(ticks, tmp_path):
    shutil.copytree(ticks, tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    with pytest.raises(GraphError, match="did not reach its end; a golden run is compared with whole runs"):
        extract(tmp_path / "run")


# -- the command ------------------------------------------------------------------------------------------------------


def test_a_golden_run_is_made_and_then_compared_with(golden, tmp_path):
    file = tmp_path / "golden" / "ticks.yaml"
    code, _, errors = golden(file)
    assert (code, "make it with: lightlag golden" in errors) == (2, True)
    code, shown, _ = golden(file, "--update")
    assert (code, shown.startswith(f"{file} is new")) == (0, True)
    code, shown, _ = golden(file)
    assert (code, "none departs further than is allowed" in shown) == (0, True)
    assert json.loads(golden(file, "--json")[1])["same"] is True


def test_an_update_shows_what_it_changes_and_keeps_the_tolerances(golden, tmp_path):
    file = tmp_path / "ticks.yaml"
    golden(file, "--update")
    made = file.read_text()
    file.write_text(
        made.replace("times: 10 ms", "times: 2 s").replace("20:26:03.000Z", "20:26:04.000Z").replace(": 17", ": 10")
    )
    code, shown, _ = golden(file)
    assert code == 1
    assert "received.listener.ticks lightlag.event" in shown
    assert "tick-3" not in shown  # a second is allowed now
    assert "1 depart from it further than is allowed" in shown
    assert "if that is meant: lightlag golden RUN" in shown
    told = json.loads(golden(file, "--json")[1])
    assert [it["path"] for it in told["departures"]] == ["received.listener.ticks lightlag.event"]
    code, shown, _ = golden(file, "--update")
    assert (code, "it is brought up to date" in shown) == (0, True)
    assert "events.ticker tick-3.scet" in shown
    assert file.read_text() == made.replace("times: 10 ms", "times: 2 s")
    assert "changes" in json.loads(golden(file, "--update", "--json")[1])


def test_a_digest_of_elsewhere_is_said_not_to_be_compared(golden, tmp_path):
    file = tmp_path / "ticks.yaml"
    golden(file, "--update")
    file.write_text(file.read_text().replace(versions()["numpy"], "0.1"))
    code, shown, _ = golden(file)
    assert (code, "the digest was not compared: numpy is " in shown) == (0, True)


def test_a_file_that_cannot_be_written_is_told(golden, tmp_path):
    (tmp_path / "taken").write_text("")
    code, _, errors = golden(tmp_path / "taken" / "ticks.yaml", "--update")
    assert (code, "cannot be written" in errors) == (2, True)
