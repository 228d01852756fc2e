"""``lightlag ps`` and ``lightlag stop``: what runs here, and its end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.launch.command.runs import answers, launched, left, until

from lightlag.bus.errors import RunError
from lightlag.launch import cli
from lightlag.launch.look.runs import DEAD, ENDING, FAILED, LIVE, OVER, STOPPED, ask_to_end, find_runs, look_at
from lightlag.launch.rundir.live import say_alive


def said(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def killed(path: Path) -> Path:
    """A run whose launcher was killed: it has left its live file."""
    directory = left(path)
    say_alive(directory.live, "ipc:///tmp/nowhere/hub", "0")
    told = json.loads(directory.live.read_text())
    directory.live.write_text(json.dumps({**told, "pid": 2**22 + 1}))  # more than any process has (pid_max)
    return directory.path


def test_runs_are_over_failed_stopped_dead_or_ending(tmp_path: Path) -> None:
    left(tmp_path / "a", digest="d")
    left(tmp_path / "b", failure="mro failed")
    left(tmp_path / "c", simulated_s=30.0)
    killed(tmp_path / "d")
    left(tmp_path / "e")
    (tmp_path / "latest").symlink_to("a")
    (tmp_path / "f").mkdir()
    found = look_at(find_runs([tmp_path]))
    assert [run.state for run in found] == [OVER, FAILED, STOPPED, DEAD, ENDING]
    assert [run.can_be_resumed for run in found] == [False, False, True, True, False]
    assert found[2].scet == "2021-02-18T20:26:30.000Z"
    assert [run.path for run in look_at(find_runs([tmp_path / "latest"]))] == [str(tmp_path / "latest")]


def test_a_journal_that_is_none_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "journal").write_text("something else")
    assert look_at(find_runs([tmp_path])) == []


def test_what_can_be_resumed_is_told_with_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = killed(tmp_path / "x")
    left(tmp_path / "y", digest="d")
    assert said(capsys, "ps", tmp_path).splitlines() == [
        f"{path}  ticks  dead",
        f"  go on with it: lightlag launch --resume {path}",
    ]
    assert f"{tmp_path / 'y'}  ticks  over, 2021-02-18T20:27:00.000Z SCET" in said(capsys, "ps", "-a", tmp_path)


def test_nothing_to_tell_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ps", str(tmp_path)]) == 0
    assert "start one with: lightlag launch GRAPH" in capsys.readouterr().err
    left(tmp_path / "y", digest="d")
    assert cli.main(["ps", str(tmp_path)]) == 0
    assert "1 are over: lightlag ps -a" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--in-process",), ("--processes", "2")])
def test_a_live_run_tells_how_far_and_how_fast_it_is_and_ends_when_it_is_stopped(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    with launched(tmp_path, "--speed", "2x", *words) as process:
        assert until(lambda: answers(run) or process.poll() is not None), (tmp_path / "said").read_text()
        (told,) = json.loads(said(capsys, "ps", run, "--json"))["runs"]
        assert (told["state"], told["graph"], told["can_be_resumed"]) == (LIVE, "ticks", False)
        assert told["until"] == "2021-02-18T20:27:00.000Z"
        assert 0 <= told["done"] < 1
        assert 0 < told["speed"] < 4
        processes = {it["name"]: it for it in told["processes"]}
        assert processes["launcher"]["pid"] == process.pid
        assert (
            processes.keys() == {"launcher"} if words == ("--in-process",) else {"launcher", "hub"} < processes.keys()
        )
        assert all(it["rss_mb"] > 10 for it in processes.values())
        assert "x real time" in said(capsys, "ps", run)
        assert f"{run} has ended" in said(capsys, "stop", run)
        assert process.wait(60) == 130
    assert json.loads((run / "summary.json").read_text())["interrupted"]


def test_a_run_that_is_killed_leaves_what_can_be_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    with launched(tmp_path, "--speed", "1x", "--processes", "2") as process:
        assert until(lambda: answers(run) or process.poll() is not None), (tmp_path / "said").read_text()
        assert "was killed" in said(capsys, "stop", run, "--now")
        assert process.wait(60) == -9
        (told,) = json.loads(said(capsys, "ps", run, "--json"))["runs"]
        assert (told["state"], told["can_be_resumed"]) == (DEAD, True)


def test_what_does_not_run_cannot_be_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stop", str(tmp_path)]) == 2
    assert "no run is alive" in capsys.readouterr().err
    with pytest.raises(RunError, match="to go on with it"):
        ask_to_end(killed(tmp_path / "x"))


def test_a_run_whose_hub_does_not_answer_is_told_with_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = left(tmp_path / "run")
    say_alive(directory.live, f"ipc://{tmp_path}/hub", "0")
    monkeypatch.setattr("lightlag.launch.look.runs._ANSWER_S", 0.05)
    first, *rest = said(capsys, "ps", tmp_path).splitlines()
    assert first.endswith("ticks  live, starting, or its hub does not answer")
    assert any(line.split()[:2] == ["launcher", str(os.getpid())] for line in rest)
