"""An outbox: what a spacecraft has to say waits until somebody who hears it is in view."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from lightlag.bus.time import NS_PER_S
from lightlag.nodes import Node

#: So far ahead it looks for the next pass at a time.
_LOOK_NS = 86_400 * NS_PER_S
#: A frame begins and ends in a pass if it begins this long after the pass does, and before its end.
_MARGIN_NS = 10 * NS_PER_S


class Outbox:
    """Words of a node for others, any of whom will do; they leave in the order in which they were put in."""

    def __init__(self, node: Node, to: Sequence[str]) -> None:
        self._node, self._to = node, to
        self._waiting: deque[Callable[[], None]] = deque()
        self._filled = asyncio.Event()

    def put(self, say: Callable[[], None]) -> None:
        """Have something said when it can be heard; ``say`` sends it."""
        self._waiting.append(say)
        self._filled.set()

    async def run(self) -> None:
        """Send what is put in, for ever."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                await self._in_view()
                while self._waiting and self._heard():
                    self._waiting.popleft()()

    def _heard(self) -> bool:
        """Whether what is said now, and a little later, is heard."""
        node = self._node
        instants = node.now_ns, node.now_ns + _MARGIN_NS
        return any(all(node.surroundings.in_view(to, t_ns) for t_ns in instants) for to in self._to)

    async def _in_view(self) -> None:
        """Wait until somebody is in view; if that is never in this run, for ever."""
        node = self._node
        while not self._heard():
            until_ns = node.now_ns + _LOOK_NS
            starts = [
                found.aos_ns
                for to in self._to
                for found in node.surroundings.passes(to, node.now_ns, until_ns)
                if found.los_ns - found.aos_ns > 2 * _MARGIN_NS and found.aos_ns > node.now_ns
            ]
            await node.sleep_until(min(starts, default=until_ns - _MARGIN_NS) + _MARGIN_NS)
