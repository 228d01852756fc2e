"""Broken graph files, each with the exact words that a user reads: NAME.yaml and NAME.txt in ``broken``.

A first line ``# run: seed:=x --until 2`` gives the words of the command line. To write the expected words of a new
case: ``LIGHTLAG_WRITE_EXPECTED=1 pytest tests/launch/graph/test_graph_broken.py``, and read them before they are kept.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from lightlag.launch import cli

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(path.stem for path in BROKEN.glob("*.yaml"))
FEWEST_CASES = 100


def words_of(case: Path) -> list[str]:
    found = re.match(rb"# run: (.*)\n", case.read_bytes())
    return shlex.split(found[1].decode()) if found else []


def test_there_is_a_corpus() -> None:
    assert len(CASES) >= FEWEST_CASES


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(BROKEN)
    monkeypatch.setattr("lightlag.launch.graph.nodes.names", lambda group: ["ground-station", "maven", "mro"])
    monkeypatch.setattr("lightlag.launch.graph.locate.names", lambda group: ["mars2020"])
    words = words_of(BROKEN / f"{name}.yaml")
    command = "launch" if "--until" in words else "validate"
    exit_code = cli.main([command, f"{name}.yaml", *words])
    printed = capsys.readouterr()
    expected = BROKEN / f"{name}.txt"
    if "LIGHTLAG_WRITE_EXPECTED" in os.environ:
        expected.write_text(printed.err, encoding="utf-8")
    assert exit_code == 2
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert printed.err == expected.read_text(encoding="utf-8")
