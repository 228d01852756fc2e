"""A simulation for notebooks and plain tests: a graph that is run as far as one likes, and looked at.

    sim = Simulation(load_graph("mars2020", seed=7))
    sim.run(until="20 min")
    sim.receptions("goldstone")

All nodes run in this process; the words are SimPy's (``run``, ``step``, ``peek``). Whoever runs it to its end gets the
digest that ``lightlag launch`` gets.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from lightlag.bus.time import NEVER_NS
from lightlag.launch.graph.instants import When
from lightlag.launch.graph.spec import Graph
from lightlag.launch.rundir.directory import RunDirectory

from .driven import Driven
from .stage import Here


class Simulation(Driven):
    """A graph that runs in this process; a context manager, if you like.

    ``run_dir`` is an empty or new folder for its journal and recording; without it nothing is written.

    Raises:
        GraphError: the graph cannot run, or the folder cannot be used.
    """

    def __init__(self, graph: Graph, run_dir: Path | str | None = None) -> None:
        directory = RunDirectory.create(graph.name, Path(run_dir)) if run_dir is not None else None
        super().__init__(Here(graph, directory))

    def run(self, until: When | None = None) -> None:
        """Run everything before ``until`` (a UTC instant, or a duration after the epoch), or to the end of the graph.

        At the end of the graph the run is finished.

        Raises:
            NodeFailed: a node's own code has raised.
            GraphError: ``until`` is no instant.
        """
        bound_ns = self.until_ns if until is None else self.instant_ns(until)
        if bound_ns > self.now_ns:
            self.advance(bound_ns)
            self.now_ns = min(bound_ns, self.until_ns)
        if bound_ns >= self.until_ns:
            self.finish()

    def step(self) -> bool:
        """Run the next instant at which anything happens; False if there is none before the end.

        Raises:
            NodeFailed: a node's own code has raised.
        """
        t_ns = self.peek_ns()
        if t_ns >= NEVER_NS:
            return False
        self.advance(t_ns + 1)
        return True

    def peek(self) -> timedelta | None:
        """How long after the epoch anything will happen next, to the microsecond; None if nothing will."""
        t_ns = self.peek_ns()
        return None if t_ns >= NEVER_NS else timedelta(microseconds=t_ns / 1000)
