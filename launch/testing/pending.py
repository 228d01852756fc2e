"""Who waits for what of a run, and what is never to come: watched while the run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lightlag.bus.emission import Loss, Reception

from .expectation import Expectation


class ExpectationFailed(AssertionError):
    """What a test expects of a run does not come, or what it never wants to see has come."""


@dataclass(eq=False, slots=True)
class Pending:
    """Somebody waits for receptions, one after the other, or for a loss."""

    steps: Sequence[Expectation]
    future: asyncio.Future[Any]
    began_ns: int
    limit: str
    #: Of a loss: the reason that is wanted; None: any. ``...``: not a loss.
    reason: Any = ...
    found: list[Reception] = field(default_factory=list)

    def sees(self, item: Reception | Loss) -> bool:
        """Whether it has all it waited for, with this."""
        if self.future.done():
            return False
        step = self.steps[len(self.found)]
        if isinstance(item, Loss):
            if self.reason is ... or self.reason not in (None, item.reason):
                return False
            if step.receiver not in ("", item.receiver) or not step.is_said_by(item.emission):
                return False
            self.future.set_result(item)
            return True
        if self.reason is not ... or not step.is_met_by(item):
            return False
        self.found.append(item)
        if len(self.found) < len(self.steps):
            return False
        self.future.set_result(self.found)
        return True


@dataclass(eq=False, frozen=True, slots=True)
class Guard:
    """Something is never to be received."""

    expectation: Expectation
    where: str
