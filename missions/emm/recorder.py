"""The recorder of a spacecraft that is listened to now and then: what it has to tell is kept, and sent in contacts."""

from __future__ import annotations

import asyncio
import heapq
from typing import NamedTuple

from lightlag.bus.emission import Buffer
from lightlag.bus.message import Message
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.radio import Radio


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
    """Takes messages as a radio does, and hands them to the radio while ``play`` runs: higher priority first."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self._kept: list[_Kept] = []
        self._number = 0
        self._some = asyncio.Event()
        self.used_bits = 0

    def send(self, message: Message, *, priority: int = 0) -> None:
        """Keep a message until it can be sent."""
        body, arrays = message.encode()
        self._number += 1
        self._keep(_Kept(-priority, self._number, message.__message_type__, body, arrays))

    async def play(self, station: str, until_ns: int) -> None:
        """Send to a station what is kept, and what comes meanwhile, up to ``until_ns``.

        No frame is begun that would not end in time.
        """
        radio = self._radio
        loop = radio.node.loop
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
                return
            radio.send_encoded(kept.type, kept.body, kept.arrays, to=station)
            await radio.drained()

    def _keep(self, kept: _Kept) -> None:
        heapq.heappush(self._kept, kept)
        self.used_bits += 8 * kept.size_bytes
        self._some.set()
