"""Rules: what a fault does to a reception that comes due at a node.

They stand at a node from the act that begins a fault to the one that ends it. Of several the first in the order of
their beginnings that decides does: it loses the emission, holds it, or delays it. One that corrupts does not decide;
those after it see what it has made. What was held or delayed comes due again, and is judged by what stands then; a
fault delays, or corrupts, one emission once.

What was sent in a blackout goes on being lost when the blackout is over, before any rule is asked: ``Muted`` keeps
when that was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from lightlag.bus.draw import draw
from lightlag.bus.emission import Emission
from lightlag.bus.errors import MessageError
from lightlag.bus.message import fields_of, message_class
from lightlag.bus.operator import OPERATOR
from lightlag.bus.time import NEVER_NS

from .faults import FaultBegins

#: The kinds of rules.
KINDS = ("corrupt", "delay", "drop", "hold", "mute")


class Rule(NamedTuple):
    """One fault, as it stands at one node from ``from_ns`` on."""

    told: FaultBegins
    sources: frozenset[str]
    from_ns: int

    @classmethod
    def of(cls, told: FaultBegins, t_ns: int) -> Rule:
        """The rule of a fault that begins now."""
        return cls(told, frozenset(told.sources), t_ns)

    def concerns(self, emission: Emission) -> bool:
        """Whether the emission is of those that this rule is about."""
        return (
            (emission.source in self.sources if self.sources else emission.source != OPERATOR)
            and (not self.told.channels or emission.channel in self.told.channels)
            and (self.told.kind != "mute" or self.from_ns <= emission.sent_ns)
        )


class Muted:
    """When the senders that a node hears could not be heard, in blackouts that are over.

    A long run may have many, so that a lookup is a bisection, and what was sent since the latest needs none.
    """

    __slots__ = ("_spans", "until_ns")

    def __init__(self) -> None:
        #: The end of the latest; what was sent then or later is not concerned.
        self.until_ns = -NEVER_NS
        #: By source, the beginnings and the ends of disjoint spans [from, until) in their order.
        self._spans: dict[str, tuple[list[int], list[int]]] = {}

    def add(self, sources: Iterable[str], from_ns: int, until_ns: int) -> None:
        """A blackout of these sources is over; none that was added before has a later end."""
        self.until_ns = until_ns
        for source in sources:
            begins, ends = self._spans.setdefault(source, ([], []))
            begin_ns = from_ns
            while ends and ends[-1] >= from_ns:
                begin_ns = min(begin_ns, begins.pop())
                ends.pop()
            begins.append(begin_ns)
            ends.append(until_ns)

    def concerns(self, emission: Emission) -> bool:
        """Whether the emission was sent in one of them."""
        if emission.sent_ns >= self.until_ns or emission.source not in self._spans:
            return False
        begins, ends = self._spans[emission.source]
        at = bisect_right(begins, emission.sent_ns)
        return at > 0 and emission.sent_ns < ends[at - 1]


class Verdict(NamedTuple):
    """What becomes of an emission that has come due: it arrives, unless it is ``lost``, ``held_by`` or delayed.

    ``met`` are the ids of the faults that have done to it what they do once.
    """

    emission: Emission
    met: tuple[str, ...]
    lost: bool = False
    held_by: str = ""
    delay_ns: int = 0


def judge(rules: list[Rule], seed: int, receiver: str, emission: Emission, met: tuple[str, ...]) -> Verdict:
    """What becomes of an emission that comes due at ``receiver``, where these rules stand."""
    for rule in rules:
        id, kind = rule.told.id, rule.told.kind
        if id in met or not rule.concerns(emission):
            continue
        if kind == "hold":
            return Verdict(emission, met, held_by=id)
        if kind == "delay":
            return Verdict(emission, (*met, id), delay_ns=rule.told.delay_ns)
        if kind in ("drop", "corrupt") and rule.told.probability < 1:
            drawn = draw(seed, emission.source, emission.seq, receiver, id)
            if drawn >= rule.told.probability:
                continue
        if kind != "corrupt":
            return Verdict(emission, met, lost=True)
        wrong = corrupted(emission, draw(seed, emission.source, emission.seq, receiver, f"{id}\0bit"))
        if wrong is None:
            return Verdict(emission, met, lost=True)
        emission, met = wrong, (*met, id)
    return Verdict(emission, met)


def corrupted(emission: Emission, drawn: float) -> Emission | None:
    """The emission with one bit of its body or arrays flipped, ``drawn`` of the way through them.

    None if that is no message of its type any more. A type without a class in this process is known by its bytes
    alone: whatever they can still be read as arrives.

    What becomes of an emission must not depend on where its receiver runs. Every process of a run loads all node
    classes of its graph, and with them the messages that their modules define; so a type that any node of the graph
    makes or reads in Python has its class in all of them, or in none if only programs speak it. A class that just one
    process has imported, such as a test beside its hosts, for messages that only programs exchange would be an
    exception: import it where a node class is defined. To judge by bytes alone everywhere would need no such care, but
    a number where a text should be would then end the run of whoever reads it, which no checksum would let pass.
    """
    frames = [bytearray(frame) for frame in (emission.body, *emission.arrays)]
    at, bit = divmod(int(drawn * 8 * sum(map(len, frames))), 8)
    for frame in frames:
        if at < len(frame):
            frame[at] ^= 1 << bit
            break
        at -= len(frame)
    body, *arrays = map(bytes, frames)
    try:
        kind = message_class(emission.type)
    except MessageError:
        kind = None
    try:
        if kind is None:
            fields_of(body, tuple(arrays))
        else:  # it is written as it always is, so that its recording tells its bytes (but for the bits of a NaN)
            body, (*arrays,) = kind.decode(body, tuple(arrays)).encode()
    except (MessageError, OverflowError):  # an array may be said to be longer than a number can tell
        return None
    return emission.with_content(body, arrays)
