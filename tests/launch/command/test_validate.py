"""What ``lightlag validate`` tells people and editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lightlag.launch import cli

NODES = "tests.launch.fixtures.nodes"
HEAD = "version: 1\nname: x\nepoch: 2021-02-18T20:26:00Z\nuntil: 40 min\n"


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, Any]]]:
    code = cli.main(["validate", *words, "--format", "json"])
    printed = capsys.readouterr()
    assert printed.err == ""
    return code, json.loads(printed.out)


def test_errors_are_data_for_an_editor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"{HEAD}nodes:\n  a: {{type: '{NODES}:Beacon', joins: 1 s}}\n", encoding="utf-8")
    code, found = told([str(path), "sed:=1"], capsys)
    assert code == 2
    assert found == [
        {
            "file": None,
            "line": None,
            "column": None,
            "end_column": None,
            "severity": "error",
            "message": "unknown argument 'sed'",
            "hints": ["this graph has no arguments"],
        },
        {
            "file": str(path),
            "line": 6,
            "column": 51,
            "end_column": 56,
            "severity": "error",
            "message": "unknown key 'joins' in node 'a'",
            "hints": ["expected one of: type, params, join, leave, exec, folder", "did you mean 'join'?"],
        },
    ]


def test_a_warning_is_data_too_and_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"{HEAD}nodes:\n  one: {{type: '{NODES}:Station', params: {{station: x}}}}\n", encoding="utf-8")
    code, found = told([str(path)], capsys)
    assert code == 0
    assert [(it["severity"], it["line"], it["column"], it["end_column"]) for it in found] == [("warning", 6, 3, 6)]
    assert found[0]["message"] == "one.xband is on no channel; what it sends is heard by nobody"


def test_a_radio_that_a_type_has_and_the_graph_has_no_use_for_is_no_loose_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = "trajectory: {site: {body: mars, latitude: 1 deg, longitude: 2 deg}}"
    joined = "channels:\n  sky: {medium: space, members: [one.uhf]}\n"
    path = tmp_path / "x.yaml"
    path.write_text(f"{HEAD}nodes:\n  one: {{type: lander, params: {{{site}}}}}\n{joined}", encoding="utf-8")
    assert told([str(path)], capsys) == (0, [])
    given = f"{site}, xband: {{rate_bps: 1 kbit/s}}"
    path.write_text(f"{HEAD}nodes:\n  one: {{type: lander, params: {{{given}}}}}\n{joined}", encoding="utf-8")
    assert [it["message"].partition(" ")[0] for it in told([str(path)], capsys)[1]] == ["one.xband"]


def test_an_error_in_an_included_file_names_that_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "part.yaml").write_text("version: 1\nnodes: {a: {type: teapot}}\n", encoding="utf-8")
    path = tmp_path / "x.yaml"
    path.write_text(f"{HEAD}include:\n  - {{graph: part.yaml, prefix: east}}\n", encoding="utf-8")
    _, found = told([str(path)], capsys)
    assert found[0]["file"] == str(tmp_path / "part.yaml")
    assert found[0]["hints"][-1] == f"included as 'east' at {path}:6:13"


def test_what_is_no_graph_at_all_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = told(["no_such_graph"], capsys)
    assert code == 2
    assert found[0]["message"] == "unknown graph 'no_such_graph'"


def test_a_right_graph_without_loose_ends_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(["mars2020"], capsys) == (0, [])


def test_in_words_warnings_go_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"{HEAD}nodes:\n  one: {{type: '{NODES}:Station', params: {{station: x}}}}\n", encoding="utf-8")
    assert cli.main(["validate", str(path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == "x is right: 1 node, 0 channels\n"
    assert printed.err == "warning: one.xband is on no channel; what it sends is heard by nobody\n"


def test_another_form_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "mars2020", "--format", "xml"]) == 2
    assert "--format is 'xml'; give text or json" in capsys.readouterr().err


def test_a_channel_in_space_on_which_nobody_is_tuned_to_anybody_is_a_loose_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = "trajectory: {site: {body: mars, latitude: 1 deg, longitude: 2 deg}}"
    path = tmp_path / "x.yaml"
    nodes = "".join(f"  {name}: {{type: lander, params: {{{site}}}}}\n" for name in ("one", "two"))
    path.write_text(
        f"{HEAD}nodes:\n{nodes}channels:\n  sky: {{medium: space, members: [one.uhf, two.uhf]}}\n", encoding="utf-8"
    )
    code, found = told([str(path)], capsys)
    assert code == 0
    assert [(it["line"], it["message"]) for it in found] == [
        (9, "nobody on sky hears anybody: no radio there is tuned to what another sends")
    ]


def test_a_trajectory_in_a_file_that_is_not_there_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    flown = "{type: spacecraft, params: {trajectory: {oem: {file: lost.oem}}}}"
    path.write_text(
        f"{HEAD}nodes:\n  one: {flown}\nchannels:\n  sky: {{medium: space, members: [one.uhf]}}\n", encoding="utf-8"
    )
    code, found = told([str(path)], capsys)
    assert code == 2
    assert [(it["line"], it["message"].split("'")[0]) for it in found] == [(6, "one: there is no file ")]


def test_a_class_that_raises_is_told_as_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "moody.py").write_text(
        "from lightlag.nodes import Radio\nfrom lightlag.orbiters.spacecraft import Spacecraft\n\n"
        "class Moody(Spacecraft):\n    uhf: Radio\n\n"
        "    def __init__(self, name, params=None):\n        raise ValueError('not today')\n",
        encoding="utf-8",
    )
    path = tmp_path / "x.yaml"
    site = "trajectory: {site: {body: mars, latitude: 1 deg, longitude: 2 deg}}"
    path.write_text(
        f"{HEAD}nodes:\n  one: {{type: 'moody:Moody', params: {{{site}}}}}\n"
        "channels:\n  sky: {medium: space, members: [one.uhf]}\n",
        encoding="utf-8",
    )
    code, (found,) = told([str(path)], capsys)
    assert (code, found["line"]) == (2, 6)
    assert found["message"] == "one: moody:Moody raises ValueError before the run begins: not today"
