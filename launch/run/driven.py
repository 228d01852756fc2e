"""A run that somebody drives from outside: what it has brought so far, and what can be done to it.

``Driven`` is what ``Simulation`` (notebooks and plain tests) and the run of a test (``launch.testing``) have in common.
Everything that has happened up to ``now_ns`` is known; nothing after it has happened.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from lightlag.bus.activation import Failure, LogRecord, Tally
from lightlag.bus.digest import run_digest
from lightlag.bus.emission import Loss, Reception
from lightlag.bus.errors import GraphError, MessageError, NodeFailed, RunError
from lightlag.bus.journal import read_facts
from lightlag.bus.message import Message
from lightlag.bus.operator import OUTSIDE
from lightlag.bus.outcome import Outcome
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.graph.instants import When, instant_ns
from lightlag.launch.graph.spec import Graph
from lightlag.nodes.events import news_of
from lightlag.nodes.node import Node
from lightlag.nodes.trajectory import Surroundings

from .closing import conclude
from .faulting import Faulting
from .options import RunOptions, RunResult
from .stage import Passed, Stage, Watch
from .timeline import Timeline


class Driven(Faulting):
    """A run on a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.graph: Graph = stage.graph
        self.epoch = stage.graph.epoch
        self.until_ns = stage.graph.until_ns
        #: Run time: everything up to here, and nothing after it, has happened.
        self.now_ns = 0
        self.tally = Tally()
        self.failure: Failure | None = None
        self._next_ns = 0
        self._receptions: dict[str, list[Reception]] = {name: [] for name in stage.graph.nodes}
        self._losses: dict[str, list[Loss]] = {name: [] for name in stage.graph.nodes}
        self._logs: dict[str, list[LogRecord]] = {name: [] for name in stage.graph.nodes}
        self._chains: Mapping[str, bytes] | None = None
        self._begun_s = time.perf_counter()

    # -- where it stands ----------------------------------------------------------------------------------------

    @property
    def now(self) -> str:
        """The instant up to which everything has happened, in UTC."""
        return self.epoch.utc(self.now_ns)

    @property
    def run_dir(self) -> Path | None:
        """Where the run's files are; None if it writes none."""
        return None if self._stage.directory is None else self._stage.directory.path

    @property
    def digest(self) -> str:
        """The digest of the run.

        Raises:
            RunError: it has not been finished.
        """
        if self._chains is None:
            raise RunError("the run goes on; its digest is known once it is finished")
        return run_digest(self._chains)

    def peek_ns(self) -> int:
        """The earliest instant (ns) at which anything will happen; ``NEVER_NS`` if nothing will, before the end."""
        if self._chains is not None or self.failure is not None:
            return NEVER_NS
        if self._next_ns == 0 == self.now_ns:
            return 0
        return self._next_ns if self._next_ns < self.until_ns else NEVER_NS

    # -- what it has brought ------------------------------------------------------------------------------------

    def receptions(self, node: str, kind: type | str | None = None) -> list[Reception]:
        """What a node has received, in order; with ``kind``, a class of message or its name, what is of that type."""
        found = self._receptions[self.known(node)]
        return found[:] if kind is None else [it for it in found if is_of(it.emission.type, kind)]

    def losses(self, node: str, kind: type | str | None = None) -> list[Loss]:
        """What a node might have received and did not, in order, each with its reason."""
        found = self._losses[self.known(node)]
        return found[:] if kind is None else [it for it in found if is_of(it.emission.type, kind)]

    def logs(self, node: str) -> list[LogRecord]:
        """What a node has written into its log."""
        return self._logs[self.known(node)][:]

    def node(self, name: str) -> Node:
        """The node itself, to be looked at: what happens must go through messages.

        Raises:
            RunError: it runs in another process.
        """
        if not self._stage.is_here:
            raise RunError(
                f"{self.known(name)} runs in another process, and cannot be looked into from here; what it receives, "
                f"logs and knows of its surroundings can be: receptions(), logs(), surroundings()"
            )
        return self._stage.world.nodes[self.known(name)]

    def surroundings(self, node: str) -> Surroundings:
        """The geometry around a node: where it and others are, how high above what, who is in view."""
        return self._stage.world.surroundings(self.known(node))

    def owlt_s(self, source: str, target: str, at: When | None = None) -> float:
        """One-way light time (s) from a node to another node or a body, of what leaves now or at an instant."""
        t_ns = self.now_ns if at is None else self.instant_ns(at)
        return self.surroundings(source).owlt_s(target, t_ns)

    def instant_ns(self, when: When) -> int:
        """Run time (ns) of a UTC instant, or of a duration after the epoch.

        Raises:
            GraphError: it is neither, or lies before the epoch.
        """
        t_ns = instant_ns(self.epoch, when)
        if t_ns < 0:
            raise GraphError(f"{when} is before the epoch of the run, {self.epoch.utc(0)}")
        return t_ns

    def known(self, node: str) -> str:
        """The name of a node.

        Raises:
            GraphError: there is none of that name.
        """
        if node not in self.graph.nodes:
            near = did_you_mean(node, self.graph.nodes) or f"there are: {', '.join(self.graph.nodes)}"
            raise GraphError(f"there is no node {node!r} in this graph; {near}")
        return node

    # -- what can be done to it ---------------------------------------------------------------------------------

    def send(self, target: str, message: Any) -> None:
        """Have a node receive a message from outside, 1 ns from now; ``target`` is ``node.port``.

        Raises:
            GraphError: there is no such node or port.
            MessageError: it is no message.
        """
        name, _, port = target.partition(".")
        ports = self._stage.world.nodes[self.known(name)].port
        if port not in ports:
            near = did_you_mean(port, ports) or f"its ports are: {', '.join(ports) or 'none'}"
            raise GraphError(f"{target!r}: {name} has no port {port!r}; write node.port; {near}")
        if not isinstance(message, Message):
            raise MessageError(f"{message!r} cannot be sent to {target}; send an instance of a class with @message")
        self.act(name, f"{OUTSIDE}{port}", message)

    def act(self, node: str, channel: str, message: Message, after_ns: int = 0) -> None:
        """Have a node get a message from outside on a channel of its host's: a port's, or that of settings, of faults.

        It is sent ``after_ns`` from now, and takes 1 ns.

        Raises:
            RunError: the run is over.
        """
        if self.is_over:
            raise RunError(f"the run is over; {node} gets nothing more")
        body, arrays = message.encode()
        sent_ns = self.now_ns + after_ns
        self._stage.act(sent_ns, node, channel, message.__message_type__, body, arrays)
        self._next_ns = min(self._next_ns, sent_ns + 1)

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens: the run was finished, or a node has failed."""
        return self._chains is not None or self.failure is not None

    # -- going on -----------------------------------------------------------------------------------------------

    def advance(self, bound_ns: int, watch: Watch | None = None) -> None:
        """Go on, before ``bound_ns`` and the end of the run, until ``watch`` says True of what has happened.

        Raises:
            NodeFailed: a node's own code has raised.
        """
        if self._chains is None and self.failure is None:
            bound_ns = min(bound_ns, self.until_ns)
            passed = self._stage.advance(bound_ns, watch)
            self._take(passed)
            self.now_ns = bound_ns - 1 if passed.halted_ns is None else passed.halted_ns
            if passed.failure is not None:
                self.failure, self.now_ns = passed.failure, passed.failure.t_ns
        if self.failure is not None:
            raise NodeFailed(self._told_failure(self.failure))

    def finish(self) -> str:
        """End the run where it is and return its digest; what is on its way is lost, ``in_flight``."""
        if self._chains is None:
            passed, self._chains = self._stage.finish()
            self._take(passed)
            if self.failure is None:
                self.failure = passed.failure
            self._stage.close()
        return self.digest

    def conclude(self, *, report: bool = True) -> RunResult:
        """End the run where it is, and leave in its directory what a launched run does, the report included.

        Raises:
            RunError: it writes no files.
        """
        if self._stage.directory is None:
            raise RunError("the run writes no files; give it a run_dir")
        self.finish()
        assert self._chains is not None
        directory, reached_ns = self._stage.directory, min(self.now_ns + 1, self.until_ns)
        timeline = Timeline()
        timeline.add(
            [news for found in self._receptions.values() for it in found for news in news_of(it)], self.until_ns
        )
        timeline.write(directory.timeline, self.epoch)
        outcome = Outcome(
            chains=dict(self._chains),
            tally=self.tally,
            failure=self.failure,
            interrupted=reached_ns < self.until_ns and self.failure is None,
            reached_ns=reached_ns,
        )
        facts = read_facts(directory.journal)
        options = RunOptions(processes=len(facts["groups"]) if facts["processes"] else None, report=report)
        return conclude(self._stage.world, options, directory, outcome, facts, self._begun_s, None)

    def close(self) -> None:
        """End the run, if it has not ended, and let go of its processes and files."""
        try:
            self.finish()
        finally:
            self._stage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, passed: Passed) -> None:
        self._next_ns = passed.next_ns
        for reception in passed.receptions:
            self._receptions[reception.receiver].append(reception)
        for loss in passed.losses:
            self._losses[loss.receiver].append(loss)
            self.tally.losses[loss.reason] = self.tally.losses.get(loss.reason, 0) + 1
        for record in passed.logs:
            self._logs[record.node].append(record)
        self.tally.receptions += len(passed.receptions)
        self.tally.emissions += passed.emissions

    def _told_failure(self, failure: Failure) -> str:
        when = f"{self.epoch.utc(failure.t_ns)} SCET ({failure.t_ns / NS_PER_S:g} s after the epoch)"
        return f"{failure.node} failed at {when}\n{failure.traceback.rstrip()}"


def is_of(type_name: str, kind: type | str) -> bool:
    """Whether a message of a type, ``name@version``, is of a kind: a class, a name, or a name with its version.

    Raises:
        MessageError: a class is no class of message.
    """
    if isinstance(kind, str):
        return kind in (type_name, type_name.partition("@")[0])
    wanted = getattr(kind, "__message_type__", None)
    if wanted is None:
        raise MessageError(f"{kind!r} is no message type; name a class decorated with @message")
    return bool(type_name == wanted)
