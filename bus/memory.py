"""The memory transport: hosts of one process, driven by the same coordinator, without a socket.

An in-process run is one host driven by this; tests drive several, in any interleaving.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from .activation import Activatable, Completion
from .coordinator import Coordinator, Report
from .errors import RunError
from .face import patient_collector
from .outcome import Outcome
from .pace import Pace
from .shell import EARLY_REPORT_EVENTS, peak_rss_kb
from .time import NEVER_NS


def run_in_memory(
    hosts: Sequence[Activatable],
    coordinator: Coordinator,
    *,
    write: Callable[[Completion], None] = lambda done: None,
    watch: Callable[[int, list[tuple[Any, ...]]], None] = lambda frontier_ns, news: None,
    stopping: Callable[[], bool] = lambda: False,
    pace: Pace | None = None,
    listen: Callable[[int], None] = lambda wait_ms: time.sleep(wait_ms / 1000),
) -> Outcome:
    """Run hosts to the end, one activation at a time; the arguments are those of hub and shell together.

    ``listen`` is called between activations, to hear operators, with the time (wall ms) until something is due.

    Raises:
        RunError: no host can go on and the run is not finished.
    """
    outcome = Outcome()
    numbers = [0] * len(hosts)
    got = [0] * len(hosts)

    def note(done: Completion) -> None:
        write(done)
        outcome.tally.add(done)

    begun_s = time.perf_counter()
    pace = pace or Pace(None)
    pace.start(coordinator.frontier_ns)
    with patient_collector():
        while not (coordinator.finished or outcome.interrupted):
            coordinator.paced_ns = pace.now_ns()
            grants = coordinator.grants()
            if not grants:
                due_ms = pace.wait_ms(coordinator.next_due_ns)
                if due_ms is None:
                    raise RunError(
                        "no host can go on and the run is not finished: this is a fault of lightlag, please report it"
                    )
                listen(due_ms)
            for grant in grants:
                at = grant.host
                done = hosts[at].activate(grant.bound_ns, grant.emissions, EARLY_REPORT_EVENTS)
                note(done)
                numbers[at] += 1
                got[at] += len(grant.emissions)
                report = Report(
                    at, grant.incarnation, numbers[at], grant.bound_ns, done.next_ns, got[at], done.outbox, done.failure
                )
                if coordinator.is_news(report):
                    coordinator.accept(report)
                watch(coordinator.frontier_ns, done.news)
            if grants:
                listen(0)
            outcome.interrupted = stopping()
        outcome.drive_s = time.perf_counter() - begun_s
        stopped_ns = pace.now_ns() if outcome.interrupted else NEVER_NS
        for at, host in enumerate(hosts):
            done = host.finish(coordinator.last_grant(at).emissions, failed=coordinator.failure is not None)
            note(done)
            if done.failure is not None:
                coordinator.fail(done.failure)
            outcome.chains.update(host.chains())
    outcome.failure = coordinator.failure
    outcome.reached_ns = min(coordinator.frontier_ns, stopped_ns)
    outcome.peak_rss_kb = peak_rss_kb()
    outcome.grants = coordinator.answered()
    return outcome
