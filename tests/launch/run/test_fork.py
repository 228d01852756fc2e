"""Forks: until its instant the new run is the old one, event for event; from there on it is what was set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.launch.run.test_resume import Watcher

from lightlag.bus.errors import GraphError
from lightlag.bus.journal import read_facts
from lightlag.bus.recording import read
from lightlag.launch.cli import main
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.look.difference import compare
from lightlag.launch.look.recorded import open_recorded
from lightlag.launch.run.fork import fork
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import resume, run
from lightlag.nodes.params import NodeParams, RadioSpec
from lightlag.nodes.setting import changed

GRAPH = """
version: 1
name: beats
epoch: 2021-02-18T20:26:00Z
until: 100 s
nodes:
  heart: {type: "tests.integration.beats:Beat", params: {every: 2 s}}
  listener: {type: "tests.integration.failing:Listener"}
channels:
  air: {medium: {wire: {latency: 500 ms}}, members: [listener.heard], senders: [heart.out]}
"""


@pytest.fixture(scope="module", params=[None, 2], ids=["in process", "two processes"])
def old(request, tmp_path_factory):
    """A run of beats, and how it was placed."""
    folder = tmp_path_factory.mktemp("beats")
    (folder / "beats.yaml").write_text(GRAPH)
    options = RunOptions(processes=request.param, run_dir=folder / "old", report=False)
    result = run(load_graph(folder / "beats.yaml"), options, Watcher())
    assert result.failure is None
    return folder / "old", request.param


def beats(run_dir: Path) -> list[tuple[str, float]]:
    """What the listener heard of the heart, and when (s)."""
    records = read(run_dir / "run.mcap")
    return [
        (record.data["message"]["id"], record.data["t_ns"] / 1e9)
        for record in records
        if record.topic == "/listener/air/lightlag.event"
    ]


def test_a_fork_is_the_old_run_until_its_instant_and_what_was_set_from_there_on(old, tmp_path):
    directory = fork(old[0], "50 s", {"heart.every": "10 s"}, tmp_path / "new")
    result = resume(directory.path, RunOptions(report=False), Watcher())
    assert result.failure is None
    assert result.processes == (old[1] or 1)
    before, after = beats(old[0]), beats(directory.path)
    assert after[:25] == before[:25]
    # What is set at 50 s holds at 50 s: the beat of that instant is followed by one ten seconds later.
    assert [t_s for _, t_s in after[25:]] == [60.5, 70.5, 80.5, 90.5]
    found = compare(open_recorded(old[0]).messages(), open_recorded(directory.path).messages())
    assert found.first is not None
    assert found.first.t_ns >= 50_000_000_000


def test_a_fork_says_of_which_run_it_is_and_what_was_set(old, tmp_path, capsys):
    directory = fork(old[0], "50 s", {"heart.every": "10 s"}, tmp_path / "new")
    resume(directory.path, RunOptions(), Watcher())
    told = {
        "of": "old",
        "run": read_facts(old[0] / "journal")["run"],
        "at": "2021-02-18T20:26:50.000Z",
        "set": {"heart.every": "10 s"},
    }
    assert json.loads(directory.summary.read_text())["fork"] == told
    assert main(["bag", "info", str(directory.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fork"] == told
    words = "old up to 2021-02-18T20:26:50.000Z SCET, from there on with heart.every=10 s"
    assert main(["bag", "info", str(directory.path)]) == 0
    assert f"fork of     {words}" in capsys.readouterr().out
    assert f"fork of {words}" in directory.report.read_text()
    assert "fork" not in json.loads((old[0] / "summary.json").read_text())


def test_forked_twice_the_same_way_a_run_is_the_same(old, tmp_path):
    digests = []
    for number in range(2):
        directory = fork(old[0], "2021-02-18T20:26:30Z", {"heart.every": "5 s"}, tmp_path / str(number))
        digests.append(resume(directory.path, RunOptions(report=False), Watcher()).digest)
    assert digests[0] == digests[1] != ""


@pytest.mark.parametrize(
    ("at", "settings", "told"),
    [
        ("200 s", {"heart.every": "5 s"}, "--at 200 s is not within the run"),
        ("0 s", {"heart.every": "5 s"}, "--at 0 s is not within the run"),
        ("soon", {"heart.every": "5 s"}, "soon"),
        ("50 s", {"hart.every": "5"}, "unknown node 'hart'; did you mean 'heart'"),
        ("50 s", {"heart.evry": "5"}, "there is no parameter 'evry'; there are every, uhf"),
        ("50 s", {"heart.every": "-1 s"}, "every cannot be '-1 s'"),
        ("50 s", {"heart.every.more": "1"}, "every has no parts"),
        ("50 s", {"heart.uhf.power_dbw": "3"}, "uhf.power_dbw cannot change during a run; of a radio these can"),
    ],
)
def test_a_fork_that_cannot_be_is_told(old, tmp_path, at, settings, told):
    with pytest.raises(GraphError) as raised:
        fork(old[0], at, settings, tmp_path / "new")
    assert told in str(raised.value)
    assert not (tmp_path / "new").exists()


def test_there_is_nothing_to_fork_where_no_run_was(tmp_path):
    with pytest.raises(GraphError, match="holds no run"):
        fork(tmp_path, "50 s", {"heart.every": "5 s"}, tmp_path / "new")


def test_forks_are_made_on_the_command_line(old, tmp_path, capsys):
    words = ["launch", "--resume", str(old[0]), "--at", "50s", "--set", "heart.every=10 s"]
    assert main([*words, "--run-dir", str(tmp_path / "new"), "--no-report", "-q"]) == 0
    assert "digest" in capsys.readouterr().out
    assert main(["launch", "--resume", str(old[0]), "--at", "50s"]) == 2
    assert main(["launch", "mars2020", "--resume", str(old[0])]) == 2
    assert main(["launch", "--resume", str(old[0]), "--at", "50s", "--set", "heart=3"]) == 2


class Craft(NodeParams):
    """A radio and two values."""

    uhf: RadioSpec = RadioSpec(rate_bps="8 kbit/s", transmit_hz="400 MHz")
    name: str = "craft"
    armed: bool = False


def test_a_setting_changes_what_it_names_and_nothing_else():
    params = changed(Craft(), {"uhf.rate_bps": "16 kbit/s", "armed": "true"})
    assert isinstance(params, Craft)
    assert (params.uhf.rate_bps, params.uhf.transmit_hz, params.name, params.armed) == (16_000, 4e8, "craft", True)
