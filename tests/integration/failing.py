"""Nodes that tick, listen, and fail on command."""

from __future__ import annotations

import sys
import time
from typing import ClassVar

from pydantic import Field

from lightlag.nodes.events import Event
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams
from lightlag.nodes.port import Port
from lightlag.nodes.telemetry import Housekeeping
from lightlag.nodes.units import Seconds
from lightlag.orbiters.maven import TRAJECTORY
from lightlag.orbiters.relay import Orbiter
from lightlag.orbiters.stations import NamedStation


class Ticker(Node):
    """Says ``tick-N`` at every multiple of ``every``."""

    ports: ClassVar[tuple[str, ...]] = ("out",)

    class Params(NodeParams):
        every: Seconds = Field(default=1.0, gt=0)

    params: Params
    out: Port

    async def run(self) -> None:
        step_ns = round(self.params.every * 1e9)
        number = 0
        while True:
            number += 1
            await self.sleep_until(number * step_ns)
            self.out.send(Event(f"tick-{number}", self.now_ns, {}))


class Listener(Node):
    """Hears ticks; raises at the ``fails_at``-th."""

    ports: ClassVar[tuple[str, ...]] = ("heard",)

    class Params(NodeParams):
        fails_at: int | None = None

    params: Params
    heard: Port

    async def run(self) -> None:
        number = 0
        async for reception in self.heard.received(Event):
            number += 1
            self.log("heard", event=reception.message.id)
            if number == self.params.fails_at:
                self.give_up(number)

    def give_up(self, number: int) -> None:
        raise ArithmeticError(f"{self.name} cannot count beyond {number}")


class Dawdler(Listener):
    """Takes real time over everything it hears, as a heavy computation would."""

    async def run(self) -> None:
        async for _ in self.heard.received(Event):
            time.sleep(0.002)


class Stuck(Node):
    """Computes for ever in one instant."""

    class Params(NodeParams):
        after: Seconds = 0.0

    params: Params

    async def run(self) -> None:
        await self.sleep_until(round(self.params.after * 1e9))
        sys.stderr.write("computing\n")
        sys.stderr.flush()
        while True:
            time.sleep(0.01)


class FailingOrbiter(Orbiter):
    """Breaks when it is to say something of itself for the third time."""

    trajectory = TRAJECTORY
    _said = 0

    def status(self) -> Housekeeping:
        self._said += 1
        if self._said == 3:
            raise LookupError(f"{self.name} lost its attitude")
        return super().status()


class Diarist(Orbiter):
    """Says, notes and publishes something every second, and something more when it is ended."""

    trajectory = TRAJECTORY

    async def run(self) -> None:
        number = 0
        try:
            while True:
                number += 1
                await self.sleep_until(number * 1_000_000_000)
                self.xband.send(Event(f"second-{number}", self.now_ns, {}))
                self.log("noted", number=number)
                self.publish(f"page-{number}.txt", str(number).encode())
        finally:
            self.log("ended")
            self.publish("last.txt", b"ended")


class FailingStation(NamedStation):
    """Gives up after ten and a half seconds."""

    async def run(self) -> None:
        await self.sleep_until(10_500_000_000)
        raise LookupError(f"{self.name} lost its pointing")
