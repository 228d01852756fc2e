"""The past of a host that was killed: what its new incarnation takes in again, and what it is expected to send again.

Everything that a host did is a function of what it took in, so the emissions of the journal bring a new incarnation to
where the dead one stood. They are fed in batches, each with a bound up to which nothing of a later batch can matter,
so that a long past needs no more memory than a short one. What it sends meanwhile was sent before: nobody hears it a
second time, and it must be the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from .emission import Emission
from .errors import NondeterminismError
from .time import NEVER_NS

#: Emissions in a batch.
BATCH = 2_000


class Past:
    """What a host took in and sent until its latest accepted report.

    ``inbox`` gives what it took in, in order, and is gone through twice; ``sent`` what was accepted from it, in order;
    every event before ``settled_ns`` had been run.
    """

    def __init__(self, inbox: Callable[[], Iterable[Emission]], sent: Iterable[Emission], settled_ns: int) -> None:
        self.settled_ns = settled_ns
        self._bounds_ns = _bounds_ns(inbox(), settled_ns)
        self._inbox = iter(inbox())
        self._sent = iter(sent)
        #: Sent before, not sent again yet, and read from ``sent`` already.
        self._expected: dict[tuple[str, int], Emission] = {}
        self._given = False

    def feed(self) -> tuple[list[Emission], int]:
        """The next emissions to take in, and the bound up to which the host may run with them."""
        batch = list(islice(self._inbox, BATCH))
        bound_ns = self._bounds_ns.pop(0) if self._bounds_ns else self.settled_ns
        self._given = not self._bounds_ns
        return batch, bound_ns

    def repeat(self, emissions: Sequence[Emission]) -> None:
        """Compare what the host sent now with what it sent then.

        Raises:
            NondeterminismError: it is something else.
        """
        for emission in emissions:
            before = self._find(emission.source, emission.seq)
            what = f"its emission {emission.seq} ({emission.type}, sent at {emission.sent_ns} ns)"
            if before is None:
                raise nondeterminism(emission.source, f"{what} is new")
            if before.fingerprint() != emission.fingerprint():
                raise nondeterminism(emission.source, f"{what} differs from the first time")

    def is_over(self, next_ns: int, *, failed: bool = False) -> bool:
        """Whether a host that reports ``next_ns`` stands where the dead incarnation stood.

        One that has ``failed`` as it did then need go no further: it may learn of what it fails of sooner this time,
        because it is given all it had taken in before it runs.

        Raises:
            NondeterminismError: it does, but has left something out.
        """
        if self._given and failed:
            return True
        if not self._given or next_ns < self.settled_ns:
            return False
        for emission in (*self._expected.values(), *islice(self._sent, 1)):
            raise nondeterminism(emission.source, f"its emission {emission.seq} did not come again")
        return True

    def _find(self, source: str, seq: int) -> Emission | None:
        found = self._expected.pop((source, seq), None)
        if found is None:
            for emission in self._sent:
                if (emission.source, emission.seq) == (source, seq):
                    return emission
                self._expected[emission.source, emission.seq] = emission
        return found


def nondeterminism(source: str, what: str) -> NondeterminismError:
    """The error of a node that does something else the second time."""
    return NondeterminismError(
        f"{source} was run again from the same journal and {what}; has its code been "
        f"changed since? Else look for wall clock, unseeded randomness or iteration over a set in it (lightlag lint)"
    )


def _bounds_ns(inbox: Iterable[Emission], settled_ns: int) -> list[int]:
    """For each batch, how far a host may run that has not taken in the batches after it."""
    first_sent_ns = [min(emission.sent_ns for emission in batch) for batch in _batches(iter(inbox))]
    bounds: list[int] = []
    later_ns = NEVER_NS
    for sent_ns in reversed(first_sent_ns):
        bounds.append(min(settled_ns, later_ns))
        later_ns = min(later_ns, sent_ns + 1)  # nothing arrives in the instant in which it was sent
    return bounds[::-1]


def _batches(emissions: Iterator[Emission]) -> Iterator[list[Emission]]:
    while batch := list(islice(emissions, BATCH)):
        yield batch
