"""The recording: what every receiver got and lost, and the nodes' logs, in MCAP.

Each host writes a part as it goes, unchunked and flushed after every activation, so that a killed host leaves
everything but what it was doing. ``merge`` puts the parts in order into one file that standard MCAP tools open:
``publish_time`` is the emission, ``log_time`` the reception, both Unix UTC in nanoseconds; payloads are JSON with
their schema. ``read`` reads finished and unfinished files alike.

Topics: ``/RECEIVER/CHANNEL/MESSAGE_TYPE`` for receptions, ``/RECEIVER/lost`` for losses, ``/NODE/log`` for logs.
"""

from __future__ import annotations

import heapq
import itertools
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mcap.exceptions import EndOfFile, InvalidMagic, McapError
from mcap.records import Channel, McapRecord, Message, Metadata, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer

from .activation import Completion, LogRecord
from .emission import Emission, Loss, Reception
from .errors import JournalError, MessageError
from .message import message_class
from .schema import json_schema, json_value
from .time import Epoch

_HEADER = {
    "type": "object",
    "properties": {
        "source": {"type": "string"},
        "seq": {"type": "integer"},
        "channel": {"type": "string"},
        "type": {"type": "string"},
        "sent_ns": {"type": "integer", "description": "last bit left, ns of TDB since the epoch"},
        "duration_ns": {"type": "integer"},
        "origin": {"type": "array", "description": "source, seq, sent_ns of the first emission of this content"},
        "via": {"type": "array", "items": {"type": "string"}},
        "t_ns": {"type": "integer", "description": "received or lost, ns of TDB since the epoch"},
        "bytes": {"type": "integer"},
    },
}
_LOSS = {**_HEADER, "properties": {**_HEADER["properties"], "reason": {"type": "string"}}}  # type: ignore[dict-item]
_LOG = {
    "type": "object",
    "properties": {
        "t_ns": {"type": "integer"},
        "level": {"type": "string"},
        "text": {"type": "string"},
        "fields": {"type": "object"},
    },
}


class Record(NamedTuple):
    """One record of a recording: topic, the payload as read from JSON, and Unix times in ns."""

    topic: str
    data: dict[str, Any]
    log_time_ns: int
    publish_time_ns: int


class PartWriter:
    """Writes one host's part of the recording."""

    def __init__(self, path: Path, epoch: Epoch) -> None:
        self._epoch = epoch
        self._file = path.open("wb")
        self._writer = Writer(self._file, use_chunking=False, compression=CompressionType.NONE)
        self._writer.start("lightlag", "lightlag")
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._sequence = 0

    def write(self, done: Completion) -> None:
        """Append what an activation did, and flush."""
        entries: list[tuple[int, Any]] = [(reception.received_ns, reception) for reception in done.receptions]
        entries += [(loss.t_ns, loss) for loss in done.losses]
        entries += [(log.t_ns, log) for log in done.logs]
        for t_ns, entry in sorted(entries, key=lambda item: item[0]):
            if isinstance(entry, Reception):
                self._reception(entry)
            elif isinstance(entry, Loss):
                data = {**_header(entry.emission, t_ns), "reason": entry.reason}
                self._add(f"/{entry.receiver}/lost", "lightlag.loss", _LOSS, data, t_ns, entry.emission.sent_ns)
            else:
                assert isinstance(entry, LogRecord)
                data = {"t_ns": t_ns, "level": entry.level, "text": entry.text, "fields": json_value(entry.fields)}
                self._add(f"/{entry.node}/log", "lightlag.log", _LOG, data, t_ns, t_ns)
        self._file.flush()

    def close(self) -> None:
        """Finish the part."""
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._file.close()

    def _reception(self, reception: Reception) -> None:
        emission = reception.emission
        try:
            body = json_value(reception.message)
        except MessageError as error:  # a relay need not know what it carries; the recording says so
            body = {"undecoded": str(error), "body": json_value(emission.body)}
        data = {**_header(emission, reception.received_ns), "message": body}
        topic = f"/{reception.receiver}/{emission.channel}/{emission.type.partition('@')[0]}"
        schema = {} if topic in self._channels else _schema(emission.type)
        self._add(topic, emission.type, schema, data, reception.received_ns, emission.sent_ns)

    def _add(
        self, topic: str, name: str, schema: Mapping[str, Any], data: Mapping[str, Any], t_ns: int, sent_ns: int
    ) -> None:
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._channels[topic] = _register(self._writer, self._schemas, topic, name, json.dumps(schema))
        self._sequence += 1
        self._writer.add_message(
            channel_id=channel,
            log_time=self._epoch.unix_ns(t_ns),
            data=json.dumps(data, separators=(",", ":")).encode(),
            publish_time=self._epoch.unix_ns(sent_ns),
            sequence=self._sequence,
        )


def _schema(kind: str) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json_schema(message_class(kind))
    except MessageError:
        message = {}
    return {**_HEADER, "properties": {**_HEADER["properties"], "message": message}}  # type: ignore[dict-item]


def _header(emission: Emission, t_ns: int) -> dict[str, Any]:
    return {
        "source": emission.source,
        "seq": emission.seq,
        "channel": emission.channel,
        "type": emission.type,
        "sent_ns": emission.sent_ns,
        "duration_ns": emission.duration_ns,
        "origin": list(emission.origin),
        "via": list(emission.via),
        "t_ns": t_ns,
        "bytes": emission.size_bytes,
    }


def _register(writer: Writer, schemas: dict[str, int], topic: str, name: str, schema: str) -> int:
    if name not in schemas:
        schemas[name] = writer.register_schema(name, "jsonschema", schema.encode())
    return writer.register_channel(topic, "json", schemas[name])


class _Raw(NamedTuple):
    log_time: int
    topic: str
    sequence: int
    schema: Schema
    message: Message


def _records(path: Path) -> Iterator[McapRecord]:
    """The records of a file in the order in which they stand; a file that was cut ends with its last whole record."""
    begun = False
    with path.open("rb") as file:
        try:
            for record in StreamReader(file).records:
                begun = True
                yield record
        except (EndOfFile, struct.error, UnicodeDecodeError):  # cut between records, or within one
            return
        except McapError as error:
            if not (begun and isinstance(error, InvalidMagic)):  # cut within the very last bytes
                raise JournalError(f"{path} is no readable recording: {error}") from error


def _raw(path: Path) -> Iterator[_Raw]:
    """The messages of a file in the order in which they stand."""
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    for record in _records(path):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            channels[record.id] = record
        elif isinstance(record, Message):
            channel = channels[record.channel_id]
            yield _Raw(record.log_time, channel.topic, record.sequence, schemas[channel.schema_id], record)


def read(path: Path, bodies: Callable[[str], bool] | None = None) -> Iterator[Record]:
    """The records of a recording, finished or not, in its order.

    ``bodies`` is asked of each record's topic whether the message itself is wanted; of the others the header alone is
    decoded, without ``message``, which spares the megabytes of pictures.

    Raises:
        JournalError: the file is no MCAP recording.
    """
    for raw in _raw(path):
        data = raw.message.data
        if bodies is not None and not bodies(raw.topic):
            data = _header_alone(data)
        yield Record(raw.topic, json.loads(data), raw.log_time, raw.message.publish_time)


def _header_alone(data: bytes) -> bytes:
    """The JSON of a reception without its message, which comes last: within a string its quotes were escaped."""
    header, message, _ = data.partition(b',"message":')
    return header + b"}" if message and data.startswith(b'{"source":') else data


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata that ``merge`` wrote: graph, seed, digest, fingerprint, versions; empty if unfinished."""
    for record in _records(path):
        if isinstance(record, Metadata) and record.name == "lightlag":
            return dict(record.metadata)
    return {}


def merge(parts: Sequence[Path], whole: Path, metadata: Mapping[str, str], until_unix_ns: int | None = None) -> int:
    """Merge parts into one recording, ordered by time, then topic, then the order in the part; returns the count.

    The order does not depend on how nodes were grouped into hosts. ``until_unix_ns`` cuts what came later, for a run
    that failed while some hosts were ahead.
    """
    count = 0
    unfinished = whole.with_name(f".{whole.name}")
    with unfinished.open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start("lightlag", "lightlag")
        schemas: dict[str, int] = {}
        channels: dict[str, int] = {}
        for raw in _in_order(_raw(part) for part in parts):
            if until_unix_ns is not None and raw.log_time > until_unix_ns:
                continue
            if raw.topic not in channels:
                schema = raw.schema
                channels[raw.topic] = _register(writer, schemas, raw.topic, schema.name, schema.data.decode())
            count += 1
            writer.add_message(
                channel_id=channels[raw.topic],
                log_time=raw.log_time,
                data=raw.message.data,
                publish_time=raw.message.publish_time,
                sequence=count,
            )
        writer.add_metadata("lightlag", dict(metadata))
        writer.finish()  # type: ignore[no-untyped-call]
    unfinished.replace(whole)
    return count


def _in_order(parts: Iterable[Iterator[_Raw]]) -> Iterator[_Raw]:
    merged = heapq.merge(*parts, key=lambda raw: raw.log_time)
    for _, instant in itertools.groupby(merged, key=lambda raw: raw.log_time):
        yield from sorted(instant, key=lambda raw: (raw.topic, raw.sequence))
