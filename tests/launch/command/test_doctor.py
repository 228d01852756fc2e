"""``lightlag doctor``: what is wrong with a machine is found, and told with what to do."""

from __future__ import annotations

import json
import os
import socket
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from tests.launch.command.runs import left

from lightlag.launch import cli
from lightlag.launch.command import testing
from lightlag.launch.graph import plugins
from lightlag.launch.look import health
from lightlag.launch.look.health import FAIL, OK, WARN, look


@pytest.fixture(autouse=True)
def sockets(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of these tests' own for sockets: other runs of this machine are none of their business."""
    folder = Path(os.path.realpath(f"/tmp/doctor-{os.getpid()}"))
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(health, "_SOCKETS", folder)
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def found(tmp_path: Path) -> dict[str, list[health.Finding]]:
    by_what: dict[str, list[health.Finding]] = {}
    for finding in look(tmp_path):
        by_what.setdefault(finding.what, []).append(finding)
    return by_what


def test_this_machine_is_well(tmp_path: Path) -> None:
    by_what = found(tmp_path)
    assert not [it for findings in by_what.values() for it in findings if it.level == FAIL]
    assert "Mars to Earth at 2021-02-18T20:43:49.64Z: 682.314 s" in by_what["ephemeris"][0].text
    assert "numpy 2." in by_what["packages"][-1].text


def test_the_page_has_a_line_for_each_and_data_says_how_many_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok    python      3.")
    assert cli.main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["failing"] == 0
    assert {it["what"] for it in told["findings"]} >= {"python", "sockets", "ephemeris", "runs"}


def test_a_node_type_that_cannot_be_imported_fails_and_is_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = EntryPoint("broken", "tests.launch.fixtures.unimportable:Node", plugins.NODES)
    monkeypatch.setattr(plugins, "node_types", lambda: [broken])
    monkeypatch.setattr(plugins, "_entry", lambda group, name: broken)
    assert cli.main(["doctor"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "fail node types broken: tests.launch.fixtures.unimportable:Node cannot be imported" in printed
    assert "mend tests" in printed


def test_sockets_that_a_killed_run_has_left_are_found(tmp_path: Path, sockets: Path) -> None:
    for name in ("ll-dead", "ll-live"):
        (sockets / name).mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(sockets / "ll-dead" / "hub"))
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(sockets / "ll-live" / "hub"))
        live.listen()
        told = found(tmp_path)["sockets"]
    assert [it.level for it in told] == [OK, WARN]
    assert told[1].advice == f"rm -r {sockets / 'll-dead'}"


def test_a_folder_for_sockets_that_is_not_there_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_SOCKETS", tmp_path / "nowhere")
    (told,) = found(tmp_path)["sockets"]
    assert (told.level, "none can be made" in told.text) == (FAIL, True)


def test_runs_that_did_not_come_to_their_end_are_named(tmp_path: Path) -> None:
    left(tmp_path / "a", simulated_s=1.0)
    (told,) = found(tmp_path)["runs"]
    assert (told.level, told.advice) == (WARN, "go on: lightlag launch --resume RUN")
    assert str(tmp_path / "a") in told.text


@pytest.mark.parametrize(
    ("name", "value", "what", "level"),
    [
        ("_OWLT_S", 600.0, "ephemeris", FAIL),
        ("_PYTHON", (9, 0), "python", FAIL),
        ("_LEAST_MEMORY_MB", 1e12, "memory", WARN),
        ("_LEAST_DISK_MB", 1e12, "disk", WARN),
        ("requires", lambda name: ["no-such-package>=1; python_version > '3'", "x; extra == 'dev'"], "packages", FAIL),
    ],
)
def test_what_is_not_as_it_must_be_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: object, what: str, level: str
) -> None:
    monkeypatch.setattr(health, name, value)
    told = found(tmp_path)[what][0]
    assert told.level == level
    assert told.advice


def test_a_look_that_fails_itself_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "version", lambda name: 1 / 0)
    (told,) = found(tmp_path)["packages"]
    assert (told.level, told.text) == (FAIL, "ZeroDivisionError: division by zero")


# -- lightlag test ----------------------------------------------------------------------------------------------------


def test_words_for_pytest_are_handed_on_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(testing.os, "execv", lambda program, words: called.append(words))
    assert cli.main(["test", "tests/test_relay.py", "-x", "-k", "occulted", "--maxfail=2"]) == 0
    assert called == [[sys.executable, "-m", "pytest", "tests/test_relay.py", "-x", "-k", "occulted", "--maxfail=2"]]


def test_without_pytest_it_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(testing.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["test"]) == 2
    assert "pip install 'lightlag[test]'" in capsys.readouterr().err
