"""Hosts as processes: started with what they need, told apart, and their last words kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lightlag.bus.errors import RunError
from lightlag.bus.journal import read_journal
from lightlag.launch.graph import load_graph
from lightlag.launch.processes import run_in_processes
from lightlag.launch.rundir import RunDirectory
from lightlag.launch.world import World

GRAPH = """
version: 1
name: ticks
epoch: 2021-02-18T20:26:00Z
until: 20 s
nodes:
  ticker: {type: "tests.integration.failing:Ticker"}
  listener: {type: "tests.integration.failing:Listener"}
channels:
  ticks: {medium: {wire: {latency: 2500 ms}}, members: [listener.heard], senders: [ticker.out]}
"""
GROUPS = [["listener"], ["ticker"]]


@pytest.fixture
def world(tmp_path):
    (tmp_path / "ticks.yaml").write_text(GRAPH)
    return World(load_graph(tmp_path / "ticks.yaml"))


@pytest.fixture
def directory(world, tmp_path):
    directory = RunDirectory.create("ticks", tmp_path / "run")
    directory.graph.write_text(world.graph.to_yaml())
    return directory


def drive(world, directory, **asked):
    asked = {"record": True, "watch": lambda frontier_ns, news: None, "stopping": lambda: False, **asked}
    return run_in_processes(world, GROUPS, directory, **asked)


def test_each_group_has_a_host_a_part_and_its_place_in_the_journal(world, directory):
    outcome = drive(world, directory)
    assert sorted(outcome.chains) == ["listener", "ticker"]
    assert (outcome.tally.emissions, outcome.tally.receptions) == (19, 17)
    assert outcome.peak_rss_kb > 2 * 30_000
    assert sorted(path.name for path in directory.parts.glob("*.mcap")) == ["listener.mcap", "ticker.mcap"]
    facts, entries = read_journal(directory.journal)
    assert (facts["graph"], facts["hosts"], facts["groups"]) == ("ticks", ["listener", "ticker"], GROUPS)
    assert sum(len(entry.emissions) for entry in entries) == 19


def test_a_host_that_cannot_start_is_told_with_its_last_words(world, directory):
    directory.graph.write_text("version: 2\n")
    with pytest.raises(RunError, match=r"host (listener|ticker) died with exit code 2; it said:") as raised:
        drive(world, directory)
    assert "graph.resolved.yaml:1:10" in str(raised.value)


def test_hosts_import_what_the_launcher_can(world, directory, tmp_path, monkeypatch):
    """From another working directory, and without PYTHONPATH: the launcher's own path is theirs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert drive(world, directory).failure is None


def test_nothing_is_left_in_the_place_of_sockets(world, directory, tmp_path, monkeypatch):
    monkeypatch.setattr("lightlag.launch.processes.tempfile.mkdtemp", lambda **_: str(Path(tmp_path, "ll").absolute()))
    (tmp_path / "ll").mkdir()
    drive(world, directory, record=False)
    assert not (tmp_path / "ll").exists()
    assert not list(directory.parts.glob("*.mcap"))


def test_a_host_without_a_launcher_ends(directory):
    """Its standard input ends at once."""
    command = [sys.executable, "-m", "lightlag.launch.cli", "host", "listener", "--nodes", "listener"]
    command += ["--endpoint", f"ipc://{directory.path}/hub", "--run-id", "0", "--run-dir", str(directory.path)]
    root = str(Path(__file__).parents[2])
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert ended.returncode == 1
    assert "error: host listener: the launcher is gone" in ended.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at processes in /proc")
def test_hosts_are_deaf_to_ctrl_c_from_their_first_instant(world, directory, monkeypatch):
    """And the launcher is not."""
    deaf = []

    class Watched(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            deaf.append(blocks_ctrl_c(self.pid))

    monkeypatch.setattr("lightlag.launch.processes.subprocess.Popen", Watched)
    drive(world, directory)
    assert deaf == [True, True]
    assert not blocks_ctrl_c(os.getpid())


def blocks_ctrl_c(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigBlk:"))
    return bool(int(mask, 16) & 1 << (signal.SIGINT - 1))
