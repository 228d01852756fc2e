"""A stretch of network between two machines, for tests: bytes cross it late, and its lines can be cut."""

from __future__ import annotations

import queue
import socket
import threading
import time
from contextlib import suppress
from typing import Self

_BLOCK_BYTES = 1 << 16


class Forwarder:
    """Takes connections at ``address`` on to ``target``; bytes take ``delay_s`` each way.

    The first ``cuts`` lines are cut in the midst of what crosses them, once that is more than ``cut_bytes``.
    """

    def __init__(
        self,
        target: tuple[str, int],
        address: str = "127.0.0.1",
        *,
        delay_s: float = 0.0,
        cuts: int = 0,
        cut_bytes: int = 0,
    ) -> None:
        self._target = target
        self._delay_s = delay_s
        self._cut_bytes = cut_bytes
        self._cuts_left = cuts
        #: Lines that were cut.
        self.cut = 0
        #: Bytes that have crossed, both ways.
        self.crossed_bytes = 0
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._door = socket.create_server((address, 0))
        self.port: int = self._door.getsockname()[1]
        self._start(self._open)

    def close(self) -> None:
        for end in (self._door, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, run, *asked) -> None:
        thread = threading.Thread(target=run, args=asked, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _open(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:  # closed
                return
            self._ends.append(near)
            try:
                far = socket.create_connection(self._target)
            except OSError:  # nobody listens there yet, or any more
                near.close()
                continue
            self._ends.append(far)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((near, far), (far, near)):
                under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                self._start(self._take, source, under_way)
                self._start(self._give, under_way, sink, source)

    def _take(self, source: socket.socket, under_way: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        data = b"."
        while data:
            try:
                data = source.recv(_BLOCK_BYTES)
            except OSError:
                data = b""
            under_way.put((time.monotonic() + self._delay_s, data))

    def _give(
        self, under_way: queue.SimpleQueue[tuple[float, bytes]], sink: socket.socket, source: socket.socket
    ) -> None:
        crossed = 0
        with suppress(OSError):  # one of the ends is gone
            while True:
                due_s, data = under_way.get()
                time.sleep(max(0.0, due_s - time.monotonic()))
                if not data:
                    break
                crossed += len(data)
                self.crossed_bytes += len(data)
                if self._cuts_left and crossed > self._cut_bytes:
                    self._cuts_left -= 1
                    self.cut += 1
                    sink.sendall(data[: len(data) // 2])
                    break
                sink.sendall(data)
        for end in (sink, source):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
