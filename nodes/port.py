"""A port: where a node joins a channel.

A port sends at once; a radio (``radio.py``) is a port that takes its time. What a port sends leaves by the outlet that
the host gave it; what it received waits in its queue until the node reads it.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any, Protocol, Self

from lightlag.bus.emission import Buffer, Origin, Reception
from lightlag.bus.errors import MessageError, NodeError
from lightlag.bus.futures import Waiter
from lightlag.bus.message import Message

if TYPE_CHECKING:
    from .node import Node


class Outlet(Protocol):
    """Where the emissions of one port of one node go."""

    def check(self, to: str) -> None:
        """Raises NodeError if ``to`` is no member of the port's channel."""
        ...

    def emit(
        self,
        type: str,
        body: bytes,
        arrays: tuple[Buffer, ...],
        to: str = "",
        after_ns: int = 0,
        duration_ns: int = 0,
        via: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        """Emit encoded content, to one member or (empty) to all; its last bit leaves ``after_ns`` from now."""
        ...


class Port:
    """One named port of a node."""

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.name = name
        #: Where emissions leave, once the node is in a run.
        self.outlet: Outlet = _NoRun(node)
        # What most ports never need, a queue and a second reader, is not there until it is: a run touches all its
        # ports all the time, and memory is what a message waits for.
        #: Receptions that nobody has read yet.
        self._queue: deque[Reception] | tuple[()] = ()
        #: Who waits for the next reception; and those who wait for the ones after that.
        self._reader: Waiter | None = None
        self._others: tuple[Waiter, ...] = ()
        #: To be used again by a reader that is alone, as most are.
        self._waiter: Waiter | None = None

    def send(self, message: Any, *, to: str | None = None, after_ns: int = 0) -> None:
        """Emit a message on the port's channel: to all its members, or to one; now, or with its last bit later.

        ``to`` may be the node itself if it is a member. What leaves ``after_ns`` from now is decided now: it cannot
        be taken back, and it is numbered among the node's emissions now.

        Raises:
            NodeError: ``to`` is no member of the channel, or ``after_ns`` is negative.
        """
        if after_ns < 0:
            raise NodeError(f"{self.node.name}.{self.name}.send got after_ns={after_ns}; nothing leaves in the past")
        try:
            kind = message.__message_type__
            body, arrays = message.encode()
        except (AttributeError, TypeError):
            if isinstance(message, Message):
                raise
            raise self.no_message(message) from None
        self.outlet.emit(kind, body, arrays, to or "", after_ns)

    def send_encoded(
        self,
        type: str,
        body: bytes,
        arrays: tuple[Buffer, ...] = (),
        *,
        to: str | None = None,
        after_ns: int = 0,
        via: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        """Emit what was encoded elsewhere, of a type that need not be known here; else as ``send``.

        ``via`` and ``origin`` are those of what is relayed.
        """
        if after_ns < 0:
            raise NodeError(f"{self.node.name}.{self.name} got after_ns={after_ns}; nothing leaves in the past")
        self.outlet.emit(type, body, arrays, to or "", after_ns, via=via, origin=origin)

    def relay(self, reception: Reception) -> None:
        """Emit what was received, unchanged; its origin is kept and this node is added to its ``via``."""
        emission = reception.emission
        self.outlet.emit(emission.type, emission.body, emission.arrays, via=onward(reception), origin=emission.origin)

    def __aiter__(self) -> Self:
        """A port is the iterator over all that it receives: a plain one, because an asynchronous generator that is
        left by ``break`` would be closed when the garbage collector pleases."""
        return self

    @types.coroutine
    def __anext__(self) -> Generator[Waiter, Reception, Reception]:
        """The next reception; each goes to one reader only."""
        if self._queue:
            return self._queue.popleft()
        waiter = self._waiter
        if self._reader is not None:
            waiter = Waiter(self._reader_cancelled)
            self._others = (*self._others, waiter)
        elif waiter is None:
            waiter = self._reader = self._waiter = Waiter(self._reader_cancelled)
        else:
            self._reader = waiter
        return (yield waiter)

    def _reader_cancelled(self, waiter: Waiter) -> None:
        if waiter is self._reader:
            self._next_reader()
        else:
            self._others = tuple([other for other in self._others if other is not waiter])
        if waiter is self._waiter:
            self._waiter = None

    def _next_reader(self) -> None:
        self._reader, self._others = (self._others[0], self._others[1:]) if self._others else (None, ())

    async def receive(self) -> Reception:
        """The next reception; each goes to one reader only."""
        return await self.__anext__()

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
        return _Received(self, frozenset(by_type)) if by_type else self

    @property
    def waiting(self) -> int:
        """Receptions that nobody has read yet."""
        return len(self._queue)

    def no_message(self, given: object) -> MessageError:
        """The error of sending what is no message."""
        return MessageError(
            f"{self.node.name}.{self.name}.send got {given!r} ({type(given).__name__}); send an instance of a class "
            f"decorated with @message"
        )

    # -- what a host calls --------------------------------------------------------------------------------------

    def deliver(self, reception: Reception) -> None:
        """A reception has arrived; called at the top of the node's loop, where its reader may run at once."""
        reader = self._reader
        if reader is not None:
            if self._others:
                self._next_reader()
            else:
                self._reader = None
            reader.steps.resume(reception)
        elif self._queue:
            self._queue.append(reception)
        else:
            self._queue = deque((reception,))


class _NoRun:
    """The outlet of a node that is in no run."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def check(self, to: str) -> None:
        """Raises NodeError."""
        raise NodeError(f"{self._node.name} is not in a run yet; time, log and ports work from run() on")

    def emit(self, type: str, *_: object, **__: object) -> None:
        """Raises NodeError."""
        self.check("")


class _Received(AsyncIterator[Reception]):
    """The iterator over what is of some types."""

    def __init__(self, port: Port, kinds: frozenset[str | None]) -> None:
        self._port = port
        self._kinds = kinds

    async def __anext__(self) -> Reception:
        while True:
            reception = await self._port.__anext__()
            if reception.emission.type in self._kinds:
                return reception


def onward(reception: Reception) -> tuple[str, ...]:
    """The ``via`` of what its receiver emits again."""
    return (*reception.emission.via, reception.receiver)
