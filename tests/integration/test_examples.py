"""Every example runs as its first lines say, and does what the file of expected output beside it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
GRAPHS = sorted(EXAMPLES.glob("*/*.yaml"))


def launched(graph: Path, run_dir: Path, *placement: str) -> tuple[str, str]:
    """What the nodes logged, and the digest."""
    command = [sys.executable, "-m", "lightlag", "launch", str(graph), "-q", "--run-dir", str(run_dir)]
    ended = subprocess.run([*command, *placement], cwd=run_dir.parent, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    said = []
    for log in sorted((run_dir / "logs").glob("*.log")):
        for line in log.read_text().splitlines():
            record = json.loads(line)
            fields = "".join(f" {name}={value}" for name, value in record["fields"].items())
            said.append(f"{record['scet']} {log.stem}: {record['text']}{fields}\n")
    return "".join(said), json.loads((run_dir / "summary.json").read_text())["digest"]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda path: path.stem)
def test_an_example_says_what_it_should_in_every_placement(graph, tmp_path, request):
    if (graph.parent / "package.json").exists():
        request.getfixturevalue("javascript")
    said, digest = launched(graph, tmp_path / "one", "--in-process")
    assert said == graph.with_suffix(".out").read_text()
    assert launched(graph, tmp_path / "two", "--processes", "2") == (said, digest)


def test_there_are_examples():
    assert GRAPHS
