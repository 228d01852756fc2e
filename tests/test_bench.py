"""The benchmarks: each runs at a tiny size, checks its own work, and ends with the JSON that the table is made of."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def module(monkeypatch):
    """Imports a module of bench/, which is where its own imports look."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


@pytest.fixture
def bench(module, monkeypatch, capsys):
    """Runs a benchmark once, ours alone and in this process; its result."""

    def call(target, *arguments):
        name, function = target.split(":")
        return getattr(module(name), function)(*arguments)

    def run(name, *words):
        monkeypatch.setattr(module("alone"), "call", call)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *words, "--peer", "none", "--repeats", "1"])
        assert module(name).main() == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


def command(name, *words):
    asked = [sys.executable, str(BENCH / f"{name}.py"), *words]
    return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("name", "words", "unit"),
    [
        ("phold", ["--nodes", "4", "--size", "10"], "events/s"),
        ("ring", ["--processes", "0", "--nodes", "3", "--size", "20"], "hops/s"),
        ("timing", ["--processes", "0", "--nodes", "2", "--size", "20"], "steps/s"),
        ("relay", ["--processes", "0", "--size", "20"], "messages/s"),
        ("image", ["--processes", "0", "--size", "3"], "MB/s"),
        ("recording", ["--processes", "0", "--size", "20"], "messages/s"),
    ],
)
def test_a_benchmark_checks_its_work_and_ends_with_one_json_object(bench, name, words, unit):
    result = bench(name, *words)
    assert {"work", "config", "ours", "peer", "ratio", "repeats", "spread"} <= set(result)
    assert (result["work"], result["config"]["unit"], result["repeats"]) == (name, unit, 1)
    assert result["ours"] > 0
    assert result["spread"]["ours"] == [result["ours"], result["ours"]]
    assert (result["peer"], result["ratio"]) == (None, None)


def test_a_measurement_of_work_that_was_not_done_is_void(module):
    with pytest.raises(RuntimeError, match="hops: 19 where 20 was expected; the measurement is void"):
        module("harness").require("hops", 19, 20)


def test_the_token_goes_round_processes_and_bare_sockets_are_a_peer():
    ended = command("ring", "--processes", "2", "--peer", "raw", "--size", "50", "--repeats", "1", "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert (result["config"]["processes"], result["config"]["peer"]) == (2, "raw")
    assert result["ratio"] == pytest.approx(result["ours"] / result["peer"], rel=1e-3)


def test_the_peers_are_named_where_one_is_asked_for_that_does_not_exist():
    ended = command("relay", "--peer", "carrier-pigeon")
    assert ended.returncode == 2
    assert "--peer is 'carrier-pigeon'; it must be suite, tuned, none, or a HELICS configuration like" in ended.stderr


def test_a_bar_that_is_missed_stands_in_the_table_as_missed(module, monkeypatch, tmp_path):
    table = module("all")
    measured = {
        "title": "3 processes, tuned",
        "work": "relay",
        "config": {"unit": "messages/s", "peer": "tuned", "processes": 3},
        "ours": 4000,
        "peer": 1000,
        "ratio": 4.0,
        "repeats": 5,
        "spread": {"ours": [3900, 4100], "peer": [900, 1100]},
        "helics": "ipc+targeted",
        "helics_failures": {"early": 2},
    }
    machine = {"cores": 2, "processor": "any", "system": "any", "python": "3", "libraries": {}, "date": "2021-02-18"}
    kept = {"work": "relay", "machine": machine, "measurements": [measured]}
    (tmp_path / "relay.json").write_text(json.dumps(kept))
    monkeypatch.setattr(table, "_RESULTS", tmp_path)
    text = table.table()
    assert "| 3 processes, tuned (ipc+targeted) | 4,000 (3,900 to 4,100) messages/s |" in text
    assert "| 4.0 | 5 |  | **missed** |" in text
    assert "2 early" in text
    assert "**ring**: not measured yet" in text
