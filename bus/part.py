"""A host's part of the recording, as it is written while the run goes on: raw, in one write per activation.

Nothing is decoded, and no array is copied: a reception costs the host about a microsecond. JSON and MCAP are made
once, when ``recording`` merges the parts. What was written survives the death of the host; a file that ends within a
record is no error, and everything before is read.

The file is the line ``lightlag part 1``, then frames: kind, number of records, size of the content, first and last
time in it. A frame of kind ``H`` opens the file (msgpack of the epoch); ``T`` names the module that defines a type of
message, or has the JSON Schema by which it was declared (msgpack of both); ``A`` holds what one activation recorded,
ascending in time. Its records are a head (kind, time, sizes), who it was (for a loss also the reason), the emission as
it was packed, and the raw frames of its arrays, sizes first. Of a loss the header alone is kept; of a line in a log,
its JSON. All numbers are little-endian.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, NamedTuple

import msgpack

from .activation import Completion, LogRecord
from .emission import Buffer, Emission
from .errors import JournalError, MessageError
from .message import message_class
from .schema import declared, json_value
from .time import Epoch

MAGIC = b"lightlag part 1\n"
RECEIVED, LOST, LOGGED = b"R", b"L", b"N"
_OPENING, _TYPE, _ACTIVATION = b"H", b"T", b"A"
#: Of a frame: kind, number of records, size of the content, times of the first and the last record (ns).
_FRAME = struct.Struct("<cIQqq")
#: Of a record: kind, time (ns), size of the name, of the packed bytes, number of arrays, size of all that follows.
_RECORD = struct.Struct("<cqHIHQ")
#: How many buffers the system takes in one write.
_BUFFERS = min(1024, os.sysconf("SC_IOV_MAX"))
_COPIED_BYTES = 1 << 22
_READ_BYTES = 1 << 18

#: Time, and the buffers of a record.
_Piece = tuple[int, tuple[Buffer, ...]]


class PartWriter:
    """Writes one host's part; a part that a dead incarnation of the host left at ``path`` is replaced."""

    def __init__(self, path: Path, epoch: Epoch) -> None:
        path.unlink(missing_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._names: dict[str, bytes] = {}
        self._types: dict[str, None] = {}
        self._declared = 0
        opening = msgpack.packb(epoch.tdb_ns)
        self._put([MAGIC, _FRAME.pack(_OPENING, 0, len(opening), 0, 0), opening], 0)

    def write(self, done: Completion) -> None:
        """Append what an activation did; it survives the death of this process from here on."""
        names, types = self._names, self._types
        pack = _RECORD.pack
        pieces: list[_Piece] = []
        if len(declared) > self._declared:
            self._note_declared()
        for reception in done.receptions:
            emission, receiver = reception.emission, reception.receiver
            name = names.get(receiver) or self._name(receiver)
            if emission.type not in types:
                self._note_type(emission.type)
            t_ns, packed, arrays = reception.received_ns, emission.packed, emission.arrays
            size = len(name) + len(packed)
            if arrays:
                sizes = struct.pack(f"<{len(arrays)}Q", *map(len, arrays))
                size += len(sizes) + sum(map(len, arrays))
                head = pack(RECEIVED, t_ns, len(name), len(packed), len(arrays), size)
                pieces.append((t_ns, (head, name, packed, sizes, *arrays)))
            else:
                pieces.append((t_ns, (pack(RECEIVED, t_ns, len(name), len(packed), 0, size), name, packed)))
        if done.losses or done.logs:
            for loss in done.losses:
                name = names.get(key := f"{loss.receiver}\n{loss.reason}") or self._name(key)
                pieces.append(_piece(LOST, loss.t_ns, name, msgpack.packb(header(loss.emission))))
            for log in done.logs:
                pieces.append(_piece(LOGGED, log.t_ns, log.node.encode(), log_json(log)))
            pieces.sort(key=itemgetter(0))
        if pieces:
            buffers = [buffer for _, piece in pieces for buffer in piece]
            size = sum(map(len, buffers))
            frame = _FRAME.pack(_ACTIVATION, len(pieces), size, pieces[0][0], pieces[-1][0])
            self._put([frame, *buffers], size)

    def close(self) -> None:
        """Close the part."""
        os.close(self._file)

    def _name(self, text: str) -> bytes:
        return self._names.setdefault(text, text.encode())

    def _note_type(self, kind: str) -> None:
        """Say where a type is defined; a relay need not know what it carries."""
        self._types[kind] = None
        try:
            content = msgpack.packb((kind, message_class(kind).__module__))
        except MessageError:
            return
        self._put([_FRAME.pack(_TYPE, 0, len(content), 0, 0), content], 0)

    def _note_declared(self) -> None:
        """Say how types read that a program here has declared: who receives them may be in another process."""
        for declaration in islice(declared.items(), self._declared, None):
            content = msgpack.packb(declaration)
            self._put([_FRAME.pack(_TYPE, 0, len(content), 0, 0), content], 0)
        self._declared = len(declared)

    def _put(self, buffers: list[Buffer], size: int) -> None:
        if size < _COPIED_BYTES:  # one buffer that is copied is quicker than many that are not
            buffers = [b"".join(buffers)]
        for start in range(0, len(buffers), _BUFFERS):
            batch = buffers[start : start + _BUFFERS]
            if left := sum(map(len, batch)) - os.writev(self._file, batch):  # a disk that is nearly full
                rest = memoryview(b"".join(batch))[-left:]
                while rest:
                    rest = rest[os.write(self._file, rest) :]


def header(emission: Emission) -> tuple[object, ...]:
    """What a recording says of an emission, in this order, besides its message."""
    return (
        emission.source,
        emission.seq,
        emission.channel,
        emission.type,
        emission.sent_ns,
        emission.duration_ns,
        emission.origin,
        emission.via,
        emission.to,
        emission.size_bytes,
    )


def log_json(log: LogRecord) -> bytes:
    """A line of a log as it stands in a recording."""
    data = {"t_ns": log.t_ns, "level": log.level, "text": log.text, "fields": json_value(log.fields)}
    return json.dumps(data, separators=(",", ":")).encode()


def _piece(kind: bytes, t_ns: int, name: bytes, content: bytes) -> _Piece:
    return t_ns, (_RECORD.pack(kind, t_ns, len(name), len(content), 0, len(name) + len(content)), name, content)


class Entry(NamedTuple):
    """One record of a part; ``content`` is the packed emission, the packed header of a loss, or the JSON of a log."""

    t_ns: int
    #: Where it stands among what its host recorded.
    place: int
    kind: bytes
    #: The node, and for a loss the reason after a line feed.
    name: str
    content: bytes
    arrays: list[memoryview]


class Part:
    """A part to be read, whether its host has finished it, still writes it, or died over it.

    Raises:
        JournalError: the file is no part of a recording.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: None: its host died before it wrote anything.
        self.epoch: Epoch | None = None
        #: The module that defines a type of message, or its JSON Schema.
        self.modules: dict[str, str] = {}
        #: Stretches of the file, from and to which byte, in each of which time ascends. At the end of a run nodes
        #: that had long been idle speak once more, at their own time; else there is one.
        self.stretches: list[tuple[int, int]] = []
        #: Records, with those of a last frame that was cut, and up to when they go; None if there is none.
        self.count = 0
        self.last_ns: int | None = None
        with path.open("rb") as file:
            if not MAGIC.startswith(file.read(len(MAGIC))):
                raise JournalError(f"{path} is no part of a recording, or of another version")
            self._scan(file)

    def entries(self, stretch: tuple[int, int]) -> Iterator[Entry]:
        """The records of a stretch, one at a time; they end where the file was cut."""
        at, end = stretch
        with self.path.open("rb", buffering=_READ_BYTES) as file:
            file.seek(at)
            while at < end and len(head := file.read(_FRAME.size)) == _FRAME.size:
                kind, _, size, _, _ = _FRAME.unpack(head)
                at += _FRAME.size
                frame_end = at + size
                if kind != _ACTIVATION:
                    at = file.seek(frame_end)
                while at < frame_end:
                    entry, size = _read_entry(file, at)
                    if entry is None:
                        return
                    yield entry
                    at += size

    def _scan(self, file: IO[bytes]) -> None:
        at = start = file.tell()
        file_end = os.fstat(file.fileno()).st_size
        latest_ns: int | None = None
        while len(head := file.read(_FRAME.size)) == _FRAME.size:
            kind, count, size, first_ns, last_ns = _FRAME.unpack(head)
            if kind == _ACTIVATION:
                if latest_ns is not None and first_ns < latest_ns:
                    self.stretches.append((start, at))
                    start = at
                latest_ns = last_ns
                self.count += count
                reached_ns = last_ns if at + _FRAME.size + size <= file_end else first_ns
                self.last_ns = reached_ns if self.last_ns is None else max(self.last_ns, reached_ns)
                file.seek(size, os.SEEK_CUR)
            elif kind in (_OPENING, _TYPE):
                content = file.read(size)
                if len(content) < size:
                    break
                try:
                    told = msgpack.unpackb(content)
                except (ValueError, msgpack.exceptions.UnpackException) as error:
                    raise JournalError(f"{self.path} is damaged at byte {at}: {error}") from error
                if kind == _TYPE:
                    self.modules.update([told])
                else:
                    self.epoch = Epoch(told)
            else:
                raise JournalError(f"{self.path} is damaged at byte {at}: {kind!r} is no kind of frame")
            at += _FRAME.size + size
        if at > start:
            self.stretches.append((start, at))


def _read_entry(file: IO[bytes], at: int) -> tuple[Entry | None, int]:
    """The record at byte ``at`` and its size; None where the file ends within it."""
    head = file.read(_RECORD.size)
    if len(head) < _RECORD.size:
        return None, 0
    kind, t_ns, name_bytes, packed_bytes, arrays, size = _RECORD.unpack(head)
    content = file.read(size)
    if len(content) < size:
        return None, 0
    packed_end = name_bytes + packed_bytes
    frames: list[memoryview] = []
    if arrays:
        begin = packed_end + 8 * arrays
        for length in struct.unpack_from(f"<{arrays}Q", content, packed_end):
            frames.append(memoryview(content)[begin : begin + length])
            begin += length
    name = content[:name_bytes].decode()
    return Entry(t_ns, at, kind, name, content[name_bytes:packed_end], frames), _RECORD.size + size
