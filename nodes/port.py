"""A port: where a node joins a channel.

A port sends at once; a radio (``radio.py``) is a port that takes its time. What a port received waits in its queue
until the node reads it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from lightlag.bus.emission import Origin, Reception
from lightlag.bus.errors import MessageError, NodeError
from lightlag.bus.message import Message

if TYPE_CHECKING:
    from .node import Node


class Port:
    """One named port of a node."""

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.name = name
        self._queue: deque[Reception] = deque()
        self._readers: deque[asyncio.Future[None]] = deque()

    def send(self, message: Any, *, to: str | None = None, after_ns: int = 0) -> None:
        """Emit a message on the port's channel: to all its members, or to one; now, or with its last bit later.

        ``to`` may be the node itself if it is a member. What leaves ``after_ns`` from now is decided now: it cannot
        be taken back, and it is numbered among the node's emissions now.

        Raises:
            NodeError: ``to`` is no member of the channel, or ``after_ns`` is negative.
        """
        body, arrays = encoded(message, self)
        if after_ns < 0:
            raise NodeError(f"{self.node.name}.{self.name}.send got after_ns={after_ns}; nothing leaves in the past")
        self.node.emit(self.name, message.__message_type__, body, arrays, to=to or "", after_ns=after_ns)

    def relay(self, reception: Reception) -> None:
        """Emit what was received, unchanged; its origin is kept and this node is added to its ``via``."""
        emission = reception.emission
        origin, via = onward(reception)
        self.node.emit(self.name, emission.type, emission.body, emission.arrays, origin=origin, via=via)

    async def receive(self) -> Reception:
        """The next reception; each goes to one reader only."""
        while not self._queue:
            reader: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            try:
                await reader
            except BaseException:
                if reader in self._readers:
                    self._readers.remove(reader)
                elif self._queue:  # woken and cancelled in one instant: somebody else may read
                    self._wake()
                raise
        return self._queue.popleft()

    def received(self, *kinds: type) -> AsyncIterator[Reception]:
        """Iterate over receptions for ever; with ``kinds``, over messages of these types only.

        Raises:
            MessageError: one of ``kinds`` is no message type.
        """
        by_type = {getattr(kind, "__message_type__", None): kind for kind in kinds}
        if None in by_type:
            raise MessageError(
                f"{self.node.name}.{self.name}.received got {by_type[None]!r}, which is no message type; pass a class "
                f"decorated with @message"
            )
        return _Received(self, set(by_type))

    @property
    def waiting(self) -> int:
        """Receptions that nobody has read yet."""
        return len(self._queue)

    def deliver(self, reception: Reception) -> None:
        """Called by the host when a reception arrives."""
        self._queue.append(reception)
        self._wake()

    def _wake(self) -> None:
        while self._readers:
            reader = self._readers.popleft()
            if not reader.done():
                reader.set_result(None)
                return


class _Received(AsyncIterator[Reception]):
    """A plain iterator: an asynchronous generator left by ``break`` would be closed when the collector pleases."""

    def __init__(self, port: Port, kinds: set[str | None]) -> None:
        self._port = port
        self._kinds = kinds

    def __aiter__(self) -> _Received:
        return self

    async def __anext__(self) -> Reception:
        while True:
            reception = await self._port.receive()
            if not self._kinds or reception.emission.type in self._kinds:
                return reception


def encoded(message: object, port: Port) -> tuple[bytes, tuple[bytes, ...]]:
    """The bytes of a message that is about to be sent through ``port``."""
    if not isinstance(message, Message):
        raise MessageError(
            f"{port.node.name}.{port.name}.send got {message!r} ({type(message).__name__}); send an instance of a "
            f"class decorated with @message"
        )
    return message.encode()


def onward(reception: Reception) -> tuple[Origin, tuple[str, ...]]:
    """Origin and via of a reception that its receiver emits again."""
    return reception.emission.origin, (*reception.emission.via, reception.receiver)
