"""Products: what a spacecraft has made and keeps, encoded, until it can be sent; the more urgent first.

A product (an event, a thumbnail, a whole picture, a sound) is a row of frames under one identifier. Its frames stay
until they have left, so that what one contact has no room for goes in the next.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable
from typing import Any, NamedTuple

from lightlag.bus.emission import Buffer
from lightlag.bus.errors import QueueRefused
from lightlag.bus.time import NS_PER_S

from .contacts import Contact, has_room
from .radio import Radio


class Frame(NamedTuple):
    """One message of a product as it will be sent."""

    type: str
    body: bytes
    arrays: tuple[Buffer, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes on the air."""
        return len(self.body) + sum(map(len, self.arrays))


class Products:
    """The products on board: by priority, then in the order in which they were made; a capacity in bits."""

    def __init__(self, capacity_bits: float) -> None:
        self.capacity_bits = capacity_bits
        self.used_bits = 0
        #: Identifiers of what is here and has not left entirely, oldest first, and how many frames are left.
        self.left: dict[str, int] = {}
        self._frames: list[tuple[int, int, str, Frame]] = []
        self._number = 0
        self._new = asyncio.Event()

    def put(self, id: str, messages: Iterable[Any], *, priority: int = 0) -> int:
        """Keep a product; its size in bits.

        Raises:
            QueueRefused: it does not fit.
        """
        frames = [Frame(message.__message_type__, *message.encode()) for message in messages]
        bits = 8 * sum(frame.size_bytes for frame in frames)
        if self.used_bits + bits > self.capacity_bits:
            raise QueueRefused(
                f"product {id} of {bits} bit does not fit: {self.used_bits} of {self.capacity_bits:.0f} bit are used; "
                f"wait for a contact, or raise the capacity"
            )
        self.used_bits += bits
        self.left[id] = self.left.get(id, 0) + len(frames)
        for frame in frames:
            self._number += 1
            heapq.heappush(self._frames, (-priority, self._number, id, frame))
        self._new.set()
        return bits

    def again(self) -> Products:
        """The same products in a node that was started again."""
        again = Products(self.capacity_bits)
        again.used_bits, again.left = self.used_bits, self.left
        again._frames, again._number = self._frames, self._number
        return again

    def __len__(self) -> int:
        """Frames that have not left."""
        return len(self._frames)

    async def send(self, radio: Radio, contact: Contact) -> int:
        """Send to the contact's target what is here and what is made meanwhile, until it ends; how many bits have left.

        It is over before that if the next frame's last bit would leave after the end: that frame stays.
        """
        node, sent_bits = radio.node, 0
        while True:
            while not self._frames:  # of several who wait, another may have taken what came
                self._new.clear()
                try:
                    async with asyncio.timeout((contact.los_ns - node.now_ns) / NS_PER_S):
                        await self._new.wait()
                except TimeoutError:
                    return sent_bits
            first = self._frames[0]
            if not await has_room(radio, first[3].size_bytes, contact.los_ns):
                return sent_bits
            if not self._frames or self._frames[0] is not first:  # while it waited
                continue
            _, _, id, frame = heapq.heappop(self._frames)
            bits = 8 * frame.size_bytes
            self.used_bits -= bits
            self.left[id] -= 1
            if not self.left[id]:
                del self.left[id]
            radio.send_encoded(*frame, to=contact.target)
            sent_bits += bits
