"""The protocol between hub and hosts, as ZeroMQ multipart messages.

The first frame is msgpack ``[version, run id, kind, fields, emissions, counts]``: the packed bytes of the emissions
that travel with it, and how many raw frames of arrays follow for each (nothing if for none). A host says HELLO, REPORT
and FINISHED; the hub says GRANT, FINISH, BYE, AGAIN and REFUSED; an operator says ASK, and is TOLD. Anything else, a
wrong version or run id, or frames that do not add up is a ``ProtocolError`` that says what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgpack

from .activation import Failure
from .coordinator import Grant, Report
from .emission import Buffer, Emission
from .errors import ProtocolError

VERSION = 2

#: Host to hub: [incarnation, arithmetic fingerprint, process id, number of its latest report, highest bound granted].
HELLO = "hello"
#: Host to hub: [incarnation, number, bound_ns, next_ns, got, failure or nil, news, tally] and the outbox.
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
#: In the journal alone: [] somebody outside acted upon a host, with the emission.
ACT = "act"

#: A type, or a function that says whether a value is what it should be.
_Shape = type | Callable[[Any], bool]


def _is_like(values: tuple[Any, ...], shapes: tuple[_Shape, ...]) -> bool:
    return len(values) == len(shapes) and all(
        isinstance(value, shape) if isinstance(shape, type) else shape(value)
        for value, shape in zip(values, shapes, strict=True)
    )


def _is_failure(value: Any) -> bool:
    return value is None or (isinstance(value, tuple) and _is_like(value, (int, str, str)))


def _is_tally(value: Any) -> bool:
    return isinstance(value, tuple) and _is_like(value, (int, int, dict))


#: The shapes of the fields of each kind.
_FIELDS: dict[str, tuple[_Shape, ...]] = {
    HELLO: (int, str, int, int, int),
    REPORT: (int, int, int, int, int, _is_failure, tuple, _is_tally),
    FINISHED: (int, dict, _is_tally, int, _is_failure),
    GRANT: (int, int, int, int),
    FINISH: (int, int, bool),
    BYE: (),
    REFUSED: (str,),
    ASK: (str, dict),
    TOLD: (dict,),
    AGAIN: (),
    ACT: (),
}
KINDS = frozenset(_FIELDS)


class Envelope(NamedTuple):
    """A message of the protocol: its kind, its fields, and the emissions that travel with it."""

    kind: str
    fields: Any
    emissions: list[Emission]


def encode(run_id: str, kind: str, fields: Sequence[Any], emissions: Sequence[Emission] = ()) -> list[Buffer]:
    """The frames of a message."""
    packed = [emission.packed for emission in emissions]
    arrays = [array for emission in emissions for array in emission.arrays]
    counts = [len(emission.arrays) for emission in emissions] if arrays else ()
    return [msgpack.packb((VERSION, run_id, kind, fields, packed, counts)), *arrays]


def encode_grant(run_id: str, grant: Grant) -> list[Buffer]:
    """The frames of a grant."""
    fields = (grant.incarnation, grant.number, grant.bound_ns, grant.first)
    return encode(run_id, GRANT, fields, grant.emissions)


def decode(run_id: str, frames: Sequence[bytes]) -> Envelope:
    """The message of received frames.

    Raises:
        ProtocolError: it is no message of this protocol, version and run.
    """
    try:
        version, run, kind, fields, packed, counts = msgpack.unpackb(frames[0], use_list=False)
    except (ValueError, TypeError, IndexError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError(f"a message whose first frame is no lightlag envelope: {error}") from error
    if version != VERSION:
        raise ProtocolError(f"a message of protocol version {version!r}; this side speaks {VERSION}")
    if run != run_id:
        raise ProtocolError(f"a message of run {run!r}; this is run {run_id!r}")
    if not _is_like((kind, fields, packed, counts), (str, tuple, tuple, tuple)) or kind not in KINDS:
        raise ProtocolError(f"a message of unknown kind {kind!r}")
    if not _is_like(fields, _FIELDS[kind]):
        raise ProtocolError(f"a {kind} with fields {fields!r}")
    if not counts and len(frames) == 1:
        return Envelope(kind, fields, [Emission.unpack(each, ()) for each in packed])
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
    """What a REPORT says to the coordinator; news and tally are for others."""
    incarnation, number, bound_ns, next_ns, got, failure, _, _ = envelope.fields
    failed = Failure(*failure) if failure else None
    return Report(host, incarnation, number, bound_ns, next_ns, got, envelope.emissions, failed)


def news_of(envelope: Envelope) -> list[tuple[Any, ...]]:
    """The news in a REPORT."""
    return list(envelope.fields[6])
