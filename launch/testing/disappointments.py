"""What a test was told that did not come; how it ended in each case is known once the run is over."""

from __future__ import annotations

from lightlag.bus.emission import Loss, Reception
from lightlag.launch.run.driven import Driven

from .pending import ExpectationFailed, Pending
from .telling import LOOK_ON, disappointment, under_way


class Disappointments:
    """Those of one run."""

    def __init__(self, run: Driven) -> None:
        self._run = run
        #: What was told, of what, and when (ns) its time was over.
        self._told: list[tuple[ExpectationFailed, Pending, int]] = []

    def tell(self, pending: Pending, why: str) -> ExpectationFailed:
        """What is to be raised where somebody waits, now that the time is over."""
        run, step = self._run, pending.steps[len(pending.found)]
        if (to_be_lost := pending.reason is not ...) and pending.reason:
            why = f"nothing of that for the reason {pending.reason}; {why}"
        span_ns = pending.began_ns, run.now_ns
        told = (run.epoch, step, span_ns, why, *self._all(), run.run_dir, pending.found)
        error = ExpectationFailed(disappointment(*told, was_to_be_lost=to_be_lost))
        self._told.append((error, pending, run.now_ns))
        return error

    def complete(self) -> None:
        """The run is over: what had been sent and had not arrived came later, or is lost ``in_flight``."""
        for error, pending, ended_ns in self._told:
            step = pending.steps[len(pending.found)]
            if pending.reason is ... and (lines := under_way(self._run.epoch, step, ended_ns, *self._all())):
                head, before, rest = str(error).partition(LOOK_ON)
                error.args = ("\n".join([head.rstrip("\n"), *lines]) + (f"\n\n{before}{rest}" if before else ""),)

    def _all(self) -> tuple[list[Reception], list[Loss]]:
        run = self._run
        receptions = [it for name in run.graph.nodes for it in run.receptions(name)]
        return receptions, [it for name in run.graph.nodes for it in run.losses(name)]
