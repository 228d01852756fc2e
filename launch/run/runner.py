"""Runs a graph: places its nodes, drives it to the end, and leaves the run directory readable, come what may."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from lightlag.bus.errors import GraphError, LightlagError
from lightlag.bus.journal import read_facts
from lightlag.bus.outcome import Outcome
from lightlag.launch.graph.spec import Graph
from lightlag.launch.placement.placing import Groups, choose, place
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import is_alive

from .beginning import begin_journal, begun_graph
from .closing import conclude
from .inprocess import InProcess
from .options import AUTO, Observer, RunOptions, RunResult
from .remote import groups_apart
from .timeline import Timeline
from .watchdog import Watchdog, explaining


def run(graph: Graph, options: RunOptions, observer: Observer) -> RunResult:
    """Run a graph to its end, to the failure of a node, or to Ctrl-C.


    Raises:
        GraphError: the graph cannot run; nothing was started.
        RunError: a process ended by an error of its own, or was killed too often.
    """
    begun = time.perf_counter()
    world = World(graph)
    world.check()
    groups = _groups(world, options)
    options = replace(options, processes=len(groups) if groups else None)
    directory = RunDirectory.create(graph.name, options.run_dir)
    directory.graph.write_text(graph.to_yaml(), encoding="utf-8")
    begin_journal(
        graph,
        groups or [sorted(world.nodes)],
        directory,
        processes=groups is not None,
        record=options.record,
        mixed=options.mixed,
    )
    return _run(world, directory, options, observer, begun)


def _groups(world: World, options: RunOptions) -> Groups | None:
    """Which nodes run together, in processes of their own; None: all in this process."""
    if options.processes is None:
        return None
    if only_here := world.graph.only_here:
        if options.processes == AUTO and not world.graph.machines:
            return None
        name = only_here[0]
        raise world.graph.error(
            f"nodes.{name}",
            f"{world.graph.nodes[name].type} is defined in this process, and no other could import it",
            "put the class into a module and import it from there, or run the graph in this process",
        )
    if (groups := groups_apart(world, options.processes or 1)) is not None:
        return groups
    if options.processes == AUTO:
        return choose(world, len(os.sched_getaffinity(0))).groups
    return place(world, options.processes)


def resume(run_dir: Path, options: RunOptions, observer: Observer) -> RunResult:
    """Go on with a run that was interrupted or killed, from where its journal ends.

    Hosts go through their past again, so that the end is that of a run which nothing has disturbed. How the run was
    placed and whether it records is in the journal; ``options`` says the rest.

    Raises:
        GraphError: there is no such run, or it has come to its end.
    """
    begun = time.perf_counter()
    directory = RunDirectory(run_dir)
    if not directory.journal.is_file():
        raise GraphError(f"{run_dir} holds no run: it has no journal; see the folders under runs/")
    if directory.live.exists() and is_alive(directory.live):
        raise GraphError(f"{run_dir} is running; stop it first, or see: lightlag why {run_dir}")
    if directory.has_digest():
        raise GraphError(f"{run_dir} has come to its end; there is nothing to resume")
    directory.clear()
    facts = read_facts(directory.journal)
    world = World(begun_graph(directory, facts))
    options = replace(options, processes=len(facts["groups"]) if facts["processes"] else None, record=facts["record"])
    return _run(world, directory, options, observer, begun)


def _run(
    world: World,
    directory: RunDirectory,
    options: RunOptions,
    observer: Observer,
    begun: float,
) -> RunResult:
    graph = world.graph
    observer.started(graph, directory.path)
    timeline = Timeline()
    watchdog = Watchdog(directory.path, observer.noticed, options.watchdog_s)

    def watch(frontier_ns: int, news: list[tuple[Any, ...]]) -> None:
        if fresh := timeline.add(news, frontier_ns):
            observer.learnt(fresh)
        observer.progress(frontier_ns)
        watchdog.watch(frontier_ns)

    broken: LightlagError | None = None
    with _interruptible() as stopping:  # the closing work too: one Ctrl-C must not spoil the files
        try:
            with explaining(watchdog):
                outcome = _drive(world, directory, options, watch, stopping.asked, observer)
        except LightlagError as error:  # what was recorded until then is kept
            broken, outcome = error, Outcome(reached_ns=timeline.frontier_ns)
        if fresh := timeline.add([], outcome.reached_ns):
            observer.learnt(fresh)
        timeline.write(directory.timeline, graph.epoch)
        facts = read_facts(directory.journal)
        result = conclude(world, options, directory, outcome, facts, begun, broken)
    observer.finished(result)
    return result


def _drive(
    world: World,
    directory: RunDirectory,
    options: RunOptions,
    watch: Callable[[int, list[tuple[Any, ...]]], None],
    stopping: Callable[[], bool],
    observer: Observer,
) -> Outcome:
    behind = _Behind(observer)
    if options.processes:
        from .processes import Supervisor

        supervisor = Supervisor(
            directory,
            watch=watch,
            stopping=stopping,
            tell=observer.noticed,
            behind=behind,
            speed=options.speed,
            restarts=world.graph.restarts if options.restarts is None else options.restarts,
            graph=world.graph,
        )
        return supervisor.run()
    return InProcess(world, directory).run(watch=watch, stopping=stopping, behind=behind, speed=options.speed)


class _Behind:
    """Says when a paced run falls behind its schedule, and again whenever that has doubled."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._next_s = 1.0

    def __call__(self, behind_s: float) -> None:
        if behind_s >= self._next_s:
            self._next_s = 2 * behind_s
            self._observer.noticed(
                f"{behind_s:.1f} s behind the wall clock: the machine is slower than --speed asks for"
            )


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
