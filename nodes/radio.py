"""A radio: a port whose frames take bits / rate to leave.

Frames wait in a transmit queue, higher priority first, then in the order in which they were given. ``sent_ns`` is the
instant of a frame's last bit, so what lies between ``sent_ns`` and the reception is light time alone.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Any, NamedTuple

from lightlag.bus.emission import Buffer, Origin, Reception
from lightlag.bus.errors import NodeError, QueueRefused
from lightlag.bus.message import Message
from lightlag.bus.time import NS_PER_S

from .params import RadioSpec
from .port import Port, onward

if TYPE_CHECKING:
    from .node import Node

# A named tuple, made without the Python function that a call of its class runs.
_new = tuple.__new__


class _Frame(NamedTuple):
    priority: int
    number: int
    type: str
    body: bytes
    arrays: tuple[Buffer, ...]
    to: str
    via: tuple[str, ...]
    origin: Origin | None


class Radio(Port):
    """One radio of a node; ``spec`` is what the graph may change of it."""

    def __init__(self, node: Node, name: str, spec: RadioSpec) -> None:
        super().__init__(node, name)
        self.spec = spec
        self._frames: list[_Frame] = []
        #: Members of its channel that it has sent to.
        self._reached: set[str] = set()
        self._number = 0
        #: Priority of the frame on the air, if there is one, and when its last bit leaves.
        self._on_air: int | None = None
        self._free_ns = 0
        self._drained: list[tuple[int | None, asyncio.Future[None]]] = []

    @property
    def queued(self) -> int:
        """Frames that have not left yet, the one on the air included."""
        return len(self._frames) + (self._on_air is not None)

    def send(self, message: Any, *, priority: int = 0, to: str | None = None, after_ns: int = 0) -> None:
        """Queue a message for transmission, to all members of the radio's channel or to one.

        Raises:
            QueueRefused: the transmit queue is full.
            NodeError: the radio has no transmit frequency, ``to`` is no member of its channel, or ``after_ns`` is
                given, which is for plain ports.
        """
        if after_ns:
            raise self._in_turn(after_ns)
        if not isinstance(message, Message):
            raise self.no_message(message)
        body, arrays = message.encode()
        self._queue_frame(priority, message.__message_type__, body, arrays, to or "")

    def send_encoded(
        self,
        type: str,
        body: bytes,
        arrays: tuple[Buffer, ...] = (),
        *,
        priority: int = 0,
        to: str | None = None,
        after_ns: int = 0,
        via: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        """Queue what was encoded elsewhere, of a type that need not be known here; else as ``send``.

        ``via`` and ``origin`` are those of what is relayed.
        """
        if after_ns:
            raise self._in_turn(after_ns)
        self._queue_frame(priority, type, body, arrays, to or "", via, origin)

    def relay(self, reception: Reception, *, priority: int = 0) -> None:
        """Queue what was received, unchanged; its origin is kept and this node is added to its ``via``."""
        emission = reception.emission
        self._queue_frame(
            priority, emission.type, emission.body, emission.arrays, "", onward(reception), emission.origin
        )

    async def drained(self, at_least: int | None = None) -> None:
        """Wait until every queued frame has left; with ``at_least``, every one of that priority or a higher one."""
        while self._waits(at_least) or (self._on_air is not None and (at_least is None or self._on_air >= at_least)):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._drained.append((at_least, future))
            await future

    def leaves_ns(self, size_bytes: int) -> int:
        """When a frame of that many bytes would have left that is begun as soon as none is on the air."""
        now_ns = self.node.now_ns
        return (now_ns if self._on_air is None else self._free_ns) + self.duration_ns(size_bytes)

    def _waits(self, at_least: int | None) -> bool:
        """Whether a frame of such a priority waits for its turn."""
        return bool(self._frames) and (at_least is None or -self._frames[0][0] >= at_least)

    def duration_ns(self, size_bytes: int) -> int:
        """How long a frame of that many bytes takes to leave."""
        spec = self.spec
        if spec.frame_s is not None:
            return round(spec.frame_s * NS_PER_S)
        return round(8 * size_bytes / spec.rate_bps * NS_PER_S)

    def _in_turn(self, after_ns: int) -> NodeError:
        return NodeError(
            f"{self.node.name}.{self.name}.send got after_ns={after_ns}; a radio's frames leave in their turn: "
            f"sleep before you send"
        )

    def _queue_frame(
        self,
        priority: int,
        type: str,
        body: bytes,
        arrays: tuple[Buffer, ...],
        to: str,
        via: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        spec = self.spec
        if spec.transmit_hz is None:
            raise NodeError(
                f"{self.node.name}.{self.name} cannot send: it has no transmit_hz; give it one in its RadioSpec"
            )
        if to and to not in self._reached:
            self.outlet.check(to)
            self._reached.add(to)
        if len(self._frames) >= spec.queue_frames:
            raise QueueRefused(
                f"{self.node.name}.{self.name} refused a {type}: its queue holds {spec.queue_frames} frames; send "
                f"less, await drained(), or raise rate_bps or queue_frames"
            )
        self._number += 1
        frame = _new(_Frame, (-priority, self._number, type, body, arrays, to, via, origin))
        if self._on_air is not None:
            heapq.heappush(self._frames, frame)
        else:
            self._start(frame)

    def _start(self, frame: _Frame) -> None:
        self._on_air = -frame[0]
        size_bytes, loop = len(frame.body), self.node.loop
        if frame.arrays:
            size_bytes += sum(map(len, frame.arrays))
        duration_ns = self.duration_ns(size_bytes)
        self._free_ns = loop.now_ns + duration_ns
        loop.call_at_ns(self._free_ns, self._last_bit, frame, duration_ns)

    def _last_bit(self, frame: _Frame, duration_ns: int) -> None:
        self._on_air = None
        _, _, type, body, arrays, to, via, origin = frame
        self.outlet.emit(type, body, arrays, to, duration_ns=duration_ns, via=via, origin=origin)
        if self._drained:
            waiting, self._drained = self._drained, []
            for at_least, future in waiting:
                if self._waits(at_least):
                    self._drained.append((at_least, future))
                elif not future.done():
                    future.set_result(None)
        if self._frames:
            self._start(heapq.heappop(self._frames))
