"""An emission: a message as it leaves, with its header; and a reception: the same as it arrives.

The header says who sent what on which channel, when its last bit left (``sent_ns``), how long the whole took to leave
(``duration_ns``), where the content came from (``origin``) and through which relays (``via``). An emission is packed
once, where it is sent; those bytes are what travels, what the digest hashes and what the journal keeps. Raw frames of
arrays travel beside them uncopied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgpack

from .errors import ProtocolError
from .message import Message, message_class

Buffer = bytes | memoryview


#: The types of what an emission is packed from, in order; see ``Emission.__init__``.
_FIELDS = (str, int, str, str, int, int, tuple | None, tuple, bytes, bytes, tuple)


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
        "arrays",
        "body",
        "channel",
        "duration_ns",
        "emitter",
        "origin",
        "packed",
        "sent_ns",
        "seq",
        "source",
        "type",
        "via",
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
        *,
        duration_ns: int = 0,
        origin: Origin | None = None,
        via: tuple[str, ...] = (),
        emitter: bytes = b"",
        packed: bytes | None = None,
    ) -> None:
        self.source = source
        self.seq = seq
        self.channel = channel
        self.type = type
        self.sent_ns = sent_ns
        self.duration_ns = duration_ns
        self.origin = origin or Origin(source, seq, sent_ns)
        self.via = via
        self.emitter = emitter
        self.body = body
        self.arrays = tuple(arrays)
        self.packed: bytes = packed or msgpack.packb(
            (source, seq, channel, type, sent_ns, duration_ns, origin, via, emitter, body, [len(a) for a in arrays])
        )

    @classmethod
    def unpack(cls, packed: bytes, arrays: Sequence[Buffer]) -> Emission:
        """The emission of its packed bytes and raw frames.

        Raises:
            ProtocolError: the bytes are no emission, or the frames are not those it announces.
        """
        try:
            fields = msgpack.unpackb(packed, use_list=False)
            source, seq, channel, type, sent_ns, duration_ns, origin, via, emitter, body, sizes = fields
            if not all(map(isinstance, fields, _FIELDS)):
                raise TypeError(f"fields {fields!r}")
            origin = Origin(*origin) if origin else None
        except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
            raise ProtocolError(f"{len(packed)} bytes on the bus are no emission: {error}") from error
        if sizes != tuple(len(a) for a in arrays):
            raise ProtocolError(
                f"emission {source}:{seq} announces frames of {sizes} bytes, got {[len(a) for a in arrays]}"
            )
        return cls(
            source,
            seq,
            channel,
            type,
            sent_ns,
            body,
            arrays,
            duration_ns=duration_ns,
            origin=origin,
            via=via,
            emitter=emitter,
            packed=packed,
        )

    @property
    def size_bytes(self) -> int:
        """Bytes of the message itself: body and arrays, without header."""
        return len(self.body) + sum(len(a) for a in self.arrays)

    def fingerprint(self) -> bytes:
        """16 bytes that differ if anything of the emission differs; what repeated sends are compared by."""
        digest = hashlib.blake2b(self.packed, digest_size=16)
        for array in self.arrays:
            digest.update(array)
        return digest.digest()

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

    @property
    def message(self) -> Any:
        """The message, decoded on first use.

        Raises:
            MessageError: its type is not known in this process, or the bytes are no such message.
        """
        if self._message is None:
            kind: type[Message] = message_class(self.emission.type)
            self._message = kind.decode(self.emission.body, self.emission.arrays)
        return self._message

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
