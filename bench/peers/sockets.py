"""Bare pyzmq, as a peer: what the sockets alone can do, with nothing of a simulation on them.

``round_trips`` is a DEALER and an echoing ROUTER in two processes, blocking; ``two_hops`` is PUSH to PULL to PUSH to
PULL through three processes. Both go over ipc. Sizes and counts are those of the work they stand beside.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import zmq

_SPAWN = multiprocessing.get_context("spawn")
#: A process that says nothing for this long (wall s) is stuck.
_STUCK_AFTER_S = 60.0


def round_trips(count: int, size_bytes: int) -> float:
    """Wall seconds of ``count`` round trips of ``size_bytes``, after as many tenths to warm up."""
    with tempfile.TemporaryDirectory(prefix="ll-", dir="/tmp") as folder, _Crew() as crew:
        endpoint = f"ipc://{folder}/s"
        warm_up = count // 10
        echo = crew.start(_echo, endpoint, count + warm_up)
        echo.receive()
        with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
            dealer.connect(endpoint)
            data = bytes(size_bytes)
            for number in range(-warm_up, count):
                if number == 0:
                    begun = time.monotonic()
                dealer.send(data)
                dealer.recv()
            return time.monotonic() - begun


def two_hops(pieces: int, size_bytes: int) -> float:
    """Wall seconds for ``pieces`` of ``size_bytes`` through a relaying process to a third."""
    with tempfile.TemporaryDirectory(prefix="ll-", dir="/tmp") as folder, _Crew() as crew:
        first, second = f"ipc://{folder}/1", f"ipc://{folder}/2"
        sink = crew.start(_sink, second, pieces, size_bytes)
        sink.receive()
        relay = crew.start(_relay, first, second, pieces)
        relay.receive()
        source = crew.start(_source, first, pieces, size_bytes)
        source.receive()
        source.send()
        begun: float = source.receive()
        ended: float = sink.receive()
        for member in (source, relay):  # a PUSH that closes too soon loses what is on the way
            member.send()
        return ended - begun


def _echo(parent: Connection, endpoint: str, count: int) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind(endpoint)
        parent.send("ready")
        for _ in range(count):
            router.send_multipart(router.recv_multipart())


def _source(parent: Connection, endpoint: str, pieces: int, size_bytes: int) -> None:
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.connect(endpoint)
        data = bytes(size_bytes)
        parent.send("ready")
        parent.recv()
        begun = time.monotonic()
        for _ in range(pieces):
            push.send(data)
        parent.send(begun)
        parent.recv()


def _relay(parent: Connection, first: str, second: str, pieces: int) -> None:
    with zmq.Context() as context, context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
        pull.bind(first)
        push.connect(second)
        parent.send("ready")
        for _ in range(pieces):
            push.send(pull.recv())
        parent.recv()


def _sink(parent: Connection, endpoint: str, pieces: int, size_bytes: int) -> None:
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        pull.bind(endpoint)
        parent.send("ready")
        for _ in range(pieces):
            if (size := len(pull.recv())) != size_bytes:
                raise RuntimeError(f"received {size} bytes where {size_bytes} were sent")
        parent.send(time.monotonic())


class _Member:
    """A process and the pipe to it."""

    def __init__(self, body: Callable[..., None], *arguments: Any) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=body, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()

    def receive(self) -> Any:
        """What it says next.

        Raises:
            RuntimeError: it says nothing, or has ended.
        """
        if not self._pipe.poll(_STUCK_AFTER_S):
            raise RuntimeError(f"a process of the raw peer said nothing for {_STUCK_AFTER_S:.0f} s")
        return self._pipe.recv()

    def send(self) -> None:
        """Let it go on."""
        self._pipe.send(None)


class _Crew:
    """The processes of one measurement; they end with it, well or not."""

    def __init__(self) -> None:
        self._members: list[_Member] = []

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        for member in self._members:
            if kind is not None:
                member.process.kill()
            member.process.join(_STUCK_AFTER_S)
            if member.process.is_alive():
                member.process.kill()

    def start(self, body: Callable[..., None], *arguments: Any) -> _Member:
        """Start a process."""
        member = _Member(body, *arguments)
        self._members.append(member)
        return member
