"""How often a process is started again: as often as the graph says, unless the run is told otherwise."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.launch.run.test_runner import GRAPH, Watcher

from lightlag.bus.outcome import Outcome
from lightlag.launch.graph import load_graph
from lightlag.launch.run import runner
from lightlag.launch.run.options import RunOptions


@pytest.mark.parametrize(("asked", "restarts"), [(None, 3), (0, 0), (7, 7)])
def test_the_command_line_has_the_last_word(
    asked: int | None, restarts: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ticks.yaml").write_text(GRAPH + "restart: 3\n", encoding="utf-8")
    told: list[int] = []

    def supervisor(directory: object, **how: Any) -> SimpleNamespace:
        told.append(how["restarts"])
        return SimpleNamespace(run=lambda: Outcome(reached_ns=0))

    monkeypatch.setattr("lightlag.launch.run.processes.Supervisor", supervisor)
    world = SimpleNamespace(graph=load_graph(tmp_path / "ticks.yaml"))
    options = replace(RunOptions(processes=2), restarts=asked)
    runner._drive(world, tmp_path, options, lambda *_: None, lambda: False, Watcher())  # type: ignore[arg-type]
    assert told == [restarts]
