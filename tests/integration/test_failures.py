"""A node that fails ends the run in the same way wherever it runs, and what had happened by then can be read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.integration.conftest import RunFiles

from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.options import EXIT_RUN_FAILED, RunOptions, RunResult
from lightlag.launch.run.runner import run

ROOT = Path(__file__).parents[2]
#: In process, and each node in a process of its own.
PLACEMENTS = [None, 3]

WIRES = """
version: 1
name: wires
epoch: 2021-02-18T20:26:00Z
until: 60 s
nodes:
  ticker: {type: "tests.integration.failing:Ticker"}
  early: {type: "tests.integration.failing:Listener", params: {fails_at: %s}}
  late: {type: "tests.integration.failing:Listener", params: {fails_at: %s}}
channels:
  short: {medium: {wire: {latency: 3 s}}, members: [early.heard, late.heard], senders: [ticker.out]}
"""
SPACE = """
version: 1
name: space
epoch: 2021-02-18T20:40:00Z
until: 20 min
nodes:
  orbiter: {type: "tests.integration.failing:FailingOrbiter"}
  hope: {type: hope}
  madrid: {type: ground-station, params: {station: madrid}}
channels:
  downlink: {medium: space, members: [madrid.xband], senders: [orbiter.xband, hope.xband]}
"""


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Run the text of a graph in a placement; returns what it came to, its files and what was shown."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def launched(text: str, processes: int | None) -> tuple[RunResult, RunFiles, str]:
        file = tmp_path / "graph.yaml"
        file.write_text(text)
        shown = io.StringIO()
        path = tmp_path / f"in {processes}"
        result = run(load_graph(file), RunOptions(processes, run_dir=path, report=False), PlainDisplay(shown))
        return result, RunFiles(path), shown.getvalue()

    return launched


def test_a_node_on_a_wire_fails_in_the_same_way_in_every_placement(launch):
    results = {processes: launch(WIRES % (5, "null"), processes) for processes in (*PLACEMENTS, 2)}
    told = {result.failure for result, _, _ in results.values()}
    assert len(told) == 1
    first, *traceback = told.pop().splitlines()
    assert first == "early failed at 2021-02-18T20:26:08.000Z SCET"
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "ArithmeticError: early cannot count beyond 5"
    frames = [line for line in traceback if line.startswith("  File ")]
    assert len(frames) == 2
    assert all("tests/integration/failing.py" in frame for frame in frames)
    records = [files.records for _, files, _ in results.values()]
    assert len(records[0]) == 5 * 2 * 2  # five ticks, two listeners, each a reception and a line of a log
    assert all(record == records[0] for record in records)
    for result, files, shown in results.values():
        assert result.exit_code == EXIT_RUN_FAILED
        assert result.digest == files.summary["digest"] == ""
        assert files.summary["failure"] == result.failure
        assert result.failure in shown
        assert [line["fields"]["event"] for line in files.log("early")] == [f"tick-{n}" for n in range(1, 6)]
        assert not (files.path / "parts").exists()
        assert [row["event"] for row in files.timeline] == [f"tick-{n}" for n in range(1, 6) for _ in range(2)]


@pytest.mark.parametrize("processes", PLACEMENTS)
def test_of_two_failures_the_earlier_is_told(launch, processes):
    result, _, _ = launch(WIRES % (7, 4), processes)
    assert result.failure.startswith("late failed at 2021-02-18T20:26:07.000Z SCET")


@pytest.mark.parametrize("processes", PLACEMENTS)
def test_of_two_failures_at_one_instant_the_first_by_name_is_told(launch, processes):
    result, _, _ = launch(WIRES % (4, 4), processes)
    assert result.failure.startswith("early failed at 2021-02-18T20:26:07.000Z SCET")


def test_a_spacecraft_fails_in_the_same_way_in_every_placement(launch):
    results = {processes: launch(SPACE, processes) for processes in (None, 2)}
    told = {result.failure for result, _, _ in results.values()}
    assert len(told) == 1
    lines = told.pop().splitlines()
    assert lines[0] == "orbiter failed at 2021-02-18T20:43:00.000Z SCET"
    assert lines[-1].strip().endswith("LookupError: orbiter lost its attitude")
    assert any("tests/integration/failing.py" in line for line in lines)
    assert results[None][1].records == results[2][1].records


def test_what_a_host_did_ahead_of_a_failure_is_in_no_file(launch):
    """Mars runs eleven minutes ahead of Earth, where a station fails after ten seconds."""
    text = """
version: 1
name: ahead
epoch: 2021-02-18T20:40:00Z
until: 20 min
nodes:
  diarist: {type: "tests.integration.failing:Diarist"}
  madrid: {type: "tests.integration.failing:FailingStation", params: {station: madrid}}
channels:
  downlink: {medium: space, members: [madrid.xband], senders: [diarist.xband]}
"""
    one, two = (launch(text, processes)[1] for processes in (None, 2))
    assert one.records == two.records
    assert [line["fields"] for line in one.log("diarist")] == [{"number": number} for number in range(1, 11)]
    for what in ("emissions", "receptions", "losses", "pictures", "failure", "simulated_s"):
        assert one.summary[what] == two.summary[what]
    for folder in ("logs", "pictures"):
        files = [{file.name: file.read_bytes() for file in (run.path / folder).iterdir()} for run in (one, two)]
        assert files[0] == files[1]
        assert files[0]
    assert sorted(file.name for file in (one.path / "pictures").iterdir())[-1] == "diarist-page-9.txt"
