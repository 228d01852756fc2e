"""The recording: what every receiver got and lost, and the nodes' logs, in MCAP.

Each host writes a part as it goes, raw (``part``). ``merge`` puts the parts in order into one file that standard MCAP
tools open: ``publish_time`` is the emission, ``log_time`` the reception, both Unix UTC in nanoseconds; payloads are
JSON with their schema (``payload``). ``read`` reads a merged recording, ``read_parts`` what a run that was killed has
left: the same records in the same order.

Topics: ``/RECEIVER/CHANNEL/MESSAGE_TYPE`` for receptions, ``/RECEIVER/lost`` for losses, ``/NODE/log`` for logs.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from mcap.reader import make_reader

from .mcap_file import MAGIC as MCAP_MAGIC
from .mcap_file import McapMessage, McapWriter, read_messages
from .part import MAGIC as PART_MAGIC
from .part import Part, PartWriter
from .payload import Payload, header_alone, opened, schema_json
from .time import Epoch

__all__ = ["PartWriter", "Record", "is_part", "merge", "messages", "read", "read_metadata", "read_parts"]

#: A merge that takes longer says how far it is, as often.
_PROGRESS_S = 1.0
_PROGRESS_RECORDS = 2_000
#: 2^28 ns are about a quarter of a second.
_CELL_BITS = 28


class Record(NamedTuple):
    """One record of a recording: topic, the payload as read from JSON, and Unix times in ns."""

    topic: str
    data: dict[str, Any]
    log_time_ns: int
    publish_time_ns: int


def read(path: Path, bodies: Callable[[str], bool] | None = None) -> Iterator[Record]:
    """The records of a recording, or of one part of it, finished or not, in its order.

    ``bodies`` is asked of each record's topic whether the message itself is wanted; of the others the header alone is
    decoded, without ``message``, which spares the megabytes of pictures.

    Raises:
        JournalError: the file is no recording.
    """
    yield from _decoded(messages([path], bodies))


def read_parts(parts: Sequence[Path], bodies: Callable[[str], bool] | None = None) -> Iterator[Record]:
    """The records of several parts, as they would stand in the merged recording; see ``read``."""
    yield from _decoded(messages(parts, bodies))


def messages(paths: Sequence[Path], bodies: Callable[[str], bool] | None = None) -> Iterator[McapMessage]:
    """The same with payloads left as JSON; ``paths`` is one recording, or any number of parts."""
    if len(paths) == 1 and not is_part(paths[0]):
        for message in read_messages(paths[0]):
            whole = bodies is None or bodies(message.topic)
            yield message if whole else message._replace(data=header_alone(message.data))
        return
    parts = [Part(path) for path in paths]
    modules, unix_ns = _modules(parts), _unix_ns(parts)
    for payload in _in_order(parts):
        data = payload.json(modules, body=bodies is None or bodies(payload.topic))
        yield McapMessage(payload.topic, payload.schema, unix_ns(payload.t_ns), unix_ns(payload.sent_ns), data)


def is_part(path: Path) -> bool:
    """Whether a file is a part; an empty one is a part whose host had not begun."""
    with path.open("rb") as file:
        return PART_MAGIC.startswith(file.read(len(PART_MAGIC)))


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata that ``merge`` wrote: graph, seed, digest, fingerprint, versions; empty if unfinished."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) <= 2 * len(MCAP_MAGIC):
            return {}
        file.seek(-len(MCAP_MAGIC), os.SEEK_END)
        if file.read() != MCAP_MAGIC:
            return {}
        file.seek(0)
        found = {it.name: dict(it.metadata) for it in make_reader(file).iter_metadata()}
    return found.get("lightlag", {})


def merge(
    parts: Sequence[Path],
    whole: Path,
    metadata: Mapping[str, str],
    until_ns: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Merge parts into one recording, ordered by time, then topic, then the order in the part; returns the count.

    The order does not depend on how nodes were grouped into hosts. ``until_ns`` cuts what came later in run time, for a
    run that failed while some hosts were ahead. ``progress`` is told, once a second, how many records of how many are
    done.
    """
    unfinished = whole.with_name(f".{whole.name}")
    opened_parts = [Part(part) for part in parts]
    modules, unix_ns = _modules(opened_parts), _unix_ns(opened_parts)
    total = sum(part.count for part in opened_parts)
    told_s = time.monotonic()
    with unfinished.open("wb") as file:
        writer = McapWriter(file)
        channels: dict[str, int] = {}
        for count, payload in enumerate(_in_order(opened_parts)):
            if until_ns is not None and payload.t_ns > until_ns:
                break
            topic = payload.topic
            if topic not in channels:
                channels[topic] = writer.channel(topic, payload.schema, schema_json(payload.schema, modules))
            times = unix_ns(payload.t_ns), unix_ns(payload.sent_ns)
            writer.message(channels[topic], *times, payload.json(modules))
            if count % _PROGRESS_RECORDS == 0 and time.monotonic() - told_s >= _PROGRESS_S:
                told_s = time.monotonic()
                progress(count, total)
        written = writer.finish(metadata)
    unfinished.replace(whole)
    return written


def _decoded(stream: Iterator[McapMessage]) -> Iterator[Record]:
    for topic, _, log_time_ns, publish_time_ns, data in stream:
        yield Record(topic, json.loads(data), log_time_ns, publish_time_ns)


def _modules(parts: Sequence[Part]) -> dict[str, str]:
    return {kind: module for part in parts for kind, module in part.modules.items()}


def _in_order(parts: Sequence[Part]) -> Iterator[Payload]:
    streams = [map(opened, part.entries(stretch)) for part in parts for stretch in part.stretches]
    merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=itemgetter(0))
    for _, instant in itertools.groupby(merged, key=itemgetter(0)):
        yield from sorted(instant, key=lambda payload: (payload.topic, payload.place))


def _unix_ns(parts: Sequence[Part]) -> Callable[[int], int]:
    """From run time to Unix UTC; the epoch of all parts is the same.

    What lies between the two moves by a nanosecond in some seconds at the most, so that it need not be found anew for
    every record: where it is the same at both ends of a quarter of a second, it is so within.
    """
    exact = next((part.epoch for part in parts if part.epoch is not None), Epoch(0)).unix_ns

    @lru_cache(maxsize=256)
    def offset_ns(cell: int) -> int | None:
        begin_ns, end_ns = cell << _CELL_BITS, (cell + 1) << _CELL_BITS
        offset = exact(begin_ns) - begin_ns
        return offset if exact(end_ns) - end_ns == offset else None

    def unix_ns(t_ns: int) -> int:
        offset = offset_ns(t_ns >> _CELL_BITS)
        return exact(t_ns) if offset is None else t_ns + offset

    return unix_ns
