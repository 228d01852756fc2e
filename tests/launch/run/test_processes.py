"""Hosts and hub as processes: started with what they need, started again when they are killed, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.launch.fixtures.graphs import TICKS

from lightlag.bus.digest import run_digest
from lightlag.bus.errors import RunError
from lightlag.bus.journal import read_facts, read_journal
from lightlag.bus.shell import LEAVE
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.beginning import begin_journal
from lightlag.launch.run.processes import Supervisor
from lightlag.launch.rundir.directory import RunDirectory

GROUPS = [["listener"], ["ticker"]]
ROOT = str(Path(__file__).parents[3])


@pytest.fixture
def graph(tmp_path):
    (tmp_path / "ticks.yaml").write_text(TICKS)
    return load_graph(tmp_path / "ticks.yaml")


@pytest.fixture
def directory(graph, tmp_path):
    return directory_of(graph, tmp_path / "run")


def directory_of(graph, path, *, record=True):
    directory = RunDirectory.create("ticks", path)
    directory.graph.write_text(graph.to_yaml())
    begin_journal(graph, GROUPS, directory, processes=True, record=record)
    return directory


class Watched(subprocess.Popen):
    """Every process that the launcher starts."""

    all: list[Watched]

    def __init__(self, command, **kwargs):
        super().__init__(command, **kwargs)
        self.what = command[command.index("lightlag") + 1 :][:2]
        Watched.all.append(self)

    @classmethod
    def last(cls, *what):
        """The latest process that was started as ``hub``, or as ``host``, NAME."""
        return next(each for each in reversed(cls.all) if each.what[: len(what)] == list(what))


@pytest.fixture
def started(monkeypatch):
    """What the launcher has started."""
    Watched.all = []
    monkeypatch.setattr("lightlag.launch.run.process.subprocess.Popen", Watched)
    return Watched


def drive(directory, **asked):
    return Supervisor(directory, **{"watch": lambda frontier_ns, news: None, **asked}).run()


def test_each_group_has_a_host_a_part_and_its_place_in_the_journal(directory):
    outcome = drive(directory)
    assert sorted(outcome.chains) == ["listener", "ticker"]
    assert (outcome.tally.emissions, outcome.tally.receptions) == (19, 17)
    assert outcome.peak_rss_kb > 3 * 30_000
    assert [path.name for path in directory.recorded_parts()] == ["listener.part", "ticker.part"]
    facts = read_facts(directory.journal)
    assert (facts["graph"], facts["hosts"], facts["groups"]) == ("ticks", ["listener", "ticker"], GROUPS)
    assert sum(len(entry.envelope.emissions) for entry in read_journal(directory.journal)) == 19


def test_a_host_that_cannot_start_is_told_with_its_last_words(directory):
    directory.graph.write_text("version: 2\n")
    with pytest.raises(RunError, match=r"(?s)host \w+ died with exit code 2; it said:|graph.resolved.yaml") as raised:
        drive(directory)
    assert "graph.resolved.yaml:1:10" in str(raised.value)


def test_hosts_import_what_the_launcher_can(directory, tmp_path, monkeypatch):
    """From another working directory, and without PYTHONPATH: the launcher's own path is theirs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert drive(directory).failure is None


def test_nothing_is_left_in_the_place_of_sockets(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "lightlag.launch.run.sockets.tempfile.mkdtemp", lambda **_: str(Path(tmp_path, "ll").absolute())
    )
    (tmp_path / "ll").mkdir()
    directory = directory_of(graph, tmp_path / "run", record=False)
    drive(directory)
    assert not (tmp_path / "ll").exists()
    assert not directory.live.exists()
    assert directory.recorded_parts() == []


@pytest.mark.parametrize("what", [["host", "listener"], ["hub"]])
def test_a_process_without_a_launcher_ends(directory, tmp_path, what):
    """Its standard input ends at once."""
    command = [sys.executable, "-m", "lightlag", *what, "--endpoint", f"ipc://{tmp_path}/hub"]
    command += ["--run-dir", str(directory.path), *(["--feed-fd", "1"] if what == ["hub"] else [])]
    environment = {**os.environ, "PYTHONPATH": ROOT}
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=environment)
    assert ended.returncode == 1
    if what != ["hub"]:
        assert b"error: host listener: the launcher is gone" in ended.stderr


def test_a_host_that_is_told_to_leave_does(directory, tmp_path):
    """The hub has died after the end, and nobody else can tell it."""
    command = [sys.executable, "-m", "lightlag", "host", "listener", "--run-dir", str(directory.path)]
    environment = {**os.environ, "PYTHONPATH": ROOT}
    with subprocess.Popen(
        [*command, "--endpoint", f"ipc://{tmp_path}/hub"], stdin=subprocess.PIPE, env=environment
    ) as host:
        host.stdin.write(LEAVE + b"\n")
        host.stdin.flush()
        assert host.wait(60) == 0
    assert directory.recorded_parts() == []  # of a run that is over nothing is written anew


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at processes in /proc")
def test_processes_are_deaf_to_ctrl_c_from_their_first_instant(directory, monkeypatch):
    """And the launcher is not."""
    deaf = []

    class Looked(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            deaf.append(blocks_ctrl_c(self.pid))

    monkeypatch.setattr("lightlag.launch.run.process.subprocess.Popen", Looked)
    drive(directory)
    assert deaf == [True, True, True]
    assert not blocks_ctrl_c(os.getpid())


def blocks_ctrl_c(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigBlk:"))
    return bool(int(mask, 16) & 1 << (signal.SIGINT - 1))


# -- death ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def undisturbed(graph, tmp_path):
    """The digest of a run in which nobody dies."""
    return run_digest(drive(directory_of(graph, tmp_path / "undisturbed")).chains)


@pytest.mark.parametrize("victim", [("hub",), ("host", "ticker"), ("host", "listener")], ids=lambda victim: victim[-1])
def test_who_is_killed_is_started_again_and_the_end_is_the_same(directory, undisturbed, started, victim):
    told = []

    def watch(frontier_ns, news):
        if frontier_ns > 8_000_000_000 and not killed:
            killed.append(started.last(*victim).pid)
            os.kill(killed[0], signal.SIGKILL)

    killed = []
    outcome = drive(directory, watch=watch, tell=told.append)
    assert run_digest(outcome.chains) == undisturbed
    title = "the hub" if victim == ("hub",) else f"host {victim[1]}"
    assert killed
    assert [line for line in told if "starting it again" in line] in (
        [f"{title} was killed by signal 9; starting it again (1 of 10)"],
        [],  # all was simulated before the launcher heard of it
    )
    assert outcome.tally.receptions == 17


def test_who_is_killed_too_often_ends_the_run_with_a_report(directory, started):
    """Before it can say anything, each time."""
    told = []

    def stopping():
        process = started.last("host", "ticker")
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        return False

    with pytest.raises(RunError) as raised:
        drive(directory, tell=told.append, stopping=stopping, restarts=2)
    report = str(raised.value)
    assert report.startswith("host ticker was killed by signal 9 and had been started again 2 times already; it said:")
    assert "raise --restarts" in report
    assert [line[-8:] for line in told] == ["(1 of 2)", "(2 of 2)"]
    assert all(process.poll() is not None for process in started.all)


def test_who_ends_by_an_error_of_its_own_is_not_started_again(directory, started):
    directory.graph.write_text(TICKS.replace("failing:Ticker", "failing:Nobody"))
    with pytest.raises(RunError, match="failing"):
        drive(directory)
    assert len([process for process in started.all if process.what[0] == "host"]) == 2
    assert all(process.poll() is not None for process in started.all)
    assert not directory.live.exists()
