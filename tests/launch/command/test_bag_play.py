"""``lightlag bag play`` and ``bag export``: a recording once more, and for other programs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.launch.command.test_bag import finished, killed

from lightlag.bus.time import NS_PER_S
from lightlag.launch import cli
from lightlag.launch.command import bag_play
from lightlag.launch.look.recorded import open_recorded
from lightlag.launch.look.rows import COLUMNS, cell, columns


def said(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["bag", *map(str, words)]) == 0
    return capsys.readouterr().out


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return finished(tmp_path / "run")


# -- play -------------------------------------------------------------------------------------------------------------


def test_a_recording_is_played_in_the_words_of_topic_echo(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played = said(capsys, "play", run)
    assert cli.main(["topic", "echo", "--run", str(run)]) == 0
    assert played == capsys.readouterr().out


def test_what_is_played_can_be_chosen_by_topic_and_time(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = objects(said(capsys, "play", run, "--topic", "/mro/*", "--from", "2s", "--until", "4s", "--json"))
    assert [(it["topic"], it["t_ns"]) for it in some] == [
        ("/mro/log", 2 * NS_PER_S),
        ("/mro/uhf/test.bagged", 2 * NS_PER_S),
        ("/mro/uhf/test.bagged", 3 * NS_PER_S),
    ]


def test_a_recording_is_played_at_its_pace(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Receptions from 1 s to 5 s at mro, at twice their speed: two seconds of a clock that goes by sleeping."""
    clock = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    class Clocked(bag_play.Pace):
        def __init__(self, speed: float | None) -> None:
            super().__init__(speed, lambda: clock[0])

    monkeypatch.setattr(bag_play, "Pace", Clocked)
    monkeypatch.setattr(bag_play.time, "sleep", sleep)
    assert len(said(capsys, "play", run, "--speed", "2x", "--topic", "/mro/uhf/*", "--json").splitlines()) == 5
    assert sum(slept) == pytest.approx(2.0, abs=0.02)
    assert max(slept) <= 0.1
    slept.clear()
    said(capsys, "play", run, "--speed", "max")
    assert slept == []


@pytest.mark.parametrize("words", [["--speed", "fast"], ["--from", "soon"]])
def test_what_cannot_be_played_is_exit_code_2(run: Path, words: list[str]) -> None:
    assert cli.main(["bag", "play", str(run), *words]) == 2


# -- export -----------------------------------------------------------------------------------------------------------


def test_a_table_has_a_row_for_every_reception_and_loss(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = list(csv.DictReader(io.StringIO(said(capsys, "export", run))))
    assert len(table) == 18  # 15 receptions, 3 losses; the line of a log is neither
    assert tuple(table[0])[: len(COLUMNS)] == COLUMNS
    first = table[0]
    assert (first["what"], first["receiver"], first["source"], first["seq"]) == ("received", "mro", "rover", "1")
    assert (first["sent_scet"], first["received_ert"]) == (
        "2021-02-18T20:26:00.500000000Z",
        "2021-02-18T20:26:01.000000000Z",
    )
    assert (first["sent_ns"], first["t_ns"], first["light_time_s"]) == ("500000000", "1000000000", "0.5")
    assert (first["message.range_km"], first["message.samples"]) == ("1.0", "array of <f8 4")
    lost = next(row for row in table if row["what"] == "lost")
    assert (lost["receiver"], lost["reason"], lost["message.range_km"]) == ("hope", "not_tuned", "")


def test_json_has_an_object_a_line_and_arrays_whole(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = objects(said(capsys, "export", run, "--format", "json", "--topic", "/mro/*"))
    assert [it["seq"] for it in told] == [1, 2, 3, 4, 5]
    assert told[0]["message.samples"].keys() == {"dtype", "shape", "data"}
    assert told[0]["reason"] is None


def test_a_file_is_written_whole_or_not_at_all(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capsys, "export", run, "-o", tmp_path / "all.csv")
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 19
    monkeypatch.setattr("lightlag.launch.look.rows.row", lambda *_: (_ for _ in ()).throw(OSError("disk is full")))
    assert cli.main(["bag", "export", str(run), "-o", str(tmp_path / "more.csv")]) == 2
    assert "error: disk is full" in capsys.readouterr().err
    assert not list(tmp_path.glob("*more.csv*"))


def test_a_run_that_was_killed_can_be_exported_too(tmp_path: Path) -> None:
    bag = open_recorded(killed(tmp_path / "run").path)
    assert columns(bag)[len(COLUMNS) :] == ["message.range_km", "message.samples", "message.name"]


def test_a_format_that_is_none_and_a_topic_without_records_are_told(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bag", "export", str(run), "--format", "xml"]) == 2
    assert "formats: csv, json" in " ".join(capsys.readouterr().err.split())
    assert cli.main(["bag", "export", str(run), "--topic", "/nobody/*"]) == 2
    assert "nothing was recorded on '/nobody/*'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, ""),
        (True, "true"),
        ([1, 2], "[1, 2]"),
        ({"dtype": "<u2", "shape": [2, 3], "data": ""}, "array of <u2 2x3"),
    ],
)
def test_a_cell_holds_what_a_table_can(value: object, told: str) -> None:
    assert cell(value) == told
