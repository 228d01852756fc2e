"""What went wrong on purpose stands in the report, and who did it is no place on the page."""

from __future__ import annotations

import pytest
from tests.launch.fixtures.graphs import TICKS

from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.simulation import Simulation
from lightlag.nodes.events import Event

FAULTS = """
faults:
  - {drop: {from: ticker, to: "*", p: 0.5}, from: 5 s, for: 5 s}
  - {crash: ticker, at: 15 s}
"""


@pytest.fixture
def page(tmp_path):
    def made(text: str) -> str:
        (tmp_path / "ticks.yaml").write_text(text)
        with Simulation(load_graph(tmp_path / "ticks.yaml"), tmp_path / "run") as sim:
            sim.run(until="2 s")
            sim.send("listener.heard", Event("hello", 0, {}))
            sim.run()
            return sim.conclude().report.read_text()

    return made


def test_every_fault_has_its_bar_with_whom_it_concerned_and_when(page):
    told = page(TICKS + FAULTS)
    assert "What went wrong on purpose" in told
    assert "drop-1: ticker → listener, 20:26:05 to 20:26:10" in told
    assert "crash-1: ticker, 20:26:15 to the end of the run" in told
    assert "2 faults stood in this run; " in told


def test_who_acts_from_outside_is_no_place(page):
    assert "@operator" not in page(TICKS + FAULTS)


def test_a_run_in_which_nothing_went_wrong_does_not_speak_of_it(page):
    assert "on purpose" not in page(TICKS)
