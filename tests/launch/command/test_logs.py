"""``lightlag logs``: in the order of simulated time, chosen by who, when, how urgent and what."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from tests.launch.command.runs import answers, launched, left, note, until

from lightlag.bus.errors import GraphError, JournalError
from lightlag.bus.time import NEVER_NS, NS_PER_S, Epoch
from lightlag.launch import cli
from lightlag.launch.graph.instants import instant_ns, interval_ns
from lightlag.launch.look.logs import Follower, Line, Wanted, level_named
from lightlag.launch.rundir.directory import RunDirectory

EPOCH = Epoch.parse("2021-02-18T20:26:00Z")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    notes = (
        note(1, "ticker", "begun", values={"height_km": 11.523456789}),
        note(2, "listener", "heard nothing", "warning", since="never"),
        note(2, "ticker", "still there"),
        note(70, "listener", "gone for good", "error", who=["ticker"]),
    )
    return left(tmp_path / "run", notes).path


def said(capsys: pytest.CaptureFixture[str], *words: object) -> list[str]:
    assert cli.main(["logs", *map(str, words)]) == 0
    return capsys.readouterr().out.splitlines()


def test_lines_of_all_nodes_are_in_the_order_of_time_then_of_names(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "--run", run) == [
        "2021-02-18T20:26:01.000Z SCET  ticker    info     begun  values.height_km=11.5235",
        "2021-02-18T20:26:02.000Z SCET  listener  warning  heard nothing  since=never",
        "2021-02-18T20:26:02.000Z SCET  ticker    info     still there",
        '2021-02-18T20:27:10.000Z SCET  listener  error    gone for good  who=["ticker"]',
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["ticker"], ["begun", "still there"]),
        (["--since", "2s"], ["heard nothing", "still there", "gone for good"]),
        (["--since", "1.5s", "--until", "2021-02-18T20:27:00Z"], ["heard nothing", "still there"]),
        (["--level", "warning"], ["heard nothing", "gone for good"]),
        (["--grep", "^still|ticker"], ["still there", "gone for good"]),
        (["--grep", "11.5234"], ["begun"]),
        (["listener", "--level", "error"], ["gone for good"]),
    ],
)
def test_lines_are_chosen_by_node_time_level_and_pattern(
    run: Path, words: list[str], told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.loads(line) for line in said(capsys, *words, "--run", run, "--json")]
    assert [line["text"] for line in lines] == told
    assert all(list(line) == ["scet", "t_ns", "node", "level", "text", "fields"] for line in lines)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tikcer"], "has no node 'tikcer'; did you mean 'ticker'?"),
        (["--level", "warn"], "did you mean 'warning'?"),
        (["--level", "x"], "levels are debug, info"),
        (["--since", "5"], "or write an instant in UTC, like 2021-02-18T20:26:00Z"),
        (["--grep", "("], "is no regular expression"),
    ],
)
def test_what_is_asked_wrongly_is_exit_code_2(
    run: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["logs", *words, "--run", str(run)]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_directory_without_a_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["logs", "--run", str(tmp_path)]) == 2
    assert "holds no run: it has no graph" in capsys.readouterr().err
    with pytest.raises(JournalError):
        RunDirectory(tmp_path).epoch()


def test_the_epoch_of_a_run_is_that_of_its_graph(run: Path) -> None:
    assert RunDirectory(run).epoch() == EPOCH


def test_an_instant_is_a_duration_after_the_epoch_or_utc() -> None:
    assert instant_ns(EPOCH, "1.5 min") == 90 * NS_PER_S
    assert instant_ns(EPOCH, "2021-02-18T20:27:30Z") == EPOCH.t_ns("2021-02-18T20:27:30Z")
    assert interval_ns(EPOCH, None, None) == (-NEVER_NS, NEVER_NS)
    with pytest.raises(GraphError, match="is not a duration"):
        instant_ns(EPOCH, "soon")


def test_a_level_of_a_nodes_own_is_as_urgent_as_info() -> None:
    line = Line(0, "mro", "", "funny", "it is", {})
    assert Wanted(least=level_named("info")).has(line)
    assert not Wanted(least="warning").has(line)


def test_who_follows_is_told_lines_when_all_hosts_are_past_them_and_each_once(tmp_path: Path) -> None:
    directory = left(tmp_path / "run", (note(5, "ticker", "e"), note(1, "ticker", "a")))
    follower = Follower(directory, [])
    assert [line.text for line in follower.news(3 * NS_PER_S)] == ["a"]
    log = directory.logs / "ticker.log"
    whole = log.read_text()
    log.write_text(whole[:10])  # its host was started again, and writes the same once more
    assert follower.news(3 * NS_PER_S) == []
    log.write_text(whole)
    (directory.logs / "listener.log").write_text(whole.splitlines()[1].replace('"ticker"', '"listener"') + '\n{"t_ns')
    assert [(line.node, line.text) for line in follower.news(9 * NS_PER_S)] == [("listener", "a"), ("ticker", "e")]
    assert Follower(directory, ["listener"]).news(NEVER_NS)[0].node == "listener"


def test_a_live_run_is_followed_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with launched(tmp_path, "--in-process", "--speed", "30x") as process:
        assert until(lambda: answers(tmp_path / "run") or process.poll() is not None), (tmp_path / "said").read_text()
        ended = threading.Thread(target=process.wait)
        ended.start()  # a process that nobody waits for is a zombie, not an end
        followed = said(capsys, "-f", "--run", tmp_path / "run")
        ended.join()
    assert process.returncode == 0
    assert followed == said(capsys, "--run", tmp_path / "run")
