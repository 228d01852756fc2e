"""A spacecraft's own clock (SCLK): what it counts, how far it is off, and what it shows when it is set.

A node has one if its ``Params`` declare it, by a field of type ``ClockSpec``. The clock counts seconds of TDB from an
instant at which it would show zero, too fast or too slow by a constant rate, so that what a spacecraft does at a count
happens a little before or after the instant that people meant. A jump (a reset, a leap by command) begins a new
partition, as SPICE calls it: the same count may come again. All arithmetic is of integers, so that there and back is
exact; what a real clock loses besides (the difference between TDB and its own proper time: milliseconds) is left out.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import Field

from lightlag.bus.errors import NodeError
from lightlag.bus.time import NEVER_NS, NS_PER_S

from .params import PartSpec
from .units import Seconds, Utc

if TYPE_CHECKING:
    from .node import Node

#: Rates are kept in parts of this; phases in ticks times this times 1e9, so that a nanosecond is a whole number.
_RATE = 10**12
_PHASE = _RATE * NS_PER_S
_COUNT = re.compile(r"\s*(?:(?P<partition>\d+)\s*/)?\s*(?P<coarse>\d+)(?:[.:,-](?P<fine>\d+))?\s*")


class ClockSpec(PartSpec):
    """A clock that counts seconds and fractions of them."""

    changeable: ClassVar[tuple[str, ...] | None] = ("rate_ppm",)

    # Mars 2020's clock and Curiosity's count from J2000; MRO's from 1980-01-01. Source: the first coefficients of
    # m2020_168_sclkscet_refit_v03.tsc and MRO_SCLKSCET.00101.65536.tsc.
    zero: Utc = Field(default="2000-01-01T11:58:55.816Z", description="SCET at which a perfect clock shows zero")
    rate_ppm: float = Field(default=0.0, gt=-1e6, description="how much it is too fast, parts per million")
    offset: Seconds = Field(default=0.0, description="how much it is ahead at zero")
    partition: int = Field(default=1, ge=1, description="the partition in which it begins")
    ticks_per_second: int = Field(default=65_536, ge=1, description="fractions of a second that it counts")

    def make(self, node: Node, name: str) -> Clock:
        """The clock of a node."""
        return Clock(node, name, self)


class _Piece(NamedTuple):
    """From ``since_ns`` on, until the next: the phase there, and how much it grows in a nanosecond."""

    since_ns: int
    partition: int
    phase: int
    growth: int

    def phase_at(self, t_ns: int) -> int:
        return self.phase + (t_ns - self.since_ns) * self.growth

    def reaches_ns(self, ticks: int) -> int:
        """The first instant at which it shows so many ticks."""
        return self.since_ns - (self.phase - ticks * _PHASE) // self.growth


class Clock:
    """The clock of a node. A count is text as SPICE writes it, ``1/0666952800.12345``, or a number of ticks."""

    def __init__(self, node: Node, name: str, spec: ClockSpec) -> None:
        self.node = node
        self.name = name
        self._spec = spec
        self._pieces: list[_Piece] = []
        self._sleepers: list[asyncio.Future[None]] = []

    # -- what it shows ------------------------------------------------------------------------------------------

    def ticks(self, when: int | str | None = None) -> int:
        """The count in ticks now, or at a run time (ns) or a UTC instant (SCET)."""
        t_ns = self._t_ns(when)
        return self._piece(t_ns).phase_at(t_ns) // _PHASE

    def text(self, when: int | str | None = None) -> str:
        """The count as SPICE writes it: partition, seconds, ticks."""
        t_ns = self._t_ns(when)
        per_s = self._spec.ticks_per_second
        coarse, fine = divmod(self.ticks(t_ns), per_s)
        return f"{self._piece(t_ns).partition}/{coarse:010d}.{fine:0{len(str(per_s - 1))}d}"

    def t_ns(self, count: int | str) -> int:
        """The run time (ns) at which the clock first shows a count, by all that is known now.

        Without a partition, the latest in which it shows the count.

        Raises:
            NodeError: it never does, or the text is no count.
        """
        partition, ticks = self._read(count)
        pieces = self._known()
        end_ns: int | None = None
        for piece in reversed(pieces):
            # The first piece holds from ever; of the others the first instant may be in the midst of a tick.
            t_ns = piece.reaches_ns(ticks)
            if piece is not pieces[0] and piece.phase // _PHASE == ticks:
                t_ns = piece.since_ns
            begun = t_ns >= piece.since_ns or piece is pieces[0]
            if begun and (end_ns is None or t_ns < end_ns) and partition in (None, piece.partition):
                return t_ns
            end_ns = piece.since_ns
        raise NodeError(f"{self.node.name}.{self.name} never shows {count!r}; it shows {self.text()} now")

    def scet(self, count: int | str) -> str:
        """UTC (SCET) of a count; raises as ``t_ns``."""
        return self.node.epoch.utc(self.t_ns(count), digits=6)

    async def sleep_until(self, count: int | str) -> None:
        """Sleep until the clock shows a count or more, whatever its partition; a jump meanwhile is reckoned with."""
        _, ticks = self._read(count)
        loop = self.node.loop
        while (t_ns := self._known()[-1].reaches_ns(ticks)) > loop.now_ns:
            sleeper: asyncio.Future[None] = loop.create_future()
            timer = loop.call_at_ns(min(t_ns, NEVER_NS), _wake, sleeper)
            self._sleepers.append(sleeper)
            try:
                await sleeper
            finally:
                timer.cancel()
                self._sleepers.remove(sleeper)

    # -- what happens to it -------------------------------------------------------------------------------------

    def jump(self, seconds: float) -> None:
        """The count leaps by ``seconds`` (back, if negative) now, and a new partition begins."""
        before = self._known()[-1]
        leap = round(seconds * NS_PER_S) * self._spec.ticks_per_second * _RATE
        self._begin(before.phase_at(self.node.now_ns) + leap, before.partition + 1, before.growth)

    def drift(self, rate_ppm: float) -> None:
        """From now on the clock is too fast by ``rate_ppm``."""
        before = self._known()[-1]
        self._begin(before.phase_at(self.node.now_ns), before.partition, self._growth(rate_ppm))

    @property
    def spec(self) -> ClockSpec:
        """What the graph says of it."""
        return self._spec

    @spec.setter
    def spec(self, spec: ClockSpec) -> None:
        """A change while the run goes on: the rate is what may change."""
        if spec.rate_ppm != self._spec.rate_ppm:
            self.drift(spec.rate_ppm)
        self._spec = spec

    # -----------------------------------------------------------------------------------------------------------

    def _begin(self, phase: int, partition: int, growth: int) -> None:
        self._pieces.append(_Piece(self.node.now_ns, partition, phase, growth))
        for sleeper in self._sleepers:
            _wake(sleeper)

    def _growth(self, rate_ppm: float) -> int:
        return self._spec.ticks_per_second * (_RATE + round(rate_ppm * 1e6))

    def _known(self) -> list[_Piece]:
        if not self._pieces:
            spec = self._spec
            ahead = round(spec.offset * NS_PER_S) * spec.ticks_per_second * _RATE
            zero_ns = self.node.epoch.t_ns(spec.zero)
            self._pieces.append(_Piece(zero_ns, spec.partition, ahead, self._growth(spec.rate_ppm)))
        return self._pieces

    def _piece(self, t_ns: int) -> _Piece:
        pieces = self._known()
        return next((piece for piece in reversed(pieces) if piece.since_ns <= t_ns), pieces[0])

    def _t_ns(self, when: int | str | None) -> int:
        if when is None:
            return self.node.now_ns
        return self.node.epoch.t_ns(when) if isinstance(when, str) else when

    def _read(self, count: int | str) -> tuple[int | None, int]:
        """Partition, if one is given, and ticks of a count."""
        if isinstance(count, int):
            return None, count
        found = _COUNT.fullmatch(count)
        per_s = self._spec.ticks_per_second
        fine = int(found["fine"] or 0) if found else 0
        if not found or fine >= per_s:
            raise NodeError(
                f"{count!r} is no count of {self.node.name}.{self.name}; write it like {self.text()}: partition, "
                f"seconds, and ticks of which {per_s} are a second"
            )
        partition = int(found["partition"]) if found["partition"] else None
        return partition, int(found["coarse"]) * per_s + fine


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
