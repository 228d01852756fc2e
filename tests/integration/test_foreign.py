"""Programs in other languages in a graph: one digest wherever they run, and whichever process is killed."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightlag.bus.time import NS_PER_S
from lightlag.launch import cli
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run

TESTS = Path(__file__).parents[1]
JAVASCRIPT = TESTS.parent / "examples" / "hello_js" / "hello_js.yaml"
#: How long after the end of a run a process of it may still be seen (wall s).
ORPHANS_S = 5.0
#: How long a run takes in which somebody is killed (wall s).
KILLED_RUN_S = 1.5
NAMES = ("ann", "bob", "cat", "dan")
#: Of four jugglers two are programs.
PROGRAMS = ("ann", "cat")


def _declared(name: str) -> str:
    friends = ", ".join(friend for friend in NAMES if friend != name)
    program = f", exec: [python, foreign_program.py, juggle], folder: {TESTS / 'nodes' / 'foreign'}"
    made = f'type: "tests.integration.phold:Juggler", params: {{friends: [{friends}]}}'
    return f"  {name}: {{{made}{program if name in PROGRAMS else ''}}}"


JUGGLERS = f"""
version: 1
name: jugglers
epoch: 2021-02-18T20:26:00Z
seed: 11
until: 60 s
nodes:
{chr(10).join(map(_declared, NAMES))}
channels:
  air: {{medium: {{wire: {{latency: 100 ms}}}}, members: [{", ".join(f"{name}.air" for name in NAMES)}]}}
"""


def descendants() -> dict[int, str]:
    """The command lines of the processes that come of this one, by their ids."""
    parents, commands = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            words = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if state not in "ZX":
            parents[int(entry.name)], commands[int(entry.name)] = int(parent), words
    found = [pid for pid, parent in parents.items() if parent == os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return {pid: commands[pid] for pid in found}


class Watcher:
    """Watches a run; kills a process whose command line has ``victim`` in it at each of these fractions of the run."""

    def __init__(self, until_ns: int, victim: str, fractions: tuple[float, ...]) -> None:
        self._victim = victim
        self._at_ns = [round(fraction * until_ns) for fraction in fractions]
        self.killed: list[str] = []

    def started(self, graph, run_dir):
        pass

    def noticed(self, text):
        pass

    def progress(self, frontier_ns):
        if self._at_ns and frontier_ns >= self._at_ns[0]:
            victims = [(pid, words) for pid, words in descendants().items() if self._victim in words]
            if victims:
                self._at_ns.pop(0)
                pid, words = victims[len(self.killed) % len(victims)]
                self.killed.append(words)
                os.kill(pid, signal.SIGKILL)

    def learnt(self, items):
        pass

    def finished(self, result):
        pass


def digest_of(graph: Path, path: Path, processes: int = 0, victim: str = "", fractions: tuple[float, ...] = ()) -> str:
    """The digest of a run, in which somebody was killed if there is a victim, and no process of which is left."""
    loaded = load_graph(graph)
    watcher = Watcher(loaded.until_ns, victim, fractions)
    # Paced, so that it is not over before it is seen to be half over.
    speed = loaded.until_ns / NS_PER_S / KILLED_RUN_S if fractions else None
    result = run(loaded, RunOptions(processes, run_dir=path, report=False, speed=speed), watcher)
    assert result.failure is None, result.failure
    assert len(watcher.killed) == len(fractions)
    until_s = time.monotonic() + ORPHANS_S
    while left := {words for words in descendants().values() if "foreign_program" in words or ".js" in words}:
        assert time.monotonic() < until_s, f"orphans: {left}"
        time.sleep(0.05)
    return result.digest


@pytest.fixture(scope="module")
def jugglers(tmp_path_factory) -> tuple[Path, str]:
    """A graph of nodes in Python and of programs, and its digest in one process."""
    folder = tmp_path_factory.mktemp("jugglers")
    (folder / "jugglers.yaml").write_text(JUGGLERS)
    result = run(
        load_graph(folder / "jugglers.yaml"),
        RunOptions(run_dir=folder / "run", report=False),
        PlainDisplay(io.StringIO()),
    )
    assert result.receptions > 500
    assert result.losses.keys() <= {"in_flight"}
    return folder / "jugglers.yaml", result.digest


@pytest.fixture(scope="module")
def beacon(javascript, tmp_path_factory) -> Iterator[str]:
    """The digest of the example in JavaScript, run in one process; its places can be imported meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(JAVASCRIPT.parent)
        yield digest_of(JAVASCRIPT, tmp_path_factory.mktemp("beacon") / "run")


needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")


@needs_proc
@pytest.mark.parametrize("processes", [2, 4])
def test_programs_give_one_digest_wherever_their_hosts_run(processes, jugglers, tmp_path):
    graph, expected = jugglers
    assert digest_of(graph, tmp_path / "run", processes) == expected


@needs_proc
@pytest.mark.parametrize("processes", [0, 2])
def test_a_program_that_is_killed_goes_on_as_if_nothing_had_happened(processes, jugglers, tmp_path):
    graph, expected = jugglers
    assert digest_of(graph, tmp_path / "run", processes, "foreign_program.py", (0.1, 0.4, 0.8)) == expected
    logs = "".join(log.read_text() for log in (tmp_path / "run" / "logs").glob("*.log"))
    assert logs.count("the program was killed by SIGKILL; starting it again") == 3


@needs_proc
def test_a_host_that_is_killed_comes_back_with_its_programs(jugglers, tmp_path):
    graph, expected = jugglers
    assert digest_of(graph, tmp_path / "run", 2, "lightlag host", (0.3, 0.7)) == expected


@needs_proc
@pytest.mark.parametrize("processes", [pytest.param(0, marks=pytest.mark.thorough), 2])
def test_javascript_that_is_killed_goes_on_as_if_nothing_had_happened(processes, beacon, tmp_path):
    assert digest_of(JAVASCRIPT, tmp_path / "run", processes, ".js", (0.2, 0.6)) == beacon


@needs_proc
def test_a_host_of_javascript_that_is_killed_comes_back(beacon, tmp_path):
    assert digest_of(JAVASCRIPT, tmp_path / "run", 2, "lightlag host", (0.5,)) == beacon


def test_the_recording_has_the_fields_of_messages_that_javascript_alone_knows(beacon, tmp_path, capsys):
    assert digest_of(JAVASCRIPT, tmp_path / "run", 2) == beacon
    capsys.readouterr()
    assert cli.main(["topic", "echo", "/station/*greeting", "-n", "1", "--json", "--run", str(tmp_path / "run")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["message"] == {"text": "hello", "number": 1}


def test_a_graph_whose_program_is_missing_starts_nothing(jugglers, tmp_path, capsys):
    text = JUGGLERS.replace("[python, foreign", "[pyhton, foreign")
    (tmp_path / "graph.yaml").write_text(text)
    assert cli.main(["launch", str(tmp_path / "graph.yaml"), "--run-dir", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "ann: the program 'pyhton' is neither beside the Python that runs" in told
    assert "nothing was started" in told
    assert not (tmp_path / "run").exists()


def test_a_resolved_graph_runs_its_programs_where_they_are(jugglers, tmp_path):
    graph, expected = jugglers
    (tmp_path / "elsewhere.yaml").write_text(load_graph(graph).to_yaml())
    again = load_graph(tmp_path / "elsewhere.yaml")
    assert again == load_graph(graph)
    assert digest_of(tmp_path / "elsewhere.yaml", tmp_path / "run") == expected
