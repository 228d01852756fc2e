"""Ctrl-C, killed hosts and killed launchers: an end that is told, a recording that opens, and nobody left behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mcap.reader import make_reader
from tests.integration.conftest import RunFiles

from lightlag.bus.recording import read_parts

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
        command = [sys.executable, "-m", "lightlag", "launch", "graph.yaml", "--no-report", *words]
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

    def processes(self) -> dict[str, int]:
        """Process ids of its hosts, by name, and of its ``hub``."""
        pid = self.process.pid
        found = {}
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            with contextlib.suppress(OSError, IndexError):
                words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
                what, name = words[words.index("lightlag") + 1 :][:2] if len(words) > 5 else ("", "")
                if what:
                    found[name if what == "host" else what] = child
        return found

    def called(self, tool: str, *words: str) -> list[int]:
        """What ``pgrep``, or ``pkill``, finds by command line among its processes."""
        command = [tool, "-P", str(self.process.pid), *words[:-1], "-f", words[-1]]
        return [int(line) for line in subprocess.run(command, capture_output=True, text=True).stdout.split()]

    def private(self) -> Path:
        """Where its sockets are."""
        live = json.loads((self.files.path / "live.json").read_text())
        return Path(live["endpoint"].removeprefix("ipc://")).parent

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


def gone(started: dict[str, int], within_s: float = ORPHANS_S) -> None:
    eventually(lambda: not any(lives(pid) for pid in started.values()), within_s)


def assert_readable(files: RunFiles) -> None:
    with (files.path / "run.mcap").open("rb") as file:
        count = make_reader(file).get_summary().statistics.message_count
    assert count == len(files.records) > 0
    assert files.summary["digest"] == ""


@pytest.mark.parametrize("placement", ["--in-process", "--processes=2"])
def test_ctrl_c_ends_a_run_gracefully(launch, placement):
    run = launch(ENDLESS, placement)
    run.await_word("tick-2 ")
    started = run.processes()
    assert sorted(started) == (["dawdler", "hub", "ticker"] if placement == "--processes=2" else [])
    private = run.private()
    run.process.send_signal(signal.SIGINT)
    code, shown = run.ended()
    assert code == 130, shown
    assert "interrupted: what had happened by then is recorded" in shown
    assert "Traceback" not in shown
    assert run.files.summary["interrupted"] is True
    assert run.files.summary["failure"] is None
    assert_readable(run.files)
    gone(started)
    assert not private.exists()


def test_ctrl_c_reaches_the_hosts_through_the_launcher_alone(launch):
    """A terminal sends it to the whole group, at a time when hosts may have just begun to start."""
    run = launch(ENDLESS, "--processes=2")
    eventually(lambda: len(run.processes()) == 3)
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
    started = run.processes()
    private = run.private()
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert run.process.poll() is None
    run.process.send_signal(signal.SIGINT)
    code, shown = run.ended()
    assert code == 130, shown
    assert "Traceback" not in shown
    gone(started)
    assert not private.exists()


@pytest.mark.parametrize("victim", ["hub", pytest.param("dawdler", marks=pytest.mark.thorough), "ticker"])
def test_a_killed_process_is_told_and_the_run_goes_on(launch, victim):
    run = launch(ENDLESS, "--processes=2")
    run.await_word("tick-2 ")
    started = run.processes()
    name = "lightlag hub" if victim == "hub" else f"lightlag host {victim}"
    assert run.called("pgrep", name) == [started[victim]]
    run.called("pkill", "-9", name)
    title = "the hub" if victim == "hub" else f"host {victim}"
    run.await_word(f"{title} was killed by signal 9; starting it again (1 of 10)")
    eventually(lambda: victim in run.processes())
    before = last_tick(run)
    eventually(lambda: last_tick(run) > before + 10)
    started |= {f"{name} again": pid for name, pid in run.processes().items()}
    run.process.send_signal(signal.SIGINT)
    code, shown = run.ended()
    assert code == 130, shown
    assert "Traceback" not in shown
    heard = ticks(run)
    assert heard == list(range(1, len(heard) + 1))  # nothing is told twice, and nothing left out
    assert_readable(run.files)
    gone(started)


def ticks(run: Launched) -> list[int]:
    """The ticks that it has shown, in order."""
    return [int(number) for number in re.findall(r"tick-(\d+) ", run.shown.read_text())]


def last_tick(run: Launched) -> int:
    return max(ticks(run), default=0)


def test_a_host_that_is_killed_again_and_again_ends_the_run(launch):
    run = launch(ENDLESS, "--processes=2", "--restarts=2")
    run.await_word("tick-2 ")
    started = {}
    for number in range(3):
        started[str(number)] = run.processes()["dawdler"]
        os.kill(started[str(number)], signal.SIGKILL)
        if number < 2:
            run.await_word(f"({number + 1} of 2)")
            eventually(lambda: run.processes().get("dawdler") not in (None, *started.values()))
    started |= run.processes()
    code, shown = run.ended()
    assert code == 1, shown
    assert "host dawdler was killed by signal 9 and had been started again 2 times already" in shown
    assert "Traceback" not in shown
    assert "started again 2 times already" in run.files.summary["failure"]
    assert_readable(run.files)
    gone(started)


def test_nothing_outlives_a_killed_launcher(launch):
    run = launch(ENDLESS, "--processes=2")
    run.await_word("tick-2 ")
    started, private = run.processes(), run.private()
    assert len(started) == 3
    assert private.exists()
    run.process.kill()
    run.process.wait()
    gone(started)
    eventually(lambda: not private.exists(), ORPHANS_S)
    parts = sorted((run.files.path / "parts").glob("*.part"))
    assert len(parts) == 2
    assert list(read_parts(parts))  # unfinished, and readable all the same


def test_nothing_outlives_a_launcher_that_is_killed_while_processes_start(launch):
    run = launch(ENDLESS, "--processes=2")
    eventually(lambda: "hub" in run.processes())
    started, private = run.processes(), run.private()
    run.process.kill()
    run.process.wait()
    gone(started, PATIENCE_S)  # Python has to be up before it can see that nobody is there
    eventually(lambda: not private.exists(), PATIENCE_S)
