"""A stage: the hosts of a run, as somebody has them who stops the run wherever he likes.

A run that is launched goes on to its end by itself. On a stage it goes as far as it is asked to, and stops early, with
an instant that it has run whole, when a ``Watch`` says so. ``Here`` holds all the nodes in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, cast

from lightlag.bus import wire
from lightlag.bus.activation import Completion, Failure, LogRecord
from lightlag.bus.emission import Buffer, Emission, Loss, Reception
from lightlag.bus.face import patient_collector
from lightlag.bus.journal import Journal, read_facts
from lightlag.bus.operator import OPERATOR
from lightlag.bus.shell import EARLY_REPORT_EVENTS
from lightlag.bus.time import NEVER_NS
from lightlag.launch.graph.faults import acts_of_graph
from lightlag.launch.graph.spec import Graph
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.directory import HostFiles, RunDirectory
from lightlag.launch.rundir.live import HERE

from .beginning import begin_journal


class Watch(NamedTuple):
    """What stops a run: ``sees`` says True of a reception or loss with whose instant it is to stop.

    It is asked of what ``nodes`` get and lose, of whatever anybody does if there are none, and may be asked of more.
    """

    sees: Callable[[Reception | Loss], bool]
    nodes: frozenset[str] = frozenset()


@dataclass(slots=True)
class Passed:
    """What happened while a run was advanced: everything before ``next_ns``, in the order of time."""

    #: The earliest instant at which anything will happen; ``NEVER_NS`` if nothing is left.
    next_ns: int
    #: With the instant of which it stopped, because it was told to; None: it went as far as it was asked to.
    halted_ns: int | None = None
    receptions: list[Reception] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    #: How many emissions left.
    emissions: int = 0
    failure: Failure | None = None


class Stage(Protocol):
    """The hosts of a run that is driven."""

    graph: Graph
    world: World
    #: Whether the nodes of the world are those that run.
    is_here: bool

    @property
    def directory(self) -> RunDirectory | None:
        """Where the run's files are; None: nowhere."""
        ...

    def advance(self, bound_ns: int, watch: Watch | None = None) -> Passed:
        """Run every event before ``bound_ns``, or up to the end of an instant of which ``watch`` says True."""
        ...

    def act(self, sent_ns: int, node: str, channel: str, type: str, body: bytes, arrays: Sequence[Buffer]) -> None:
        """Have a node get a message from outside, 1 ns after ``sent_ns``, which is not before what has been run."""
        ...

    def come_back(self) -> None:
        """Let the ``advance`` that is going on return as soon as it can; called from a signal's handler."""
        ...

    def finish(self) -> tuple[Passed, dict[str, bytes]]:
        """End the run where it is: what happens then, and every node's digest chain. Called once."""
        ...

    def close(self) -> None:
        """Let go of processes and files; may be called again."""
        ...


class Here:
    """All the nodes of a run in this process.

    With a ``directory`` the run is journalled and recorded there, as one that is launched.

    Raises:
        GraphError: the graph cannot run; nothing was started.
    """

    is_here = True

    def __init__(self, graph: Graph, directory: RunDirectory | None = None) -> None:
        self.graph = graph
        self.directory = directory
        self.world = World(graph)
        self.world.check()
        nodes = sorted(self.world.nodes)
        self._host = self.world.host(HERE, nodes)
        #: What is sent from outside and not taken in yet; the faults of the graph are the first of it.
        self._pending = [emission for _, emission in acts_of_graph(graph)]
        self._acts = len(self._pending)
        self._wanted_back = False
        self._journal: Journal | None = None
        self._files: HostFiles | None = None
        if directory is not None:
            directory.graph.write_text(graph.to_yaml(), encoding="utf-8")
            begin_journal(graph, [nodes], directory, processes=False, record=True)
            self._run_id = str(read_facts(directory.journal)["run"])
            self._journal = Journal(directory.journal)
            self._files = HostFiles(directory, HERE, graph.epoch, record=True)

    def advance(self, bound_ns: int, watch: Watch | None = None) -> Passed:
        """See ``Stage``."""
        host, passed = self._host, Passed(0)

        def halt(t_ns: int) -> None:
            passed.halted_ns = t_ns
            host.halt()

        with patient_collector():
            while True:
                if watch is not None:
                    host.done.receptions = cast(list[Reception], _Watched(watch, halt))
                    host.done.losses = cast(list[Loss], _Watched(watch, halt))
                acts, self._pending = self._pending, []
                done = host.activate(bound_ns, acts, EARLY_REPORT_EVENTS)
                self._note(done, passed)
                if self._wanted_back:
                    self._wanted_back = False
                    passed.halted_ns = min(done.next_ns, bound_ns) - 1
                ended = done.next_ns >= min(bound_ns, self.graph.until_ns) or done.failure is not None
                if ended or passed.halted_ns is not None:
                    host.go_on()
                    return passed

    def act(self, sent_ns: int, node: str, channel: str, type: str, body: bytes, arrays: Sequence[Buffer]) -> None:
        """See ``Stage``."""
        self._acts += 1
        emission = Emission(OPERATOR, self._acts, channel, type, sent_ns, body, arrays, to=node)
        if self._journal is not None:
            self._journal.append(0, wire.encode(self._run_id, wire.ACT, (), [emission]), [emission])
        self._pending.append(emission)

    def come_back(self) -> None:
        """See ``Stage``: within a quarter of a second, when the host pauses."""
        self._wanted_back = True

    def finish(self) -> tuple[Passed, dict[str, bytes]]:
        """See ``Stage``."""
        passed = Passed(NEVER_NS)
        self._note(self._host.finish(self._pending), passed)
        self._pending = []
        passed.next_ns = NEVER_NS
        return passed, self._host.chains()

    def close(self) -> None:
        """See ``Stage``."""
        for each in (self._files, self._journal):
            if each is not None:
                each.close()
        self._files = self._journal = None

    def _note(self, done: Completion, passed: Passed) -> None:
        passed.next_ns = done.next_ns
        passed.receptions += done.receptions
        passed.losses += done.losses
        passed.logs += done.logs
        passed.emissions += done.emissions
        passed.failure = done.failure
        if self._files is not None:
            self._files.write(done)


class _Watched(list[Reception | Loss]):
    """A list that shows what is put into it to somebody, who may want to stop."""

    __slots__ = ("_halt", "_sees")

    def __init__(self, watch: Watch, halt: Callable[[int], None]) -> None:
        super().__init__()
        self._sees = watch.sees
        self._halt = halt

    def append(self, item: Reception | Loss) -> None:
        super().append(item)
        if self._sees(item):
            self._halt(item.t_ns if isinstance(item, Loss) else item.received_ns)
