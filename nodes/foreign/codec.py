"""The words of a foreign node's program and its host, as bytes: frames, what may stand in them, and nothing done.

A frame is its size (32 bit, big-endian), then that many bytes of msgpack: a map with a ``kind``. The host says
``hello``, ``activate`` and ``bye``; the program answers the first with ``ready`` and the second with ``done``. The
protocol is specified in docs/wire.md, where there are test vectors, too.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgpack
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from lightlag.bus.emission import Reception
from lightlag.bus.errors import ProgramError
from lightlag.bus.time import NEVER_NS

#: The version of the protocol.
VERSION = 1
#: A frame is smaller. The first byte of its size is therefore less than that of any text, so that a program which
#: prints to where its frames should be is found out by its first character.
MOST_BYTES = 1 << 27

_SIZE = struct.Struct(">I")
_SHOWN_BYTES = 60
_PROOF_BYTES = 8
_KIND = re.compile(r"[^\s@]+@\d+")
_Instant = Annotated[int, Field(ge=0, le=NEVER_NS)]


def _kind(text: str) -> str:
    if not _KIND.fullmatch(text):
        raise ValueError("a type is written name@version")
    return text


_Kind = Annotated[str, AfterValidator(_kind)]


class _Word(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Said(_Word):
    """One emission that the program asks for."""

    port: str
    type: _Kind
    body: bytes
    arrays: tuple[bytes, ...] = ()
    to: str | None = None
    #: For plain ports.
    after_ns: _Instant = 0
    #: For radios.
    priority: Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)] = 0
    #: Of what is relayed: the relays before, this one included, and the first emission of the content.
    via: tuple[str, ...] = ()
    origin: tuple[str, int, int] | None = None


class Line(_Word):
    """A line for the node's log."""

    text: str
    level: str = "info"
    fields: dict[str, Any] = {}


class File(_Word):
    """A file for the run directory."""

    name: str
    data: bytes
    facts: dict[str, Any] = {}


class Ready(_Word):
    """The program is there. ``types`` are JSON Schemas of what it sends, by ``name@version``."""

    kind: Literal["ready"]
    protocol: int
    types: dict[_Kind, dict[str, Any]] = {}

    def proof(self) -> list[bytes]:
        """What a program that was started again has to say once more."""
        return [_hash(sorted(self.types.items()))]


class Done(_Word):
    """What the program does in an instant, and when it wants to be woken next if nothing arrives before."""

    kind: Literal["done"]
    #: The instant of the ``activate`` that it answers.
    t_ns: _Instant
    emissions: tuple[Said, ...] = ()
    logs: tuple[Line, ...] = ()
    files: tuple[File, ...] = ()
    next_ns: int | None = None
    #: Why it cannot go on; it fails then.
    error: str | None = None

    def proof(self) -> list[bytes]:
        """What a program that was started again has to say once more: first when it wakes, then each emission."""
        return [_hash(self.next_ns), *(_hash(list(said)) for said in self.emissions)]


_Answer = TypeVar("_Answer", Ready, Done)


# -- frames -----------------------------------------------------------------------------------------------------------


def framed(word: Mapping[str, Any]) -> bytes:
    """A word as a frame.

    Raises:
        ProgramError: it is larger than frames may be.
    """
    packed: bytes = msgpack.packb(word)
    if len(packed) >= MOST_BYTES:
        raise ProgramError(f"a frame of {len(packed):,} bytes for its program; {MOST_BYTES:,} are too many")
    return _SIZE.pack(len(packed)) + packed


class Frames:
    """Finds the frames in bytes, however these come."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """More bytes have come."""
        self._data += data

    def next(self) -> bytes | None:
        """The content of the next frame; None if it is not whole yet.

        Raises:
            ProgramError: what has come is no frame.
        """
        if len(self._data) < _SIZE.size:
            return None
        (size,) = _SIZE.unpack_from(self._data)
        if size >= MOST_BYTES:
            raise ProgramError(
                f"wrote {bytes(self._data[:_SHOWN_BYTES])!r} to its standard output, which is for frames alone; print "
                f"to standard error (in JavaScript: console.error)"
            )
        end = _SIZE.size + size
        if len(self._data) < end:
            return None
        content = bytes(self._data[_SIZE.size : end])
        del self._data[:end]
        return content

    @property
    def rest(self) -> int:
        """How many bytes have come that no frame took."""
        return len(self._data)


# -- what the host says -----------------------------------------------------------------------------------------------


def hello(
    name: str,
    params: Mapping[str, Any],
    ports: Mapping[str, str],
    *,
    epoch_utc: str,
    epoch_tdb_ns: int,
    until_ns: int,
    seed: int,
    node_seed: bytes,
) -> dict[str, Any]:
    """The first word: who the node is, in which run. ``ports`` says of each whether it is a radio or a plain port."""
    return {
        "kind": "hello",
        "protocol": VERSION,
        "name": name,
        "params": params,
        "ports": ports,
        "epoch": epoch_utc,
        "epoch_tdb_ns": epoch_tdb_ns,
        "until_ns": until_ns,
        "seed": seed,
        "node_seed": node_seed,
    }


def activate(
    t_ns: int,
    *,
    due: bool,
    receptions: Iterable[tuple[str, Reception]],
    queued: Mapping[str, int],
    params: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An instant: what is received in it, by port and in order; whether the program wanted to be woken at it.

    ``queued`` are the frames that wait at each radio; ``params``, if they have changed, the new parameters.
    """
    received = [_received(port, reception) for port, reception in receptions]
    word = {"kind": "activate", "t_ns": t_ns, "due": due, "receptions": received, "queued": queued}
    return word if params is None else {**word, "params": params}


BYE = {"kind": "bye"}


def _received(port: str, reception: Reception) -> dict[str, Any]:
    emission = reception.emission
    return {
        "port": port,
        "source": emission.source,
        "seq": emission.seq,
        "channel": emission.channel,
        "type": emission.type,
        "sent_ns": emission.sent_ns,
        "received_ns": reception.received_ns,
        "duration_ns": emission.duration_ns,
        "to": emission.to,
        "body": emission.body,
        "arrays": emission.arrays,
        "via": emission.via,
        "origin": emission.origin,
    }


# -- what the program says --------------------------------------------------------------------------------------------


def read_ready(content: bytes) -> Ready:
    """The ready in a frame.

    Raises:
        ProgramError: it is none, or of a protocol that is not spoken here.
    """
    ready = _read(Ready, "ready", content)
    if ready.protocol != VERSION:
        raise ProgramError(f"speaks version {ready.protocol} of the protocol; this lightlag speaks {VERSION}")
    return ready


def read_done(content: bytes, t_ns: int) -> Done:
    """The done in a frame, said at ``t_ns``.

    Raises:
        ProgramError: it is none, answers what was asked at another instant, or asks to be woken in the past.
    """
    done = _read(Done, "done", content)
    if done.t_ns != t_ns:
        raise ProgramError(f"said more than it was asked: at {t_ns} ns came a done of {done.t_ns} ns")
    if done.next_ns is not None and done.next_ns <= t_ns:
        raise ProgramError(
            f"asks at {t_ns} ns to be woken at {done.next_ns} ns; next_ns lies later than the instant, or is nil"
        )
    return done


def _read(model: type[_Answer], kind: str, content: bytes) -> _Answer:
    try:
        word = msgpack.unpackb(content, use_list=False)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise ProgramError(f"wrote a frame of {len(content)} bytes that are no msgpack: {error}") from None
    if not isinstance(word, dict) or word.get("kind") != kind:
        shown = word.get("kind", word) if isinstance(word, dict) else word
        raise ProgramError(f"said {shown!r:.{_SHOWN_BYTES}} where {kind!r} is expected: a map with kind: {kind}")
    try:
        return model.model_validate(word)
    except ValidationError as error:
        raise ProgramError(f"said what is no {kind}: {'; '.join(_complaints(model, error))}") from None


def _complaints(model: type[BaseModel], error: ValidationError) -> Iterable[str]:
    for it in error.errors(include_url=False):
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in it["loc"]).removeprefix(".")
        if it["type"] == "extra_forbidden":
            yield f"{path} is no key of it ({', '.join(_keys(model, it['loc']))} are)"
        elif it["type"] == "missing":
            yield f"{path} is missing"
        else:
            yield f"{path} is {it['input']!r:.{_SHOWN_BYTES}}: {_sentence(it['msg'])}"


def _sentence(told: str) -> str:
    told = told.removeprefix("Value error, ")
    return told[:1].lower() + told[1:]


def _keys(model: type[BaseModel], path: tuple[int | str, ...]) -> Iterable[str]:
    inner: dict[str, type[BaseModel]] = {"emissions": Said, "logs": Line, "files": File}
    return inner.get(str(path[0]), model).model_fields if len(path) > 1 else model.model_fields


def _hash(value: object) -> bytes:
    return hashlib.blake2b(msgpack.packb(value), digest_size=_PROOF_BYTES).digest()
