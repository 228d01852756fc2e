"""A lane: what the coordinator knows of one host, and the emissions that wait for it.

A host says with each report how many emissions it has taken in; until then they are held here, to be sent again to a
host that was started again, and the soonest of their arrivals counts as something that can happen in it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .emission import Emission
from .past import Past


@dataclass(slots=True, eq=False)
class Lane:
    """What the coordinator knows of one host."""

    #: Raised by one each time the host is started again; reports of a dead incarnation are ignored.
    incarnation: int = 1
    idle: bool = True
    #: From its latest report: the earliest instant at which anything in it will run.
    next_ns: int = 0
    #: How many emissions were routed to it, and how many of them it had taken in at its latest report.
    routed: int = 0
    got: int = 0
    #: The number of its latest report, in this incarnation.
    number: int = 0
    #: How many reports were accepted from it, from whichever incarnation.
    answered: int = 0
    #: Highest bound ever granted.
    bound_ns: int = 0
    #: Everything before it has been run and reported, by whichever incarnation.
    settled_ns: int = 0
    #: What a restarted host has to go through again, and how much of it this incarnation has taken in.
    past: Past | None = None
    again: int = 0
    #: Emissions that it had not taken in when it last reported, oldest first.
    waiting: deque[Emission] = field(default_factory=deque)
    #: Of those, the (number, lower bound of arrival) that can still be a minimum: a sliding-window minimum.
    soonest: deque[tuple[int, int]] = field(default_factory=deque)

    def queue(self, emission: Emission, arrives_ns: int) -> None:
        """One more emission waits for the host, where it arrives no earlier than that."""
        soonest = self.soonest
        self.routed += 1
        self.waiting.append(emission)
        while soonest and soonest[-1][1] >= arrives_ns:
            soonest.pop()
        soonest.append((self.routed, arrives_ns))

    def take_in(self, got: int) -> None:
        """The host has taken in its first ``got`` emissions, most often all that there are."""
        waiting, soonest = self.waiting, self.soonest
        if got == self.routed:
            waiting.clear()
            soonest.clear()
        else:
            for _ in range(got - self.got):
                waiting.popleft()
            while soonest and soonest[0][0] <= got:
                soonest.popleft()
        if got > self.got:
            self.got = got
