"""``lightlag show --svg``: a drawing on standard output or in a file, of an instant of the run."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from lightlag.launch import cli
from lightlag.launch.run.options import EXIT_BAD_INPUT

GRAPH = """
version: 1
name: two
args:
  rate: {type: data rate, default: 1 Mbit/s, help: what Hope sends at}
epoch: 2021-02-18T20:26:00Z
until: 10 min
nodes:
  hope: {type: hope, params: {xband: {rate_bps: "${rate}"}}}
  madrid: {type: ground-station, params: {station: DSS-63}}
channels:
  downlink: {medium: space, members: [madrid.xband], senders: [hope.xband]}
"""


@pytest.fixture
def graph(tmp_path: Path) -> str:
    path = tmp_path / "two.yaml"
    path.write_text(GRAPH)
    return str(path)


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["show", *words]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["show", *words]) == EXIT_BAD_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_a_drawing_is_an_svg_file_on_standard_output(graph: str, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = shown(capsys, graph, "--svg")
    assert ElementTree.fromstring(drawing).tag.endswith("svg")
    assert "places and light times at 2021-02-18 20:26:00 UTC" in drawing


def test_a_drawing_goes_to_a_file(graph: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "two.svg"
    assert shown(capsys, graph, "--svg", "-o", str(file)) == ""
    assert file.read_text(encoding="utf-8") == shown(capsys, graph, "--svg")


def test_arguments_are_in_the_drawing(graph: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ">8 kbit/s<" in shown(capsys, graph, "rate:=8 kbit/s", "--svg")


def test_an_instant_may_be_chosen(graph: str, capsys: pytest.CaptureFixture[str]) -> None:
    late = shown(capsys, graph, "--svg", "--at", "2021-02-18T20:36:00Z")
    assert "places and light times at 2021-02-18 20:36:00 UTC" in late
    assert late != shown(capsys, graph, "--svg")


@pytest.mark.parametrize("at", ["2021-02-18T20:25:59Z", "2021-02-18T20:36:01Z"])
def test_an_instant_outside_of_the_run_is_refused(graph: str, at: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, graph, "--svg", "--at", at)
    assert f"--at is {at}; the run of two lasts from 2021-02-18T20:26:00Z to 2021-02-18T20:36:00Z" in said


def test_an_instant_that_is_none_is_refused(graph: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--at: 'noon' is not a UTC instant" in refused(capsys, graph, "--svg", "--at", "noon")


def test_a_file_that_cannot_be_written_is_said(graph: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, graph, "--svg", "-o", str(tmp_path / "nowhere" / "two.svg"))
    assert "cannot be written: No such file or directory" in said


@pytest.mark.parametrize(
    "words", [["--at", "2021-02-18T20:30:00Z"], ["-o", "x.svg"], ["--svg", "--args"], ["--svg", "--resolved"]]
)
def test_options_that_do_not_go_together_are_refused(
    graph: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, graph, *words)
