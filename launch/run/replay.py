"""Replay: one node alone is given again what it received in a run, and what it says is compared with the recording.

It runs in a real host (``witness``), with the surroundings, the seed and the media of the run, and no other node: that
is quick, and a debugger can stop at the first difference while simulated time stands still. What the run has of the
node is its ``account``; a run that was killed, or is still under way, is replayed as far as the node is known to have
got in it.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.emission import Emission, Reception
from lightlag.bus.errors import GraphError, JournalError
from lightlag.bus.face import patient_collector
from lightlag.bus.fingerprint import arithmetic_fingerprint
from lightlag.bus.journal import read_facts
from lightlag.bus.operator import OPERATOR
from lightlag.bus.payload import emission_of
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.graph.instants import instant_ns
from lightlag.launch.graph.parameters import params_of
from lightlag.launch.graph.plugins import node_type, ports
from lightlag.launch.graph.spec import Graph
from lightlag.launch.look.account import Account
from lightlag.launch.look.recorded import Recorded, open_recorded
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.nodes.node import Node
from lightlag.nodes.setting import changed

from .beginning import begun_graph
from .check import AllDifferences, Counts, Difference, Files, FirstDifference
from .fork import by_node
from .witness import alone

#: Receptions that are given at a time; and how far (ns) a host runs before it says how far it is.
_BATCH = 500
_STEPS = 200
#: What is told of what went before a difference.
_LAST_RECEIVED, _LAST_NOTED = 5, 20

#: How a summary tells of a failure: node, instant in UTC to the millisecond, traceback.
_FAILURE = re.compile(r"(\S+) failed at (\S+) SCET\n(.*)", re.DOTALL)


class Debugger(Protocol):
    """Who stops a replay so that a person can look."""

    #: Whether the person has left it for good.
    left: bool

    def begin(self, node: Node, leave: Callable[[], None]) -> None:
        """The node is about to run; ``leave`` ends the replay."""
        ...

    def stop(self, difference: Difference, node: Node) -> None:
        """A difference has just shown: in the node's own stack, or when something did not come."""
        ...

    def post_mortem(self, error: BaseException) -> None:
        """The node has raised."""
        ...


@dataclass(slots=True)
class Replayed:
    """What came of a replay."""

    #: Up to when (ns) there is something to compare with, and whether that is the end of the run.
    until_ns: int
    to_the_end: bool
    #: How far (ns) it came.
    reached_ns: int
    counts: Counts
    wall_s: float
    #: The first difference, or all of them, by time.
    differences: list[Difference] = field(default_factory=list)
    #: What the node had received before the first difference, and noted since then, the last few; oldest first.
    received: list[Reception] = field(default_factory=list)
    noted: list[LogRecord] = field(default_factory=list)
    #: How the node failed, if it had in the run: the traceback.
    failure: str | None = None
    #: Somebody left the debugger before anything was found.
    left: bool = False

    @property
    def same(self) -> bool:
        """Whether the node did again what is recorded."""
        return not self.differences and not self.left


@dataclass(slots=True)
class Replay:
    """A node of a run that can be replayed; made by ``prepare``."""

    bag: Recorded
    graph: Graph
    node: str
    account: Account
    pictures: Path
    #: How the node failed in the run: when, in UTC, and the traceback.
    failed: tuple[str, str] | None
    until_ns: int
    to_the_end: bool
    #: What may make a difference besides the node.
    warnings: list[str]

    @property
    def cls(self) -> str:
        """The class that is run, as ``package.module:Class``."""
        kind = self.graph.nodes[self.node].cls
        return f"{kind.__module__}:{kind.__qualname__}"

    @property
    def files(self) -> Files:
        """What the node published in the run."""
        return Files(self.pictures, self.node, (other for other in self.graph.nodes if other != self.node))

    def first_difference(
        self, *, debugger: Debugger | None = None, progress: Callable[[float], None] = lambda done: None
    ) -> Replayed:
        """Run the node until it does what is not recorded, or to the end; ``progress`` is told fractions of that."""
        drive = _Drive(self, debugger, progress)
        listener = FirstDifference(self.account, self.files, drive.found, drive.stop)
        replayed = drive.run(listener)
        replayed.differences = [listener.first] if listener.first is not None else []
        return replayed

    def all_differences(self, *, progress: Callable[[float], None] = lambda done: None) -> Replayed:
        """Run the node to the end, and compare all that it did."""
        listener = AllDifferences(self.account, self.files)
        replayed = _Drive(self, None, progress).run(listener)
        replayed.differences = listener.differences(self.until_ns)
        return replayed


def prepare(
    path: Path,
    node: str,
    *,
    cls: str | None = None,
    settings: Mapping[str, str] | None = None,
    until: str | None = None,
) -> Replay:
    """Read what a run has of a node.

    ``path`` is a run directory, or a recording beside its graph. ``cls`` is another class for the node,
    ``package.module:Class``; ``settings`` are other parameters from the start, by NODE.PARAM; ``until`` is a duration
    after the epoch or a UTC instant.

    Raises:
        GraphError: there is no such run, node, class, parameter or instant, or the graph of the run is not there.
        JournalError: the run was not recorded, or its recording cannot be read.
    """
    directory = RunDirectory(path if path.is_dir() else path.parent)
    facts: dict[str, Any] = {}
    if directory.journal.is_file():
        facts = read_facts(directory.journal)
        if not facts["record"]:
            raise JournalError(
                f"{path} was launched with --no-record, so there is nothing to replay from; launch it again without"
            )
    if (here := str(Path.cwd())) not in sys.path:  # a class may lie there, as with a script
        sys.path.append(here)
    bag = open_recorded(path)
    if not directory.graph.is_file():
        raise GraphError(
            f"{directory.graph} does not exist; a replay needs the graph of the run: name a run directory, or put its "
            f"graph.resolved.yaml beside the recording"
        )
    graph = begun_graph(directory, facts)
    if node not in graph.nodes:
        near = did_you_mean(node, graph.nodes) or f"its nodes are: {', '.join(graph.nodes)}"
        raise GraphError(f"{path} has no node {node!r}; {near}")
    if cls is not None:
        graph = _with_class(graph, node, cls)
    if settings:
        graph = _with_settings(graph, node, settings)
    mine = [name for name, channel in graph.channels.items() if node in {**channel.members, **channel.senders}]
    account = Account(bag, node, mine)
    failed = _failure_of(directory, node)
    until_ns, to_the_end = _end(graph, account, failed, until)
    return Replay(bag, graph, node, account, directory.pictures, failed, until_ns, to_the_end, _warnings(bag))


def _with_class(graph: Graph, node: str, name: str) -> Graph:
    """The graph with another class for a node, which gets the parameters that the graph gives."""
    kind = node_type(name)
    if kind is None:
        raise GraphError(f"--class {name}: there is no such node type; write package.module:Class")
    spec = graph.nodes[node]
    try:
        params = params_of(kind.Params, spec.given)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors(include_url=False))
        raise GraphError(
            f"--class {name} does not take the parameters that {node} had ({told}); let its Params be those of "
            f"{spec.cls.__name__}, or more"
        ) from None
    has = ports(kind)
    for channel in graph.channels.values():
        port = {**channel.members, **channel.senders}.get(node)
        if port is not None and port not in has:
            raise GraphError(f"--class {name} has no port {port!r}, by which {node} is on channel {channel.name}")
    changed_spec = replace(spec, type=name, cls=kind, params=params)
    return _checked(replace(graph, nodes={**graph.nodes, node: changed_spec}), node)


def _with_settings(graph: Graph, node: str, settings: Mapping[str, str]) -> Graph:
    """The graph with other parameters for a node."""
    for other, values in by_node(graph, settings).items():
        if other != node:
            raise GraphError(f"--set {other}.{next(iter(values))}: only {node} is replayed; what others do is recorded")
        spec = graph.nodes[node]
        graph = replace(graph, nodes={**graph.nodes, node: replace(spec, params=changed(spec.params, values))})
    return _checked(graph, node)


def _checked(graph: Graph, node: str) -> Graph:
    spec = graph.nodes[node]
    spec.cls(node, spec.params).check(graph.nodes)
    return graph


def _failure_of(directory: RunDirectory, node: str) -> tuple[str, str] | None:
    """When the node failed in the run, in UTC, and the traceback; None if it did not, as far as is known."""
    with suppress(OSError, ValueError):
        told = _FAILURE.match(json.loads(directory.summary.read_text(encoding="utf-8")).get("failure") or "")
        if told is not None and told[1] == node:
            return told[2], told[3]
    return None


def _end(graph: Graph, account: Account, failed: tuple[str, str] | None, until: str | None) -> tuple[int, bool]:
    """Up to when (ns) there is something to compare with, and whether that is the end of the run."""
    end_ns = graph.until_ns if account.is_whole else account.reached_ns + 1
    if failed is not None:  # that is told to the millisecond
        end_ns = min(graph.until_ns, graph.epoch.t_ns(failed[0]) + NS_PER_S // 1000)
    if until is None:
        return end_ns, account.is_whole
    until_ns = instant_ns(graph.epoch, until)
    if not 0 < until_ns <= graph.until_ns:
        begin, end = graph.epoch.utc(0, 0), graph.epoch.utc(graph.until_ns, 0)
        raise GraphError(f"--until {until} is not within the run, which goes from {begin} to {end}")
    return min(until_ns, end_ns), account.is_whole and until_ns == graph.until_ns


def _warnings(bag: Recorded) -> list[str]:
    """What is not as it was when the run was recorded."""
    here = {"lightlag": version("lightlag"), "fingerprint": arithmetic_fingerprint()}
    words = {"lightlag": "by lightlag", "fingerprint": "with arithmetic"}
    return [
        f"the run was recorded {words[key]} {was}; here it is {now}: a difference may come from that"
        for key, now in here.items()
        if (was := bag.metadata.get(key, "")) and was != now
    ]


class _Drive:
    """One pass of a node through its record."""

    def __init__(self, replay: Replay, debugger: Debugger | None, progress: Callable[[float], None]) -> None:
        self._replay = replay
        self._debugger = debugger
        self._progress = progress
        self._world = World(replay.graph)
        self._host, self._given = alone(self._world, replay.node)
        self._counts = Counts()
        self._at_ns = 0
        self._stopped = False
        self._inputs = replay.account.received()
        self._next: dict[str, Any] | None = next(self._inputs, None)
        #: The last of what was received and noted, up to now; and up to the first difference.
        self._received: deque[Reception] = deque(maxlen=_LAST_RECEIVED)
        self._noted: deque[LogRecord] = deque(maxlen=_LAST_NOTED)
        self._before: tuple[list[Reception], list[LogRecord]] = [], []
        self._differed_ns: int | None = None
        self._failure: str | None = None

    def run(self, listener: FirstDifference | AllDifferences) -> Replayed:
        """Run the node for somebody who listens."""
        replay, host, debugger = self._replay, self._host, self._debugger
        begun_s = time.perf_counter()
        self._counts = listener.counts
        host.listener = listener
        with patient_collector(), self._closing():
            if debugger is not None:
                debugger.begin(self._world.nodes[replay.node], self.stop)
            self._run(listener, replay.until_ns)
            if replay.failed is not None and self._failure is None and not self._stopped:
                listener.failed(replay.until_ns, replay.failed[1], None)
            if not self._stopped and replay.to_the_end:
                self._note(host.finish([]))
                listener.ended(replay.until_ns)
            if isinstance(listener, FirstDifference) and not (debugger and debugger.left):
                self._look_on(listener)
        left = debugger is not None and debugger.left
        return Replayed(
            until_ns=replay.until_ns,
            to_the_end=replay.to_the_end,
            reached_ns=self._at_ns if self._differed_ns is None else self._differed_ns,
            counts=listener.counts,
            wall_s=time.perf_counter() - begun_s,
            received=self._before[0],
            noted=self._before[1],
            failure=self._failure,
            left=left and isinstance(listener, FirstDifference) and listener.first is None,
        )

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Nothing of the node goes on when the replay is over, wherever that was."""
        try:
            yield
        finally:
            self._host.listener = None
            self._host.finish([], failed=True)

    def found(self, difference: Difference) -> None:
        """The first difference has just shown."""
        self.stop()
        self._differed_ns = difference.t_ns
        received = [*self._received, *self._host.done.receptions][-_LAST_RECEIVED:]
        since_ns = received[0].received_ns if received else 0
        noted = [line for line in (*self._noted, *self._host.done.logs) if line.t_ns >= since_ns]
        self._before = received, noted[-_LAST_NOTED:]
        if self._debugger is not None and difference.what != "failure":
            self._debugger.stop(difference, self._world.nodes[self._replay.node])

    def stop(self) -> None:
        """Run nothing after the present instant."""
        turn = self._host.turn
        self._host.until_ns = turn[1] + 1 if turn is not None else self._at_ns
        self._stopped = True

    def _run(self, listener: FirstDifference | AllDifferences, bound_ns: int) -> None:
        """Run everything before ``bound_ns``, unless it is stopped before."""
        step_ns = max(1, self._replay.until_ns // _STEPS)
        while self._at_ns < bound_ns and not self._stopped:
            batch, limit_ns = self._batch(min(bound_ns, listener.due_ns + 1, self._at_ns + step_ns))
            done = self._host.activate(limit_ns, batch, NEVER_NS)
            self._note(done)
            if self._host.broken is not None:
                raise self._host.broken
            if done.failure is not None:
                self._fail(listener, done.failure.t_ns, done.failure.traceback)
            if self._stopped:
                return
            self._at_ns = limit_ns
            listener.over(limit_ns)
            self._progress(limit_ns / max(1, bound_ns))

    def _batch(self, limit_ns: int) -> tuple[list[Emission], int]:
        """What the node is given next, and up to when it may run with it: before ``limit_ns``, or what comes after."""
        batch: list[Emission] = []
        while (told := self._next) is not None and told["t_ns"] < limit_ns:
            if len(batch) == _BATCH:
                return batch, told["t_ns"]
            emission = emission_of(told)
            if emission.source == OPERATOR:
                self._counts.from_outside += 1
            else:
                self._counts.given += 1
                self._given[emission.channel].arrivals[emission.source, emission.seq] = told["t_ns"]
            batch.append(emission)
            self._next = next(self._inputs, None)
        return batch, limit_ns

    def _note(self, done: Completion) -> None:
        self._received.extend(done.receptions[-_LAST_RECEIVED:])
        self._noted.extend(done.logs[-_LAST_NOTED:])

    def _fail(self, listener: FirstDifference | AllDifferences, t_ns: int, traceback: str) -> None:
        """The node has raised; perhaps it had in the run."""
        failed = self._replay.failed
        self.stop()
        self._failure = traceback
        if failed is None or failed[0] != self._replay.graph.epoch.utc(t_ns):
            listener.failed(t_ns, failed[1] if failed else None, traceback)
        if self._debugger is not None and not self._debugger.left and self._host.raised is not None:
            self._debugger.post_mortem(self._host.raised)

    def _look_on(self, listener: FirstDifference) -> None:
        """Run on to the next emission, if that tells what a difference comes from."""
        if self._failure is None and listener.curious_until_ns > self._at_ns:
            self._host.until_ns, self._stopped = self._replay.graph.until_ns, False
            self._run(listener, min(listener.curious_until_ns, self._replay.until_ns))
