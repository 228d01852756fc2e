"""Ctrl-C, killed hosts and killed launchers: an end that is told, a recording that opens, and nobody left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mcap.reader import make_reader
from tests.integration.conftest import RunFiles

from lightlag.bus.recording import read

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
#: How long hosts may outlive their launcher.
ORPHANS_S = 2.0

ENDLESS = """
version: 1
name: endless
epoch: 2021-02-18T20:26:00Z
until: 30 d
nodes:
  ticker: {type: "tests.integration.failing:Ticker"}
  dawdler: {type: "tests.integration.failing:Dawdler"}
channels:
  ticks: {medium: {wire: {latency: 100 ms}}, members: [dawdler.heard], senders: [ticker.out]}
"""
STUCK = """
version: 1
name: stuck
epoch: 2021-02-18T20:26:00Z
until: 1 h
nodes:
  stuck: {type: "tests.integration.failing:Stuck"}
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")


class Launched:
    """A launcher under way."""

    def __init__(self, directory: Path, text: str, *words: str) -> None:
        (directory / "graph.yaml").write_text(text)
        self.files = RunFiles(directory / "run")
        self.shown = directory / "shown.txt"
        command = [sys.executable, "-m", "lightlag.launch.cli", "launch", "graph.yaml", "--no-report", *words]
        with self.shown.open("w") as shown:
            self.process = subprocess.Popen(
                [*command, "--run-dir", "run"],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=shown,
                stderr=shown,
                start_new_session=True,
            )

    def await_word(self, word: str) -> None:
        """Wait until it has shown a word."""
        eventually(lambda: word in self.shown.read_text() or self.process.poll() is not None)
        assert self.process.poll() is None, self.shown.read_text()

    def hosts(self) -> list[int]:
        """Process ids of its hosts."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def ended(self) -> tuple[int, str]:
        """Its exit code and what it had shown by then."""
        return self.process.wait(PATIENCE_S), self.shown.read_text()


@pytest.fixture
def launch(tmp_path) -> Iterator[Callable[..., Launched]]:
    under_way: list[Launched] = []

    def launched(text: str, *words: str) -> Launched:
        under_way.append(Launched(tmp_path, text, *words))
        return under_way[-1]

    yield launched
    for it in under_way:
        if it.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(it.process.pid, signal.SIGKILL)
            it.process.wait()


def eventually(happened: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pids: list[int], within_s: float = ORPHANS_S) -> None:
    eventually(lambda: not any(lives(pid) for pid in pids), within_s)


def assert_readable(files: RunFiles) -> None:
    with (files.path / "run.mcap").open("rb") as file:
        count = make_reader(file).get_summary().statistics.message_count
    assert count == len(files.records) > 0
    assert files.summary["digest"] == ""


@pytest.mark.parametrize("placement", ["--in-process", "--processes=2"])
def test_ctrl_c_ends_a_run_gracefully(launch, placement):
    run = launch(ENDLESS, placement)
    run.await_word("tick-2 ")
    hosts = run.hosts()
    assert len(hosts) == (2 if placement == "--processes=2" else 0)
    run.process.send_signal(signal.SIGINT)
    code, shown = run.ended()
    assert code == 130, shown
    assert "interrupted: what had happened by then is recorded" in shown
    assert "Traceback" not in shown
    assert run.files.summary["interrupted"] is True
    assert run.files.summary["failure"] is None
    assert_readable(run.files)
    gone(hosts)


def test_ctrl_c_reaches_the_hosts_through_the_launcher_alone(launch):
    """A terminal sends it to the whole group, at a time when hosts may have just begun to start."""
    run = launch(ENDLESS, "--processes=2")
    eventually(lambda: len(run.hosts()) == 2)
    os.killpg(run.process.pid, signal.SIGINT)
    code, shown = run.ended()
    assert code == 130, shown
    assert "Traceback" not in shown
    assert run.files.summary["interrupted"] is True


@pytest.mark.parametrize("placement", ["--in-process", "--processes=1"])
def test_a_second_ctrl_c_ends_it_at_once(launch, placement):
    run = launch(STUCK, placement)
    said = run.shown if placement == "--in-process" else run.files.path / "parts" / "stuck.stderr"
    eventually(lambda: said.exists() and "computing" in said.read_text())
    hosts = run.hosts()
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert run.process.poll() is None
    run.process.send_signal(signal.SIGINT)
    code, shown = run.ended()
    assert code == 130, shown
    assert "Traceback" not in shown
    gone(hosts)


def test_a_killed_host_is_told_and_the_recording_opens(launch):
    run = launch(ENDLESS, "--processes=2")
    run.await_word("tick-2 ")
    hosts = run.hosts()
    os.kill(hosts[0], signal.SIGKILL)
    code, shown = run.ended()
    assert code == 1, shown
    assert "host dawdler died with exit code -9" in shown or "host ticker died with exit code -9" in shown
    assert "Traceback" not in shown
    assert "died with exit code -9" in run.files.summary["failure"]
    assert_readable(run.files)
    gone(hosts)


def test_hosts_do_not_outlive_a_killed_launcher(launch):
    run = launch(ENDLESS, "--processes=2")
    run.await_word("tick-2 ")
    hosts = run.hosts()
    run.process.kill()
    run.process.wait()
    gone(hosts)
    parts = sorted((run.files.path / "parts").glob("*.mcap"))
    assert len(parts) == 2
    assert any(list(read(part)) for part in parts)  # unfinished, and readable all the same
