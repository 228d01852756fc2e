"""The protocol between hub and hosts, as ZeroMQ multipart messages.

The first frame is msgpack ``[version, run id, kind, fields, emissions, counts]``: the packed bytes of the emissions
that travel with it, and how many raw frames of arrays follow for each (nothing if for none). A host says HELLO, REPORT,
FINISHED and TAPPED; the hub says GRANT, FINISH, BYE, AGAIN, REFUSED and TAP; an operator says ASK, and is TOLD.
Anything else, a wrong version or run id, or frames that do not add up is a ``ProtocolError`` that says what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgpack

from .activation import Failure
from .coordinator import Grant, Report
from .emission import Buffer, Emission
from .errors import ProtocolError

VERSION = 3

#: Host to hub: [incarnation, arithmetic fingerprint, process id, number of its latest report, highest bound granted].
HELLO = "hello"
#: Host to hub: [incarnation, number, bound_ns, next_ns, got, failure or nil, news] and the outbox.
REPORT = "report"
#: Host to hub: [incarnation, chains {node: bytes}, tally, peak resident set in kB, failure or nil].
FINISHED = "finished"
#: Hub to host: [incarnation, number, bound_ns, first] and the emissions to take in, the first of which has that number.
GRANT = "grant"
#: Hub to host: [incarnation, first, whether the run failed] and the last emissions; what has not arrived by now is in
#: flight.
FINISH = "finish"
#: Hub to host: [] everything was received; leave.
BYE = "bye"
#: Hub to anybody: [reason].
REFUSED = "refused"
#: Operator to hub: [what, arguments]; the hub answers TOLD.
ASK = "ask"
#: Hub to operator: [answer].
TOLD = "told"
#: Hub to host: [] the hub does not know how far this incarnation has come; leave, and be started again.
AGAIN = "again"
#: Hub to host: [whether to say, before each report, what its activation recorded: TAPPED].
TAP = "tap"
#: Host to hub: [incarnation, number of the report that follows, bunches of records]; see ``tap``. Not journalled.
TAPPED = "tapped"
#: In the journal alone: [] somebody outside acted upon a host, with the emission.
ACT = "act"

_pack, _unpack = msgpack.Packer().pack, msgpack.unpackb
_NONE = type(None)
#: The types of the fields of each kind, in every combination that it may have.
_SHAPES: dict[str, frozenset[tuple[type, ...]]] = {
    HELLO: frozenset({(int, str, int, int, int)}),
    REPORT: frozenset({(int, int, int, int, int, failure, tuple) for failure in (_NONE, tuple)}),
    FINISHED: frozenset({(int, dict, tuple, int, failure) for failure in (_NONE, tuple)}),
    GRANT: frozenset({(int, int, int, int)}),
    FINISH: frozenset({(int, int, bool)}),
    BYE: frozenset({()}),
    REFUSED: frozenset({(str,)}),
    ASK: frozenset({(str, dict)}),
    TOLD: frozenset({(dict,)}),
    AGAIN: frozenset({()}),
    TAP: frozenset({(bool,)}),
    TAPPED: frozenset({(int, int, tuple)}),
    ACT: frozenset({()}),
}
KINDS = frozenset(_SHAPES)
#: The types of a failure, and of a tally.
_FAILURE = (int, str, str)
_TALLY = (int, int, dict)


def _are_right(kind: str, fields: tuple[Any, ...]) -> bool:
    """Whether a message of a known kind has the fields that it should have."""
    if tuple(map(type, fields)) not in _SHAPES[kind]:
        return False
    if kind == REPORT:
        failure = fields[5]
    elif kind == FINISHED:
        failure = fields[4]
        if tuple(map(type, fields[2])) != _TALLY:
            return False
    else:
        return True
    return failure is None or tuple(map(type, failure)) == _FAILURE


def identity_of(name: str, incarnation: int, line: int) -> bytes:
    """The ZeroMQ identity of the ``line``-th line to the hub of an incarnation of a host.

    It differs from line to line, so that what an old one still carries, or its end, is not taken for the new one's.
    """
    return f"{name}@{incarnation}.{line}".encode()


def name_and_line(identity: bytes) -> tuple[bytes, tuple[int, ...]]:
    """The host's name in an identity, and numbers that grow from line to line; none if it does not say."""
    name, _, line = identity.partition(b"@")
    return name, tuple([int(number) for number in line.split(b".") if number.isdigit()])


class Envelope(NamedTuple):
    """A message of the protocol: its kind, its fields, and the emissions that travel with it."""

    kind: str
    fields: Any
    emissions: list[Emission]


def encode(run_id: str, kind: str, fields: Sequence[Any], emissions: Sequence[Emission] = ()) -> list[Buffer]:
    """The frames of a message."""
    packed = [emission.packed for emission in emissions]
    arrays = [array for emission in emissions for array in emission.arrays]
    if not arrays:
        return [_pack((VERSION, run_id, kind, fields, packed, ()))]
    return [_pack((VERSION, run_id, kind, fields, packed, [len(emission.arrays) for emission in emissions])), *arrays]


def encode_grant(run_id: str, grant: Grant) -> list[Buffer]:
    """The frames of a grant."""
    fields = (grant.incarnation, grant.number, grant.bound_ns, grant.first)
    return encode(run_id, GRANT, fields, grant.emissions)


def decode(run_id: str, frames: Sequence[Buffer]) -> Envelope:
    """The message of received frames.

    Raises:
        ProtocolError: it is no message of this protocol, version and run.
    """
    try:
        version, run, kind, fields, packed, counts = _unpack(frames[0], use_list=False)
    except (ValueError, TypeError, IndexError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError(f"a message whose first frame is no lightlag envelope: {error}") from error
    if version != VERSION:
        raise ProtocolError(f"a message of protocol version {version!r}; this side speaks {VERSION}")
    if run != run_id:
        raise ProtocolError(f"a message of run {run!r}; this is run {run_id!r}")
    if type(kind) is not str or kind not in KINDS:
        raise ProtocolError(f"a message of unknown kind {kind!r}")
    if type(fields) is not tuple or not _are_right(kind, fields):
        raise ProtocolError(f"a {kind} with fields {fields!r}")
    if type(packed) is not tuple or type(counts) is not tuple:
        raise ProtocolError(f"a {kind} whose emissions are {packed!r} and {counts!r}")
    if not counts and len(frames) == 1:
        return Envelope(kind, fields, [Emission.unpack(each) for each in packed])
    if len(counts) != len(packed) or not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ProtocolError(f"a {kind} of {len(packed)} emissions that announces {counts!r} arrays")
    if len(frames) != 1 + sum(counts):
        raise ProtocolError(f"a {kind} that announces {1 + sum(counts)} frames came with {len(frames)}")
    emissions = []
    at = 1
    for each, count in zip(packed, counts, strict=True):
        emissions.append(Emission.unpack(each, frames[at : at + count]))
        at += count
    return Envelope(kind, fields, emissions)


def report_of(host: int, envelope: Envelope) -> Report:
    """What a REPORT says to the coordinator; its news is for others."""
    incarnation, number, bound_ns, next_ns, got, failure, _ = envelope.fields
    failed = Failure(*failure) if failure else None
    return Report(host, incarnation, number, bound_ns, next_ns, got, envelope.emissions, failed)


def news_of(envelope: Envelope) -> list[tuple[Any, ...]]:
    """The news in a REPORT."""
    return list(envelope.fields[6])
