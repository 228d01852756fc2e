"""Checks that run: alone, twice, over two processes, through the death of one, in a process that is looked at after."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightlag.bus.errors import LightlagError
from lightlag.bus.time import NS_PER_S
from lightlag.launch.placement.placing import host_names, place
from lightlag.launch.placement.world import World
from lightlag.launch.run.determinism import check_determinism
from lightlag.launch.run.options import RunOptions, RunResult
from lightlag.launch.run.runner import run
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.stacks import pid_of

from .finding import Finding, counted, fail, listed, ok, told, warn
from .leavings import leavings
from .trial import Trial

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph
    from lightlag.nodes.events import Learnt

#: How long the run lasts (wall s) of which a process is killed in the middle.
_KILLED_RUN_S = 1.0
_NOT_TRIED = "not tried, for its run does not come to an end"


def alone(trial: Trial) -> Finding:
    """It runs to the end, among peers that talk to it; a graph, as it is."""
    try:
        course = trial.course
    except LightlagError as error:
        return fail(
            f"it cannot run: {error}",
            "if it needs other nodes, check a graph that has them",
        )
    if course.failure:
        if not trial.node:
            return fail(f"it failed: {told(course.failure)}", "see: lightlag launch --in-process")
        return fail(
            f"it failed among peers that talk to it at random: {told(course.failure)}",
            "expect any value that the annotations allow, from anybody: check what you read, log it and go on",
        )
    if not trial.node:
        return ok(f"to its end, with {counted(course.emissions, 'emission')}", emissions=course.emissions)
    made, passed_on = sum(course.made.values()), sum(course.passed_on.values())
    got = sum(course.received.values())
    figures = {"made": made, "passed_on": passed_on, "received": got}
    said = f"an hour: it said {made:,}, passed on {passed_on:,} and received {got:,}"
    if not made and not passed_on and not got:
        return warn(f"{said}: it took part in nothing", "give it a port that somebody can join", **figures)
    return ok(said, **figures)


def same_twice(trial: Trial) -> Finding:
    """Twice, in circumstances that may not matter (hash seed, garbage collector, time zone): one digest."""
    if not _runs(trial):
        return fail(_NOT_TRIED, "")
    compared = check_determinism(trial.graph, RunOptions(run_dir=trial.run_dir(), report=False, watchdog_s=None))
    if compared.same and compared.first.failure is None:
        return ok(f"one digest, {compared.first.digest[:16]}…")
    return fail(
        compared.text(),
        "look for the clock, unseeded randomness, hash(), the order of a set; lightlag lint finds most of it",
    )


def processes(trial: Trial) -> Finding:
    """In one process and in two: one digest."""
    if not _runs(trial):
        return fail(_NOT_TRIED, "")
    return _compared(trial, _run(trial, RunOptions(processes=2)), "in two processes")


def killed(trial: Trial) -> Finding:
    """Its host is killed (kill -9) in the middle of the run, started again, and the digest is the same."""
    if not _runs(trial):
        return fail(_NOT_TRIED, "")
    speed = trial.graph.until_ns / NS_PER_S / _KILLED_RUN_S
    assassin = _Assassin(trial)
    result = _run(trial, RunOptions(processes=2, speed=speed), assassin)
    if not assassin.killed and result.failure is None:
        return warn("the run was over before its process could be killed", "try it with a longer run")
    return _compared(trial, result, f"after kill -9 of {assassin.killed}" if assassin.killed else "in two processes")


def leaves_nothing(trial: Trial) -> Finding:
    """After a run in a fresh process no thread, no socket and no file is left."""
    left = _left(trial)
    if "error" in left:
        return fail(f"not tried, for its run in a process of its own ended with: {told(left['error'])}", "")
    for what, found in (("thread", left["threads"]), ("open socket or file", left["open"]), ("file", left["written"])):
        if found:
            return fail(
                f"{counted(len(found), what)} left: {listed(found)}",
                "nodes are asyncio in simulated time: no threads, no sockets; hand files over with self.publish, close "
                "what you open",
            )
    return ok("no threads, no sockets, no files")


def takes(trial: Trial) -> Finding:
    """How long a run takes: figures, no bar."""
    left = _left(trial)
    if "error" in left:
        return fail(_NOT_TRIED, "")
    speed = left["simulated_s"] / left["wall_s"]
    said = (
        f"{left['simulated_s'] / 3600:.3g} h in {left['wall_s']:.2f} s, {speed:,.0f} x real time; "
        f"{counted(left['emissions'], 'emission')}, {left['peak_mb']:.0f} MB at the peak"
    )
    return ok(said, **{name: round(left[name], 3) for name in ("simulated_s", "wall_s", "emissions", "peak_mb")})


def _runs(trial: Trial) -> bool:
    try:
        return not trial.course.failure
    except LightlagError:
        return False


def _left(trial: Trial) -> dict[str, Any]:
    if "leavings" not in trial.shared:
        try:
            trial.shared["leavings"] = leavings(trial.graph)
        except LightlagError as error:
            trial.shared["leavings"] = {"error": str(error)}
    found: dict[str, Any] = trial.shared["leavings"]
    return found


def _run(trial: Trial, options: RunOptions, observer: _Watcher | None = None) -> RunResult:
    """A run over processes.

    Raises:
        KeyboardInterrupt: somebody ended it.
    """
    from dataclasses import replace

    asked = replace(options, run_dir=trial.run_dir(), record=False, report=False, watchdog_s=None)
    result = run(trial.graph, asked, observer or _Watcher())
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def _compared(trial: Trial, result: RunResult, where: str) -> Finding:
    digest = trial.course.digest
    if result.failure is not None:
        return fail(f"{where} it failed: {told(result.failure)}", "what a node does may depend on nothing but messages")
    if result.digest != digest:
        return fail(
            f"{where} the digest is {result.digest[:16]}…, in one process {digest[:16]}…",
            "let nodes share nothing but messages: a global, a class attribute, a file are not shared by two processes",
        )
    return ok(f"{where} the same digest as in one", processes=result.processes)


class _Watcher:
    """An observer that keeps to itself."""

    def started(self, graph: Graph, run_dir: Path | None) -> None:
        """See ``Observer``."""

    def noticed(self, text: str) -> None:
        """See ``Observer``."""

    def progress(self, frontier_ns: int) -> None:
        """See ``Observer``."""

    def learnt(self, items: Sequence[Learnt]) -> None:
        """See ``Observer``."""

    def finished(self, result: RunResult) -> None:
        """See ``Observer``."""


class _Assassin(_Watcher):
    """Kills the host of the node that is tried (of a graph, the first), once, when the run is half done."""

    def __init__(self, trial: Trial) -> None:
        groups = place(World(trial.graph), 2)
        at = next((k for k, group in enumerate(groups) if trial.node in group), 0)
        self._victim = host_names(groups)[at]
        self._half_ns = trial.graph.until_ns // 2
        self._directory: RunDirectory | None = None
        self.killed = ""

    def started(self, graph: Graph, run_dir: Path | None) -> None:
        """See ``Observer``."""
        self._directory = RunDirectory(run_dir) if run_dir is not None else None

    def progress(self, frontier_ns: int) -> None:
        """See ``Observer``."""
        if self.killed or frontier_ns < self._half_ns or self._directory is None:
            return
        pid = pid_of(self._directory, self._victim)
        if pid is not None:
            self.killed = f"host {self._victim}, half way"
            os.kill(pid, signal.SIGKILL)
