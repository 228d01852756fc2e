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
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from mcap.records import Metadata

from .mcap_file import McapMessage, McapWriter, read_messages, read_records
from .part import MAGIC, Part
from .payload import Payload, header_alone, opened, schema_json

#: A merge that takes longer says how far it is, as often.
_PROGRESS_S = 1.0
_PROGRESS_RECORDS = 2_000


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
    if len(paths) == 1 and not _is_part(paths[0]):
        for message in read_messages(paths[0]):
            whole = bodies is None or bodies(message.topic)
            yield message if whole else message._replace(data=header_alone(message.data))
        return
    parts = [Part(path) for path in paths]
    modules = _modules(parts)
    for payload in _in_order(parts):
        body = bodies is None or bodies(payload.topic)
        yield _message(payload, parts[0], payload.json(modules, body=body))


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata that ``merge`` wrote: graph, seed, digest, fingerprint, versions; empty if unfinished."""
    for record in () if _is_part(path) else read_records(path):
        if isinstance(record, Metadata) and record.name == "lightlag":
            return dict(record.metadata)
    return {}


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
    modules = _modules(opened_parts)
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
            made = _message(payload, opened_parts[0], payload.json(modules))
            writer.message(channels[topic], made.log_time_ns, made.publish_time_ns, made.data)
            if count % _PROGRESS_RECORDS == 0 and time.monotonic() - told_s >= _PROGRESS_S:
                told_s = time.monotonic()
                progress(count, total)
        written = writer.finish(metadata)
    unfinished.replace(whole)
    return written


def _decoded(stream: Iterator[McapMessage]) -> Iterator[Record]:
    for topic, _, log_time_ns, publish_time_ns, data in stream:
        yield Record(topic, json.loads(data), log_time_ns, publish_time_ns)


def _is_part(path: Path) -> bool:
    """Whether a file is a part; an empty one is a part whose host had not begun."""
    with path.open("rb") as file:
        return MAGIC.startswith(file.read(len(MAGIC)))


def _modules(parts: Sequence[Part]) -> dict[str, str]:
    return {kind: module for part in parts for kind, module in part.modules.items()}


def _message(payload: Payload, part: Part, data: bytes) -> McapMessage:
    unix_ns = part.epoch.unix_ns
    return McapMessage(payload.topic, payload.schema, unix_ns(payload.t_ns), unix_ns(payload.sent_ns), data)


def _in_order(parts: Sequence[Part]) -> Iterator[Payload]:
    streams = [map(opened, part.entries(stretch)) for part in parts for stretch in part.stretches]
    merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=itemgetter(0))
    for _, instant in itertools.groupby(merged, key=itemgetter(0)):
        yield from sorted(instant, key=lambda payload: (payload.topic, payload.place))
