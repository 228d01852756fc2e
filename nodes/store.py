"""On-board store: what a spacecraft keeps until it can be sent. Full means refused, visibly."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from lightlag.bus.emission import Reception
from lightlag.bus.errors import QueueRefused


class Store:
    """A first-in, first-out store of receptions with a capacity in bits."""

    def __init__(self, capacity_bits: float) -> None:
        self.capacity_bits = capacity_bits
        self.used_bits = 0
        self._kept: deque[Reception] = deque()

    def put(self, reception: Reception) -> None:
        """Keep a reception.

        Raises:
            QueueRefused: it does not fit.
        """
        bits = 8 * reception.emission.size_bytes
        if self.used_bits + bits > self.capacity_bits:
            raise QueueRefused(
                f"{reception.receiver} cannot store {bits} bit more: {self.used_bits} of {self.capacity_bits:.0f} bit "
                f"are used; play back first, or raise the capacity"
            )
        self.used_bits += bits
        self._kept.append(reception)

    @property
    def oldest(self) -> Reception | None:
        """What ``take`` would hand out first."""
        return self._kept[0] if self._kept else None

    def take(self) -> Iterator[Reception]:
        """Hand everything out, oldest first, and forget it."""
        while self._kept:
            reception = self._kept.popleft()
            self.used_bits -= 8 * reception.emission.size_bytes
            yield reception

    def __len__(self) -> int:
        return len(self._kept)
