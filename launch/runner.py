"""Runs a graph: places its nodes, drives it to the end, and leaves the run directory readable, come what may."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import FrameType
from typing import Any

from lightlag.bus.digest import run_digest
from lightlag.bus.errors import LightlagError
from lightlag.bus.fingerprint import arithmetic_fingerprint
from lightlag.bus.hub import Outcome
from lightlag.bus.memory import run_in_memory
from lightlag.bus.recording import merge
from lightlag.bus.shell import peak_rss_kb
from lightlag.bus.time import NS_PER_S

from .options import Observer, RunOptions, RunResult
from .placement import Groups, place
from .rundir import HostFiles, RunDirectory
from .spec import Graph
from .timeline import Timeline
from .world import World

_IN_PROCESS = "all"


def run(graph: Graph, options: RunOptions, observer: Observer) -> RunResult:
    """Run a graph to its end, to the failure of a node, or to Ctrl-C.

    Raises:
        GraphError: the graph cannot run; nothing was started.
        RunError: a host process died.
    """
    begun = time.perf_counter()
    world = World(graph)
    world.check()
    groups = place(world, options.processes) if options.processes else [sorted(world.nodes)]
    directory = RunDirectory.create(graph.name, options.run_dir)
    directory.graph.write_text(graph.to_yaml(), encoding="utf-8")
    observer.started(graph, directory.path)
    timeline = Timeline()

    def watch(frontier_ns: int, news: list[tuple[Any, ...]]) -> None:
        if fresh := timeline.add(news, frontier_ns):
            observer.learnt(fresh)
        observer.progress(frontier_ns)

    broken: LightlagError | None = None
    try:
        with _interruptible() as stopping:
            outcome = _drive(world, groups, directory, options, watch, stopping.asked)
    except LightlagError as error:  # what was recorded until then is kept
        broken, outcome = error, Outcome(reached_ns=timeline.frontier_ns)
    if fresh := timeline.add([], outcome.reached_ns):
        observer.learnt(fresh)
    result = _conclude(world, options, directory, outcome, timeline, groups, begun, broken)
    observer.finished(result)
    return result


def _drive(
    world: World,
    groups: Groups,
    directory: RunDirectory,
    options: RunOptions,
    watch: Callable[[int, list[tuple[Any, ...]]], None],
    stopping: Callable[[], bool],
) -> Outcome:
    if options.processes:
        from .processes import run_in_processes

        return run_in_processes(world, groups, directory, record=options.record, watch=watch, stopping=stopping)
    files = HostFiles(directory, _IN_PROCESS, world.graph.epoch, record=options.record)
    try:
        host = world.host(_IN_PROCESS, groups[0])
        return run_in_memory([host], world.coordinator(groups), write=files.write, watch=watch, stopping=stopping)
    finally:
        files.close()


def _conclude(
    world: World,
    options: RunOptions,
    directory: RunDirectory,
    outcome: Outcome,
    timeline: Timeline,
    groups: Groups,
    begun: float,
    broken: LightlagError | None,
) -> RunResult:
    """Write what is left to write: timeline, recording, summary, report."""
    graph, failure = world.graph, outcome.failure
    whole = failure is None and broken is None and not outcome.interrupted
    digest = run_digest(outcome.chains) if whole else ""
    timeline.write(directory.timeline, graph.epoch)
    products = directory.products()
    pictures = [{"file": f"pictures/{product['name']}", **_times(product["facts"])} for product in products]
    if options.record:
        metadata = {
            "graph": graph.name,
            "seed": str(graph.seed),
            "epoch": graph.epoch.utc(0, digits=9),
            "digest": digest,
            "fingerprint": arithmetic_fingerprint(),
            "lightlag": version("lightlag"),
        }
        cut = graph.epoch.unix_ns(failure.t_ns) if failure else None
        merge(sorted(directory.parts.glob("*.mcap")), directory.recording, metadata, cut)
    told = None
    if failure is not None:
        told = f"{failure.node} failed at {graph.epoch.utc(failure.t_ns)} SCET\n{failure.traceback}"
    elif broken is not None:
        told = str(broken)
    hosts_kb = outcome.peak_rss_kb if options.processes else 0
    summary: dict[str, Any] = {
        "graph": graph.name,
        "seed": graph.seed,
        "epoch": graph.epoch.utc(0),
        "digest": digest,
        "fingerprint": arithmetic_fingerprint(),
        "simulated_s": outcome.reached_ns / NS_PER_S,
        "wall_s": 0.0,
        "peak_rss_mb": 0.0,
        "processes": len(groups) if options.processes else 1,
        "groups": groups,
        "emissions": outcome.tally.emissions,
        "receptions": outcome.tally.receptions,
        "losses": dict(sorted(outcome.tally.losses.items())),
        "pictures": pictures,
        "interrupted": outcome.interrupted,
        "failure": told,
    }
    _measure(summary, begun, hosts_kb)
    if options.report and options.record:
        from .report import write_report

        write_report(directory, graph, summary, products)
        _measure(summary, begun, hosts_kb)
    directory.summary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    if broken is None:
        directory.discard_parts()
    return RunResult(
        digest=digest,
        emissions=outcome.tally.emissions,
        receptions=outcome.tally.receptions,
        losses=summary["losses"],
        wall_s=summary["wall_s"],
        simulated_s=summary["simulated_s"],
        peak_rss_mb=summary["peak_rss_mb"],
        processes=summary["processes"],
        run_dir=directory.path,
        report=directory.report if directory.report.exists() else None,
        failure=told,
        interrupted=outcome.interrupted,
        pictures=pictures,
    )


def _measure(summary: dict[str, Any], begun: float, hosts_kb: int) -> None:
    summary["wall_s"] = round(time.perf_counter() - begun, 3)
    summary["peak_rss_mb"] = round((peak_rss_kb() + hosts_kb) / 1024, 1)


def _times(facts: dict[str, Any]) -> dict[str, str]:
    return {key: facts[key] for key in ("taken_scet", "complete_ert") if key in facts}


class _Stopping:
    """Whether Ctrl-C was pressed; the second time it is a KeyboardInterrupt at once."""

    def __init__(self) -> None:
        self._count = 0

    def asked(self) -> bool:
        return self._count > 0

    def press(self, signum: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            raise KeyboardInterrupt


@contextmanager
def _interruptible() -> Iterator[_Stopping]:
    stopping = _Stopping()
    before = signal.signal(signal.SIGINT, stopping.press)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, before)
