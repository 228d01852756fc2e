"""The journal: every report the hub accepted and every act from outside, in order, in one append-only file.

It is written before any grant that depends on the report, so what a host knows of the others is never newer than the
journal. It is the run: a restarted host is given its past out of it, and a restarted hub knows from it where
everybody stands. A record is the message itself, as it came from the wire, with the host it came from; one that was
cut short by a kill ends the journal there and is no error. Arrays that were written lately, and pass through a relay
now, are not written again: the record says where they stand.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import msgpack

from . import wire
from .coordinator import Coordinator
from .emission import Buffer, Emission, Frames, hashed
from .errors import JournalError
from .past import Past

MAGIC = b"lightlag journal 3\n"
#: Of a record: the host (-1: nobody), the CRC-32 of the first frame, the number of frames; then the size of each, with
#: ``_BEFORE`` in it if not the frame follows but its place in the file, where it was written before.
_HEAD = struct.Struct("<iII")
_SIZE = struct.Struct("<Q")
_HEAD_OF_ONE = struct.Struct("<iIIQ")
_BEFORE = 1 << 63
_PLACE = struct.Struct("<Q")
#: Of how many arrays it is remembered where they were written, and which are worth it.
_REMEMBERED = 4_096
_LARGE_BYTES = 1 << 10
_NOBODY = -1
#: Frames in one write; the system takes no more than 1024 pieces.
_PIECES = 1000


class Entry(NamedTuple):
    """One record: the host that said it, and what it said (a REPORT, or an ACT upon that host)."""

    host: int
    envelope: wire.Envelope


class Journal:
    """The journal of a run, open for appending.

    ``facts`` (run id, graph, hosts, groups) begin a new file; without them ``path`` is continued, and what a kill has
    left of its last record is cut off.
    """

    def __init__(self, path: Path, facts: dict[str, Any] | None = None) -> None:
        self.path = path
        #: Where arrays were written, by their SHA-256; the latest last.
        self._places: dict[bytes, int] = {}
        if facts is None:
            self._end = _whole_bytes(path)
            os.truncate(path, self._end)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        else:
            self._end = len(MAGIC)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            os.write(self._file, MAGIC)
            self.append(_NOBODY, [msgpack.packb(facts)])

    def append(self, host: int, frames: Sequence[Buffer], emissions: Sequence[Emission] = ()) -> None:
        """Write a message of a host; it survives the death of this process from here on (not a power failure).

        ``emissions`` are those whose arrays are the ``frames`` after the first.
        """
        start = self._end
        try:
            self._append(host, frames, emissions)
        except OSError:  # a full disk, say: half a record would make nonsense of all that follows
            self._places.clear()
            self._end = start
            os.ftruncate(self._file, start)
            raise

    def _append(self, host: int, frames: Sequence[Buffer], emissions: Sequence[Emission]) -> None:
        first, count = frames[0], len(frames)
        head = _HEAD_OF_ONE.pack(host, zlib.crc32(first), count, len(first))
        if count == 1:
            self._write([head, first])
            return
        at = self._end + len(head) + _SIZE.size * (count - 1) + len(first)
        sizes, pieces = [head], [first]
        for arrays in [emission.arrays for emission in emissions if emission.arrays]:
            before = self._places.get(arrays.sha256)
            if before is None:
                self._remember(arrays, at)
            for array in arrays:
                size = len(array)
                if before is None:
                    sizes.append(_SIZE.pack(size))
                    pieces.append(array)
                    at += size
                else:
                    sizes.append(_SIZE.pack(size | _BEFORE))
                    pieces.append(_PLACE.pack(before))
                    at += _PLACE.size
                    before += size
        pieces = [b"".join(sizes), *pieces]
        for start in range(0, len(pieces), _PIECES):
            self._write(pieces[start : start + _PIECES])

    def _remember(self, arrays: Frames, at: int) -> None:
        if sum(map(len, arrays)) >= _LARGE_BYTES:
            self._places[arrays.sha256] = at
            if len(self._places) > _REMEMBERED:
                del self._places[next(iter(self._places))]

    def _write(self, pieces: list[Buffer]) -> None:
        left = sum(map(len, pieces))
        self._end += left
        written = os.writev(self._file, pieces)
        if written < left:  # a full disk says so at the next attempt
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_facts(path: Path) -> dict[str, Any]:
    """What a journal says of its run.

    Raises:
        JournalError: the file is no journal.
    """
    with path.open("rb") as file:
        return _facts(file, path)


def read_journal(path: Path, wanted: Callable[[int], bool] = lambda host: True) -> Iterator[Entry]:
    """The entries of a journal, of the hosts that are ``wanted``.

    Raises:
        JournalError: the file is no journal, or a whole record in it is damaged.
    """
    with path.open("rb") as file:
        run_id = str(_facts(file, path)["run"])
        while (record := _read_record(file, path, wanted)) is not None:
            host, frames = record
            if frames:
                envelope = wire.decode(run_id, frames)
                for emission in envelope.emissions:
                    if emission.arrays and hashed(emission.arrays) != emission.arrays.sha256:
                        raise JournalError(f"{path}: the arrays of {emission!r} are damaged (checksum)")
                yield Entry(host, envelope)


def restore(
    path: Path,
    coordinator: Coordinator,
    *,
    acted: Callable[[Emission], None],
    news: Callable[[list[tuple[Any, ...]]], None] = lambda news: None,
) -> int:
    """Bring a new coordinator, and whoever follows the news or the acts from outside, to where the journal ends.

    Returns the number of the latest act from outside; a fork leaves some of them out, and none is used again.
    """
    acts = 0
    for host, envelope in read_journal(path):
        if envelope.kind == wire.ACT:
            acts = max(acts, envelope.emissions[0].seq)
            coordinator.act(host, envelope.emissions[0])
            acted(envelope.emissions[0])
        else:
            coordinator.restore(wire.report_of(host, envelope))
            news(wire.news_of(envelope))
    return acts


def past_of(
    path: Path, host: int, destinations: Callable[[Emission], Sequence[int]], got: int, settled_ns: int
) -> Past:
    """The past of a host that had taken in ``got`` emissions and had run everything before ``settled_ns``."""

    def inbox() -> Iterator[Emission]:
        for at, envelope in read_journal(path):
            if envelope.kind == wire.ACT:
                yield from envelope.emissions if at == host else []
            else:
                yield from (emission for emission in envelope.emissions if host in destinations(emission))

    def sent() -> Iterator[Emission]:
        for _, envelope in read_journal(path, lambda at: at == host):
            yield from envelope.emissions if envelope.kind == wire.REPORT else []

    return Past(lambda: islice(inbox(), got), sent(), settled_ns)


def _facts(file: IO[bytes], path: Path) -> dict[str, Any]:
    if file.read(len(MAGIC)) != MAGIC:
        raise JournalError(f"{path} is no lightlag journal, or of another version")
    record = _read_record(file, path)
    if record is None or record[0] != _NOBODY:
        raise JournalError(f"{path} ends before its first record")
    facts: dict[str, Any] = msgpack.unpackb(record[1][0])
    return facts


def _read_record(
    file: IO[bytes], path: Path, wanted: Callable[[int], bool] = lambda host: True
) -> tuple[int, list[bytes]] | None:
    """The next record: its host and its frames, none of them if it is not wanted; None where the journal ends."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    host, checksum, count = _HEAD.unpack(head)
    listed = file.read(_SIZE.size * count)
    if len(listed) < _SIZE.size * count:
        return None
    sizes = [size for (size,) in _SIZE.iter_unpack(listed)]
    if not wanted(host):
        file.seek(sum(_PLACE.size if size & _BEFORE else size for size in sizes), os.SEEK_CUR)
        return host, []
    frames = []
    for size in sizes:
        frame = _read_again(file, size & ~_BEFORE) if size & _BEFORE else file.read(size)
        if len(frame) < size & ~_BEFORE:
            return None
        frames.append(frame)
    if zlib.crc32(frames[0]) != checksum:
        raise JournalError(f"{path}: the record before byte {file.tell()} is damaged (checksum)")
    return host, frames


def _read_again(file: IO[bytes], size: int) -> bytes:
    """A frame that was written before, at the place that is given here; empty where the journal ends."""
    place = file.read(_PLACE.size)
    if len(place) < _PLACE.size:
        return b""
    frame = os.pread(file.fileno(), size, *_PLACE.unpack(place))
    if len(frame) < size:
        raise JournalError(
            f"{file.name}: the record before byte {file.tell()} is damaged (no {size} bytes were written before)"
        )
    return frame


def _whole_bytes(path: Path) -> int:
    """How much of a journal is whole records."""
    with path.open("rb") as file:
        _facts(file, path)
        whole = file.tell()
        while _read_record(file, path) is not None:
            whole = file.tell()
    return whole
