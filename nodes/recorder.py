"""The recorder of a spacecraft that is listened to now and then: what it has to tell is kept, and sent in contacts."""

from __future__ import annotations

import asyncio
import heapq
from typing import NamedTuple

from pydantic import Field

from lightlag.bus.emission import Buffer
from lightlag.bus.message import Message
from lightlag.bus.time import NS_PER_S

from .params import NodeName, NodeParams
from .radio import Radio
from .units import Degrees, Seconds, Utc


class ContactSpec(NodeParams):
    """Time at a ground station that a mission was given."""

    station: NodeName = Field(min_length=1, description="node that listens")
    start: Utc = Field(description="beginning, UTC at the spacecraft")
    duration: Seconds = Field(gt=0, description="how long it lasts")
    # At 6 degrees the Deep Space Network hands over. Source: ground.yaml's sources (memory).
    min_elevation: Degrees = Field(default=6.0, ge=-90, le=90, description="at which the station has it in view")


class _Kept(NamedTuple):
    rank: int
    number: int
    type: str
    body: bytes
    arrays: tuple[Buffer, ...]

    @property
    def size_bytes(self) -> int:
        return len(self.body) + sum(map(len, self.arrays))


class Recorder:
    """Takes messages as a radio does, and hands them to ``radio`` in contacts: higher priority first, then older."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self._kept: list[_Kept] = []
        self._number = 0
        self._some = asyncio.Event()
        #: What is kept, in bits.
        self.used_bits = 0

    def send(self, message: Message, *, priority: int = 0) -> None:
        """Keep a message until it can be sent."""
        body, arrays = message.encode()
        self._number += 1
        self._keep(_Kept(-priority, self._number, message.__message_type__, body, arrays))

    async def contact(self, spec: ContactSpec) -> None:
        """Send for as long as the contact lasts and the station has this node in view; the log says from when to when.

        Of a contact that began earlier, what is left of it.
        """
        node = self._radio.node
        start_ns = node.epoch.t_ns(spec.start)
        end_ns = min(start_ns + round(spec.duration * NS_PER_S), node.until_ns)
        within = max(start_ns, node.now_ns), end_ns
        for aos_ns, los_ns in node.surroundings.passes(spec.station, *within, target_mask_deg=spec.min_elevation):
            await node.sleep_until(aos_ns)
            node.log("contact begins", station=spec.station, stored_bits=self.used_bits)
            await self._play(spec.station, los_ns)
            node.log("contact ends", station=spec.station, stored_bits=self.used_bits)

    async def _play(self, station: str, until_ns: int) -> None:
        """Send what is kept, and what comes meanwhile. No frame is begun that would not end in time."""
        radio, loop = self._radio, self._radio.node.loop
        while loop.now_ns < until_ns:
            if not self._kept:
                self._some.clear()
                try:
                    async with asyncio.timeout((until_ns - loop.now_ns) / NS_PER_S):
                        await self._some.wait()
                except TimeoutError:
                    return
                continue
            kept = heapq.heappop(self._kept)
            self.used_bits -= 8 * kept.size_bytes
            if loop.now_ns + radio.duration_ns(kept.size_bytes) > until_ns:
                self._keep(kept)
                await self._radio.node.sleep_until(until_ns)
                return
            radio.send_encoded(kept.type, kept.body, kept.arrays, to=station)
            await radio.drained()

    def _keep(self, kept: _Kept) -> None:
        heapq.heappush(self._kept, kept)
        self.used_bits += 8 * kept.size_bytes
        self._some.set()
