"""What is asked of a run, what it tells while it goes, and what it comes to.

These are the plain data between the command line, the runner and whatever shows a run. Times are integer nanoseconds
of TDB since the graph's epoch; ``wall_s`` is the only time of the real world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph
    from lightlag.nodes.events import Learnt

EXIT_DONE = 0
EXIT_RUN_FAILED = 1
EXIT_BAD_INPUT = 2
#: 128 + SIGINT, as shells report it.
EXIT_INTERRUPTED = 130


#: Ask for as many processes as are faster, or none.
AUTO = 0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run a graph. None of it changes what the nodes see: the digest is the same."""

    #: Processes to spread the nodes over; None: all of them in this one; ``AUTO``: whatever is faster.
    processes: int | None = None
    #: Where the run's files go; None: ``runs/<utc>-<name>``.
    run_dir: Path | None = None
    #: Write the recording.
    record: bool = True
    #: Write the report.
    report: bool = True
    #: Simulated seconds per wall second; None: as fast as it goes.
    speed: float | None = None
    #: How often a killed process may be started again; None: as often as the graph says.
    restarts: int | None = None
    #: Let hosts take part whose arithmetic differs: then the digest proves nothing beyond this run.
    mixed: bool = False
    #: Say why when the run has not got on for so long (wall s); None: never.
    watchdog_s: float | None = 10.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to."""

    digest: str
    emissions: int
    receptions: int
    #: How many (emission, member) pairs ended in a loss, by reason.
    losses: Mapping[str, int]
    wall_s: float
    simulated_s: float
    peak_rss_mb: float
    processes: int
    run_dir: Path | None = None
    report: Path | None = None
    #: If a node failed: its name, the simulated time in UTC and its traceback, ready to be printed.
    failure: str | None = None
    interrupted: bool = False
    #: Per picture: ``file``, ``taken_scet``, ``complete_ert``.
    pictures: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    #: Wall time from the moment at which every host was ready to the last event.
    drive_s: float = 0.0
    #: How many grants each host answered; more of them mean more waiting for each other.
    grants: Mapping[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """What the command line returns: 130 if interrupted, 1 if a node failed, else 0."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        return EXIT_RUN_FAILED if self.failure else EXIT_DONE


class Observer(Protocol):
    """Who watches a run. All calls come from the thread that runs it; none can change it."""

    def started(self, graph: Graph, run_dir: Path | None) -> None:
        """The graph is right and the run begins; ``run_dir`` is where its files go, if it writes any."""

    def noticed(self, text: str) -> None:
        """Something that a person should know at once: a process was started again, the run is behind schedule."""

    def progress(self, frontier_ns: int) -> None:
        """Everything before ``frontier_ns`` has happened. May be called often."""

    def learnt(self, items: Sequence[Learnt]) -> None:
        """What nodes have learnt since the last call, in the order of the frontier."""

    def finished(self, result: RunResult) -> None:
        """The run is over, well or not. Called once, last."""
