"""What a recording has of one node: what it said, as others received or lost it, what it noted, what it received.

A recording is sorted by receivers; here it is read as the account of one node. What the node said is kept in short,
a message as the hash of its JSON, so that an account of a long run fits into memory; what it received is read again
when it is wanted, in its order.

What comes due at a node while a fault stands there may be lost, late or garbled by the fault. From the first fault on,
when and whether something arrived there tells nothing of its sender, and is left out; and so is what was in it, from
the first fault on that garbles.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from lightlag.bus.emission import Emission
from lightlag.bus.errors import JournalError
from lightlag.bus.part import header
from lightlag.bus.payload import Payload

from .recorded import Recorded

#: The channel on which faults begin and end, by acts from outside.
_FAULTS = "@fault"

#: Reasons of losses that are no medium's.
_NOT_OF_THE_MEDIUM = ("absent", "in_flight")

#: The JSON of a reception or a loss: what is the same for all members, and what is not. Within a string the quotes of
#: the keys would be escaped.
_PARTS = re.compile(
    rb'(\{"source":.*?),"t_ns":(-?\d+)(,"bytes":\d+(?:,"to":"[^"]*")?)(?:,"reason":"([^"]*)")?(?:,"message":(.*))?\}',
    re.DOTALL,
)
_SEQ, _SENT_NS = re.compile(rb'"seq":(\d+)'), re.compile(rb'"sent_ns":(-?\d+)')
_SIZE = re.compile(rb',"bytes":\d+')
#: How an emission ended for one member: when (ns), and the reason if it was lost, else nothing.
End = tuple[int, str]


class Said(NamedTuple):
    """One emission of the node: as others had it, or as it is made again."""

    seq: int
    sent_ns: int
    #: JSON of what is the same for all members: the header, and the size where that is known.
    header: bytes
    #: The hash of the message's JSON; empty if nobody has received it.
    message: bytes
    #: By member.
    ends: dict[str, End]

    def told(self, message: Any) -> dict[str, Any]:
        """As a person reads it, with its message if that is known."""
        found: dict[str, Any] = json.loads(self.header)
        if message is not None:
            found["message"] = message
        found["ends"] = {
            receiver: {"t_ns": t_ns, **({"lost": reason} if reason else {})}
            for receiver, (t_ns, reason) in sorted(self.ends.items())
        }
        return found


class Noted(NamedTuple):
    """A line of the node's log: when (ns), and its JSON."""

    t_ns: int
    line: bytes


class Account:
    """What a recording has of ``node``, which sends on these ``channels``.

    Raises:
        JournalError: what is recorded was not written by lightlag.
    """

    def __init__(self, bag: Recorded, node: str, channels: Collection[str]) -> None:
        self._bag = bag
        self._node = node
        self._mine = b'{"source":' + json.dumps(node).encode() + b","
        self._channels = frozenset(channels)
        #: What it said, by number.
        self.said: dict[int, Said] = {}
        self.noted: list[Noted] = []
        #: The latest instant at which it is known to have done something (ns); -1 if it has done nothing.
        self.reached_ns = -1
        #: From when on (ns) what arrived at a node has been met by faults, and what of them has garbled it.
        self.met_ns: dict[str, int] = {}
        self._garbled_ns: dict[str, int] = {}
        for receiver, topic, data in self._messages(self._is_of_interest):
            self._take(receiver, topic, data)

    @property
    def is_whole(self) -> bool:
        """Whether the run came to its end, so that everything is recorded."""
        return bool(self._bag.metadata.get("digest"))

    def is_met(self, receiver: str, t_ns: int) -> bool:
        """Whether faults may have met what came due at a node then."""
        return t_ns >= self.met_ns.get(receiver, t_ns + 1)

    def is_garbled(self, receiver: str, t_ns: int) -> bool:
        """Whether the content of what came due at a node then may be another than what was sent."""
        return t_ns >= self._garbled_ns.get(receiver, t_ns + 1)

    def likened(self, record: Said, made: Said) -> Said:
        """What was made again, with the ends of the record where that it is another has nothing to do with the node.

        A member may have been absent, the run may have been over before the emission arrived, faults may have met it.
        """
        ends = {}
        for receiver, end in made.ends.items():
            recorded = record.ends.get(receiver)
            if recorded is None:
                if self.is_whole and not self.is_met(receiver, end[0]):
                    ends[receiver] = end
            elif recorded[0] == end[0] and recorded[1] in _NOT_OF_THE_MEDIUM:
                ends[receiver] = recorded
            else:
                ends[receiver] = end
        message = made.message if record.message else b""
        header = made.header if _SIZE.search(record.header) else _unsized(made.header)
        return made._replace(header=header, ends=ends, message=message)

    def received(self) -> Iterator[dict[str, Any]]:
        """Everything that the node was given, in its order, as the recording has it: receptions, acts from outside."""
        for receiver, _, data in self._messages(lambda topic: topic.startswith(f"/{self._node}/")):
            if receiver != self._node or data.startswith(self._mine):
                continue
            told = json.loads(data)
            if "source" in told and "reason" not in told:
                yield told

    def message(self, seq: int) -> Any:
        """The message of an emission, as JSON has it; None if nobody has received it."""
        for receiver, _, data in self._messages(self._is_of_interest):
            if data.startswith(self._mine):
                found = _taken_apart(data)
                if found.seq == seq and found.message and not self.is_garbled(receiver, found.t_ns):
                    return json.loads(found.message)
        return None

    def _is_of_interest(self, topic: str) -> bool:
        _, receiver, channel, *_ = topic.split("/")
        return receiver == self._node or channel in self._channels or channel == _FAULTS

    def _messages(self, bodies: Any) -> Iterator[tuple[str, str, bytes]]:
        for topic, _, _, _, data in self._bag.messages(bodies):
            yield topic.split("/", 2)[1], topic, data

    def _take(self, receiver: str, topic: str, data: bytes) -> None:
        if data.startswith(self._mine):
            self._take_said(receiver, _taken_apart(data))
        elif topic == f"/{self._node}/log":
            t_ns = json.loads(data)["t_ns"]
            self.noted.append(Noted(t_ns, data))
            self.reached_ns = max(self.reached_ns, t_ns)
        elif topic.startswith(f"/{receiver}/{_FAULTS}/"):
            act = _taken_apart(data)
            self.met_ns.setdefault(receiver, act.t_ns)
            if act.message and json.loads(act.message).get("kind") == "corrupt":
                self._garbled_ns.setdefault(receiver, act.t_ns)
        if receiver == self._node and topic.count("/") == 3:
            self.reached_ns = max(self.reached_ns, _taken_apart(data).t_ns)

    def _take_said(self, receiver: str, found: _Parts) -> None:
        self.reached_ns = max(self.reached_ns, found.sent_ns)
        known = self.said.get(found.seq)
        is_garbled = self.is_garbled(receiver, found.t_ns)
        header = _unsized(found.header) if is_garbled else found.header
        if known is None:
            known = self.said[found.seq] = Said(found.seq, found.sent_ns, header, b"", {})
        if not self.is_met(receiver, found.t_ns):
            known.ends[receiver] = (found.t_ns, found.reason)
        if not is_garbled:
            message = known.message or (_hashed(found.message) if found.message else b"")
            self.said[found.seq] = known._replace(header=header, message=message)


def said_of(emission: Emission, ends: Mapping[str, End]) -> tuple[Said, bytes]:
    """What an account would have of an emission, and the JSON of its message."""
    fields = (emission.type, emission.sent_ns, header(emission), "", emission, b"")
    found = _taken_apart(Payload(0, "", 0, *fields).json({}))
    said = Said(emission.seq, emission.sent_ns, found.header, _hashed(found.message), dict(ends))
    return said, found.message


class _Parts(NamedTuple):
    seq: int
    sent_ns: int
    header: bytes
    t_ns: int
    reason: str
    message: bytes


def _taken_apart(data: bytes) -> _Parts:
    found = _PARTS.fullmatch(data)
    if found is None:
        raise JournalError(f"{data[:200]!r} in the recording is no reception and no loss as this lightlag writes them")
    before, t_ns, after, reason, message = found.groups()
    seq, sent_ns = _SEQ.search(before), _SENT_NS.search(before)
    assert seq is not None
    assert sent_ns is not None
    told = reason.decode() if reason else ""
    return _Parts(int(seq[1]), int(sent_ns[1]), before + after + b"}", int(t_ns), told, message or b"")


def _unsized(header: bytes) -> bytes:
    """What is the same for all members even if the content is corrupted at some."""
    return _SIZE.sub(b"", header, 1)


def _hashed(message: bytes) -> bytes:
    return hashlib.blake2b(message, digest_size=16).digest()
