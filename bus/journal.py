"""The journal: every report the hub accepted, in order, in one append-only file.

It is written before any grant that depends on the report, so what a host knows of the others is never newer than the
journal. It gives a restarted host its inbox again, and the fingerprints of what it sent before. A record is
length, CRC-32 and msgpack; a record that was cut short by a kill ends the journal there and is no error.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgpack

from .emission import Emission
from .errors import JournalError

MAGIC = b"lightlag journal 1\n"
_HEAD = struct.Struct("<II")


class Entry(NamedTuple):
    """One accepted report: which host, its position, and the emissions in it that were new."""

    host: int
    incarnation: int
    number: int
    next_ns: int
    got: int
    emissions: list[Emission]


class Journal:
    """The journal of a run, open for appending. ``facts`` (graph, seed, epoch, hosts) open the file."""

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        os.write(self._file, MAGIC)
        self._write(msgpack.packb(facts))

    def append(self, entry: Entry) -> None:
        """Write an entry; it survives the death of this process from here on (not a power failure: no fsync)."""
        emissions = [(emission.packed, [bytes(array) for array in emission.arrays]) for emission in entry.emissions]
        self._write(msgpack.packb((*entry[:5], emissions)))

    def _write(self, payload: bytes) -> None:
        record = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        view = memoryview(record)
        while view:
            view = view[os.write(self._file, view) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_journal(path: Path) -> tuple[dict[str, Any], Iterator[Entry]]:
    """The facts and the entries of a journal.

    Raises:
        JournalError: the file is no journal, or a whole record in it is damaged.
    """
    file = path.open("rb")
    try:
        if file.read(len(MAGIC)) != MAGIC:
            raise JournalError(f"{path} is no lightlag journal, or of another version")
        payload = _read_record(file, path)
        if payload is None:
            raise JournalError(f"{path} ends before its first record")
    except BaseException:
        file.close()
        raise

    def entries() -> Iterator[Entry]:
        with file:
            while (payload := _read_record(file, path)) is not None:
                host, incarnation, number, next_ns, got, sent = msgpack.unpackb(payload, use_list=False)
                emissions = [Emission.unpack(packed, arrays) for packed, arrays in sent]
                yield Entry(host, incarnation, number, next_ns, got, emissions)

    return msgpack.unpackb(payload), entries()


def _read_record(file: Any, path: Path) -> bytes | None:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    size, checksum = _HEAD.unpack(head)
    payload: bytes = file.read(size)
    if len(payload) < size:
        return None
    if zlib.crc32(payload) != checksum:
        raise JournalError(f"{path}: the record before byte {file.tell()} is damaged (checksum)")
    return payload


def history(
    path: Path, host: int, destinations: Callable[[Emission], Sequence[int]]
) -> tuple[list[Emission], dict[tuple[str, int], bytes]]:
    """What a host had taken in by its latest report, in order, and the fingerprints of all it sent, by (source, seq).

    These are the arguments of ``Coordinator.restart``.
    """
    inbox: list[Emission] = []
    sent: dict[tuple[str, int], bytes] = {}
    got = 0
    for entry in read_journal(path)[1]:
        if entry.host == host:
            got = max(got, entry.got)
            sent.update({(e.source, e.seq): e.fingerprint() for e in entry.emissions})
        inbox.extend(e for e in entry.emissions if host in destinations(e))
    return inbox[:got], sent
