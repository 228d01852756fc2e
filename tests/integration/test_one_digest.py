"""Ten runs, one digest: where nodes run, the order of a set and what else the machine does change nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.conftest import SHORT, RunFiles, run_here

ROOT = Path(__file__).parents[2]
CUT_SHORT = [f"{name}:={value}" for name, value in SHORT.items()]


def launched(path: Path, *words: str, hash_seed: int = 0) -> RunFiles:
    """A run of ``mars2020`` by the command line, in an interpreter of its own."""
    command = [str(Path(sys.executable).with_name("lightlag")), "launch", "mars2020", *words]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    ended = subprocess.run(
        [*command, "--quiet", "--no-report", "--run-dir", str(path)],
        cwd=path.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return RunFiles(path)


@pytest.fixture
def other_work():
    """A process that wants a core for itself."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        yield
        busy.kill()


def assert_same(one: RunFiles, two: RunFiles) -> None:
    """Not only the digest: who learnt what, every record, and what nodes logged."""
    assert one.summary["digest"] == two.summary["digest"]
    for count in ("emissions", "receptions", "losses"):
        assert one.summary[count] == two.summary[count]
    assert one.timeline == two.timeline
    assert (one.path / "run.mcap").read_bytes() == (two.path / "run.mcap").read_bytes()
    logs = sorted(path.name for path in (one.path / "logs").iterdir())
    assert logs == sorted(path.name for path in (two.path / "logs").iterdir())
    for name in logs:
        assert (one.path / "logs" / name).read_bytes() == (two.path / "logs" / name).read_bytes()


@pytest.mark.parametrize(
    ("placement", "hash_seed"),
    [
        ("--in-process", 1),
        pytest.param("--processes=1", 2, marks=pytest.mark.thorough),
        ("--processes=2", 3),
        ("--processes=4", 5),
    ],
)
def test_a_run_is_the_same_wherever_its_nodes_are(touchdown, tmp_path, placement, hash_seed):
    assert_same(touchdown, launched(tmp_path / "run", *CUT_SHORT, placement, hash_seed=hash_seed))


@pytest.mark.usefixtures("other_work")
def test_a_run_is_the_same_on_a_machine_with_other_work(touchdown, tmp_path):
    assert_same(touchdown, run_here(tmp_path / "run", SHORT))


@pytest.mark.usefixtures("other_work")
def test_processes_are_the_same_on_a_machine_with_other_work(touchdown, tmp_path):
    assert_same(touchdown, launched(tmp_path / "run", *CUT_SHORT, "--processes=2", hash_seed=7))


@pytest.mark.thorough
def test_the_whole_landing_is_the_same_in_four_processes(landing, tmp_path):
    spread = launched(tmp_path / "run", "--processes=4", hash_seed=8)
    assert spread.summary["processes"] == 4
    assert_same(landing, spread)
    for picture in landing.summary["pictures"]:
        assert (landing.path / picture["file"]).read_bytes() == (spread.path / picture["file"]).read_bytes()
