"""What stands in a recording: the topic, the schema and the JSON of each thing that a host recorded.

Topics: ``/RECEIVER/CHANNEL/MESSAGE_TYPE`` for receptions, ``/RECEIVER/lost`` for losses, ``/NODE/log`` for logs.
"""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgpack

from .emission import Emission, Origin
from .errors import JournalError, MessageError
from .message import message_class
from .part import LOGGED, LOST, Entry, header
from .schema import declared_text, json_schema, json_text, message_of

LOSS_SCHEMA, LOG_SCHEMA = "lightlag.loss", "lightlag.log"
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
        "to": {"type": "string", "description": "the one member it is for; absent: all members of the channel"},
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
#: What stands for a message that nobody could decode when it was recorded.
_UNDECODED = {"undecoded", "body"}
#: Names, channels and types come again and again.
_quoted = lru_cache(maxsize=4096)(json.dumps)


class Payload(NamedTuple):
    """An entry of a part, opened as far as its place in the order asks for; the rest is made when it is wanted."""

    t_ns: int
    topic: str
    #: Where it stood among what its host recorded.
    place: int
    #: The name of its schema: ``TYPE@VERSION``, or that of losses or logs.
    schema: str
    sent_ns: int
    #: As ``part.header`` says; empty for a log.
    header: tuple[Any, ...]
    reason: str
    emission: Emission | None
    log: bytes

    def json(self, modules: Mapping[str, str], *, body: bool = True) -> bytes:
        """The JSON of it; without ``body`` a reception has no ``message``.

        ``modules`` says which module defines a type of message that is not known here yet, or its JSON Schema.
        """
        if not self.header:
            return self.log
        source, seq, channel, kind, sent_ns, duration_ns, origin, via, to, size = self.header
        first, first_seq, first_sent_ns = origin
        text = (
            f'{{"source":{_quoted(source)},"seq":{seq},"channel":{_quoted(channel)},"type":{_quoted(kind)},'
            f'"sent_ns":{sent_ns},"duration_ns":{duration_ns},"origin":[{_quoted(first)},{first_seq},{first_sent_ns}],'
            f'"via":[{",".join(map(_quoted, via))}],"t_ns":{self.t_ns},"bytes":{size}'
        )
        if to:
            text += f',"to":{_quoted(to)}'
        if self.emission is None:
            text += f',"reason":{_quoted(self.reason)}'
        elif body:
            text += f',"message":{_message_json(self.emission, modules)}'
        return (text + "}").encode()


def opened(entry: Entry) -> Payload:
    """The payload of an entry."""
    t_ns, place, kind, name, content, arrays = entry
    if kind == LOGGED:
        return Payload(t_ns, f"/{name}/log", place, LOG_SCHEMA, t_ns, (), "", None, content)
    if kind == LOST:
        receiver, _, reason = name.partition("\n")
        told = msgpack.unpackb(content)
        return Payload(t_ns, f"/{receiver}/lost", place, LOSS_SCHEMA, told[4], told, reason, None, b"")
    emission = Emission.unpack(content, arrays)
    topic = f"/{name}/{emission.channel}/{emission.type.partition('@')[0]}"
    return Payload(t_ns, topic, place, emission.type, emission.sent_ns, header(emission), "", emission, b"")


def emission_of(data: Mapping[str, Any]) -> Emission:
    """The emission that was received, from what a recording has of the reception: with its message, byte for byte.

    What its medium had stamped on it is not recorded.

    Raises:
        JournalError: the message cannot be made again as it was.
    """
    source, seq, kind, sent_ns, told = (data[key] for key in ("source", "seq", "type", "sent_ns", "message"))
    what = f"the message of {source}:{seq} ({kind}) cannot be made again from its record"
    arrays: tuple[bytes, ...] = ()
    try:
        if told.keys() == _UNDECODED:
            body = base64.b64decode(told["body"])
        else:
            body, arrays = message_of(message_class(kind), told).encode()
    except MessageError as error:
        raise JournalError(f"{what}: {error}") from None
    origin = Origin(*data["origin"]) if data["origin"] != [source, seq, sent_ns] else None
    made = Emission(
        source,
        seq,
        data["channel"],
        kind,
        sent_ns,
        body,
        arrays,
        data.get("to", ""),
        data["duration_ns"],
        via=tuple(data["via"]),
        origin=origin,
    )
    if made.size_bytes != data["bytes"]:
        raise JournalError(
            f"{what}: it comes to {made.size_bytes} bytes, and {data['bytes']} were sent; is its class another one now?"
        )
    return made


def schema_json(name: str, modules: Mapping[str, str]) -> bytes:
    """The JSON Schema of a payload whose schema has this name."""
    if name in (LOSS_SCHEMA, LOG_SCHEMA):
        return json.dumps(_LOSS if name == LOSS_SCHEMA else _LOG).encode()
    try:
        _know(name, modules)
        message: dict[str, Any] = json_schema(message_class(name))
    except MessageError:
        message = _declaration(name, modules) or {}
    return json.dumps({**_HEADER, "properties": {**_HEADER["properties"], "message": message}}).encode()  # type: ignore[dict-item]


def header_alone(data: bytes) -> bytes:
    """The JSON of a reception without its message, which comes last: within a string its quotes were escaped."""
    header, message, _ = data.partition(b',"message":')
    return header + b"}" if message and data.startswith(b'{"source":') else data


def _message_json(emission: Emission, modules: Mapping[str, str]) -> str:
    try:
        if schema := _declaration(emission.type, modules):
            return declared_text(schema, emission.body, emission.arrays)
        _know(emission.type, modules)
        return json_text(message_class(emission.type).decode(emission.body, emission.arrays))
    except MessageError as error:  # nobody is here who could say what it is; the recording says so
        return f'{{"undecoded":{json_text(str(error))},"body":{json_text(emission.body)}}}'


def _declaration(kind: str, modules: Mapping[str, str]) -> dict[str, Any] | None:
    """The JSON Schema by which a type was declared; None for what a module defines."""
    told = modules.get(kind, "")
    return _schema(told) if told.startswith("{") else None


@lru_cache(maxsize=4096)
def _schema(text: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(text)
    return schema


@lru_cache(maxsize=4096)
def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError:  # a graph's own module that lies elsewhere now; its messages stay undecoded
        return


def _know(kind: str, modules: Mapping[str, str]) -> None:
    """Import the module that defines a type of message, if it is not known here."""
    try:
        message_class(kind)
    except MessageError:
        if kind in modules:
            _import(modules[kind])
