"""Who may speak to a hub that is reached over a network: CURVE keys that are made for one run and forgotten with it.

The hub has a pair of keys, every host has one of its own, and operators share one. A socket with such keys talks to
nobody who cannot prove that it has another of the run; libzmq encrypts what they say. The ``Guard`` answers libzmq's
question whether a key is known (ZAP, https://rfc.zeromq.org/spec/27/), and sees to it that nobody speaks for another:
what comes in a host's name was sent with that host's key.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from .emission import Buffer
from .errors import ProtocolError, RunError
from .multipart import content
from .operator import OPERATOR
from .wire import name_and_line

#: No frame that comes over a network is larger than this. Above twice as much libzmq hangs up on whoever sends it.
LIMIT_BYTES = 256 << 20
#: How often a silent peer is asked whether it is there, and how long it may take to say so (wall ms).
_HEARTBEAT_MS = 5_000
_HEARTBEAT_TIMEOUT_MS = 30_000
_DOMAIN = b"lightlag"
_ZAP = "inproc://zeromq.zap.01"
_ZAP_VERSION = b"1.0"
_UNFINISHED = int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)


class Pair(NamedTuple):
    """A public key and its secret one, in Z85 text."""

    public: str
    secret: str

    @classmethod
    def make(cls) -> Pair:
        """A new pair."""
        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode())


class Keys(NamedTuple):
    """What one process needs to speak to the hub: the hub's public key, and a pair of its own."""

    hub: str
    public: str
    secret: str

    def connect(self, socket: zmq.Socket[bytes], endpoint: str) -> None:
        """Connect a socket that speaks with these keys, and finds out when its peer is gone."""
        socket.setsockopt(zmq.CURVE_SERVERKEY, self.hub.encode())
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.public.encode())
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.secret.encode())
        _watch_the_line(socket)
        socket.setsockopt(zmq.IPV6, "[" in endpoint)
        socket.connect(endpoint)


class RunKeys(NamedTuple):
    """All the keys of a run: the hub's, and by name those of its hosts and of operators."""

    hub: Pair
    peers: dict[str, Pair]

    @classmethod
    def make(cls, hosts: Iterable[str]) -> RunKeys:
        """New keys for these hosts and for operators."""
        return cls(Pair.make(), {name: Pair.make() for name in (*hosts, OPERATOR)})

    def of(self, name: str) -> Keys:
        """The keys of a host or of ``OPERATOR``."""
        return Keys(self.hub.public, *self.peers[name])


def _watch_the_line(socket: zmq.Socket[bytes]) -> None:
    """Have a socket, not bound or connected yet, ask silent peers whether they are there."""
    socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _HEARTBEAT_TIMEOUT_MS)


def check_sizes(frames: Sequence[Any], limit_bytes: int = LIMIT_BYTES) -> None:
    """Refuse what the hub would refuse, while it can still be said by whom.

    Raises:
        RunError: a frame is too large.
    """
    largest = max(map(len, frames))
    if largest > limit_bytes:
        raise RunError(
            f"a frame of {largest:,} bytes; over a network {limit_bytes:,} are the most: send large content in pieces, "
            f"or run both ends of it on one machine"
        )


class Guard:
    """Stands before a ROUTER socket: lets in known keys, and nobody who speaks for another.

    Make it before the socket is bound, ``start`` it with whom to tell what was refused, and have messages received by
    ``receive``; a context manager.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        socket: zmq.Socket[bytes],
        keys: RunKeys,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._names = {z85.decode(pair.public): name.encode() for name, pair in keys.peers.items()}
        self._hosts = {name.encode() for name in keys.peers if name != OPERATOR}
        self._limit_bytes = limit_bytes
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys.hub.secret.encode())
        socket.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN)  # without an answer nobody is let in
        socket.setsockopt(zmq.MAXMSGSIZE, 2 * limit_bytes)
        _watch_the_line(socket)
        self._zap: zmq.Socket[bytes] = context.socket(zmq.REP)
        self._zap.setsockopt(zmq.LINGER, 0)
        self._zap.bind(_ZAP)
        self._monitor: zmq.Socket[bytes] = socket.get_monitor_socket(_UNFINISHED)
        self._watched = socket
        self._ending, self._end = os.pipe()
        self._thread: threading.Thread | None = None

    def start(self, refuse: Callable[[str], None]) -> None:
        """Begin to let peers in; ``refuse``, called from a thread of its own, is told of those that are not."""
        self._thread = threading.Thread(target=self._serve, args=(refuse,), daemon=True)
        self._thread.start()

    def receive(self, socket: zmq.Socket[bytes]) -> list[Buffer]:
        """The next message, the identity of its sender first.

        Raises:
            ProtocolError: it is not what that sender may say, or too large.
        """
        frames = socket.recv_multipart(copy=False)
        identity = frames[0].bytes
        owner = str(frames[-1].get("User-Id")).encode()  # what the guard answered, as libzmq calls it
        if owner != name_and_line(identity)[0] and (owner != OPERATOR.encode() or identity in self._hosts):
            raise ProtocolError(f"a message in the name of {identity!r} with the key of {owner.decode()}")
        sizes = [len(frame.buffer) for frame in frames]
        if max(sizes) > self._limit_bytes:
            raise ProtocolError(
                f"a frame of {max(sizes):,} bytes from {identity!r}; {self._limit_bytes:,} are the most"
            )
        return list(map(content, frames))

    def close(self) -> None:
        """Let nobody in any more."""
        os.close(self._end)
        if self._thread is not None:
            self._thread.join()
        os.close(self._ending)
        self._zap.close()
        self._watched.disable_monitor()
        self._monitor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, refuse: Callable[[str], None]) -> None:
        poller = zmq.Poller()
        for each in (self._zap, self._monitor, self._ending):
            poller.register(each, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._ending in ready:
                return
            if self._zap in ready:
                self._answer(self._zap.recv_multipart(), refuse)
            if self._monitor in ready:
                event = recv_monitor_message(self._monitor)
                where = event["endpoint"].decode(errors="replace")
                refuse(f"a connection at {where} that did not prove to have a key of this run")

    def _answer(self, asked: list[bytes], refuse: Callable[[str], None]) -> None:
        """Say to libzmq whether a peer is let in, and who it is."""
        _, request, _, address, _, mechanism, *credentials = asked
        name = self._names.get(credentials[0]) if mechanism == b"CURVE" and credentials else None
        if name is None:
            where = address.decode(errors="replace") or "this machine"
            refuse(f"a connection from {where} with an unknown key")
        verdict = [b"400", b"unknown key", b""] if name is None else [b"200", b"OK", name]
        self._zap.send_multipart([_ZAP_VERSION, request, *verdict, b""])
