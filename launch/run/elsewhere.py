"""The stage of a run whose nodes are in processes of their own, as those of ``lightlag launch --processes N`` are.

A thread of this process supervises hub and hosts; the hub is held (``lightlag.bus.stepping``) and let go on from here.
Where somebody watches nodes, it is let go a bit at a time, which costs two round trips for each of their instants.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from lightlag.bus.activation import Failure
from lightlag.bus.emission import Buffer, Loss, Reception
from lightlag.bus.errors import LightlagError, RunError
from lightlag.bus.operator import Operator
from lightlag.bus.outcome import Outcome
from lightlag.bus.stepping import ADVANCE, FINISH
from lightlag.bus.tap import heard
from lightlag.bus.time import NEVER_NS
from lightlag.launch.graph.spec import Graph
from lightlag.launch.placement.placing import place
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import operator

from .beginning import begin_journal
from .children import HELD
from .processes import Supervisor
from .stage import Passed, Watch

#: How long it is waited for a word of the hub before it is looked whether the run still lives (wall s).
_LOOK_S = 0.2
_SOON_S = 0.005


class Elsewhere:
    """The nodes of a run in ``processes`` processes, or as many as make sense.

    Raises:
        GraphError: the graph cannot run; nothing was started.
        RunError: a process ended before the run began.
    """

    is_here = False

    def __init__(self, graph: Graph, directory: RunDirectory, processes: int) -> None:
        self.graph = graph
        self.directory = directory
        self.world = World(graph)
        self.world.check()
        directory.graph.write_text(graph.to_yaml(), encoding="utf-8")
        groups = place(self.world, processes)
        begin_journal(graph, groups, directory, processes=True, record=True)
        self._notices: list[str] = []
        self._outcome: Outcome | None = None
        self._error: LightlagError | None = None
        self._ended = self._wanted_back = False
        self._supervisor = Supervisor(
            directory,
            watch=lambda frontier_ns, news: None,
            stopping=lambda: self._ended,
            tell=self._notices.append,
            speed=HELD,
            graph=graph,
        )
        self._thread = threading.Thread(target=self._supervise, name=f"supervisor of {graph.name}", daemon=True)
        self._thread.start()
        self._line = self._operator()
        self._host_of = {node: at for at, group in enumerate(groups) for node in group}
        self._next_ns = self._go(0)["next_ns"]

    def advance(self, bound_ns: int, watch: Watch | None = None) -> Passed:
        """See ``Stage``."""
        passed = Passed(self._next_ns)
        while passed.halted_ns is None and passed.failure is None and self._next_ns < bound_ns:
            nodes = () if watch is None else sorted(watch.nodes or self.graph.nodes)
            self._take(self._go(bound_ns, nodes), passed, watch)
        return passed

    def act(self, sent_ns: int, node: str, channel: str, type: str, body: bytes, arrays: Sequence[Buffer]) -> None:
        """See ``Stage``."""
        raw = [bytes(array) for array in arrays]
        self._ask("act", node=node, channel=channel, type=type, body=body, arrays=raw, at_ns=sent_ns)
        self._next_ns = min(self._next_ns, sent_ns + 1)

    def come_back(self) -> None:
        """See ``Stage``: what was asked of the hub cannot be taken back, so that this ends the run."""
        self._wanted_back = True

    def finish(self) -> tuple[Passed, dict[str, bytes]]:
        """See ``Stage``."""
        if self._wanted_back:
            raise RunError("the run was broken off")
        passed = Passed(NEVER_NS)
        self._take(self._ask(FINISH), passed, None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._outcome is not None
        passed.failure = self._outcome.failure
        return passed, self._outcome.chains

    def close(self) -> None:
        """See ``Stage``."""
        self._ended = True
        self._thread.join()
        self._line.close()

    def _go(self, bound_ns: int, watched: Sequence[str] = ()) -> dict[str, Any]:
        """Let the run go on; with ``watched``, no further than any of these gets or loses something."""
        hosts = sorted({self._host_of[node] for node in watched})
        return self._ask(ADVANCE, bound_ns=bound_ns, watched=list(watched), hosts=hosts)

    def _take(self, told: dict[str, Any], passed: Passed, watch: Watch | None) -> None:
        found = heard(told["recorded"])
        if told["failure"]:  # others had gone on; of what came later nothing is kept
            found = found.up_to(told["failure"][0])
        items: list[Reception | Loss] = [*found.receptions, *found.losses]
        if watch is not None and sum(map(watch.sees, items)):  # it is shown all of them, whatever it says of the first
            passed.halted_ns = told["reached_ns"]
        passed.receptions += found.receptions
        passed.losses += found.losses
        passed.logs += found.logs
        passed.emissions += found.emissions
        passed.failure = Failure(*told["failure"]) if told["failure"] else None
        passed.next_ns = self._next_ns = told["next_ns"]

    def _supervise(self) -> None:
        try:
            self._outcome = self._supervisor.run()
        except LightlagError as error:
            self._error = error

    def _operator(self) -> Operator:
        while True:
            try:
                return operator(self.directory.path)
            except RunError:
                self._check()
                time.sleep(_SOON_S)

    def _ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        told = self._line.await_answer(what, arguments, _LOOK_S, self._check)
        if what != FINISH:
            self._check()  # a hub that was started again would answer, too
        return told

    def _check(self) -> None:
        """Raise what has ended the run, if anything has; a test that drives a hub cannot go on with another."""
        if self._wanted_back:
            raise KeyboardInterrupt
        if self._error is not None:
            raise self._error
        if any(notice.startswith("the hub was killed") for notice in self._notices):
            raise RunError(f"{self._notices[-1]}; what it had not told of yet is not known here: run the test again")
        if not self._thread.is_alive():
            raise RunError("the run has ended before it was let go")
