"""One landing of Perseverance, run once for all of these tests and read back from its run directory."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lightlag.bus.recording import Record, read
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.spec import Graph
from lightlag.launch.placement.world import World
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import run


@dataclass(frozen=True)
class RunFiles:
    """What a run left behind."""

    path: Path

    @cached_property
    def graph(self) -> Graph:
        return load_graph(self.path / "graph.resolved.yaml")

    @cached_property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.path / "summary.json").read_text())

    @cached_property
    def timeline(self) -> list[dict[str, str]]:
        with (self.path / "timeline.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def records(self) -> list[Record]:
        return list(read(self.path / "run.mcap"))

    @cached_property
    def receptions(self) -> list[tuple[str, dict[str, Any]]]:
        """(receiver, header and message) of every reception, in order."""
        return [(it.topic.split("/")[1], it.data) for it in self.records if it.topic.count("/") == 3]

    @cached_property
    def losses(self) -> list[tuple[str, dict[str, Any]]]:
        """(receiver, header and reason) of every loss, in order."""
        return [(it.topic.split("/")[1], it.data) for it in self.records if it.topic.endswith("/lost")]

    def log(self, node: str) -> list[dict[str, Any]]:
        """The lines of a node's log."""
        return [json.loads(line) for line in (self.path / "logs" / f"{node}.log").read_text().splitlines()]

    def learnt(self, event: str, receiver: str) -> Mapping[str, str]:
        """How a receiver learnt of an event."""
        return next(row for row in self.timeline if (row["event"], row["receiver"]) == (event, receiver))

    def t_ns(self, utc: str) -> int:
        """Run time of a UTC instant."""
        return self.graph.epoch.t_ns(utc)


#: The last minute of the descent and the touchdown, until Earth has heard of it.
SHORT = {"epoch": "2021-02-18T20:43:00Z", "duration": "12.5 min", "picture": "false"}


def run_here(path: Path, arguments: Mapping[str, str], graph: str = "mars2020") -> RunFiles:
    """A run of a graph in this process."""
    shown = io.StringIO()
    run(load_graph(graph, arguments), RunOptions(run_dir=path, report=False), PlainDisplay(shown))
    (path / "shown.txt").write_text(shown.getvalue())
    return RunFiles(path)


def run_once(
    factory: pytest.TempPathFactory, name: str, arguments: Mapping[str, str], graph: str = "mars2020"
) -> RunFiles:
    """The same for all who ask; with several test workers, the first that asks runs it."""
    shared = factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / name / "shown.txt").exists():
            run_here(shared / name, arguments, graph)
    return RunFiles(shared / name)


@pytest.fixture(scope="session")
def landing(tmp_path_factory) -> RunFiles:
    """``mars2020`` as it ships."""
    return run_once(tmp_path_factory, "landing", {})


@pytest.fixture(scope="session")
def touchdown(tmp_path_factory) -> RunFiles:
    """``mars2020`` cut short."""
    return run_once(tmp_path_factory, "touchdown", SHORT)


@pytest.fixture(scope="session")
def world(landing) -> World:
    """The same nodes, trajectories and media once more, to look at."""
    return World(landing.graph)


@pytest.fixture(scope="session")
def flown(reference) -> dict[str, dict[str, Any]]:
    """Published events of the real landing by id."""
    record = YAML(typ="safe").load(reference / "mars2020_edl.yaml")
    return {event["id"]: event for event in record["events"]}
