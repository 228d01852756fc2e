"""Chaos: whichever process of a run is killed, and whenever, the run ends as if nothing had happened.

Each run is one seeded kill -9, of the hub or of a host: while processes start, at some fraction of the simulated time,
or when all was simulated. ``make chaos`` makes a hundred of them, all other calls ten.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.integration.conftest import SHORT
from tests.integration.phold import GRAPH

from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.spec import Graph
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run

RUNS = int(os.environ.get("LIGHTLAG_CHAOS", "4"))
#: Of five runs, one is of ``mars2020``, which takes longer to start.
MARS2020 = 5
#: How long after the end of a run a process of it may still be seen.
ORPHANS_S = 5.0

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")


class Assassin:
    """Watches a run, and kills one process of it."""

    def __init__(self, path: Path, seed: int, until_ns: int) -> None:
        draw = random.Random(seed)
        #: The victim by its place among the processes, the hub first; hub and hosts are as likely.
        self._victim = 0 if draw.random() < 0.5 else draw.randint(1, 3)
        #: When: at a fraction of the simulated time, or so long (wall s) after the first process was there.
        self._at_ns = round(draw.uniform(0, 1.02) * until_ns)
        self._after_s = draw.uniform(0, 1.5) if draw.random() < 0.3 else None
        self._path = path
        self._until_ns = until_ns
        self._killing = threading.Lock()
        self.killed = ""
        self.private: Path | None = None
        self.told: list[str] = []

    def started(self, graph, run_dir):
        if self._after_s is not None:
            threading.Thread(target=self._lie_in_wait, args=(self._after_s,), daemon=True).start()

    def noticed(self, text):
        self.told.append(text)

    def progress(self, frontier_ns):
        if self._after_s is None and frontier_ns >= min(self._at_ns, self._until_ns):
            self._kill()

    def learnt(self, items):
        pass

    def finished(self, result):
        pass

    def _lie_in_wait(self, after_s):
        while not processes(self._path):
            time.sleep(0.01)
        time.sleep(after_s)
        self._kill()

    def _kill(self):
        with self._killing:
            found = sorted(processes(self._path).items(), key=lambda item: (item[1] != "hub", item[1]))
            if self.killed or not found:
                return
            pid, self.killed = found[self._victim % len(found)]
            live = json.loads((self._path / "live.json").read_text())
            self.private = Path(live["endpoint"].removeprefix("ipc://")).parent
            os.kill(pid, signal.SIGKILL)


def processes(run_dir: Path) -> dict[int, str]:
    """The processes of a run by their ids: ``hub``, or the name of the host."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if str(run_dir) in words and "lightlag" in words:
            what, name = words[words.index("lightlag") + 1 :][:2]
            found[int(entry.name)] = name if what == "host" else what
    return found


def one_kill(graph: Graph, groups: int, path: Path, seed: int) -> tuple[str, str]:
    """A run with a kill; returns its digest and who was killed."""
    assassin = Assassin(path, seed, graph.until_ns)
    result = run(graph, RunOptions(groups, run_dir=path, report=False), assassin)
    assert result.failure is None, result.failure
    deadline_s = time.monotonic() + ORPHANS_S
    while left := processes(path):
        assert time.monotonic() < deadline_s, f"orphans: {left}"
        time.sleep(0.05)
    assert assassin.private is None or not assassin.private.exists()
    assert not (path / "parts").exists()
    return result.digest, assassin.killed


@pytest.fixture(scope="module")
def jugglers(tmp_path_factory) -> tuple[Graph, str]:
    """A graph of nodes that all talk to all, and the digest of its run in one process."""
    folder = tmp_path_factory.mktemp("phold")
    (folder / "phold.yaml").write_text(GRAPH)
    graph = load_graph(folder / "phold.yaml")
    result = run(graph, RunOptions(run_dir=folder / "run", report=False), PlainDisplay(io.StringIO()))
    assert result.receptions > 3_000
    return graph, result.digest


@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=[pytest.mark.thorough] if seed >= 2 and RUNS <= 4 else []) for seed in range(RUNS)],
)
def test_a_run_survives_the_death_of_any_of_its_processes(seed, request, tmp_path):
    if seed % MARS2020:
        graph, expected = request.getfixturevalue("jugglers")
        digest, killed = one_kill(graph, 3, tmp_path / "run", seed)
    else:
        expected = request.getfixturevalue("touchdown").summary["digest"]
        digest, killed = one_kill(load_graph("mars2020", SHORT), 2, tmp_path / "run", seed)
    assert digest == expected, f"after the death of {killed}"
