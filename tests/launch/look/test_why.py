"""A run that stands still says who waits for whom, and what is being computed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from lightlag.bus import loop
from lightlag.bus.errors import GraphError, RunError
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.look import why
from lightlag.launch.look.why import culprit, explain, is_stalled, sentences, short_path
from lightlag.launch.placement.world import World
from lightlag.launch.run import watchdog as watching
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run
from lightlag.launch.run.watchdog import Watchdog, watchdog_s
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import launcher_pid, say_alive
from lightlag.launch.rundir.stacks import Frame, showing_stack_on_request, stack_of
from lightlag.launch.rundir.whereabouts import NOWHERE, Whereabouts, ask, telling

ROOT = Path(__file__).parents[3]
GRAPH = """
version: 1
name: stuck
epoch: 2021-02-18T20:26:00Z
until: 20 s
nodes:
  ticker: {type: "tests.integration.failing:Ticker"}
  listener: {type: "tests.integration.failing:Listener"}
  heavy: {type: "tests.integration.failing:Stuck"}
channels:
  ticks: {medium: {wire: {latency: 2500 ms}}, members: [listener.heard], senders: [ticker.out]}
"""
#: How long anything may take to show on a busy machine (wall s).
PATIENCE_S = 60.0


# -- what is said -----------------------------------------------------------------------------------------------------


def host(name: str, state: str, **facts) -> dict:
    known = {"since_s": None, "due_s": None, "next_scet": "2021-02-18T20:41:05.000Z", "waits_for": "mro", "pid": 12}
    return {"host": name, "state": state, "beyond_scet": "2021-02-18T20:41:04.100Z", **known, **facts}


def status(*hosts: dict, **facts) -> dict:
    return {
        "answers": True,
        "processes": True,
        "stopping": False,
        "scet": "2021-02-18T20:41:04.100Z",
        "until": "2021-02-18T21:26:00.000Z",
        "hosts": list(hosts),
        "refusals": 0,
        "refused": [],
        "launcher_pid": 11,
        **facts,
    }


AT = [{"file": "/somewhere/rover.py", "line": 123, "function": "run"}]


def test_who_waits_and_for_what_the_one_computes_that_all_wait_for():
    found = status(
        host("goldstone", "waiting"),
        host("madrid", "waiting"),
        host("mro", "running", since_s=3.14, at=AT),
    )
    assert sentences(found) == [
        "the run is at 2021-02-18T20:41:04.100Z SCET, of 2021-02-18T21:26:00.000Z",
        "goldstone and madrid wait for mro beyond 20:41:04.100Z SCET",
        "mro has been computing for 3.1 s in run(), /somewhere/rover.py:123 (pid 12)",
    ]
    assert is_stalled(found)


STANDS = {"node": "mro", "now_ns": 1, "now_scet": "2021-02-18T20:41:07.300Z", "stands": True, "advanced_ns": 0}


def test_of_many_nodes_of_a_host_the_one_whose_instant_it_is_is_named_and_the_instant():
    granted = {"granted_scet": "2021-02-18T20:50:00.000Z", "nodes": ["maven", "mro"], "looked_s": 0.21}
    found = status(
        host("goldstone", "waiting", waits_for="maven+1"),
        host("maven+1", "running", since_s=3.14, at=AT, **granted, **STANDS),
    )
    assert sentences(found)[1:] == [
        "goldstone waits for mro (host maven+1) beyond 20:41:04.100Z SCET",
        "mro (host maven+1) has been computing for 3.1 s in run(), /somewhere/rover.py:123; it stands at "
        "20:41:07.300Z SCET, of 20:50:00.000Z granted (pid 12)",
    ]
    found["hosts"][1] |= {"stands": False, "advanced_ns": 1_300_000_000}
    assert sentences(found)[1:] == [
        "goldstone waits for maven and mro (host maven+1) beyond 20:41:04.100Z SCET",
        "maven+1 gets on, by 1.3 s of simulated time in 0.2 s: it is at 20:41:07.300Z SCET, of 20:50:00.000Z granted, "
        "where mro computes in run(), /somewhere/rover.py:123 (pid 12)",
    ]
    found["hosts"][1] |= {"state": "repeating", "advanced_ns": 0}
    assert "maven+1 was started again, repeats its past, and gets on, node by node in 0.2 s" in sentences(found)[2]
    alone = status(host("all", "running", **granted, **STANDS), processes=False)
    assert sentences(alone)[1] == (
        "mro, in the launcher as all nodes, is computing; it stands at 20:41:07.300Z SCET (pid 12)"
    )


def test_many_that_wait_are_told_together():
    many = [host(f"station{number}", "waiting") for number in range(9)]
    assert sentences(status(*many))[1].startswith("station0, station1, station2 and 6 others wait for mro")


def test_each_state_has_its_words():
    told = "\n".join(
        sentences(
            status(
                host("a", "starting"),
                host("b", "repeating", since_s=2.0, at=[]),
                host("c", "waiting", next_scet=None),
                host("d", "running", since_s=1.0, suspended=True),
                host("e", "waiting", beyond_scet="2021-02-19T00:00:00.000Z"),
                stopping=True,
                refusals=2,
                refused=["a message of run 'x'"],
            )
        )
    )
    for words in (
        "it was stopped by the operator, and ends as soon as every host has reported",
        "a is starting",
        "b was started again, repeats its past, and has been computing for 2.0 s (pid 12)",
        "c has nothing to do unless somebody sends something",
        "d is suspended (pid 12); let it go on with: kill -CONT 12",
        "e waits for mro beyond 2021-02-19T00:00:00.000Z SCET",
        "2 messages were refused, the last: a message of run 'x'",
    ):
        assert words in told


def test_a_paced_run_waits_for_the_wall_clock_and_is_not_stalled():
    found = status(host("mro", "paced", due_s=3.25), host("goldstone", "waiting"))
    assert "mro waits for the wall clock: what comes next, at 20:41:05.000Z SCET, is due in 3.2 s" in sentences(found)
    assert not is_stalled(found)
    assert is_stalled(status(host("mro", "paced", due_s=3.25), host("goldstone", "running", since_s=9.0)))


def test_a_hub_that_does_not_answer_is_named():
    silent = {"answers": False, "processes": True, "launcher_pid": 11}
    hosts = [{"host": "mro", "pid": 13, "at": AT}, {"host": "goldstone", "pid": None}, {"host": "madrid", "pid": 14}]
    assert sentences({**silent, "hub": {"pid": 12, "at": AT}, "hosts": hosts}) == [
        "the hub does not answer (pid 12); it is in run(), /somewhere/rover.py:123",
        "mro is computing in run(), /somewhere/rover.py:123 (pid 13)",
        "goldstone is starting",
    ]
    assert sentences({**silent, "hub": {"pid": None}, "hosts": []}) == ["the hub is starting: it cannot be asked yet"]
    (told,) = sentences({**silent, "hub": {"pid": 12, "suspended": True}, "hosts": []})
    assert told == "the hub is suspended (pid 12); let it go on with: kill -CONT 12"


# -- stacks -----------------------------------------------------------------------------------------------------------


def test_of_a_stack_the_innermost_place_of_nobodys_kernel_is_named_and_who_called_it():
    kernel = str(Path(loop.__file__))
    nodes = str(Path(loop.__file__).parents[1] / "nodes")
    numpy = str(Path(np.__file__).parent / "linalg" / "_linalg.py")
    inner, own = Frame(numpy, 647, "inv"), Frame("/somewhere/rover.py", 123, "run")
    outer = [
        Frame(f"{nodes}/host.py", 90, "activate"),
        Frame(str(Path(loop.__file__).parent / "shell.py"), 80, "hear"),
        Frame("/usr/bin/something.py", 1, "main"),
    ]
    assert culprit([Frame("<string>", 1, "f"), Frame(kernel, 3, "now"), inner, own, *outer]) == [inner, own]
    assert culprit([Frame(f"{nodes}/port.py", 5, "send"), own, *outer]) == [own]
    assert culprit([Frame(f"{nodes}/camera.py", 5, "expose"), own, *outer])[0].function == "expose"
    assert culprit(outer) == []
    launcher = Frame(str(Path(why.__file__).parents[1] / "run" / "inprocess.py"), 93, "run")
    assert culprit([launcher, own, *outer]) == [], "whatever called the launcher is no node"


def test_a_path_is_as_short_as_it_is_clear(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    package = Path(loop.__file__).resolve().parents[1]
    assert short_path(str(package / "nodes" / "camera.py")) == "nodes/camera.py"
    assert short_path(str(Path(np.__file__).parent / "linalg" / "_linalg.py")) == "numpy/linalg/_linalg.py"
    assert short_path(str(tmp_path / "my" / "rover.py")) == "my/rover.py"
    assert short_path("/somewhere/rover.py") == "/somewhere/rover.py"


def test_a_process_says_where_it_is(tmp_path):
    directory = RunDirectory(tmp_path)
    directory.parts.mkdir()
    say_alive(directory.live, "ipc://nowhere", "0")
    assert launcher_pid(directory.live) == os.getpid()
    with showing_stack_on_request(directory, "all"):
        stack = stack_of(directory, "all")
    os.kill(os.getpid(), signal.SIGUSR1)  # too late, and harmless
    assert Path(stack[0].file).name == "stacks.py"
    assert "test_a_process_says_where_it_is" in [frame.function for frame in stack]


def test_no_process_is_signalled_that_is_not_known_to_listen(tmp_path):
    """Its number may be that of another by now, which the signal would kill."""
    directory = RunDirectory(tmp_path)
    directory.parts.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (directory.parts / "mro.stack").write_text(f"pid {other.pid}\n")
        with pytest.raises(ProcessLookupError, match="no process of this machine runs mro"):
            stack_of(directory, "mro")
        other.communicate(b"\n")
        assert other.returncode == 0
    with pytest.raises(ProcessLookupError):
        stack_of(directory, "madrid")


# -- the watchdog -----------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def until(condition, patience_s: float = PATIENCE_S) -> bool:
    """Whether it comes true while somebody has patience."""
    end_s = time.monotonic() + patience_s
    while not (found := condition()) and time.monotonic() < end_s:
        time.sleep(0.01)
    return found


@pytest.fixture
def watched(monkeypatch, tmp_path):
    """A watchdog with a clock of its own, what it said, and what it finds."""
    monkeypatch.setattr(watching, "_LOOK_S", 0.005)
    found = [status(host("mro", "running", since_s=9.0))]
    looks = []
    monkeypatch.setattr(watching, "explain", lambda run_dir: (looks.append(run_dir), found[0])[1])
    said: list[str] = []
    clock = Clock()
    return Watchdog(tmp_path, said.append, 10.0, clock), clock, said, found, looks


def test_a_watchdog_speaks_once_and_again_when_the_time_has_doubled(watched):
    watchdog, clock, said, _, _ = watched
    with watchdog:
        for now_s in (5, 9.9):
            clock.now_s = now_s
            time.sleep(0.05)
        assert said == []
        clock.now_s = 10.0
        assert until(lambda: len(said) == 1)
        clock.now_s = 19.0
        time.sleep(0.05)
        assert len(said) == 1
        clock.now_s = 20.5
        assert until(lambda: len(said) == 2)
        watchdog.watch(1)
        clock.now_s = 30.0
        time.sleep(0.05)
        assert len(said) == 2
        clock.now_s = 30.5
        assert until(lambda: len(said) == 3)
    assert said[0].startswith("no progress for 10 s: the run is at 2021-02-18T20:41:04.100Z SCET, of")
    assert said[0].endswith("; mro has been computing for 9.0 s (pid 12)")
    assert said[1].startswith("no progress for 20 s: ")
    assert said[2].startswith("no progress for 10 s: ")


def test_a_watchdog_is_silent_while_all_wait_for_the_wall_clock_unless_it_is_asked(watched):
    watchdog, clock, said, found, looks = watched
    found[0] = status(host("mro", "paced", due_s=50.0))
    with watchdog:
        clock.now_s = 10.0
        assert until(lambda: looks)
        time.sleep(0.05)
        assert said == []
        watchdog.ask()
        assert until(lambda: said)
    assert said[0].endswith("is due in 50.0 s")


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30.0), ("1 min", 60.0), ("off", None)])
def test_how_long_a_watchdog_waits_is_written_with_a_unit(text, seconds):
    assert watchdog_s(text) == seconds


@pytest.mark.parametrize("text", ["30", "soon", "0 s", "-1 s"])
def test_a_wrong_watchdog_is_told(text):
    with pytest.raises(GraphError, match=f"--watchdog {text}: .*or off"):
        watchdog_s(text)


class Nobody:
    """An observer that keeps what it is told at once, and may hold the run up until it has been told something."""

    def __init__(self, *, waits: bool) -> None:
        self.heard: list[str] = []
        self._waits = waits

    def noticed(self, text: str) -> None:
        self.heard.append(text)

    def progress(self, frontier_ns) -> None:
        assert not self._waits or until(lambda: self.heard)

    def started(self, graph, run_dir) -> None: ...
    def learnt(self, items) -> None: ...
    def finished(self, result) -> None: ...


def test_watchdogs_never_change_results(tmp_path, monkeypatch):
    """One that looks, and has the process write its stack, all the time."""
    monkeypatch.setattr(watching, "_LOOK_S", 0.001)
    monkeypatch.setattr(why, "_ANSWER_S", 0.2)
    monkeypatch.setattr(why, "_GLANCE_S", 0.001)
    (tmp_path / "ticks.yaml").write_text(GRAPH.replace("failing:Stuck", "failing:Ticker"))
    loaded = load_graph(tmp_path / "ticks.yaml")
    before = signal.getsignal(signal.SIGQUIT)
    digests = []
    for number, seconds in enumerate([None, 1e-6]):
        observer = Nobody(waits=seconds is not None)
        options = RunOptions(run_dir=tmp_path / str(number), report=False, watchdog_s=seconds)
        digests.append(run(loaded, options, observer).digest)
        assert bool(observer.heard) is (seconds is not None)
    assert digests[0] == digests[1] != ""
    assert signal.getsignal(signal.SIGQUIT) == before


# -- runs that hang ---------------------------------------------------------------------------------------------------


def clear(live: Path) -> None:
    """Remove the sockets of a run whose only process was killed."""
    if live.exists():
        socket = json.loads(live.read_text())["endpoint"].removeprefix("ipc://")
        shutil.rmtree(Path(socket).parent, ignore_errors=True)


@contextmanager
def launched(folder: Path, *words: str, graph: str = GRAPH):
    """A run whose node computes for ever; killed in the end."""
    (folder / "stuck.yaml").write_text(graph)
    command = [sys.executable, "-m", "lightlag", "launch", "stuck.yaml", "--run-dir", "run", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / ".src"), str(ROOT)])}
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        clear(folder / "run" / "live.json")


def explained_of(run_dir: Path) -> str:
    try:
        return "\n".join(sentences(explain(run_dir)))
    except (RunError, OSError) as error:
        return str(error)


def test_a_node_that_hangs_deep_in_a_grant_is_seen_where_it_stands(tmp_path):
    heavy = 'heavy: {type: "tests.integration.failing:Stuck", params: {after: 7.5 s}}'
    graph = GRAPH.replace('heavy: {type: "tests.integration.failing:Stuck"}', heavy)
    graph += "place: {heavy: here, ticker: here}\n"
    with launched(tmp_path, "--processes", "2", graph=graph) as launcher:
        stands = "it stands at 20:26:07.500Z SCET, of 20:26:20.000Z granted"
        assert until(lambda: stands in explained_of(tmp_path / "run") or launcher.poll() is not None)
        told = explained_of(tmp_path / "run")
    assert "the run is at 2021-02-18T20:26:07.500Z SCET, of 2021-02-18T20:26:20.000Z" in told
    assert "heavy (host heavy+1) has been computing for " in told


@pytest.mark.parametrize("words", [["--in-process"], ["--processes", "2"]])
def test_a_node_that_is_slow_is_seen_to_get_on(tmp_path, words):
    graph = GRAPH.replace("failing:Stuck", "failing:Ticker").replace("failing:Listener", "failing:Dawdler")
    graph = graph.replace("until: 20 s", "until: 30 d")
    with launched(tmp_path, *words, graph=graph) as launcher:
        gets_on = "where listener computes in run(), tests/integration/failing.py:"
        assert until(lambda: gets_on in explained_of(tmp_path / "run") or launcher.poll() is not None)
        assert launcher.poll() is None, (tmp_path / "said").read_text()


def test_where_a_host_is_is_told_from_within_its_nodes_and_not_between(tmp_path):
    (tmp_path / "ticks.yaml").write_text(GRAPH.replace("failing:Stuck", "failing:Ticker"))
    world = World(load_graph(tmp_path / "ticks.yaml"))
    host = world.host("all", sorted(world.nodes))
    endpoint = f"ipc://{tmp_path}/hub"
    looks = []
    world.nodes["ticker"].out.send = lambda message: looks.append(ask(endpoint, 3))
    with telling(host, endpoint, 3):
        assert ask(endpoint, 3) == NOWHERE
        host.activate(1_500_000_000, [], 1_000)
    assert looks == [Whereabouts("ticker", 1_000_000_000, "2021-02-18T20:26:01.000Z")]
    assert ask(endpoint, 3) is None  # it tells no more
    with telling(host, "tcp://127.0.0.1:7000", 3):  # on another machine
        assert ask("tcp://127.0.0.1:7000", 3) is None


@pytest.mark.parametrize("words", [["--in-process"], ["--processes", "2"]])
def test_a_run_that_hangs_in_a_node_names_its_line(tmp_path, monkeypatch, words):
    monkeypatch.setattr(why, "_ANSWER_S", 0.5)
    line = next(
        number
        for number, text in enumerate((ROOT / "tests/integration/failing.py").read_text().splitlines(), 1)
        if "time.sleep(0.01)" in text
    )
    place = f"in run(), tests/integration/failing.py:{line}"

    def told() -> str:
        return explained_of(tmp_path / "run")

    with launched(tmp_path, *words) as launcher:
        assert until(lambda: place in told() or launcher.poll() is not None), (tmp_path / "said").read_text()
        assert place in (explained := told())
        if words == ["--in-process"]:
            stands = f"it stands at 2021-02-18T20:26:00.000Z SCET (pid {launcher.pid})"
            assert f"heavy, in the launcher as all nodes, is computing {place}; {stands}" in explained
        else:
            assert "heavy has been computing for " in explained
            assert "listener+1 has nothing to do unless somebody sends something" in explained
        launcher.send_signal(signal.SIGQUIT)
        assert until(lambda: place in (tmp_path / "said").read_text())
        assert launcher.poll() is None
        found = json.loads(json.dumps(explain(tmp_path / "run")))
        assert found["processes"] is (words != ["--in-process"])


def test_there_is_nothing_to_explain_where_nothing_runs(tmp_path):
    with pytest.raises(RunError, match="no run is alive in"):
        explain(tmp_path)
    directory = RunDirectory(tmp_path)
    directory.summary.write_text('{"digest": "c0ffee"}')
    with pytest.raises(RunError, match="is over; what came of it: lightlag bag info"):
        explain(tmp_path)
