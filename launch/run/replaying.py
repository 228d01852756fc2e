"""One pass of a node through its record: what it is given, how far it is run, what has come of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.emission import Emission, Reception
from lightlag.bus.face import patient_collector
from lightlag.bus.operator import OPERATOR
from lightlag.bus.payload import emission_of
from lightlag.bus.time import NEVER_NS
from lightlag.launch.placement.world import World
from lightlag.nodes.node import Node

from .check import AllDifferences, Counts, Difference, FirstDifference
from .witness import alone

if TYPE_CHECKING:
    from .replay import Replay

#: Receptions that are given at a time; and how far (ns) a host runs before it says how far it is.
_BATCH = 500
_STEPS = 200
#: What is told of what went before a difference.
_LAST_RECEIVED, _LAST_NOTED = 5, 20


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


class Drive:
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
