"""The runner: every run ends with its files, its figures and a word to who watches, whatever it came to."""

from __future__ import annotations

import json
import signal
import time

import pytest

from lightlag.bus.errors import GraphError, RunError
from lightlag.bus.recording import read, read_metadata
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import _Behind, run

GRAPH = """
version: 1
name: ticks
epoch: 2021-02-18T20:26:00Z
seed: 7
until: 20 s
nodes:
  ticker: {type: "tests.integration.failing:Ticker"}
  listener: {type: "tests.integration.failing:Listener"}
channels:
  ticks: {medium: {wire: {latency: 2500 ms}}, members: [listener.heard], senders: [ticker.out]}
"""


class Watcher:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.news = []
        self.frontiers = []
        self.result = None

    def started(self, graph, run_dir):
        self.told.append("started")

    def noticed(self, text):
        self.told.append(text)

    def progress(self, frontier_ns):
        self.frontiers.append(frontier_ns)

    def learnt(self, items):
        self.news += items

    def finished(self, result):
        self.told.append("finished")
        self.result = result


@pytest.fixture
def graph(tmp_path):
    (tmp_path / "ticks.yaml").write_text(GRAPH)
    return load_graph(tmp_path / "ticks.yaml")


@pytest.fixture
def launch(graph, tmp_path):
    def launched(**options):
        watcher = Watcher()
        options = {"run_dir": tmp_path / "run", "report": False, **options}
        return run(graph, RunOptions(**options), watcher), watcher

    return launched


def test_a_run_ends_with_its_figures_and_its_files(launch, graph):
    result, _ = launch()
    assert (result.exit_code, result.failure, result.interrupted) == (0, None, False)
    # Ticks at 1 to 19 s, of which those until 17 s arrive before the end.
    assert (result.emissions, result.receptions, result.losses) == (19, 17, {"in_flight": 2})
    assert (result.simulated_s, result.processes) == (20.0, 1)
    assert load_graph(result.run_dir / "graph.resolved.yaml") == graph
    summary = json.loads((result.run_dir / "summary.json").read_text())
    assert summary["digest"] == result.digest == read_metadata(result.run_dir / "run.mcap")["digest"]
    assert sum("/lost" not in record.topic for record in read(result.run_dir / "run.mcap")) == 2 * 17
    assert (result.run_dir / "logs" / "listener.log").read_text().count("\n") == 17


def test_who_watches_is_told_everything_in_order(launch):
    result, watcher = launch()
    assert watcher.told == ["started", "finished"]
    assert watcher.result is result
    assert [item.event for item in watcher.news] == [f"tick-{n}" for n in range(1, 18)]
    assert watcher.frontiers == sorted(watcher.frontiers)
    assert watcher.frontiers[-1] == 20_000_000_000


def test_without_a_recording_the_digest_is_the_same(launch, tmp_path):
    recorded, _ = launch()
    bare, _ = launch(record=False, run_dir=tmp_path / "bare")
    assert bare.digest == recorded.digest
    assert not (bare.run_dir / "run.mcap").exists()
    assert (bare.run_dir / "timeline.csv").read_text() == (recorded.run_dir / "timeline.csv").read_text()


def test_in_processes_the_digest_is_the_same(launch, tmp_path):
    one, _ = launch()
    two, watcher = launch(processes=2, run_dir=tmp_path / "two")
    assert two.digest == one.digest
    assert (two.processes, two.run_dir / "journal") == (2, next(two.run_dir.glob("journal")))
    assert [item.event for item in watcher.news] == [f"tick-{n}" for n in range(1, 18)]
    assert (two.run_dir / "run.mcap").read_bytes() == (one.run_dir / "run.mcap").read_bytes()


def test_ctrl_c_ends_a_run_where_it_is_and_means_what_it_did_before_afterwards(graph, tmp_path):
    before = signal.getsignal(signal.SIGINT)

    class Impatient(Watcher):
        def learnt(self, items):
            super().learnt(items)
            signal.raise_signal(signal.SIGINT)

    result = run(graph, RunOptions(run_dir=tmp_path / "run", report=False), Impatient())
    assert (result.interrupted, result.exit_code, result.digest) == (True, 130, "")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("groups", [None, 2])
def test_a_paced_run_takes_its_time_and_has_the_same_digest(launch, tmp_path, groups):
    fast, _ = launch()
    begun_s = time.monotonic()
    paced, watcher = launch(processes=groups, speed=20.0, run_dir=tmp_path / "paced")
    assert time.monotonic() - begun_s >= 19 / 20  # the last that happens is the tick at 19 s
    assert paced.digest == fast.digest
    assert watcher.frontiers == sorted(watcher.frontiers)


def test_a_run_that_falls_behind_its_pace_says_so(launch):
    """Seldom: when it is a second late, and again whenever that has doubled."""
    result, watcher = launch(speed=1e12)
    assert (result.exit_code, watcher.told[0], watcher.told[-1]) == (0, "started", "finished")
    slow = _Behind(watcher)
    watcher.told.clear()
    for behind_s in (0.0, 0.9, 1.5, 2.9, 3.1, 4.0, 6.3):
        slow(behind_s)
    assert watcher.told == [
        f"{behind_s} s behind the wall clock: the machine is slower than --speed asks for"
        for behind_s in ("1.5", "3.1", "6.3")
    ]


def test_a_graph_that_cannot_run_leaves_no_directory(tmp_path):
    beacon = '  beacon: {type: "tests.launch.fixtures.nodes:Beacon"}'
    text = GRAPH.replace("channels:", f"{beacon}\nchannels:\n  uhf: {{medium: space, members: [beacon.uhf]}}")
    (tmp_path / "lost.yaml").write_text(text)
    graph = load_graph(tmp_path / "lost.yaml")
    with pytest.raises(GraphError, match="has no trajectory"):
        run(graph, RunOptions(run_dir=tmp_path / "run"), Watcher())
    assert not (tmp_path / "run").exists()


def test_what_breaks_a_run_is_told_and_what_was_recorded_is_kept(graph, tmp_path):
    class OnFire(Watcher):
        def progress(self, frontier_ns):
            super().progress(frontier_ns)
            if frontier_ns > 10_000_000_000:
                raise RunError("the hub is on fire")

    watcher = OnFire()
    result = run(graph, RunOptions(run_dir=tmp_path / "run", report=False), watcher)
    assert (result.exit_code, result.failure, result.digest) == (1, "the hub is on fire", "")
    assert watcher.told == ["started", "finished"]
    times = [record.data["t_ns"] for record in read(tmp_path / "run" / "run.mcap")]
    assert 9_000_000_000 < max(times) < 11_000_000_000
    assert (tmp_path / "run" / "parts").is_dir()
