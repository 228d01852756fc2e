"""Finding commands: what help says of them, how quick it is to say it, and what a shell can complete."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lightlag.launch import cli
from lightlag.launch.command import completing, page
from lightlag.launch.command.calling import app_of
from lightlag.launch.command.completion import SCRIPTS, complete
from lightlag.launch.command.overview import EXIT_CODES
from lightlag.launch.command.table import BY_NAME, COMMANDS

ROOT = Path(__file__).parents[3]
#: What a page that only tells which commands there are need not import.
NEEDLESS = ("typer", "rich", "pydantic", "numpy", "zmq", "ruamel", "asyncio")


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(words) == 0
    return capsys.readouterr().out


def completed(*words: str) -> list[str]:
    return [line.partition("\t")[0] for line in complete(words)]


# -- help -------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command_under_its_heading_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "--help").splitlines()
    assert lines == said(capsys).splitlines()
    for heading, commands in COMMANDS.items():
        at = lines.index(heading)
        listed = [line.split()[0] for line in lines[at + 1 : at + 1 + len(commands)]]
        assert listed == [command.name for command in commands]
    assert all(any(line.split()[:1] == [code] for line in lines) for code, _ in EXIT_CODES)
    assert all(len(line) <= 80 for line in lines)


def test_help_imports_no_command_and_nothing_that_costs_time() -> None:
    script = (
        "import sys; from lightlag.launch.cli import main; main(['--help'])\n"
        f"print([name for name in {NEEDLESS!r} if name in sys.modules], file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".src")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", BY_NAME)
def test_what_the_table_says_of_a_command_is_how_its_own_help_begins(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    does = BY_NAME[name].does
    page_of_it = " ".join(said(capsys, name, "--help").split())
    assert len(does) <= 62
    assert f"Usage lightlag {name} " in page_of_it
    assert does.removesuffix(".") in page_of_it


def test_a_command_that_has_commands_lists_them_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "bag", "--help")
    assert "  recover  Make one recording of what a killed run has left, for any MCAP tool." in printed
    assert "Usage  lightlag bag diff A B [OPTIONS]" in said(capsys, "bag", "diff", "-h")


def test_a_page_of_help_has_arguments_options_with_their_values_and_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = said(capsys, "launch", "--help").splitlines()
    assert "  NAME:=VALUE  Arguments of the graph; see: lightlag show GRAPH --args" in lines
    assert "  --until DURATION         End after this long instead: 2h, 30min, '90 s'." in lines
    assert any(line.strip() == "[max]" for line in lines)


def test_help_that_is_behind_two_dashes_is_not_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "--", "--help"]) == 2
    assert "Usage  " not in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--version").startswith("lightlag 0.")


def test_a_command_that_is_none_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lanch", "mars2020"]) == 2
    assert capsys.readouterr().err == "error: there is no command 'lanch'; did you mean 'launch'?\n"
    assert cli.main(["xyzzy"]) == 2
    assert "all commands: lightlag --help" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["host"], ["hub", "--endpoint", "ipc://x"], ["host", "mars", "--speed", "1"]])
def test_a_process_of_a_run_that_is_called_wrongly_is_exit_code_2(words: list[str]) -> None:
    assert cli.main(words) == 2


# -- colour and columns -----------------------------------------------------------------------------------------------


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_unless_somebody_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert page.painted("late", "bold red", Screen()) == "\x1b[1;31mlate\x1b[0m"
    assert page.painted("late", "red", io.StringIO()) == "late"
    monkeypatch.setenv("NO_COLOR", "1")
    assert page.painted("late", "red", Screen()) == "late"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert page.painted("late", "red", Screen()) == "late"


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    assert page.table([("node", "records"), ("mro", "7"), ("goldstone", "1,200")], right=[1]) == [
        "node       records",
        "mro              7",
        "goldstone    1,200",
    ]
    assert page.table([("", ""), ("a", ""), ("bcd", "e")]) == ["a", "bcd  e"]


# -- completion -------------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a graph file and two runs, of which one is the latest."""
    monkeypatch.chdir(tmp_path)
    for name in ("20260101T000000Z-a", "20260102T000000Z-b"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "journal").touch()
    (tmp_path / "runs" / "latest").symlink_to("20260102T000000Z-b")
    (tmp_path / "mine.yaml").touch()
    return tmp_path


def test_commands_and_their_options_are_completed(here: Path) -> None:
    assert completed("wh")[0].startswith("wh")
    assert completed("") == list(BY_NAME)
    assert completed("bag", "re") == ["recover"]
    assert completed("launch", "--pro") == ["--processes"]
    assert completed("nothing", "") == []
    assert dict(line.split("\t") for line in complete(["bag", "diff", "--"]))["--json"].startswith("One JSON object")


def test_graphs_and_runs_are_completed(here: Path) -> None:
    assert {"mars2020", "mine.yaml"} <= set(completed("launch", "m"))
    assert completed("validate", "mi") == ["mine.yaml"]
    runs = ["runs/latest", "runs/20260102T000000Z-b", "runs/20260101T000000Z-a"]
    assert completed("bag", "info", "") == runs
    assert completed("topic", "echo", "--run", "=", "runs/l") == ["runs/latest"]
    assert "mro" in completing.node_types("m")


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_the_script_of_a_shell_is_understood_by_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    script = said(capsys, "completion", shell)
    subprocess.run([shell, "-n", "/dev/stdin"], input=script, text=True, check=True)


def test_bash_completes_what_is_typed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    typed = ["lightlag", "bag", "info", "runs/l"]
    asked = f'lightlag() {{ {sys.executable} -m lightlag "$@"; }}\nCOMP_WORDS=({" ".join(typed)}); COMP_CWORD=3\n'
    script = said(capsys, "completion", "bash") + asked + '_lightlag\necho "${COMPREPLY[@]}"\n'
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".src")}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "runs/latest\n"


def test_a_shell_that_is_none_of_these_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "tcsh"]) == 2
    assert "there is one for bash, fish, zsh" in " ".join(capsys.readouterr().err.split())


def test_a_command_is_an_app_by_itself() -> None:
    assert [info.name for info in app_of("why").registered_commands] == ["why"]
