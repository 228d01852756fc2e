"""Runs for tests of commands that look at them: launched as a person does, and directories as runs leave them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.launch.look.test_why import clear

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.errors import RunError
from lightlag.bus.journal import Journal
from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.rundir.directory import HostFiles, RunDirectory
from lightlag.launch.rundir.live import operator

ROOT = Path(__file__).parents[3]
TICKS = """
version: 1
name: ticks
epoch: 2021-02-18T20:26:00Z
until: 60 s
nodes:
  ticker: {type: "tests.integration.failing:Ticker", params: {every: 500 ms}}
  listener: {type: "tests.integration.failing:Listener"}
channels:
  ticks: {medium: {wire: {latency: 2500 ms}}, members: [listener.heard], senders: [ticker.out]}
"""


def until(holds: Callable[[], bool], within_s: float = 60.0) -> bool:
    """Whether something comes to hold."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if holds():
            return True
        time.sleep(0.05)
    return False


@contextmanager
def launched(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run of ticks in ``folder/run``; killed in the end if it is not over."""
    (folder / "ticks.yaml").write_text(TICKS)
    command = [sys.executable, "-m", "lightlag", "launch", "ticks.yaml", "--no-report", "-q", "--run-dir", "run"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / ".src"), str(ROOT)])}
    with (folder / "said").open("w") as said:
        process = subprocess.Popen([*command, *words], cwd=folder, env=environment, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        clear(folder / "run" / "live.json")


def answers(run: Path) -> bool:
    """Whether a run lives and every host is there."""
    try:
        with operator(run) as line:
            return all(host["state"] != "starting" for host in line.ask("status", timeout_s=1.0)["hosts"])
    except (RunError, OSError):
        return False


def left(path: Path, logs: tuple[LogRecord, ...] = (), **summary: object) -> RunDirectory:
    """A directory as a run leaves it: with logs, and with a summary if the run came to an end."""
    graph_file = path.parent / f"{path.name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    graph_file.write_text(TICKS)
    graph = load_graph(graph_file)
    graph_file.unlink()
    directory = RunDirectory.create("ticks", path)
    directory.graph.write_text(graph.to_yaml())
    facts = {"run": "0", "graph": "ticks", "seed": 1, "processes": False, "record": True, "hosts": ["all"]}
    Journal(directory.journal, {**facts, "groups": [["listener", "ticker"]]}).close()
    files = HostFiles(directory, "all", graph.epoch, record=True)
    files.write(Completion(logs=list(logs)))
    files.close()
    if summary:
        told = {"digest": "", "failure": None, "simulated_s": 60.0, **summary}
        directory.summary.write_text(json.dumps(told))
    return directory


def note(t_s: float, node: str, text: str, level: str = "info", **fields: object) -> LogRecord:
    """A line of a log."""
    return LogRecord(round(t_s * NS_PER_S), node, level, text, fields)
