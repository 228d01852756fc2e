"""Runs a graph: places its nodes, drives it to the end, and leaves the run directory readable, come what may."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from lightlag.bus.errors import LightlagError
from lightlag.bus.hub import Outcome
from lightlag.bus.memory import run_in_memory

from .closing import conclude
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
    with _interruptible() as stopping:  # the closing work too: one Ctrl-C must not spoil the files
        try:
            outcome = _drive(world, groups, directory, options, watch, stopping.asked)
        except LightlagError as error:  # what was recorded until then is kept
            broken, outcome = error, Outcome(reached_ns=timeline.frontier_ns)
        if fresh := timeline.add([], outcome.reached_ns):
            observer.learnt(fresh)
        timeline.write(directory.timeline, graph.epoch)
        result = conclude(graph, options, directory, outcome, groups, begun, broken)
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


class _Stopping:
    """Whether somebody asked for the end; the second time it is a KeyboardInterrupt at once."""

    def __init__(self) -> None:
        self._count = 0

    def asked(self) -> bool:
        return self._count > 0

    def press(self, signum: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            raise KeyboardInterrupt
        sys.stderr.write("\nending the run gracefully; press again to stop at once\n")


@contextmanager
def _interruptible() -> Iterator[_Stopping]:
    """Ctrl-C, a terminal that closes and a polite kill all ask for the end."""
    stopping = _Stopping()
    before = {
        number: signal.signal(number, stopping.press) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
