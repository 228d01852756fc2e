"""A graph with classes that only this process has runs in this process, and nowhere else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.integration.failing import Listener
from tests.launch.run.test_runner import Watcher

from lightlag.launch import Graph, InvalidGraph, build_graph, channel
from lightlag.launch.run.options import AUTO, RunOptions
from lightlag.launch.run.runner import run
from lightlag.nodes import Event, Node


@pytest.fixture
def graph() -> Graph:
    class Ticker(Node):
        ports = ("out",)

        async def run(self) -> None:
            while True:
                await asyncio.sleep(1.0)
                self.port["out"].send(Event("tick", self.now_ns, {}))

    return build_graph(
        name="ticks",
        epoch="2021-02-18T20:26:00Z",
        until="10 s",
        nodes={"ticker": Ticker, "listener": Listener},
        channels={"ticks": channel({"wire": {"latency": "2 ms"}}, ["listener.heard"], ["ticker.out"])},
    )


@pytest.mark.parametrize("processes", [None, AUTO])
def test_it_runs_here(processes: int | None, graph: Graph, tmp_path: Path) -> None:
    result = run(graph, RunOptions(processes=processes, run_dir=tmp_path / "run", report=False), Watcher())
    assert (result.failure, result.receptions, result.processes) == (None, 9, 1)


def test_it_is_not_spread_over_processes(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(InvalidGraph, match=r"is defined in this process, and no other could import it(.|\n)*a module"):
        run(graph, RunOptions(processes=2, run_dir=tmp_path / "run", report=False), Watcher())
