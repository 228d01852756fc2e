"""A run over processes that is driven from outside does what the same does in one process, to the nanosecond."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.launch.fixtures.talk import TALK, Answer, Command

from lightlag.bus.errors import NodeFailed, RunError
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.driven import Driven
from lightlag.launch.run.elsewhere import Elsewhere
from lightlag.launch.run.stage import Here, Watch
from lightlag.launch.rundir.directory import RunDirectory

_S = 1_000_000_000


@pytest.fixture
def driven(tmp_path):
    """Makes runs of the same graph, here or in so many processes."""
    file = tmp_path / "talk.yaml"
    file.write_text(TALK)
    made: list[Driven] = []

    def drive(processes: int, **arguments: str) -> Driven:
        graph = load_graph(file, arguments)
        directory = RunDirectory.create("talk", tmp_path / f"run-{len(made)}")
        run = Driven(Elsewhere(graph, directory, processes) if processes else Here(graph, directory))
        made.append(run)
        return run

    yield drive
    for run in made:
        run._stage.close()


def look(run: Driven) -> list[object]:
    """A short history with acts at its own instants; what came of it."""
    seen = []
    run.send("ground.desk", Command("first", 1))
    watch = Watch(lambda item: item.receiver == "probe", frozenset({"probe"}))
    run.advance(run.until_ns, watch)
    seen.append(run.now_ns)
    run.send("ground.desk", Command("second", 2))
    run.advance(run.now_ns + 700 * _S)
    seen.append(run.now_ns)
    run.advance(run.until_ns, Watch(lambda item: item.receiver == "ground"))
    seen.append(run.now_ns)
    seen += [(it.received_ns, it.emission.packed, it.message.number) for it in run.receptions("ground")]
    seen += [(it.t_ns, it.reason) for it in run.losses("ground")]
    return [*seen, run.finish(), run.tally.fields()]


def test_acts_and_stops_are_at_the_same_instants_and_the_digest_is_one(driven):
    here, elsewhere = look(driven(0)), look(driven(2))
    assert here == elsewhere
    assert here[:2] == [600 * _S + 1, 1300 * _S]


def test_arrays_come_whole(driven):
    run = driven(2)
    run.send("probe.inlet", Command("look", 7))
    run.advance(run.until_ns)
    (answer,) = run.receptions("ground", Answer)
    assert answer.message.pixels.tolist() == [[7.0, 7.0], [7.0, 7.0]]


def test_a_node_that_raises_is_told_with_its_traceback(driven):
    run = driven(2)
    run.send("ground.desk", Command("explode", 0))
    with pytest.raises(NodeFailed, match=r"(?s)probe failed at .*ValueError: probe was told to explode"):
        run.advance(run.until_ns)
    assert run.failure is not None
    assert run.failure.t_ns == 600 * _S + 1
    run.finish()


def test_a_host_that_is_killed_is_started_again_and_the_digest_is_one(driven):
    run, same = driven(2), driven(0)
    for each in (run, same):
        each.send("ground.desk", Command("first", 1))
        each.advance(650 * _S)
    _kill(run, "host probe")
    for each in (run, same):
        each.send("ground.desk", Command("second", 2))
        each.advance(each.until_ns)
    assert run.finish() == same.finish()
    assert run.receptions("ground")[-1].message.number == same.receptions("ground")[-1].message.number == 2


def test_a_hub_that_is_killed_ends_what_is_driven(driven):
    run = driven(2)
    run.send("ground.desk", Command("first", 1))
    run.advance(300 * _S)
    _kill(run, "hub")
    with pytest.raises(RunError, match=r"the hub was killed.*run the test again"):
        run.advance(run.until_ns)


def test_nothing_of_it_is_left_behind(driven):
    run = driven(2)
    run.advance(10 * _S)
    run.finish()
    run.close()
    assert run.run_dir is not None
    assert not (run.run_dir / "live.json").exists()
    assert not _processes(run)


def _processes(run: Driven) -> dict[str, int]:
    """The processes of a run by their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if str(run.run_dir) in words:
            found[" ".join(words)] = int(entry.name)
    return found


def _kill(run: Driven, words: str) -> None:
    (pid,) = [pid for line, pid in _processes(run).items() if f" {words} " in f" {line} "]
    os.kill(pid, signal.SIGKILL)


def test_of_what_others_did_after_a_failure_nothing_is_kept(driven):
    here, elsewhere = driven(0), driven(2)
    for run in (here, elsewhere):
        run.send("ground.desk", Command("first", 1))
        run.send("probe.inlet", Command("explode", 0))
        with pytest.raises(NodeFailed):
            run.advance(run.until_ns)
    assert here.receptions("ground") == [] or len(here.receptions("ground")) == len(elsewhere.receptions("ground"))
    assert [it.received_ns for it in here.receptions("ground")] == [
        it.received_ns for it in elsewhere.receptions("ground")
    ]


def test_a_run_that_is_broken_off_comes_back_at_once(driven, monkeypatch):
    monkeypatch.setattr("lightlag.launch.run.stage.EARLY_REPORT_EVENTS", 1)  # it looks after every message
    for processes in (0, 2):
        run = driven(processes)
        run._stage.come_back()
        if processes:
            with pytest.raises(KeyboardInterrupt):
                run._stage._check()
            with pytest.raises(RunError, match="the run was broken off"):
                run._stage.finish()
        else:
            run.send("ground.desk", Command("first", 1))
            run.advance(run.until_ns)
            assert run.now_ns <= 600 * _S
