"""Resuming: a run that was interrupted or killed goes on to the end that it would have had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.test_chaos import processes

from lightlag.bus.errors import GraphError
from lightlag.bus.recording import read
from lightlag.launch.cli import main
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import resume, run

ROOT = Path(__file__).parents[3]
GRAPH = """
version: 1
name: ticks
epoch: 2021-02-18T20:26:00Z
seed: 7
until: 600 s
nodes:
  ticker: {type: "tests.integration.failing:Ticker"}
  dawdler: {type: "tests.integration.failing:Dawdler"}
  listener: {type: "tests.integration.failing:Listener"}
channels:
  ticks: {medium: {wire: {latency: 2500 ms}}, members: [dawdler.heard, listener.heard], senders: [ticker.out]}
"""
PLACEMENTS = [None, 2]


class Watcher:
    """Keeps what it was told; may do something when the run has got somewhere."""

    def __init__(self, at_s=None, then=None):
        self.news = []
        self.frontiers = []
        self._at_s = at_s
        self._then = then

    def started(self, graph, run_dir):
        pass

    def noticed(self, text):
        pass

    def progress(self, frontier_ns):
        self.frontiers.append(frontier_ns)
        if self._at_s is not None and frontier_ns >= self._at_s * 1e9:
            self._at_s = None
            self._then()

    def learnt(self, items):
        self.news += items

    def finished(self, result):
        pass


@pytest.fixture
def graph(tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH)
    return load_graph(tmp_path / "graph.yaml")


@pytest.fixture
def undisturbed(graph, tmp_path):
    return run(graph, RunOptions(run_dir=tmp_path / "undisturbed", report=False), Watcher())


def assert_as_if_nothing_had_happened(result, watcher, undisturbed):
    assert (result.exit_code, result.interrupted, result.failure) == (0, False, None)
    assert result.digest == undisturbed.digest != ""
    for count in ("emissions", "receptions", "losses", "simulated_s"):
        assert getattr(result, count) == getattr(undisturbed, count)
    assert [item.event for item in watcher.news] == [f"tick-{n}" for n in range(1, 598) for _ in range(2)]
    one, two = (path.run_dir for path in (result, undisturbed))
    assert [(r.topic, r.data) for r in read(one / "run.mcap")] == [(r.topic, r.data) for r in read(two / "run.mcap")]
    for file in ("timeline.csv", "logs/listener.log"):
        assert (one / file).read_bytes() == (two / file).read_bytes()
    assert not (one / "parts").exists()
    assert not (one / "live.json").exists()


@pytest.mark.parametrize("groups", PLACEMENTS)
def test_a_run_that_was_interrupted_goes_on(graph, tmp_path, undisturbed, groups):
    """And may be interrupted again on the way."""
    path = tmp_path / "run"
    ctrl_c = lambda: signal.raise_signal(signal.SIGINT)  # noqa: E731
    options = RunOptions(groups, run_dir=path, report=False)
    assert run(graph, options, Watcher(100, ctrl_c)).interrupted
    assert resume(path, RunOptions(report=False), Watcher(400, ctrl_c)).interrupted
    watcher = Watcher()
    result = resume(path, RunOptions(report=False), watcher)
    assert result.processes == (groups or 1)
    assert_as_if_nothing_had_happened(result, watcher, undisturbed)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("groups", PLACEMENTS)
def test_a_run_whose_launcher_was_killed_goes_on(tmp_path, undisturbed, groups):
    path = tmp_path / "run"
    placement = ["--in-process"] if groups is None else [f"--processes={groups}"]
    command = [sys.executable, "-m", "lightlag", "launch", "graph.yaml", *placement, "--no-report"]
    launcher = subprocess.Popen(
        [*command, "--run-dir", str(path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with launcher:
        for line in launcher.stdout:
            if "tick-20 " in line:
                break
        private = Path(json.loads((path / "live.json").read_text())["endpoint"].removeprefix("ipc://")).parent
        with pytest.raises(GraphError, match="is running; stop it first"):
            resume(path, RunOptions(), Watcher())
        launcher.kill()
    deadline_s = time.monotonic() + 5
    while processes(path) or (groups and private.exists()):
        assert time.monotonic() < deadline_s, (processes(path), private)
        time.sleep(0.02)
    watcher = Watcher()
    assert_as_if_nothing_had_happened(resume(path, RunOptions(report=False), watcher), watcher, undisturbed)


def test_a_run_that_has_come_to_its_end_is_not_resumed(undisturbed):
    with pytest.raises(GraphError, match="has come to its end; there is nothing to resume"):
        resume(undisturbed.run_dir, RunOptions(), Watcher())


def test_the_command_line_refuses_what_cannot_be_resumed(undisturbed, tmp_path, capsys):
    """With the exit code of bad input, and a word why."""
    (tmp_path / "empty").mkdir()
    for path, why in (
        (undisturbed.run_dir, "has come to its end"),
        (tmp_path / "empty", "holds no run"),
        (tmp_path / "nowhere", "holds no run|no such|does not exist"),
    ):
        assert main(["launch", "--resume", str(path)]) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert any(words in said for words in why.split("|")), said
