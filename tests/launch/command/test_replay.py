"""``lightlag replay``: what a person reads, what a program reads, and a person in the debugger."""

from __future__ import annotations

import json
import sys

import pytest
from tests.launch.fixtures.replayed import GRAPH
from tests.launch.run.test_resume import Watcher
from typer.testing import CliRunner

from lightlag.launch.command.calling import app_of
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run

HERE = "tests.launch.fixtures.replayed"


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    (folder / "graph.yaml").write_text(GRAPH)
    run(load_graph(folder / "graph.yaml"), RunOptions(run_dir=folder / "run", report=False), Watcher())
    return folder / "run"


@pytest.fixture
def replay(answers, monkeypatch):
    """Call the command; with ``typed``, type these lines into the debugger. Returns exit code, output and errors."""
    monkeypatch.setenv("COLUMNS", "200")

    def called(*words, node="answerer", typed=()):
        before = sys.gettrace()
        try:
            done = CliRunner().invoke(
                app_of("replay"),
                ["replay", str(answers), "--node", node, *words],
                input="".join(f"{line}\n" for line in typed),
            )
        finally:
            sys.settrace(before)  # the debugger's own is gone, and so would be that of who measures coverage
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return called


def instead(name):
    return ("--class", f"{HERE}:{name}")


def test_a_node_that_does_the_same_is_said_to(replay):
    code, shown, errors = replay()
    assert (code, errors) == (0, "")
    for words in (
        f"as {HERE}:Answerer",
        "given       27 receptions",
        "the same    34 emissions, 19 lines of its log, 3 files",
        "besides, 17 emissions that nobody could hear",
        "replayed    20.0 s in ",
        "the same: the node does again what is recorded",
    ):
        assert words in shown


def test_the_first_difference_is_shown_with_what_went_before_and_how_to_look_closer(replay, answers):
    code, shown, _ = replay(*instead("AnotherField"))
    assert code == 1
    lines = shown.splitlines()
    start = lines.index("first difference: emission 19, at 2021-02-18T20:26:09.750000Z SCET (t_ns 9750000000)")
    assert lines[start + 1 : start + 6] == [
        "record  tests.replay.answer@1 19 on answers, sent 9750000000 ns, received by forwarder",
        "replay  tests.replay.answer@1 19 on answers, sent 9750000000 ns, received by forwarder",
        "",
        "field          record  replay",
        "message.total  21.0    22.0",
    ]
    assert '20:26:09.500000Z  tests.replay.ask@1 asker:7 on asks  {"number": 7, "ratio": 2.3333' in shown
    assert '20:26:08.750000Z  info  answered  {"number": 6}' in shown
    assert f"lightlag replay {answers} --node answerer --pdb, which stops there; or --until '9750000000 ns'" in shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OneNanosecondLater", "\n0.000000001 s later\n"),
        ("OneMore", "there is one emission more"),
        ("Raises", "replay  raised ArithmeticError: answerer cannot add up 21.0"),
        ("NotesAnother", "replied"),
        ("PublishesAnother", "first difference: file answerer-page-2.txt"),
    ],
)
def test_other_differences_are_shown(replay, name, words):
    code, shown, _ = replay(*instead(name))
    assert (code, words in shown) == (1, True), shown


def test_all_differences_are_listed_and_counted(replay):
    code, shown, _ = replay(*instead("OneNanosecondLater"), "--all")
    assert code == 1
    lines = [line.split(maxsplit=1)[1] for line in shown.splitlines() if line.startswith("2021-02-18T20:26:09.75")]
    assert [line.split("  ")[0] for line in lines] == ["emission 19", "emission 20", "line of its log"]
    assert all(line.endswith("  0.000000001 s later") for line in lines)
    assert "3 differences: 0 only in the record, 0 only in the replay, 3 in both, but not the same" in shown
    code, shown, _ = replay("--all")
    assert (code, "the same: the node does again" in shown) == (0, True)


def test_everything_is_data_too(replay):
    code, shown, _ = replay(*instead("AnotherField"), "--json")
    told = json.loads(shown)
    assert (code, told["same"], told["first"]["what"], told["first"]["t_ns"]) == (1, False, "emission 19", 9750000000)
    assert told["first"]["fields"] == {"message.total": ["21.0", "22.0"]}
    assert (told["received"][-1]["type"], told["noted"][-1]["fields"]) == ("tests.replay.ask@1", {"number": 6})
    assert (told["counts"]["emissions"], told["class"]) == (12, f"{HERE}:AnotherField")
    code, shown, _ = replay(*instead("OneMore"), "--json", "--all")
    assert [it["what"] for it in json.loads(shown)["differences"]] == ["emission 19"]
    code, shown, _ = replay("--json")
    assert (code, json.loads(shown)["first"]) == (0, None)


def test_up_to_an_instant_it_says_how_far_it_compared(replay):
    code, shown, _ = replay("--until", "9 s", *instead("AnotherField"))
    assert (code, "compared    up to 2021-02-18T20:26:09.000Z SCET; as was asked" in shown) == (0, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "answerer"), "write NODE.PARAM=VALUE"),
        (("--pdb", "--json"), "--pdb stops at the first difference, for a person"),
        (("--class", "nowhere.to:BeFound"), "nowhere.to:BeFound: there is no module 'nowhere'"),
        (("--until", "soon"), "'soon'"),
    ],
)
def test_bad_input_is_told_and_nothing_is_replayed(replay, words, told):
    code, shown, errors = replay(*words)
    assert (code, shown) == (2, "")
    assert told in errors


def test_another_version_is_warned_of(replay, monkeypatch):
    monkeypatch.setattr("lightlag.launch.run.replay.arithmetic_fingerprint", lambda: "another")
    assert replay()[2].startswith("warning: the run was recorded with arithmetic ")


# -- in the debugger --------------------------------------------------------------------------------------------------


def test_the_debugger_stands_where_the_node_sent_while_time_stands_still(replay):
    code, shown, _ = replay(
        *instead("AnotherField"), "--pdb", typed=["p self.now_ns, number, total", "where", "n", "p self.now_ns", "c"]
    )
    assert code == 1
    assert "first difference: emission 19" in shown
    assert "-> self.out.send(answer)" in shown
    assert "(9750000000, 7, 22.0)" in shown
    assert "-> self.uhf.send(answer)" in shown  # the next line
    assert shown.count("9750000000\n") == 1
    assert "different, as told above" in shown
    where = shown[shown.index("(9750000000, 7, 22.0)") :]
    assert "host.py" in where
    assert "typer" not in where  # the stack ends where the host runs an instant


def test_the_debugger_can_go_on_step_by_step_to_a_breakpoint(replay):
    _, shown, _ = replay(*instead("AnotherField"), "--pdb", typed=["b self.log", "c", "p text, fields", "q"])
    assert "('answered', {'number': 7})" in shown


def test_what_has_not_come_is_looked_at_with_the_node_at_hand(replay):
    code, shown, _ = replay(*instead("OneFewer"), "--pdb", typed=["p node.name, node.now_ns", "where", "n", "c"])
    assert (code, "('answerer', 9750000000)" in shown) == (1, True)
    assert "typer" not in shown


def test_a_node_that_raises_is_looked_at_where_it_raised(replay):
    code, shown, _ = replay(*instead("Raises"), "--pdb", typed=["c", "p number, total", "q"])
    assert code == 1
    assert "ArithmeticError: answerer cannot add up 21.0" in shown
    assert "-> raise ArithmeticError" in shown
    assert "(7, 21.0)" in shown


def test_the_debugger_stops_at_the_start_and_is_left_for_good(replay):
    code, shown, _ = replay("--break", typed=["p self.name, self.now_ns", "q"])
    assert code == 130
    assert "-> try:" in shown
    assert "('answerer', 0)" in shown
    assert "left the debugger before anything was different" in shown
    code, shown, _ = replay("--break", node="late", typed=["p self.now_ns", "c"])
    assert (code, "5000000000\n" in shown, "the same: the node does again" in shown) == (0, True, True)


def test_the_end_of_the_input_leaves_the_debugger(replay):
    code, shown, _ = replay("--break")
    assert (code, "left the debugger" in shown) == (130, True)
