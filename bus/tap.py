"""The tap: what hosts receive, lose and log, published while the run lives, to whoever asks.

It is off unless somebody asks. Then the hub has each host say, before a report, what the report's activation recorded,
and publishes that on a PUB socket beside its own: the records of a part (``part``), without the bytes of arrays, in
bunches of one topic. Each topic's records are numbered. A subscriber that is slower than the run is not waited for: its
queue is bounded, what does not fit is dropped, and the gap in the numbers tells it how much that was.

Nothing of this decides when anything happens: the digest is the same with a tap and without.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgpack
import zmq

from .activation import Completion, LogRecord
from .emission import Emission, Loss, Reception
from .errors import ProtocolError
from .part import LOGGED, LOST, RECEIVED, Entry, header, log_json
from .payload import Payload, opened
from .schema import json_value

#: Whoever has not asked again for so long (wall s) is gone.
LEASE_S = 60.0
#: A bunch holds no more records, or about so many bytes.
_MOST_RECORDS = 500
_MOST_BYTES = 1 << 16
#: Bunches that wait for one subscriber; with the size of a bunch, what a slow one costs the hub (64 MiB).
_QUEUED_BUNCHES = 1_000
#: The same at the subscriber, whose memory is its own.
_RECEIVED_BUNCHES = 10_000
#: How long the last records may take to leave after the end of the run (wall ms).
_LINGER_MS = 1_000
#: The topic of the last bunch, which says that the run is over; no other begins like that.
_END = b"!end"


class Bunch(NamedTuple):
    """Records of one topic, packed: as ``part.Entry`` has them, but of each array only its size."""

    topic: str
    records: int
    packed: bytes


def bunches(done: Completion) -> list[Bunch]:
    """What an activation recorded, by topic, each in order."""
    found: list[Bunch] = []
    waiting: dict[str, list[tuple[bytes, int, str, bytes, tuple[int, ...]]]] = {}
    sizes: dict[str, int] = {}

    def flush(topic: str) -> None:
        records = waiting.pop(topic)
        sizes.pop(topic)
        found.append(Bunch(topic, len(records), msgpack.packb(records)))

    def add(topic: str, kind: bytes, t_ns: int, name: str, content: bytes, arrays: tuple[int, ...] = ()) -> None:
        records = waiting.setdefault(topic, [])
        records.append((kind, t_ns, name, content, arrays))
        sizes[topic] = sizes.get(topic, 0) + len(content)
        if len(records) >= _MOST_RECORDS or sizes[topic] >= _MOST_BYTES:
            flush(topic)

    for reception in done.receptions:
        emission, receiver = reception.emission, reception.receiver
        topic = f"/{receiver}/{emission.channel}/{emission.type.partition('@')[0]}"
        arrays = tuple([len(array) for array in emission.arrays])
        add(topic, RECEIVED, reception.received_ns, receiver, emission.packed, arrays)
    for loss in done.losses:
        name = f"{loss.receiver}\n{loss.reason}"
        add(f"/{loss.receiver}/lost", LOST, loss.t_ns, name, msgpack.packb(header(loss.emission)))
    for log in done.logs:
        add(f"/{log.node}/log", LOGGED, log.t_ns, log.node, log_json(log))
    for topic in list(waiting):
        flush(topic)
    return found


def whole(done: Completion) -> list[tuple[list[str], bytes]]:
    """What an activation recorded, with all bytes: who got or lost anything, and a packed piece; or nothing."""
    if not (done.receptions or done.losses or done.logs or done.emissions):
        return []
    receptions = [(it.receiver, it.received_ns, it.emission.packed, list(it.emission.arrays)) for it in done.receptions]
    losses = [(it.receiver, it.t_ns, it.reason, it.emission.packed, list(it.emission.arrays)) for it in done.losses]
    logs = [(*it[:4], json_value(it.fields)) for it in done.logs]
    who = sorted({*(it.receiver for it in done.receptions), *(it.receiver for it in done.losses)})
    return [(who, msgpack.packb((receptions, losses, logs, done.emissions)))]


class Heard(NamedTuple):
    """What pieces of ``whole`` hold, in the order of contract 2."""

    receptions: list[Reception]
    losses: list[Loss]
    logs: list[LogRecord]
    emissions: int

    def up_to(self, t_ns: int) -> Heard:
        """What of it was not later than an instant."""
        return Heard(
            [it for it in self.receptions if it.received_ns <= t_ns],
            [it for it in self.losses if it.t_ns <= t_ns],
            [it for it in self.logs if it.t_ns <= t_ns],
            self.emissions,
        )


def heard(pieces: Sequence[bytes]) -> Heard:
    """The receptions, losses and log lines of some pieces, of whichever hosts."""
    found, count = Heard([], [], [], 0), 0
    for piece in pieces:
        received, lost, logged, emissions = msgpack.unpackb(piece, use_list=False, strict_map_key=False)
        count += emissions
        found.receptions.extend(Reception(Emission.unpack(it[2], it[3]), it[0], it[1]) for it in received)
        found.losses.extend(Loss(Emission.unpack(it[3], it[4]), it[0], it[1], it[2]) for it in lost)
        found.logs.extend(LogRecord(*log) for log in logged)
    found.receptions.sort(key=lambda it: (it.received_ns, it.receiver, it.emission.source, it.emission.seq))
    found.losses.sort(key=lambda it: (it.t_ns, it.receiver, it.emission.source, it.emission.seq))
    found.logs.sort(key=lambda it: (it.t_ns, it.node))
    return found._replace(emissions=count)


class Tap:
    """The publishing end, beside the hub (or the run in one process) at ``hub_endpoint``; opened when asked for."""

    #: Whether arrays are wanted, too.
    whole = False

    def __init__(self, hub_endpoint: str) -> None:
        self._hub_endpoint = hub_endpoint
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._endpoint = ""
        #: Until when (wall s) each of those who asked is taken to listen.
        self._leases: dict[bytes, float] = {}
        #: Records published so far, by topic.
        self._counts: dict[str, int] = {}

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        if not self._leases:
            return False
        now_s = time.monotonic()
        self._leases = {asker: until_s for asker, until_s in self._leases.items() if until_s > now_s}
        return bool(self._leases)

    def answer(self, what: str, asker: bytes) -> dict[str, Any]:
        """The answer to ``tap`` (where to listen, and how much has been said on which topic) and to ``untap``."""
        if what == "untap":
            self._leases.pop(asker, None)
            return {}
        self._leases[asker] = time.monotonic() + LEASE_S
        self._open()
        return {"endpoint": self._endpoint, "counts": self._counts, "lease_s": LEASE_S}

    def publish(self, found: Sequence[tuple[str, int, bytes]]) -> None:
        """Say bunches to all who listen; never waits."""
        assert self._socket is not None
        for topic, count, packed in found:
            first = self._counts.get(topic, 0) + 1
            self._counts[topic] = first + count - 1
            self._socket.send_multipart([topic.encode(), msgpack.packb((first, count)), packed])

    def close(self) -> None:
        """The run is over: say so, and close once the last records have left, or nearly."""
        if self._socket is not None and self._context is not None:
            self._socket.send_multipart([_END, msgpack.packb(self._counts)])
            self._socket.close()
            self._context.term()
        self._socket = self._context = None
        self._leases.clear()

    def _open(self) -> None:
        if self._socket is not None:
            return
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.setsockopt(zmq.SNDHWM, _QUEUED_BUNCHES)
        self._socket.setsockopt(zmq.LINGER, _LINGER_MS)
        self._socket.bind(_beside(self._hub_endpoint))
        self._endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)


def _beside(endpoint: str) -> str:
    """An endpoint in the same place; of a hub that is reached over a network, for its own machine alone."""
    return f"{endpoint.rpartition('/')[0]}/tap" if endpoint.startswith("ipc://") else "tcp://127.0.0.1:*"


class TapReader:
    """The listening end, at an endpoint that ``Tap.answer`` told; ``prefixes`` are what wanted topics begin with."""

    def __init__(self, endpoint: str, prefixes: Sequence[str] = ("/",)) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, _RECEIVED_BUNCHES)
        self._socket.setsockopt(zmq.LINGER, 0)
        for prefix in (*prefixes, _END.decode()):
            self._socket.setsockopt_string(zmq.SUBSCRIBE, prefix)
        self._socket.connect(endpoint)
        self._prefixes = tuple(prefixes)
        #: The number of the latest record of each topic.
        self._heard: dict[str, int] = {}
        #: Records that were published and did not come: this reader was slower than the run.
        self.lost = 0
        #: Whether the run has said its last.
        self.ended = False

    def read(self, timeout_ms: int) -> Iterator[Payload]:
        """The records of the next bunch; none if there is none in time."""
        if not self._socket.poll(timeout_ms):
            return
        frames = self._socket.recv_multipart()
        if frames[0] == _END:
            self.ended = True
            for topic, count in msgpack.unpackb(frames[1]).items():
                if topic in self._heard and topic.startswith(self._prefixes):
                    self._count(topic, count + 1, 0)
            return
        try:
            topic = frames[0].decode()
            self._count(topic, *msgpack.unpackb(frames[1]))
            records = msgpack.unpackb(frames[2], use_list=False)
        except (ValueError, IndexError, TypeError) as error:
            raise ProtocolError(f"what came from the tap is no bunch of records: {error}") from error
        for kind, t_ns, name, content, sizes in records:
            arrays = [memoryview(bytes(size)) for size in sizes]  # arrays stay at home: what is shown is their shape
            yield opened(Entry(t_ns, 0, kind, name, content, arrays))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        self._context.term()

    def _count(self, topic: str, first: int, count: int) -> None:
        """Note what came, and what should have come before it; the numbers of a hub that was started again are new."""
        before = self._heard.get(topic, first - 1)
        if first > before:
            self.lost += first - 1 - before
        self._heard[topic] = first + count - 1
