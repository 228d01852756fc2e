"""The words of a program and its host: what is said is heard, however its bytes come, and what is wrong is told."""

from __future__ import annotations

import struct

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus.emission import Emission, Origin, Reception
from lightlag.bus.errors import ProgramError
from lightlag.bus.time import NEVER_NS
from lightlag.nodes.foreign.codec import MOST_BYTES, Frames, activate, framed, read_done, read_ready

names = st.text(min_size=1, max_size=12)
instants = st.integers(0, NEVER_NS)
kinds = st.builds("{}@{}".format, st.from_regex(r"[a-z._]{1,12}", fullmatch=True), st.integers(0, 99))
emissions = st.fixed_dictionaries(
    {"port": names, "type": kinds, "body": st.binary(max_size=40)},
    optional={
        "arrays": st.lists(st.binary(max_size=40), max_size=3),
        "to": st.none() | names,
        "after_ns": instants,
        "priority": st.integers(-(1 << 31), (1 << 31) - 1),
        "via": st.lists(names, max_size=3),
        "origin": st.none() | st.tuples(names, st.integers(1, 1 << 40), instants).map(list),
    },
)
plain = st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.text(max_size=8) | st.floats(allow_nan=False)
facts = st.dictionaries(st.text(max_size=8), plain, max_size=3)
dones = st.fixed_dictionaries(
    {"kind": st.just("done"), "t_ns": st.just(0)},
    optional={
        "emissions": st.lists(emissions, max_size=4),
        "logs": st.lists(
            st.fixed_dictionaries({"text": names}, optional={"level": names, "fields": facts}), max_size=3
        ),
        "files": st.lists(st.fixed_dictionaries({"name": names, "data": st.binary()}, optional={"facts": facts})),
        "next_ns": st.none() | st.integers(1, (1 << 64) - 1),
        "error": st.none() | st.text(),
    },
)


def content(word: object) -> bytes:
    return framed(word)[4:]  # type: ignore[arg-type]


@given(dones)
def test_what_a_program_says_is_heard_as_it_was_said(word):
    heard = read_done(content(word), 0)
    assert heard.next_ns == word.get("next_ns")
    assert heard.error == word.get("error")
    for said, given_ in zip(heard.emissions, word.get("emissions", ()), strict=True):
        read = {key: list(value) if isinstance(value, tuple) else value for key, value in said}
        assert {key: read[key] for key in given_} == given_
    for line, given_ in zip(heard.logs, word.get("logs", ()), strict=True):
        assert (line.text, line.level) == (given_["text"], given_.get("level", "info"))
    assert [(file.name, file.data) for file in heard.files] == [
        (each["name"], each["data"]) for each in word.get("files", ())
    ]


@given(dones, dones)
def test_a_proof_tells_apart_what_is_sent_and_when_the_program_wakes(one, other):
    first, second = read_done(content(one), 0), read_done(content(other), 0)
    same = first.emissions == second.emissions and first.next_ns == second.next_ns
    assert (first.proof() == second.proof()) == same


@given(st.lists(st.dictionaries(names, plain, max_size=3), max_size=4), st.integers(1, 50))
def test_frames_are_found_however_their_bytes_come(words, size):
    whole = b"".join(map(framed, words))
    frames, found = Frames(), []
    for at in range(0, len(whole), size):
        frames.feed(whole[at : at + size])
        while (each := frames.next()) is not None:
            found.append(msgpack.unpackb(each))
    assert found == words
    assert frames.rest == 0


@given(st.text(st.characters(min_codepoint=9, max_codepoint=126), min_size=4))
def test_no_text_is_taken_for_a_frame(text):
    frames = Frames()
    frames.feed(text.encode())
    with pytest.raises(ProgramError, match="standard output, which is for frames alone"):
        frames.next()


@given(st.binary(max_size=60))
def test_bytes_that_are_no_answer_are_told_of(data):
    for read in (read_ready, lambda it: read_done(it, 0)):
        with pytest.raises(ProgramError):
            read(data)


def test_a_frame_that_is_too_large_is_refused_where_it_is_made():
    with pytest.raises(ProgramError, match="too many"):
        framed({"kind": "x", "data": bytes(MOST_BYTES)})


def test_an_instant_tells_of_each_reception_all_that_a_node_in_python_knows():
    origin = Origin("lander", 3, 5)
    emission = Emission(
        "relay", 7, "uhf", "x@1", 10, b"\x90", (b"abcd",), "me", 2, b"stamp", ("lander", "relay"), origin
    )
    word = activate(30, due=True, receptions=[("link", Reception(emission, "me", 30))], queued={"uhf": 2})
    heard = msgpack.unpackb(content(word), use_list=False)
    assert heard == {
        "kind": "activate",
        "t_ns": 30,
        "due": True,
        "queued": {"uhf": 2},
        "receptions": (
            {
                "port": "link",
                "source": "relay",
                "seq": 7,
                "channel": "uhf",
                "type": "x@1",
                "sent_ns": 10,
                "received_ns": 30,
                "duration_ns": 2,
                "to": "me",
                "body": b"\x90",
                "arrays": (b"abcd",),
                "via": ("lander", "relay"),
                "origin": ("lander", 3, 5),
            },
        ),
    }


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ({"kind": "done", "t_ns": 9, "emisions": []}, r"emisions is no key of it \(kind, t_ns, emissions, logs"),
        ({"kind": "done", "t_ns": 9, "emissions": [{"port": "a", "body": b""}]}, r"emissions\[0\].type is missing"),
        (
            {"kind": "done", "t_ns": 9, "emissions": [{"prot": "a"}]},
            r"emissions\[0\].prot is no key of it \(port, type, body",
        ),
        ({"kind": "done", "t_ns": 9, "next_ns": 5}, "asks at 9 ns to be woken at 5 ns"),
        ({"kind": "done", "t_ns": 9, "next_ns": 1.5}, "next_ns is 1.5: input should be a valid integer"),
        ({"kind": "done", "t_ns": 8}, "said more than it was asked: at 9 ns came a done of 8 ns"),
        ({"kind": "done"}, "t_ns is missing"),
        ({"kind": "ready", "protocol": 1}, "said 'ready' where 'done' is expected"),
        ({"emissions": []}, "where 'done' is expected"),
        ([1], "where 'done' is expected"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(word, told):
    with pytest.raises(ProgramError, match=told):
        read_done(msgpack.packb(word), 9)


def test_a_size_alone_is_no_frame_yet():
    frames = Frames()
    frames.feed(struct.pack(">I", 3) + b"\x93\x01")
    assert frames.next() is None
    frames.feed(b"\x02\x03\x04")
    assert frames.next() == b"\x93\x01\x02"
    assert frames.rest == 2
