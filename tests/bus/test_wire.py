"""The protocol between hub and hosts: what goes in comes out, and anything else is refused with words."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus import wire
from lightlag.bus.activation import Failure
from lightlag.bus.coordinator import Grant
from lightlag.bus.emission import Emission, Origin
from lightlag.bus.errors import ProtocolError

RUN = "0123456789abcdef"
PLAIN = Emission("mro", 1, "downlink", "x@1", 5, b"body")
WITH_ARRAYS = Emission(
    "mro", 2, "downlink", "x@1", 7, b"body", [b"one", b"", b"three"],
    duration_ns=3, origin=Origin("rover", 9, 1), via=("mro",), emitter=b"\x00\x01",
)  # fmt: skip
FAILURE = (7, "mro", "Traceback ...")
SAID = {
    wire.HELLO: [(1, "d09f81d19b77fd55", 4711, 12, 1 << 62)],
    wire.REPORT: [(1, 2, 90, 1 << 62, 3, None, [("news", 1)]), (1, 2, 90, 95, 3, FAILURE, [])],
    wire.FINISHED: [(1, {"mro": bytes(32)}, (1, 2, {"snr": 3}), 100_000, failure) for failure in (None, FAILURE)],
    wire.GRANT: [(1, 9, 1 << 62, 7)],
    wire.FINISH: [(1, 7, False), (2, 7, True)],
    wire.BYE: [()],
    wire.REFUSED: [("wrong arithmetic",)],
    wire.AGAIN: [()],
    wire.ASK: [("status", {}), ("send", {"node": "mro", "fields": {"text": "hello"}})],
    wire.TOLD: [({"hosts": [{"host": "mro", "since_s": 0.5}]},)],
    wire.TAP: [(True, False)],
    wire.TAPPED: [(1, 2, [[b"records"]])],
    wire.ACT: [()],
}


def as_sent(frames):
    return [bytes(frame) for frame in frames]


def tuples(value):
    if isinstance(value, dict):
        return {key: tuples(each) for key, each in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("kind", sorted(wire.KINDS))
@pytest.mark.parametrize("emissions", [[], [PLAIN], [WITH_ARRAYS, PLAIN, WITH_ARRAYS]])
def test_what_was_said_is_heard(kind, emissions):
    for said in SAID[kind]:
        assert_heard(kind, said, emissions)


def assert_heard(kind, said, emissions):
    heard = wire.decode(RUN, as_sent(wire.encode(RUN, kind, said, emissions)))
    assert (heard.kind, heard.fields) == (kind, tuples(said))
    assert [e.fingerprint() for e in heard.emissions] == [e.fingerprint() for e in emissions]
    for before, after in zip(emissions, heard.emissions, strict=True):
        for name in ("source", "seq", "channel", "type", "sent_ns", "duration_ns", "origin", "via", "emitter", "body"):
            assert getattr(after, name) == getattr(before, name)
        assert [bytes(array) for array in after.arrays] == [bytes(array) for array in before.arrays]


def test_a_report_is_the_coordinators_and_its_news_the_watchers():
    outbox = [PLAIN, WITH_ARRAYS]
    heard = wire.decode(RUN, as_sent(wire.encode(RUN, wire.REPORT, (2, 5, 90, 95, 3, FAILURE, [("n", 1)]), outbox)))
    report = wire.report_of(4, heard)
    assert report[:6] == (4, 2, 5, 90, 95, 3)
    assert [e.fingerprint() for e in report.outbox] == [e.fingerprint() for e in outbox]
    assert report.failure == Failure(7, "mro", "Traceback ...")
    assert wire.news_of(heard) == [("n", 1)]


def test_a_grant_is_heard_as_it_was_given():
    grant = Grant(3, 2, 9, 90, 7, [PLAIN, WITH_ARRAYS])
    heard = wire.decode(RUN, as_sent(wire.encode_grant(RUN, grant)))
    assert (heard.kind, heard.fields) == (wire.GRANT, grant[1:5])
    assert [e.fingerprint() for e in heard.emissions] == [e.fingerprint() for e in grant.emissions]


def packed(*envelope):
    return [msgpack.packb(envelope)]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "no lightlag envelope"),
        ([b""], "no lightlag envelope"),
        ([b"GET / HTTP/1.1"], "no lightlag envelope"),
        (packed(wire.VERSION, RUN, "bye"), "no lightlag envelope"),
        (packed(1, RUN, "bye", [], [], []), "protocol version 1; this side speaks 3"),
        (packed(wire.VERSION, "fedcba", "bye", [], [], []), "run 'fedcba'; this is run"),
        (packed(wire.VERSION, RUN, "hullo", [], [], []), "unknown kind 'hullo'"),
        (packed(wire.VERSION, RUN, ["bye"], [], [], []), "unknown kind"),
        (packed(wire.VERSION, RUN, "bye", None, [], []), "a bye with fields"),
        (packed(wire.VERSION, RUN, "bye", [], None, []), "a bye whose emissions are"),
        (packed(wire.VERSION, RUN, "bye", [], [], None), "a bye whose emissions are"),
        (packed(wire.VERSION, RUN, "bye", ["now"], [], []), "a bye with fields"),
        (packed(wire.VERSION, RUN, "hello", [1, "fingerprint", 4711], [], []), "a hello with fields"),
        (packed(wire.VERSION, RUN, "hello", [1, 2, 3, 4, 5], [], []), "a hello with fields"),
        (packed(wire.VERSION, RUN, "report", [1, 2, 90, 95, 3, [7, "mro"], []], [], []), "a report with fields"),
        (packed(wire.VERSION, RUN, "finished", [1, {}, [1, 2], 9, None], [], []), "a finished with fields"),
        (packed(wire.VERSION, RUN, "grant", [1, 9, 90], [], []), "a grant with fields"),
        (packed(wire.VERSION, RUN, "finish", [1, 7, False], ["one"], []), "no emission"),
        (packed(wire.VERSION, RUN, "finish", [1, 7, False], [b"one"], []), "no emission"),
        (packed(wire.VERSION, RUN, "finish", [1, 7, False], [PLAIN.packed], ["many"]), "announces"),
        (packed(wire.VERSION, RUN, "finish", [1, 7, False], [PLAIN.packed], [-1]), "announces"),
        (packed(wire.VERSION, RUN, "finish", [1, 7, False], [PLAIN.packed], [1, 1]), "announces"),
        (packed(wire.VERSION, RUN, "finish", [1, 7, False], [PLAIN.packed], [1]), "announces 2 frames came with 1"),
        ([*packed(wire.VERSION, RUN, "finish", [1, 7, False], [], []), b"more"], "announces 1 frames came with 2"),
        ([*packed(wire.VERSION, RUN, "finish", [1, 7, False], [PLAIN.packed], [1]), b"array"], "announces frames"),
        (
            [*packed(wire.VERSION, RUN, "finish", [1, 7, False], [WITH_ARRAYS.packed], [1]), b"array"],
            "announces frames",
        ),
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
    frames = as_sent(wire.encode(RUN, wire.REPORT, SAID[wire.REPORT][0], [WITH_ARRAYS]))
    at = 0  # an array is opaque; that it is as long as it should be is looked at
    damaged = bytearray(frames[at])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    frames[at] = bytes(damaged)
    try:
        heard = wire.decode(RUN, frames)
    except ProtocolError:
        return
    assert heard.kind in wire.KINDS
