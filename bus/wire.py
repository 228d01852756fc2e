"""The protocol between hub and hosts, as ZeroMQ multipart messages.

The first frame is msgpack ``[version, run id, kind, fields, emissions, counts]``: the packed bytes of the emissions
that travel with it, and how many raw frames of arrays follow for each (nothing if for none). A host says HELLO, REPORT,
FINISHED and TAPPED; the hub says GRANT, FINISH, BYE, AGAIN, REFUSED and TAP; an operator says ASK, and is TOLD.
Anything else, a wrong version or run id, or frames that do not add up is a ``ProtocolError`` that says what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
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
#: Hub to host: [whether to say, before each report, what its activation recorded: TAPPED; whether with all
#: bytes].
TAP = "tap"
#: Host to hub: [incarnation, number of the report that follows, bunches of records]; see ``tap``. Not
#: journalled.
TAPPED = "tapped"
#: In the journal alone: [] somebody outside acted upon a host, with the emission.
ACT = "act"

_pack, _unpack = msgpack.Packer().pack, msgpack.unpackb
_packed, _arrays = attrgetter("packed"), attrgetter("arrays")
_NONE = type(None)
#: The types of a failure, and of a tally.
_FAILURE = (int, str, str)
_TALLY = (int, int, dict)
#: The types of the fields of each kind, in every combination that it may have, and what is in those that are tuples:
#: where it stands, and its types.
_SHAPES: dict[str, dict[tuple[type, ...], tuple[tuple[int, tuple[type, ...]], ...]]] = {
    HELLO: {(int, str, int, int, int): ()},
    REPORT: {
        (int, int, int, int, int, _NONE, tuple): (),
        (int, int, int, int, int, tuple, tuple): ((5, _FAILURE),),
    },
    FINISHED: {
        (int, dict, tuple, int, _NONE): ((2, _TALLY),),
        (int, dict, tuple, int, tuple): ((2, _TALLY), (4, _FAILURE)),
    },
    GRANT: {(int, int, int, int): ()},
    FINISH: {(int, int, bool): ()},
    BYE: {(): ()},
    REFUSED: {(str,): ()},
    ASK: {(str, dict): ()},
    TOLD: {(dict,): ()},
    AGAIN: {(): ()},
    TAP: {(bool, bool): ()},
    TAPPED: {(int, int, tuple): ()},
    ACT: {(): ()},
}
KINDS = frozenset(_SHAPES)


def _hold(fields: tuple[Any, ...], within: tuple[tuple[int, tuple[type, ...]], ...]) -> bool:
    """Whether fields that are tuples hold what they should."""
    return all(tuple(map(type, fields[at])) == types for at, types in within)


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
    packed = list(map(_packed, emissions))
    if not any(map(_arrays, emissions)):
        return [_pack((VERSION, run_id, kind, fields, packed, ()))]
    arrays = list(map(_arrays, emissions))
    return [_pack((VERSION, run_id, kind, fields, packed, list(map(len, arrays)))), *chain(*arrays)]


def encode_grant(run_id: str, grant: Grant) -> list[Buffer]:
    """The frames of a grant."""
    _, *fields, emissions = grant
    return encode(run_id, GRANT, fields, emissions)


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
    if type(kind) is not str or kind not in _SHAPES:
        raise ProtocolError(f"a message of unknown kind {kind!r}")
    within = _SHAPES[kind].get(tuple(map(type, fields))) if type(fields) is tuple else None
    if within is None or (within and not _hold(fields, within)):
        raise ProtocolError(f"a {kind} with fields {fields!r}")
    if type(packed) is not tuple or type(counts) is not tuple:
        raise ProtocolError(f"a {kind} whose emissions are {packed!r} and {counts!r}")
    if not counts and len(frames) == 1:
        return Envelope(kind, fields, list(map(Emission.unpack, packed)))
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
    _, fields, outbox = envelope
    incarnation, number, bound_ns, next_ns, got, failure, _ = fields
    return Report(host, incarnation, number, bound_ns, next_ns, got, outbox, Failure(*failure) if failure else None)


def news_of(envelope: Envelope) -> list[tuple[Any, ...]]:
    """The news in a REPORT."""
    return list(envelope.fields[6])
