"""Runs whose graphs have faults: the same wherever nodes run, when they are killed, resumed and forked."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.phold import GRAPH as PHOLD
from tests.integration.phold import NAMES
from tests.integration.test_chaos import one_kill
from tests.launch.fixtures.graphs import TICKS
from tests.launch.run.test_resume import Watcher

from lightlag.bus.journal import read_journal
from lightlag.bus.recording import read
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.beginning import begin_journal
from lightlag.launch.run.fork import fork
from lightlag.launch.run.inprocess import InProcess
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.replay import prepare
from lightlag.launch.run.runner import resume, run
from lightlag.launch.rundir.directory import RunDirectory

FAULTS = """
faults:
  - {partition: [[ann, bob], [cat, dan]], from: 20 s, for: 40 s}
  - {hold: [eve, "*"], from: 30 s, for: 20 s}
  - {drop: {from: "*", to: fay, p: 0.2}, from: 10 s, for: 100 s}
  - {corrupt: {from: fay, to: "*", p: 0.2}, from: 10 s}
  - {delay: {from: dan, to: ann, by: 3 s}, from: 50 s, for: 50 s}
  - {blackout: bob, from: 70 s, for: 9 s}
  - {stuck_receiver: cat.air, from: 80 s, for: 9 s}
  - {bounce: ann, at: 90 s, for: 10 s}
  - {safe_mode: [dan, eve], from: 110 s, for: 10 s}
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """A busy graph in which everything goes wrong, the directory of its run in one process, and its digest."""
    folder = tmp_path_factory.mktemp("troubled")
    (folder / "phold.yaml").write_text(PHOLD.replace("params: {friends:", "params: {balls: 40, friends:") + FAULTS)
    graph = load_graph(folder / "phold.yaml")
    result = run(graph, RunOptions(run_dir=folder / "run", report=False), Watcher())
    assert result.failure is None
    assert result.losses["fault"] > 50
    return graph, folder / "run", result


def test_the_faults_of_a_run_are_in_its_recording_and_its_logs(troubled):
    graph, run_dir, _ = troubled
    records = [record for record in read(run_dir / "run.mcap") if "/@fault/" in record.topic]
    begins = [record for record in records if record.topic.endswith("lightlag.fault")]
    assert {record.data["message"]["id"] for record in begins} == {f"{spec.fault.verb}-1" for spec in graph.faults}
    said = [json.loads(line) for line in (run_dir / "logs" / "ann.log").read_text().splitlines()]
    assert {"t_ns": 90_000_000_000, "text": "fault crash-1 begins"}.items() <= next(
        line for line in said if "crash" in line["text"]
    ).items()


@pytest.mark.parametrize("processes", [3])
def test_a_run_with_faults_is_the_same_in_processes(troubled, tmp_path, processes):
    graph, run_dir, alone = troubled
    result = run(graph, RunOptions(processes, run_dir=tmp_path / "run", report=False), Watcher())
    assert (result.digest, result.losses) == (alone.digest, alone.losses)
    assert (tmp_path / "run" / "run.mcap").read_bytes() == (run_dir / "run.mcap").read_bytes()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_a_run_with_faults_survives_the_death_of_its_processes(troubled, tmp_path, seed):
    graph, _, alone = troubled
    assert one_kill(graph, 3, tmp_path / "run", seed)[0] == alone.digest


@pytest.mark.parametrize("name", NAMES)
def test_a_node_that_was_befallen_by_faults_and_met_them_does_again_what_it_did(troubled, name):
    _, run_dir, _ = troubled
    ready = prepare(run_dir, name)
    for found in (ready.first_difference(), ready.all_differences()):
        assert found.differences == []
        assert found.counts.emissions > 500


def test_an_interrupted_run_with_faults_is_resumed(troubled, tmp_path):
    graph, _, alone = troubled
    stop = Watcher(75, lambda: os.kill(os.getpid(), signal.SIGINT))
    first = run(graph, RunOptions(run_dir=tmp_path / "run", report=False), stop)
    assert first.interrupted
    for left in ("digest.txt", "summary.json"):
        (tmp_path / "run" / left).unlink(missing_ok=True)
    assert resume(tmp_path / "run", RunOptions(report=False), Watcher()).digest == alone.digest


@pytest.fixture
def ticks(tmp_path) -> Path:
    """The file of a graph in which little happens."""
    path = tmp_path / "ticks.yaml"
    path.write_text(TICKS)
    return path


def test_faults_that_are_to_come_do_not_put_off_who_acts_now(ticks, tmp_path):
    ticks.write_text(TICKS + "faults: [{partition: [ticker, listener], from: 10 s}]")
    graph = load_graph(ticks)
    directory = RunDirectory.create("ticks", tmp_path / "run")
    begin_journal(graph, [sorted(graph.nodes)], directory, processes=False, record=False)
    desk = InProcess(World(graph), directory)
    assert desk.act(0, "listener", "heard", "lightlag.event@1", b"", ()) == 0
    assert [entry.envelope.emissions[0].seq for entry in read_journal(directory.journal)] == [1, 2]


def test_a_fork_of_a_run_with_faults_has_the_same_faults(tmp_path):
    (tmp_path / "ticks.yaml").write_text(
        TICKS.replace("until: 20 s", "until: 60 s")
        + "faults: [{partition: [ticker, listener], from: 10 s, for: 8 s}, {crash: ticker, at: 30 s}]"
    )
    graph = load_graph(tmp_path / "ticks.yaml")
    old = run(graph, RunOptions(run_dir=tmp_path / "old", report=False), Watcher())
    for at, absent in (("5 s", {}), ("15 s", {}), ("40 s", {"absent": 1})):  # the last comes to a node that is down
        directory = fork(tmp_path / "old", at, {"ticker.every": "1 s"}, tmp_path / f"at {at}")
        new = resume(directory.path, RunOptions(report=False), Watcher())
        assert new.losses == {**old.losses, **absent}
        acts = [e.envelope.emissions[0] for e in read_journal(directory.journal) if e.envelope.kind == "act"]
        assert [act.seq for act in acts] == [1, 2, 3, 4]
        assert [act.channel for act in acts] == ["@fault", "@fault", "@fault", "@set"]


def test_without_faults_nothing_is_in_the_journal_of_a_run_that_begins(ticks, tmp_path):
    graph = load_graph(ticks)
    directory = RunDirectory.create("ticks", tmp_path / "run")
    begin_journal(replace(graph, faults=()), [sorted(graph.nodes)], directory, processes=False, record=False)
    assert not list(read_journal(directory.journal))
