"""MCAP files, written and read fast.

The ``mcap`` package lays out every kind of record but one: messages, of which there are a million where there is one of
the others, are packed and cut here, a chunk at a time. What is written has chunks, indexes and statistics, so that any
MCAP tool opens it at any time; what is read may be anybody's, and may have been cut short.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.exceptions import EndOfFile, InvalidMagic, McapError
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    Message,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)
from mcap.stream_reader import StreamReader, get_chunk_data_stream
from zstandard import ZstdCompressor, ZstdError

from .errors import JournalError

MAGIC = b"\x89MCAP0\r\n"
#: Content of a chunk before it is compressed.
CHUNK_BYTES = 1 << 20
#: Three times as quick as the usual 3, for files that are a fifth larger.
_LEVEL = 1

#: Of every record: opcode, size. Of a message: channel, sequence, log time, publish time.
_RECORD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_WHOLE_MESSAGE = struct.Struct("<BQHIQQ")
_OF_MESSAGE = int(Opcode.MESSAGE)


class McapMessage(NamedTuple):
    """A message as it stands in a file; times are Unix UTC in ns."""

    topic: str
    #: The name of its schema.
    schema: str
    log_time_ns: int
    publish_time_ns: int
    data: bytes


class McapWriter:
    """Writes messages, in the order in which they are to be read, to a new file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._schemas: dict[str, Schema] = {}
        self._channels: dict[str, Channel] = {}
        self._counts: dict[int, int] = {}
        self._chunks: list[ChunkIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._pieces: list[bytes] = []
        self._size = 0
        #: Of the chunk under way: log time and place of each message, by channel.
        self._places: dict[int, list[int]] = {}
        self._compressor = ZstdCompressor(level=_LEVEL)
        self._count = 0
        self._file.write(MAGIC)
        self._put(Header("lightlag", "lightlag"))

    def channel(self, topic: str, schema: str, content: bytes) -> int:
        """The number of channel ``topic``, made at its first use; ``content`` is the JSON Schema named ``schema``."""
        if topic not in self._channels:
            if schema not in self._schemas:
                self._schemas[schema] = Schema(
                    id=len(self._schemas) + 1, name=schema, encoding="jsonschema", data=content
                )
                self._add(_bytes_of(self._schemas[schema]))
            number = len(self._channels) + 1
            self._channels[topic] = Channel(
                id=number, topic=topic, message_encoding="json", schema_id=self._schemas[schema].id, metadata={}
            )
            self._counts[number] = 0
            self._add(_bytes_of(self._channels[topic]))
        return self._channels[topic].id

    def message(self, channel: int, log_time_ns: int, publish_time_ns: int, data: bytes) -> None:
        """Append a message, JSON, to a channel."""
        self._count += 1
        self._counts[channel] += 1
        self._places.setdefault(channel, []).extend((log_time_ns, self._size))
        sequence = self._count & 0xFFFFFFFF
        size = _MESSAGE.size + len(data)
        self._pieces.append(_WHOLE_MESSAGE.pack(_OF_MESSAGE, size, channel, sequence, log_time_ns, publish_time_ns))
        self._pieces.append(data)
        self._size += _RECORD.size + size
        if self._size >= CHUNK_BYTES:
            self._end_chunk()

    def finish(self, metadata: Mapping[str, str]) -> int:
        """Write metadata, indexes and statistics; returns how many messages there are."""
        self._end_chunk()
        at = self._file.tell()
        self._put(Metadata(name="lightlag", metadata=dict(metadata)))
        self._metadata.append(MetadataIndex(offset=at, length=self._file.tell() - at, name="lightlag"))
        self._put(DataEnd(data_section_crc=0))
        summary_start = self._file.tell()
        statistics = Statistics(
            attachment_count=0,
            channel_count=len(self._channels),
            channel_message_counts=self._counts,
            chunk_count=len(self._chunks),
            message_count=self._count,
            message_end_time=max((chunk.message_end_time for chunk in self._chunks), default=0),
            message_start_time=min((chunk.message_start_time for chunk in self._chunks), default=0),
            metadata_count=1,
            schema_count=len(self._schemas),
        )
        groups: list[tuple[Opcode, list[McapRecord]]] = [
            (Opcode.SCHEMA, list(self._schemas.values())),
            (Opcode.CHANNEL, list(self._channels.values())),
            (Opcode.STATISTICS, [statistics]),
            (Opcode.CHUNK_INDEX, list(self._chunks)),
            (Opcode.METADATA_INDEX, list(self._metadata)),
        ]
        summary, offsets = b"", b""
        for opcode, records in groups:
            content = b"".join(map(_bytes_of, records))
            offsets += _bytes_of(SummaryOffset(opcode, summary_start + len(summary), len(content)))
            summary += content
        footer = Footer(summary_start, summary_start + len(summary), 0)
        summary += offsets
        # The checksum is of the summary and of all of the footer but itself, its last four bytes.
        footer.summary_crc = zlib.crc32(_bytes_of(footer)[:-4], zlib.crc32(summary))
        self._file.write(summary)
        self._put(footer)
        self._file.write(MAGIC)
        return self._count

    def _end_chunk(self) -> None:
        if not self._places:
            return
        data = b"".join(self._pieces)
        compressed = self._compressor.compress(data)
        first_ns = min(min(places[::2]) for places in self._places.values())
        last_ns = max(max(places[::2]) for places in self._places.values())
        start = self._file.tell()
        self._put(
            Chunk(
                compression="zstd",
                data=compressed,
                message_start_time=first_ns,
                message_end_time=last_ns,
                uncompressed_crc=zlib.crc32(data),
                uncompressed_size=len(data),
            )
        )
        end = self._file.tell()
        offsets = {}
        for channel, places in self._places.items():
            offsets[channel] = self._file.tell()
            index = struct.pack(f"<HI{len(places)}Q", channel, 8 * len(places), *places)
            self._file.write(_RECORD.pack(Opcode.MESSAGE_INDEX, len(index)) + index)
        self._chunks.append(
            ChunkIndex(
                message_start_time=first_ns,
                message_end_time=last_ns,
                chunk_start_offset=start,
                chunk_length=end - start,
                message_index_offsets=offsets,
                message_index_length=self._file.tell() - end,
                compression="zstd",
                compressed_size=len(compressed),
                uncompressed_size=len(data),
            )
        )
        self._pieces.clear()
        self._places = {}
        self._size = 0

    def _add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def _put(self, record: McapRecord) -> None:
        self._file.write(_bytes_of(record))


def _bytes_of(record: McapRecord) -> bytes:
    builder = RecordBuilder()
    record.write(builder)
    made: bytes = builder.end()  # type: ignore[no-untyped-call]
    return made


def read_messages(path: Path) -> Iterator[McapMessage]:
    """The messages of a file in the order in which they stand.

    Raises:
        JournalError: the file is no MCAP file.
    """
    names: dict[int, str] = {}
    channels: dict[int, tuple[str, str]] = {}
    for outer in _records(path):
        for record in _opened(outer) if isinstance(outer, Chunk) else (outer,):
            if isinstance(record, tuple):
                number, log_time_ns, publish_time_ns, data = record
                yield McapMessage(*channels[number], log_time_ns, publish_time_ns, data)
            elif isinstance(record, Message):
                times = record.log_time, record.publish_time
                yield McapMessage(*channels[record.channel_id], *times, record.data)
            elif isinstance(record, Schema):
                names[record.id] = record.name
            elif isinstance(record, Channel):
                channels[record.id] = record.topic, names.get(record.schema_id, "")


def _records(path: Path) -> Iterator[McapRecord]:
    """The records of a file in their order, chunks whole; a file that was cut ends with its last whole record."""
    begun = False
    with path.open("rb") as file:
        try:
            for record in StreamReader(file, emit_chunks=True).records:
                begun = True
                yield record
        except (EndOfFile, struct.error, UnicodeDecodeError):  # cut between records, or within one
            return
        except McapError as error:
            if not (begun and isinstance(error, InvalidMagic)):  # cut within the very last bytes
                raise JournalError(f"{path} is no readable recording: {error}") from error


def _opened(chunk: Chunk) -> Iterator[McapRecord | tuple[int, int, int, bytes]]:
    """What is in a chunk: of messages, channel, log time, publish time and content."""
    try:
        stream, size = get_chunk_data_stream(chunk)
    except ZstdError as error:
        raise JournalError(f"a chunk of {len(chunk.data)} bytes in the recording is damaged: {error}") from error
    data: bytes = stream.read(size)
    at = 0
    while at < size:
        opcode, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if opcode == _OF_MESSAGE:
            channel, _, log_time_ns, publish_time_ns = _MESSAGE.unpack_from(data, at)
            yield channel, log_time_ns, publish_time_ns, data[at + _MESSAGE.size : at + length]
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            kind = Schema if opcode == Opcode.SCHEMA else Channel
            yield kind.read(ReadDataStream(BytesIO(data[at : at + length])))
        at += length
