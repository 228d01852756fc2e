"""The account of one node in a recording of all, and two accounts side by side."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.emission import Emission, Loss, Reception
from lightlag.bus.errors import JournalError
from lightlag.bus.message import message
from lightlag.bus.operator import OPERATOR
from lightlag.bus.part import PartWriter
from lightlag.bus.recording import merge
from lightlag.bus.time import Epoch
from lightlag.launch.look.account import Account, Said, said_of
from lightlag.launch.look.alignment import aligned, differing
from lightlag.launch.look.recorded import open_recorded

EPOCH = Epoch.parse("2021-02-18T20:26:00Z")


@message("tests.account.word")
class Word:
    text: str


@message("tests.account.fault")
class Fault:
    """As faults are told to a node."""

    id: str
    kind: str


@message("tests.account.fault_end")
class FaultEnd:
    id: str


def word(seq, sent_ns, text="hello", source="mro", to=""):
    return Emission(source, seq, "air", "tests.account.word@1", sent_ns, *Word(text).encode(), to=to)


def act(seq, sent_ns, told, to):
    return Reception(
        Emission(OPERATOR, seq, "@fault", told.__message_type__, sent_ns, *told.encode(), to=to), to, sent_ns + 1
    )


def account(path, receptions=(), losses=(), logs=(), node="mro", **metadata):
    """The account of a node in a part, or in a merged recording if there is metadata."""
    part = path / "all.part"
    writer = PartWriter(part, EPOCH)
    writer.write(Completion(receptions=list(receptions), losses=list(losses), logs=list(logs)))
    writer.close()
    if metadata:
        merge([part], path / "run.mcap", {"epoch": EPOCH.utc(0, 9), **metadata})
        part = path / "run.mcap"
    return Account(open_recorded(part), node, ["air"])


@pytest.mark.parametrize("metadata", [{}, {"digest": "abc"}])
def test_an_account_has_what_the_node_said_noted_and_received(tmp_path, metadata):
    first, second, third = word(1, 10), word(2, 20, "there", to="madrid"), word(3, 30)
    other = word(1, 5, "you", source="madrid")
    found = account(
        tmp_path,
        [Reception(other, "mro", 15), Reception(first, "madrid", 110), Reception(second, "madrid", 120)],
        [Loss(first, "hope", 90, "occulted"), Loss(third, "hope", 99, "snr"), Loss(third, "madrid", 130, "in_flight")],
        [LogRecord(12, "mro", "info", "noted", {}), LogRecord(40, "hope", "info", "no", {})],
        **metadata,
    )
    assert {seq: said.ends for seq, said in found.said.items()} == {
        1: {"madrid": (110, ""), "hope": (90, "occulted")},
        2: {"madrid": (120, "")},
        3: {"hope": (99, "snr"), "madrid": (130, "in_flight")},
    }
    assert [bool(found.said[seq].message) for seq in (1, 2, 3)] == [True, True, False]
    assert json.loads(found.said[2].header)["to"] == "madrid"
    assert [noted.t_ns for noted in found.noted] == [12]
    assert [told["message"] for told in found.received()] == [{"text": "you"}]
    assert (found.message(2), found.message(3)) == ({"text": "there"}, None)
    assert (found.reached_ns, found.is_whole) == (30, bool(metadata))
    made, _ = said_of(second, {"madrid": (120, "")})
    assert differing(found.said[2], found.likened(found.said[2], made)) == []


def test_what_a_member_missed_for_its_own_reasons_is_no_difference(tmp_path):
    said = word(1, 10)
    found = account(tmp_path, [], [Loss(said, "hope", 90, "absent"), Loss(said, "madrid", 130, "in_flight")])
    again, _ = said_of(said, {"hope": (90, ""), "madrid": (130, "occulted")})
    assert differing(found.said[1], found.likened(found.said[1], again)) == []
    late, _ = said_of(said, {"hope": (91, ""), "madrid": (130, "")})
    assert differing(found.said[1], found.likened(found.said[1], late)) == ["ends.hope"]


def test_from_the_first_fault_on_what_arrives_somewhere_tells_nothing_of_its_sender(tmp_path):
    first, second = word(1, 10), word(2, 20)
    garbled = Emission("mro", 2, "air", second.type, 20, *Word("hullo").encode())
    found = account(
        tmp_path,
        [
            Reception(first, "hope", 100),
            act(1, 109, Fault("f", "corrupt"), "hope"),
            Reception(garbled, "hope", 120),
            Reception(second, "madrid", 130),
        ],
        digest="abc",
    )
    assert found.said[1].ends == {"hope": (100, "")}
    assert found.said[2].ends == {"madrid": (130, "")}
    assert found.message(2) == {"text": "hello"}
    made, _ = said_of(second, {"hope": (115, ""), "madrid": (130, "")})
    assert differing(found.said[2], found.likened(found.said[2], made)) == []


def test_a_node_is_given_the_acts_by_which_faults_begin_and_end(tmp_path):
    found = account(
        tmp_path,
        [
            act(1, 10, Fault("a", "drop"), "mro"),
            act(2, 20, Fault("b", "crash"), "mro"),
            act(3, 30, FaultEnd("a"), "mro"),
            act(4, 40, FaultEnd("b"), "mro"),
        ],
    )
    assert [(told["t_ns"], told["message"]["id"]) for told in found.received()] == [
        (11, "a"),
        (21, "b"),
        (31, "a"),
        (41, "b"),
    ]


def test_a_recording_of_another_make_is_told(tmp_path):
    found = account(tmp_path, [Reception(word(1, 10), "madrid", 110)])
    found._bag = type("Bag", (), {"messages": lambda self, bodies: iter([("/hope/air/x", "", 0, 0, b"{}")])})()
    assert found.message(1) is None
    with pytest.raises(JournalError, match="is no reception and no loss as this lightlag writes them"):
        Account(
            type(
                "Bag",
                (),
                {"messages": lambda self, bodies: iter([("/hope/air/x", "", 0, 0, b'{"source":"mro","seq":1}')])},
            )(),
            "mro",
            ["air"],
        )


# -- side by side -----------------------------------------------------------------------------------------------------


def said(seq, sent_ns, text):
    return said_of(word(seq, sent_ns, text), {"madrid": (sent_ns + 100, "")})[0]


words = st.lists(st.tuples(st.integers(1, 6), st.sampled_from("ab")), max_size=12)


def of(pairs: list[tuple[int, str]]) -> list[Said]:
    return [said(seq, sent_ns, text) for seq, (sent_ns, text) in enumerate(sorted(pairs), 1)]


@given(words, words)
def test_each_emission_is_in_one_pair_and_what_is_in_both_is_paired_with_itself(record, made):
    left, right = of(record), of(made)
    pairs = aligned(left, right)
    assert sorted(id(it) for pair in pairs for it in pair if it is not None) == sorted(map(id, left + right))
    same = sum(a is not None and b is not None and not differing(a, b, numbered=False) for a, b in pairs)
    both = sum(min(record.count(it), made.count(it)) for it in {*record})
    assert same == both


def test_one_more_and_one_moved_leave_the_others_as_they_are():
    record = [said(1, 10, "a"), said(2, 20, "b"), said(3, 30, "c"), said(4, 40, "d")]
    made = [said(1, 5, "x"), said(2, 10, "a"), said(3, 21, "b"), said(4, 30, "e"), said(5, 40, "d")]
    told = [(a and a.seq, b and b.seq) for a, b in aligned(record, made)]
    assert told == [(None, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert differing(record[1], made[2], numbered=False) == ["sent_ns", "ends.madrid"]
    assert differing(record[2], made[3], numbered=False) == ["message"]
