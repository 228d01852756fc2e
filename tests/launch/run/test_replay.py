"""Replay: a node that is given again what it received does again what it did, and what differs is found at once."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest
from tests.integration.phold import GRAPH as PHOLD
from tests.integration.phold import NAMES
from tests.launch.fixtures.replayed import GRAPH, Ask
from tests.launch.run.test_resume import Watcher

from lightlag.bus import wire
from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError, JournalError
from lightlag.bus.journal import Journal, read_facts
from lightlag.bus.operator import OPERATOR
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.look.difference import differing_fields
from lightlag.launch.run.beginning import begin_journal
from lightlag.launch.run.fork import fork
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.replay import prepare
from lightlag.launch.run.runner import resume, run
from lightlag.launch.rundir.directory import RunDirectory

HERE = "tests.launch.fixtures.replayed"
#: The seventh question is asked at 7 s, arrives at 9.5 s, and is answered at 9.75 s, after six answers.
ANSWERED_NS = 9_750_000_000
NODES = ("asker", "answerer", "late", "forwarder", "listener")


def launched(folder, text=GRAPH, **options):
    (folder / "graph.yaml").write_text(text)
    path = folder / "run"
    result = run(load_graph(folder / "graph.yaml"), RunOptions(run_dir=path, report=False, **options), Watcher())
    assert (result.failure is None) is ("Raises" not in text)
    return path


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """A run of the graph."""
    return launched(tmp_path_factory.mktemp("answers"))


def replayed(path, node="answerer", *, whole=False, **asked):
    ready = prepare(path, node, **asked)
    return ready.all_differences() if whole else ready.first_difference()


def first(path, node="answerer", **asked):
    """The first difference."""
    found = replayed(path, node, **asked)
    assert not found.same
    (difference,) = found.differences
    return difference


def assert_the_same(found):
    assert (found.differences, found.same) == ([], True)


# -- a node that behaves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", NODES)
def test_a_node_does_again_what_it_did(answers, node):
    for whole in (False, True):
        found = replayed(answers, node, whole=whole)
        assert_the_same(found)
        assert (found.to_the_end, found.until_ns) == (True, 20_000_000_000)


def test_a_node_does_again_what_it_did_among_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ".")
    path = launched(tmp_path, processes=3)
    for node in NODES:
        assert_the_same(replayed(path, node))


def test_nodes_that_all_talk_to_all_at_random_do_again_what_they_did(tmp_path):
    path = launched(tmp_path, PHOLD)
    for name in NAMES:
        found = replayed(path, name)
        assert_the_same(found)
        assert found.counts.emissions > 600


def test_what_was_compared_is_counted(answers):
    """Of 20 s: 17 questions arrive, the last at 19.5 s, and ten answers of another; each answer goes to all, over a
    radio that is on no channel, to itself, and over a channel without others."""
    counts = replayed(answers).counts
    assert (counts.given, counts.from_outside) == (17 + 10, 0)
    assert (counts.emissions, counts.unheard) == (2 * 17, 17)
    assert (counts.lines, counts.files, counts.beyond) == (17 + 2, 3, 0)


def test_content_that_was_passed_on_keeps_its_origin_and_its_way(answers):
    ready = prepare(answers, "forwarder")
    headers = [json.loads(said.header) for said in ready.account.said.values()]
    assert {header["origin"][0] for header in headers} == {"answerer", "late"}
    assert {tuple(header["via"]) for header in headers} == {("forwarder",)}
    assert_the_same(ready.first_difference())


def test_a_node_that_joined_late_does_nothing_before_and_after(answers):
    found = replayed(answers, "late")
    assert_the_same(found)
    assert found.counts.given == 10  # of those that arrive from 5 s on and before 15 s
    assert min(said.sent_ns for said in prepare(answers, "late").account.said.values()) > 5_000_000_000


# -- a node that does not ---------------------------------------------------------------------------------------------


def test_another_value_in_a_message_is_found_with_its_field(answers):
    found = replayed(answers, cls=f"{HERE}:AnotherField")
    (difference,) = found.differences
    assert (difference.t_ns, difference.what) == (ANSWERED_NS, "emission 19")
    assert differing_fields(difference.record, difference.replay) == {"message.total": ("21.0", "22.0")}
    assert (found.reached_ns, found.counts.emissions) == (ANSWERED_NS, 12)


def test_another_value_is_found_even_where_faults_lose_and_delay_what_is_said(tmp_path):
    faults = 'faults:\n  - {drop: {from: answerer, to: "*", p: 0.1}, from: 0 s}\n'
    path = launched(tmp_path, GRAPH + faults)
    assert_the_same(replayed(path))
    difference = first(path, cls=f"{HERE}:AnotherField")
    assert (difference.t_ns, difference.what) == (ANSWERED_NS, "emission 19")


def test_one_emission_more_is_found_and_called_one_more(answers):
    difference = first(answers, cls=f"{HERE}:OneMore")
    assert (difference.t_ns, difference.what) == (ANSWERED_NS, "emission 19")
    assert difference.replay["message"]["number"] == -1
    assert difference.note == "what comes next is what the record has here: there is one emission more"


def test_one_emission_fewer_is_found_and_called_left_out(answers):
    difference = first(answers, "forwarder", cls=f"{HERE}:Forgetful")
    # Of the fifth answers, which two give at once.
    assert (difference.what, difference.replay["origin"][0]) == ("emission 7", "late")
    assert difference.note == "it is what the record has as emission 8: 1 was left out"


def test_an_answer_that_is_not_given_is_missed_when_it_was_given(answers):
    difference = first(answers, cls=f"{HERE}:OneFewer")
    assert (difference.t_ns, difference.what) == (ANSWERED_NS, "emission 19")
    # What comes next is another answer, with another random number.
    assert (difference.record["message"]["number"], difference.replay["message"]["number"]) == (7, 8)
    difference = first(answers, "forwarder", cls=f"{HERE}:MoreForgetful")
    assert (difference.what, difference.replay) == ("emission 7", None)
    assert difference.note == "what comes next: it is what the record has as emission 9: 2 were left out"


def test_one_nanosecond_later_is_found(answers):
    difference = first(answers, cls=f"{HERE}:OneNanosecondLater")
    assert (difference.t_ns, difference.what) == (ANSWERED_NS, "emission 19")
    fields = differing_fields(difference.record, difference.replay)
    assert fields.pop("sent_ns") == ("9750000000", "9750000001")
    assert fields.pop("origin[2]") == ("9750000000", "9750000001")
    assert fields == {"ends.forwarder.t_ns": ("10050000000", "10050000001")}


def test_a_node_that_raises_is_found_with_its_traceback(answers):
    found = replayed(answers, cls=f"{HERE}:Raises")
    (difference,) = found.differences
    assert (difference.t_ns, difference.what, difference.record) == (ANSWERED_NS, "failure", None)
    assert difference.replay["raised"].endswith("ArithmeticError: answerer cannot add up 21.0\n")


def test_another_line_in_the_log_is_found(answers):
    difference = first(answers, cls=f"{HERE}:NotesAnother")
    assert (difference.t_ns, difference.what) == (ANSWERED_NS, "line 8 of its log")
    assert (difference.record["text"], difference.replay["text"]) == ("answered", "replied")


def test_another_file_is_found(answers):
    difference = first(answers, cls=f"{HERE}:PublishesAnother")
    assert (difference.t_ns, difference.what) == (ANSWERED_NS + 3_000_000_000, "file answerer-page-2.txt")
    assert (difference.record["bytes"], difference.replay["bytes"]) == (2, 5)


def test_what_went_before_a_difference_is_told(answers):
    found = replayed(answers, cls=f"{HERE}:AnotherField")
    assert [(it.received_ns, it.emission.type) for it in found.received][-1] == (9_500_000_000, "tests.replay.ask@1")
    assert len(found.received) == 5
    assert [line.fields["number"] for line in found.noted] == [6]


def test_another_parameter_is_another_node(answers):
    difference = first(answers, settings={"answerer.after": "500 ms"})
    assert (difference.what, difference.t_ns) == ("emission 1", 3_750_000_000)
    assert (difference.record["sent_ns"], difference.replay["sent_ns"]) == (3_750_000_000, 4_000_000_000)


def test_all_differences_are_told_by_time_and_what_moved_is_no_other(answers):
    found = replayed(answers, cls=f"{HERE}:OneNanosecondLater", whole=True)
    told = [(it.what, it.t_ns - ANSWERED_NS, it.note) for it in found.differences]
    names = "sent_ns, ends.forwarder"
    assert told[0] == ("emission 19", 0, names)
    assert {what for what, *_ in told} == {"emission 19", "emission 20", "line of its log"}
    found = replayed(answers, cls=f"{HERE}:OneMore", whole=True)
    ((what, record),) = [(it.what, it.record) for it in found.differences]
    assert (what, record) == ("emission 19", None)
    assert found.counts.emissions == 34


# -- runs of every kind -----------------------------------------------------------------------------------------------


def test_a_node_that_was_set_anew_while_it_ran_is_set_anew_again(answers, tmp_path):
    directory = fork(answers, "10 s", {"answerer.after": "125 ms"}, tmp_path / "new")
    resume(directory.path, RunOptions(report=False), Watcher())
    found = replayed(directory.path)
    assert_the_same(found)
    assert found.counts.from_outside == 1


def test_what_somebody_outside_sent_is_given_again(tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH)
    graph = load_graph(tmp_path / "graph.yaml")
    directory = RunDirectory.create("answers", tmp_path / "run")
    directory.graph.write_text(graph.to_yaml())
    begin_journal(graph, [sorted(graph.nodes)], directory, processes=False, record=True)
    body, arrays = Ask(100, float("nan"), np.ones(3)).encode()
    act = Emission(OPERATOR, 1, "@in_", "tests.replay.ask@1", 4_000_000_000, body, arrays, to="answerer")
    with Journal(directory.journal) as journal:
        frames = wire.encode(read_facts(directory.journal)["run"], wire.ACT, (), [act])
        journal.append(0, frames, [act])
    resume(directory.path, RunOptions(report=False), PlainDisplay(io.StringIO()))
    found = replayed(directory.path)
    assert_the_same(found)
    assert (found.counts.given, found.counts.from_outside) == (27, 1)


class Stop(BaseException):
    """Somebody pulls the plug."""


def pull_the_plug():
    raise Stop


def test_a_run_that_was_killed_is_replayed_as_far_as_it_is_recorded(tmp_path):
    (tmp_path / "graph.yaml").write_text(GRAPH)
    path = tmp_path / "run"
    options = RunOptions(run_dir=path, report=False)
    with pytest.raises(Stop):
        run(load_graph(tmp_path / "graph.yaml"), options, Watcher(at_s=10, then=pull_the_plug))
    assert not (path / "run.mcap").exists()
    for node in NODES:
        found = replayed(path, node)
        assert_the_same(found)
        assert not found.to_the_end
        assert found.until_ns < 11_000_000_000
    found = replayed(path)
    assert found.until_ns > 9_000_000_000
    assert found.counts.emissions > 10
    assert first(path, settings={"answerer.after": "500 ms"}).what == "emission 1"
    assert [it.what for it in replayed(path, settings={"answerer.after": "500 ms"}, whole=True).differences]


def test_a_run_can_be_replayed_up_to_an_instant(answers):
    for until in ("9 s", "2021-02-18T20:26:09Z"):
        found = replayed(answers, cls=f"{HERE}:AnotherField", until=until)
        assert_the_same(found)
        assert (found.to_the_end, found.until_ns // 1000) == (False, 9_000_000)
    with pytest.raises(GraphError, match="--until 30 s is not within the run"):
        prepare(answers, "answerer", until="30 s")


def test_a_node_that_failed_fails_again(tmp_path):
    path = launched(tmp_path, GRAPH.replace("replayed:Answerer", "replayed:Raises", 1))
    found = replayed(path)
    assert_the_same(found)
    assert found.failure.endswith("ArithmeticError: answerer cannot add up 21.0\n")
    for node in NODES:
        assert_the_same(replayed(path, node))
    mended = first(path, cls=f"{HERE}:Answerer")
    # It had noted its end, where now it notes an answer.
    assert (mended.what, mended.record["text"], mended.replay["text"]) == ("line 8 of its log", "ended", "answered")


def test_a_recording_alone_needs_its_graph_beside_it(answers, tmp_path):
    alone = tmp_path / "run.mcap"
    alone.write_bytes((answers / "run.mcap").read_bytes())
    with pytest.raises(GraphError, match=r"graph.resolved.yaml does not exist; a replay needs the graph"):
        prepare(alone, "answerer")
    (tmp_path / "graph.resolved.yaml").write_text((answers / "graph.resolved.yaml").read_text())
    found = replayed(alone)
    assert_the_same(found)
    assert found.counts.files == 0


def test_a_run_that_was_not_recorded_says_so(tmp_path):
    path = launched(tmp_path, record=False)
    with pytest.raises(JournalError, match="launched with --no-record, so there is nothing to replay from"):
        prepare(path, "answerer")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"node": "anserer"}, "has no node 'anserer'; did you mean 'answerer'?"),
        ({"cls": "mine"}, "--class mine: there is no such node type"),
        ({"cls": f"{HERE}:Wants"}, r"does not take the parameters that answerer had \(after: Extra inputs"),
        ({"cls": f"{HERE}:Portless"}, "has no port 'in_', by which answerer is on channel asks"),
        ({"settings": {"asker.every": "1 s"}}, "there is no parameter 'every'"),
        ({"node": "asker", "settings": {"answerer.after": "1 s"}}, "only asker is replayed"),
    ],
)
def test_what_cannot_be_replayed_is_told(answers, asked, words):
    with pytest.raises(GraphError, match=words):
        prepare(answers, **{"node": "answerer", **asked})


def test_a_class_in_the_current_folder_is_found(answers, tmp_path, monkeypatch):
    (tmp_path / "brought_along.py").write_text(f"from {HERE} import AnotherField as Mine\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    assert first(answers, cls="brought_along:Mine").what == "emission 19"


def test_another_version_or_arithmetic_is_warned_of(answers, monkeypatch):
    monkeypatch.setattr("lightlag.launch.run.replay.arithmetic_fingerprint", lambda: "another")
    (warning,) = prepare(answers, "answerer").warnings
    assert warning.startswith("the run was recorded with arithmetic ")
    assert warning.endswith("here it is another: a difference may come from that")
