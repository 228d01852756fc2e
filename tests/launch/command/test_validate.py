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
