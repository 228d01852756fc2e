"""What a host is to the kernel: something that is activated up to a bound and says what came of it.

``activate`` is pure but for the host's own state: no I/O, no clock, and it never raises. Everything that a driver (the
in-process run, the ZeroMQ shell) writes, sends or shows is in the ``Completion``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from .emission import Emission, Loss, Reception


class LogRecord(NamedTuple):
    """One line of a node's log: run time (ns), node, level, text, and the bound fields."""

    t_ns: int
    node: str
    level: str
    text: str
    fields: dict[str, Any]


class Product(NamedTuple):
    """A file that a node made (a picture): run time (ns), node, file name, content, and facts about it."""

    t_ns: int
    node: str
    name: str
    data: bytes
    facts: dict[str, Any]


class Failure(NamedTuple):
    """A node's own code raised; the least of several by (t_ns, node) is the run's."""

    t_ns: int
    node: str
    traceback: str


class Completion:
    """What an activation did: emissions for other hosts, when the host will next run, and what is to be written.

    One is made for every activation: what a dataclass would generate is written out, at half the price.
    """

    __slots__ = (
        "emissions",
        "failure",
        "logs",
        "losses",
        "news",
        "next_ns",
        "outbox",
        "products",
        "receptions",
        "unlisted",
    )

    def __init__(
        self,
        outbox: list[Emission] | None = None,
        next_ns: int = 0,
        receptions: list[Reception] | None = None,
        losses: list[Loss] | None = None,
        logs: list[LogRecord] | None = None,
        products: list[Product] | None = None,
    ) -> None:
        self.outbox = outbox or []
        #: Earliest t at which anything in the host will run, given what it was sent; NEVER_NS if nothing.
        self.next_ns = next_ns
        #: Emissions of the host's own nodes, wherever they went.
        self.emissions = 0
        self.receptions = receptions or []
        #: Receptions that are not listed, because nobody writes or shows them.
        self.unlisted = 0
        self.losses = losses or []
        self.logs = logs or []
        self.products = products or []
        #: What a person watching wants to hear at once; msgpack-able tuples, opaque to the bus.
        self.news: list[tuple[Any, ...]] = []
        self.failure: Failure | None = None


class Tally:
    """Counts of a run so far: emissions, receptions, losses by reason."""

    __slots__ = ("emissions", "losses", "receptions")

    def __init__(self, emissions: int = 0, receptions: int = 0, losses: Mapping[str, int] | None = None) -> None:
        self.emissions = emissions
        self.receptions = receptions
        self.losses: dict[str, int] = dict(losses or {})

    def add(self, done: Completion) -> None:
        """Count what an activation did."""
        self.emissions += done.emissions
        self.receptions += len(done.receptions) + done.unlisted
        for loss in done.losses:
            self.losses[loss.reason] = self.losses.get(loss.reason, 0) + 1

    def include(self, other: Tally) -> None:
        """Count what another host counted."""
        self.emissions += other.emissions
        self.receptions += other.receptions
        for reason, count in other.losses.items():
            self.losses[reason] = self.losses.get(reason, 0) + count

    def fields(self) -> tuple[int, int, dict[str, int]]:
        """As the arguments of a new one, for the wire."""
        return self.emissions, self.receptions, self.losses


class Activatable(Protocol):
    """A host of nodes, as a driver sees it."""

    name: str
    #: Whether completions list receptions; else they are only counted.
    lists_receptions: bool

    def activate(self, bound_ns: int, emissions: Sequence[Emission], limit: int) -> Completion:
        """Take the emissions in, then run every event before ``bound_ns``, or about ``limit`` of them.

        It never stops within an instant: all before ``next_ns`` has been run, and nothing at it.
        """
        ...

    def finish(self, emissions: Sequence[Emission], *, failed: bool = False) -> Completion:
        """Take the last emissions in; what has not arrived by now is lost ``in_flight``. ``failed``: the run has."""
        ...

    def chains(self) -> dict[str, bytes]:
        """The digest chain value of every node of the host."""
        ...
