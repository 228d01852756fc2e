"""The protocol between hub and hosts: what goes in comes out, and anything else is refused with words."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus import wire
from lightlag.bus.emission import Emission, Origin
from lightlag.bus.errors import ProtocolError

RUN = "0123456789abcdef"
PLAIN = Emission("mro", 1, "downlink", "x@1", 5, b"body")
WITH_ARRAYS = Emission(
    "mro", 2, "downlink", "x@1", 7, b"body", [b"one", b"", b"three"],
    duration_ns=3, origin=Origin("rover", 9, 1), via=("mro",), emitter=b"\x00\x01",
)  # fmt: skip
SAID = {
    wire.HELLO: (1, "d09f81d19b77fd55", 4711),
    wire.REPORT: (1, 2, 1 << 62, 3, None, [("news", 1)], (1, 2, {"snr": 3})),
    wire.FINISHED: (1, {"mro": bytes(32)}, (1, 2, {}), 100_000, None),
    wire.GRANT: (1, 1 << 62, 7),
    wire.FINISH: (7, False),
    wire.BYE: (),
    wire.REFUSED: ("wrong arithmetic",),
}


def as_sent(frames):
    return [bytes(frame) for frame in frames]


def tuples(value):
    return tuple(map(tuples, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("kind", sorted(wire.KINDS))
@pytest.mark.parametrize("emissions", [[], [PLAIN], [WITH_ARRAYS, PLAIN, WITH_ARRAYS]])
def test_what_was_said_is_heard(kind, emissions):
    heard = wire.decode(RUN, as_sent(wire.encode(RUN, kind, SAID[kind], emissions)))
    assert (heard.kind, heard.fields) == (kind, tuples(SAID[kind]))
    assert [e.fingerprint() for e in heard.emissions] == [e.fingerprint() for e in emissions]
    for before, after in zip(emissions, heard.emissions, strict=True):
        for name in ("source", "seq", "channel", "type", "sent_ns", "duration_ns", "origin", "via", "emitter", "body"):
            assert getattr(after, name) == getattr(before, name)
        assert [bytes(array) for array in after.arrays] == [bytes(array) for array in before.arrays]


def packed(*envelope):
    return [msgpack.packb(envelope)]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "no lightlag envelope"),
        ([b""], "no lightlag envelope"),
        ([b"GET / HTTP/1.1"], "no lightlag envelope"),
        (packed(1, RUN, "bye"), "no lightlag envelope"),
        (packed(2, RUN, "bye", [], []), "protocol version 2; this side speaks 1"),
        (packed(1, "fedcba", "bye", [], []), "run 'fedcba'; this is run"),
        (packed(1, RUN, "hullo", [], []), "unknown kind 'hullo'"),
        (packed(1, RUN, ["bye"], [], []), "unknown kind"),
        (packed(1, RUN, "bye", None, []), "unknown kind"),
        (packed(1, RUN, "hello", [1, "fingerprint"], []), "a hello with fields"),
        (packed(1, RUN, "hello", [1, 2, 3], []), "a hello with fields"),
        (packed(1, RUN, "bye", [], ["many"]), "announces"),
        (packed(1, RUN, "bye", [], [-1]), "announces"),
        (packed(1, RUN, "finish", [7, False], [0]), "announces 2 frames came with 1"),
        ([*packed(1, RUN, "finish", [7, False], []), b"more"], "announces 1 frames came with 2"),
        ([*packed(1, RUN, "finish", [7, False], [0]), b"no emission"], "no emission"),
        ([*packed(1, RUN, "finish", [7, False], [1]), PLAIN.packed, b"array"], "announces frames"),
    ],
)
def test_what_is_no_message_is_refused_with_words(frames, said):
    with pytest.raises(ProtocolError, match=said):
        wire.decode(RUN, frames)


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_noise_is_refused(frames):
    with pytest.raises(ProtocolError):
        wire.decode(RUN, frames)


@given(st.data())
def test_a_damaged_message_is_refused_or_still_a_message(data):
    frames = as_sent(wire.encode(RUN, wire.REPORT, SAID[wire.REPORT], [WITH_ARRAYS]))
    at = data.draw(st.integers(0, 1))
    damaged = bytearray(frames[at])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    frames[at] = bytes(damaged)
    try:
        heard = wire.decode(RUN, frames)
    except ProtocolError:
        return
    assert heard.kind in wire.KINDS
