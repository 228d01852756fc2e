"""An emission: a message as it leaves, with its header; and a reception: the same as it arrives.

The header says who sent what on which channel, when its last bit left (``sent_ns``), how long the whole took to leave
(``duration_ns``), where the content came from (``origin``), through which relays (``via``), and which member of the
channel it is for (``to``; empty: all). An emission is packed
once, in the host that sends it; those bytes are what travels, what the digest hashes and what the journal keeps. Raw
frames of arrays travel beside them uncopied; the header holds their hash, made once where they are first sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgpack

from .errors import ProtocolError
from .message import decoders

Buffer = bytes | memoryview


_pack: Callable[[object], bytes] = msgpack.Packer().pack
_new = object.__new__

#: The types of what an emission is packed from, in order: ``source, seq, channel, type, sent_ns, to, body``, and then,
#: unless all of them are nothing, ``duration_ns, emitter, sizes of the arrays and their SHA-256, via, origin``.
_HEAD = (str, int, str, str, int, str, bytes)
_REST = (int, bytes, tuple, bytes, tuple)
_SHAPES = (_HEAD, (*_HEAD, *_REST, type(None)), (*_HEAD, *_REST, tuple))
_NO_REST = (0, b"", (), b"", (), None)


class Frames(tuple[Buffer, ...]):
    """The raw frames of a message's arrays, and what stands for them all: the SHA-256 over them, one after the other.

    Whoever passes frames on passes on their hash as well.
    """

    sha256: bytes

    @classmethod
    def of(cls, arrays: Sequence[Buffer], sha256: bytes | None = None) -> Frames:
        """Of these arrays; without ``sha256`` it is computed."""
        frames = cls(arrays)
        frames.sha256 = hashed(arrays) if sha256 is None else sha256
        return frames


def hashed(arrays: Sequence[Buffer]) -> bytes:
    """The SHA-256 over arrays."""
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(array)
    return whole.digest()


NO_FRAMES = Frames.of((), b"")


class Origin(NamedTuple):
    """The first emission of a content: its source, its number there, and when its last bit left (ns)."""

    source: str
    seq: int
    sent_ns: int


class Emission:
    """A message as it leaves its source; treat as immutable.

    ``emitter`` is what the medium stamped on it (opaque to the bus), ``body`` the msgpack of the message, ``arrays``
    the raw frames of its arrays.
    """

    __slots__ = (
        "_packed",
        "_rest",
        "arrays",
        "body",
        "channel",
        "sent_ns",
        "seq",
        "source",
        "to",
        "type",
    )

    def __init__(
        self,
        source: str,
        seq: int,
        channel: str,
        type: str,
        sent_ns: int,
        body: bytes,
        arrays: Sequence[Buffer] = (),
        to: str = "",
        duration_ns: int = 0,
        emitter: bytes = b"",
        via: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        self.source = source
        self.seq = seq
        self.channel = channel
        self.type = type
        self.sent_ns = sent_ns
        self.body = body
        self.to = to
        frames = (arrays if isinstance(arrays, Frames) else Frames.of(arrays)) if arrays else NO_FRAMES
        self.arrays: Frames = frames
        rest = (duration_ns, emitter, tuple(map(len, frames)), frames.sha256, via, origin)
        self._rest = rest if any(rest) else _NO_REST
        self._packed: bytes | None = None

    @classmethod
    def plain(cls, source: str, seq: int, channel: str, type: str, sent_ns: int, body: bytes, to: str) -> Emission:
        """An emission that needs nothing but this, as most do; to call the class takes CPython longer."""
        made = _new(cls)
        made.source = source
        made.seq = seq
        made.channel = channel
        made.type = type
        made.sent_ns = sent_ns
        made.body = body
        made.to = to
        made.arrays = NO_FRAMES
        made._rest = _NO_REST
        made._packed = None
        return made

    @classmethod
    def unpack(cls, packed: bytes, arrays: Sequence[Buffer] = ()) -> Emission:
        """The emission of its packed bytes and raw frames.

        Raises:
            ProtocolError: the bytes are no emission, or the frames are not those it announces.
        """
        try:
            fields = msgpack.unpackb(packed, use_list=False)
            if type(fields) is not tuple or tuple(map(type, fields)) not in _SHAPES:
                raise TypeError(f"fields {fields!r}")
            made = _new(cls)
            made.source, made.seq, made.channel, made.type, made.sent_ns, made.to, made.body, *rest = fields
            if rest and rest[-1]:
                rest[-1] = Origin(*rest[-1])
        except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
            raise ProtocolError(f"{len(packed)} bytes on the bus are no emission: {error}") from error
        made._packed = packed
        made._rest = (_, _, sizes, sha256, _, _) = tuple(rest) or _NO_REST
        if not (arrays or sizes):
            made.arrays = NO_FRAMES
        elif sizes == tuple(map(len, arrays)) and sha256:
            made.arrays = Frames.of(arrays, sha256)
        else:
            raise ProtocolError(
                f"emission {made.source}:{made.seq} announces frames of {sizes} bytes, got {[len(a) for a in arrays]}"
            )
        return made

    def pack(self) -> bytes:
        """Its bytes, made when they are first asked for: of what stays in its host only the digest asks, later."""
        packed = self._packed
        if packed is None:
            head = (self.source, self.seq, self.channel, self.type, self.sent_ns, self.to, self.body)
            rest = self._rest
            packed = self._packed = _pack(head if rest is _NO_REST else (*head, *rest))
        return packed

    #: The same, as an attribute.
    packed = property(pack)

    @property
    def duration_ns(self) -> int:
        """How long the whole took to leave."""
        return self._rest[0]

    @property
    def emitter(self) -> bytes:
        """What the medium stamped on it."""
        return self._rest[1]

    @property
    def via(self) -> tuple[str, ...]:
        """The relays through which the content came."""
        return self._rest[4]

    @property
    def origin(self) -> Origin:
        """The first emission of this content: itself, unless it was relayed."""
        return self._rest[5] or Origin(self.source, self.seq, self.sent_ns)

    @property
    def size_bytes(self) -> int:
        """Bytes of the message itself: body and arrays, without header."""
        return len(self.body) + sum(len(a) for a in self.arrays)

    def with_content(self, body: bytes, arrays: Sequence[Buffer]) -> Emission:
        """Another emission: other content under the same header."""
        duration_ns, emitter, _, _, via, origin = self._rest
        head = (self.source, self.seq, self.channel, self.type, self.sent_ns)
        return Emission(*head, body, arrays, self.to, duration_ns, emitter, via, origin)

    def fingerprint(self) -> bytes:
        """16 bytes that differ if anything of the emission differs; what repeated sends are compared by."""
        return hashlib.blake2b(self.pack(), digest_size=16).digest()

    def __repr__(self) -> str:
        return f"<{self.type} {self.source}:{self.seq} on {self.channel} at {self.sent_ns} ns>"


class Reception:
    """An emission as it arrives at one member of its channel."""

    __slots__ = ("_message", "emission", "received_ns", "receiver")

    def __init__(self, emission: Emission, receiver: str, received_ns: int) -> None:
        self.emission = emission
        self.receiver = receiver
        self.received_ns = received_ns
        self._message: Any = None

    @classmethod
    def at(cls, receiver: str, emission: Emission, received_ns: int) -> Reception:
        """The same, made where receptions are many: to call the class takes CPython longer."""
        made = _new(cls)
        made.emission = emission
        made.receiver = receiver
        made.received_ns = received_ns
        made._message = None
        return made

    @property
    def message(self) -> Any:
        """The message, decoded on first use.

        Raises:
            MessageError: its type is not known in this process, or the bytes are no such message.
        """
        message = self._message
        if message is None:
            emission = self.emission
            message = self._message = decoders[emission.type](emission.body, emission.arrays)
        return message

    @property
    def is_read(self) -> bool:
        """Whether somebody in this process has decoded the message."""
        return self._message is not None

    @property
    def path(self) -> tuple[str, ...]:
        """The names the content passed through: first source, relays, receiver."""
        return (self.emission.origin.source, *self.emission.via, self.receiver)

    def __repr__(self) -> str:
        return f"<{self.emission!r} received by {self.receiver} at {self.received_ns} ns>"


class Loss(NamedTuple):
    """An emission that one member did not get, when it would have, and why (one of ``LOSS_REASONS``)."""

    emission: Emission
    receiver: str
    t_ns: int
    reason: str
