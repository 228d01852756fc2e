"""A node whose beat can be changed while it goes on, and a radio that sends as fast as it is told."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from lightlag.nodes.events import Event
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams, RadioSpec
from lightlag.nodes.port import Port
from lightlag.nodes.units import Seconds


class Beat(Node):
    """Says ``beat-N``, and reads how long to wait until the next before each."""

    ports: ClassVar[tuple[str, ...]] = ("out",)

    class Params(NodeParams):
        every: Seconds = Field(default=1.0, gt=0)
        uhf: RadioSpec = RadioSpec(rate_bps="8 kbit/s", transmit_hz="400 MHz")

    params: Params
    out: Port

    async def run(self) -> None:
        number = 0
        while True:
            number += 1
            await self.sleep_until(self.now_ns + round(self.params.every * 1e9))
            self.out.send(Event(f"beat-{number}", self.now_ns, {}))
