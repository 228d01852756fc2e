"""The protocol between hub and hosts, as ZeroMQ multipart messages.

The first frame is msgpack ``[version, run id, kind, fields, counts]``; for each of ``counts`` an emission follows, one
frame of packed bytes and that many of arrays. A host says HELLO, REPORT and FINISHED; the hub says GRANT, FINISH, BYE
and REFUSED. Anything else, a wrong version or run id, or frames that do not add up is a ``ProtocolError`` that says
what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgpack

from .emission import Buffer, Emission
from .errors import ProtocolError

VERSION = 1

#: Host to hub: [incarnation, arithmetic fingerprint, process id].
HELLO = "hello"
#: Host to hub: [incarnation, number, next_ns, got, failure or nil, news, tally] and the outbox.
REPORT = "report"
#: Host to hub: [incarnation, chains {node: bytes}, tally, peak resident set in kB, failure or nil].
FINISHED = "finished"
#: Hub to host: [incarnation, bound_ns, first] and the emissions to take in, the first of which has that number.
GRANT = "grant"
#: Hub to host: [first, whether the run failed] and the last emissions; what has not arrived by now is in flight.
FINISH = "finish"
#: Hub to host: [] everything was received; leave.
BYE = "bye"
#: Hub to host: [reason].
REFUSED = "refused"

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
    HELLO: (int, str, int),
    REPORT: (int, int, int, int, _is_failure, tuple, _is_tally),
    FINISHED: (int, dict, _is_tally, int, _is_failure),
    GRANT: (int, int, int),
    FINISH: (int, bool),
    BYE: (),
    REFUSED: (str,),
}
KINDS = frozenset(_FIELDS)


class Envelope(NamedTuple):
    """A message of the protocol: its kind, its fields, and the emissions that travel with it."""

    kind: str
    fields: tuple[Any, ...]
    emissions: list[Emission]


def encode(run_id: str, kind: str, fields: Sequence[Any], emissions: Sequence[Emission] = ()) -> list[Buffer]:
    """The frames of a message."""
    frames: list[Buffer] = [msgpack.packb((VERSION, run_id, kind, fields, [len(e.arrays) for e in emissions]))]
    for emission in emissions:
        frames.append(emission.packed)
        frames.extend(emission.arrays)
    return frames


def decode(run_id: str, frames: Sequence[bytes]) -> Envelope:
    """The message of received frames.

    Raises:
        ProtocolError: it is no message of this protocol, version and run.
    """
    try:
        version, run, kind, fields, counts = msgpack.unpackb(frames[0], use_list=False)
    except (ValueError, TypeError, IndexError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError(f"a message whose first frame is no lightlag envelope: {error}") from error
    if version != VERSION:
        raise ProtocolError(f"a message of protocol version {version!r}; this side speaks {VERSION}")
    if run != run_id:
        raise ProtocolError(f"a message of run {run!r}; this is run {run_id!r}")
    if not _is_like((kind, fields, counts), (str, tuple, tuple)) or kind not in KINDS:
        raise ProtocolError(f"a message of unknown kind {kind!r}")
    if not _is_like(fields, _FIELDS[kind]):
        raise ProtocolError(f"a {kind} with fields {fields!r}")
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ProtocolError(f"a {kind} that announces {counts!r} arrays")
    if len(frames) != 1 + len(counts) + sum(counts):
        raise ProtocolError(f"a {kind} that announces {1 + len(counts) + sum(counts)} frames came with {len(frames)}")
    emissions = []
    at = 1
    for count in counts:
        emissions.append(Emission.unpack(bytes(frames[at]), frames[at + 1 : at + 1 + count]))
        at += 1 + count
    return Envelope(kind, fields, emissions)
