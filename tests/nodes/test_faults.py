"""Faults at receivers: each verb in one host and over several, recorded, deterministic, and undone by its end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nodes.worlds import Note, Scripted, host, listen, note_from, wire

from lightlag.bus.digest import run_digest
from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError, MessageError
from lightlag.bus.message import fields_of, message
from lightlag.bus.time import NEVER_NS
from lightlag.nodes.faults import (
    act,
    acts_of,
    blackout,
    corrupt,
    crash,
    delay,
    drop,
    end_of,
    hold,
    partition,
    safe_mode,
    stuck_receiver,
)
from lightlag.nodes.rules import Muted, corrupted

LATENCY_NS = 10


async def talk(node):
    """Say something to everybody every 10 ns, and hear what comes."""
    node.heard = asyncio.create_task(listen(node))
    number = 0
    while True:
        number += 1
        node.link.send(Note(f"{node.name}{number}"))
        await asyncio.sleep(10e-9)


def talkers(*names):
    return [Scripted(name, talk) for name in names]


def channels(*names):
    return {"wire": wire("wire", *names, latency_ns=LATENCY_NS)}


def schedule(names, *faults):
    """The acts of faults (fault, from_ns, until_ns or None) among nodes on one wire, in order."""
    acts = []
    for number, (fault, from_ns, until_ns) in enumerate(faults):
        begin = acts_of(fault, f"{fault.verb}-{number}", names, channels(*names))
        acts += [(from_ns, node, told) for node, told in begin]
        acts += [] if until_ns is None else [(until_ns, node, told) for node, told in end_of(begin)]
    acts.sort(key=lambda item: item[0])
    return [act(node, told, at_ns, seq) for seq, (at_ns, node, told) in enumerate(acts, 1)]


def run(names, *faults, until_ns=100, nodes=None):
    """Run talkers on one wire in one host, with faults; the nodes, what the run did and what finishing did."""
    nodes = nodes or talkers(*names)
    made = host(nodes, list(channels(*names).values()), until_ns)
    ran = made.activate(NEVER_NS, schedule(names, *faults), NEVER_NS)
    assert ran.failure is None, ran.failure.traceback
    finished = made.finish([])
    return {node.name: node for node in nodes}, ran, finished


def run_apart(groups, acts, until_ns=100):
    """Run talkers in several hosts, 10 ns at a time; the digest of the run."""
    names = [name for group in groups for name in group]
    hosts = [host(talkers(*group), list(channels(*names).values()), until_ns) for group in groups]
    inboxes = [[each for each in acts if each.to in group] for group in groups]
    for bound_ns in range(LATENCY_NS, until_ns + LATENCY_NS, LATENCY_NS):
        done = [each.activate(bound_ns, inbox, NEVER_NS) for each, inbox in zip(hosts, inboxes, strict=True)]
        assert not any(each.failure for each in done)
        outboxes = [each.outbox for each in done]
        inboxes = [[e for other in outboxes if other is not mine for e in other] for mine in outboxes]
    chains = {}
    for each, inbox in zip(hosts, inboxes, strict=True):
        each.finish(inbox)
        chains |= each.chains()
    return run_digest(chains)


def times(node, source):
    return [t_ns for t_ns, heard_of, _ in node.seen if heard_of == source]


EVERY = (
    (partition("a", "b"), 25, 55),
    (hold("b", "c"), 30, 72),
    (drop("a", "*", 0.5), 20, 80),
    (corrupt("*", "c", 0.5), 10, 90),
    (delay("c", "a", 7e-9), 33, 66),
    (blackout("c"), 41, 48),
    (stuck_receiver("b", "link"), 60, 70),
    (crash("b"), 75, 85),
    (safe_mode("a"), 50, 61),
)


# -- each verb ------------------------------------------------------------------------------------------------------


def test_a_partition_loses_what_comes_due_while_it_stands_both_ways_and_nothing_else():
    nodes, ran, _ = run("abc", (partition("a", "b"), 30, 60))
    assert times(nodes["b"], "a") == times(nodes["a"], "b") == [10, 20, 60, 70, 80, 90]
    assert times(nodes["c"], "a") == times(nodes["a"], "c") == list(range(10, 100, 10))
    assert [(loss.receiver, loss.t_ns, loss.reason) for loss in ran.losses] == [
        (name, t_ns, "fault") for t_ns in (30, 40, 50) for name in "ab"
    ]


def test_a_partition_from_all_the_others_leaves_each_side_whole():
    nodes, ran, _ = run("abcd", (partition(["a", "b"], "*"), 0, None))
    assert {source for _, source, _ in nodes["a"].seen} == {"b"}
    assert {source for _, source, _ in nodes["d"].seen} == {"c"}
    assert {loss.reason for loss in ran.losses} == {"fault"}


def test_a_partition_of_everybody_from_everybody_leaves_nobody_anything():
    nodes, _, _ = run("abc", (partition("*", "*"), 0, None))
    assert not any(node.seen for node in nodes.values())


def test_what_is_held_arrives_when_it_is_released_by_source_and_number():
    nodes, ran, finished = run("abc", (hold("*", "c"), 25, 55))
    seen = [(t_ns, text) for t_ns, _, text in nodes["c"].seen if 20 < t_ns <= 60]
    assert seen == [(55, text) for text in ("a3", "a4", "a5", "b3", "b4", "b5")] + [(60, "a6"), (60, "b6")]
    assert times(nodes["a"], "c") == [10, 20, 55, 55, 55, 60, 70, 80, 90]
    assert not ran.losses
    assert {loss.reason for loss in finished.losses} == {"in_flight"}


def test_what_is_held_at_the_end_of_the_run_is_lost_in_flight():
    _, ran, finished = run("ab", (hold("a", "b"), 50, None))
    assert not ran.losses
    held = [loss for loss in finished.losses if loss.receiver == "a"]
    assert [(loss.emission.source, loss.t_ns, loss.reason) for loss in held] == [
        ("b", t_ns, "in_flight") for t_ns in (50, 60, 70, 80, 90, 100)
    ]


def test_a_drop_loses_about_so_many_one_way_and_draws_by_message():
    nodes, ran, _ = run("ab", (drop("a", "b", 0.3), 0, None), until_ns=20_000)
    assert 0.25 < len(ran.losses) / 2_000 < 0.35
    assert {(loss.emission.source, loss.receiver, loss.reason) for loss in ran.losses} == {("a", "b", "fault")}
    assert len(nodes["a"].seen) == 1_999
    _, again, _ = run("ab", (partition("b", "a"), 0, 10_000), (drop("a", "b", 0.3), 10_000, None), until_ns=20_000)
    later = [loss.emission.seq for loss in ran.losses if loss.t_ns >= 10_000]
    # Drawn for the fault by its id, which is another here: as many are lost, not the same.
    others = [loss.emission.seq for loss in again.losses if loss.t_ns >= 10_000]
    assert later != others
    assert 0.2 < len(others) / 1_000 < 0.4


def test_a_delay_is_added_once_and_goes_on_after_its_end():
    nodes, ran, _ = run("ab", (delay("a", "b", 25e-9), 30, 60))
    assert times(nodes["b"], "a") == sorted([10, 20, 55, 65, 75, 60, 70, 80, 90])
    assert times(nodes["a"], "b") == list(range(10, 100, 10))
    assert not ran.losses


def test_two_delays_add_up():
    nodes, _, _ = run("ab", (delay("a", "b", 3e-9), 0, 20), (delay("a", "b", 4e-9), 0, None))
    assert times(nodes["b"], "a")[:2] == [17, 24]


def test_a_stuck_receiver_hears_nothing_at_that_port_and_speaks():
    nodes, ran, _ = run("abc", (stuck_receiver("a", "link"), 25, None))
    assert {t_ns for t_ns, _, _ in nodes["a"].seen} == {10, 20}
    assert times(nodes["b"], "a") == list(range(10, 100, 10))
    assert {(loss.receiver, loss.reason) for loss in ran.losses} == {("a", "fault")}


def test_in_a_blackout_a_node_neither_hears_nor_is_heard_by_when_it_sent():
    nodes, ran, _ = run("abc", (blackout("a"), 25, 55))
    assert {t_ns for t_ns, _, _ in nodes["a"].seen} == {10, 20, 60, 70, 80, 90}
    # Sent at 20 it was not in the blackout, and comes at 30; sent at 50 it was, and would have come at 60.
    assert times(nodes["b"], "a") == [10, 20, 30, 70, 80, 90]
    assert times(nodes["b"], "c") == list(range(10, 100, 10))
    assert {loss.reason for loss in ran.losses} == {"fault"}


def test_a_second_blackout_is_another():
    nodes, _, _ = run("ab", (blackout("a"), 15, 25), (blackout("a"), 45, 55))
    assert times(nodes["b"], "a") == [10, 20, 40, 50, 70, 80, 90]


SPANS = st.lists(st.tuples(st.sampled_from([("a",), ("b",), ("a", "b")]), st.integers(0, 50), st.integers(1, 30)))


@given(SPANS, st.sampled_from("abc"), st.integers(-1, 90))
def test_what_was_sent_in_a_blackout_stays_lost_however_many_there_were(spans, source, sent_ns):
    muted = Muted()
    for sources, from_ns, for_ns in sorted(spans, key=lambda span: span[1] + span[2]):
        muted.add(sources, from_ns, from_ns + for_ns)
    silent = any(source in sources and from_ns <= sent_ns < from_ns + for_ns for sources, from_ns, for_ns in spans)
    assert muted.concerns(note_from(source, 1, sent_ns, "x")) == silent


def test_a_blackout_that_is_over_leaves_no_rule_behind():
    made = host(talkers(*"ab"), list(channels(*"ab").values()), 1_000)
    faults = [(blackout("a"), t_ns, t_ns + 5) for t_ns in range(15, 900, 20)]
    made.activate(NEVER_NS, schedule("ab", *faults), NEVER_NS)
    places = made._places
    assert [place.rules for place in places] == [[], []]
    assert [place.open_ns < 1_000 for place in places] == [True, True]


def test_what_operators_send_is_met_by_no_rule():
    node = Scripted("a", lambda node: listen(node))
    made = host([node, Scripted("b")], [wire("wire", "a", "b")], 100)
    body, _ = Note("by hand").encode()
    by_hand = Emission("@operator", 9, "@link", "test.nodes.note@1", 50, body, to="a")
    made.activate(NEVER_NS, [*schedule("ab", (blackout("a"), 10, None)), by_hand], NEVER_NS)
    assert node.seen == [(51, "@operator", "by hand")]


# -- corruption -----------------------------------------------------------------------------------------------------


@message("test.nodes.sample")
class Sample:
    """Something of everything."""

    number: int
    text: str
    levels: np.ndarray
    inner: tuple[float, ...]


@settings(max_examples=200)
@given(
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.text(max_size=20),
    st.lists(st.integers(0, 255), max_size=20),
    st.floats(0, 1, exclude_max=True),
)
def test_a_corrupted_emission_differs_in_one_bit_or_is_no_message(number, text, levels, drawn):
    body, arrays = Sample(number, text, np.array(levels, np.uint8), (1.0, 2.0)).encode()
    right = Emission("a", 3, "wire", "test.nodes.sample@1", 5, body, arrays, "b", 7, b"state", ("m",))
    wrong = corrupted(right, drawn)
    frames = [bytearray(frame) for frame in (body, *arrays)]
    bits = [(frame, bit) for frame in frames for bit in range(8 * len(frame))]
    frame, bit = bits[int(drawn * len(bits))]
    frame[bit // 8] ^= 1 << bit % 8
    try:
        read = Sample.decode(bytes(frames[0]), tuple(map(bytes, frames[1:])))
    except (MessageError, OverflowError):
        assert wrong is None
        return
    # It arrives as it would have been sent, so that its recording, which is of its values, has its bytes.
    assert (wrong.body, *map(bytes, wrong.arrays)) == (read.encode()[0], *map(bytes, read.encode()[1]))
    for name in ("source", "seq", "channel", "type", "sent_ns", "to", "duration_ns", "emitter", "via", "origin"):
        assert getattr(wrong, name) == getattr(right, name)


def test_of_corrupted_messages_the_wrong_one_arrives_or_none():
    nodes, ran, _ = run("ab", (corrupt("a", "b", 0.5), 0, None), until_ns=5_000)
    right = [(t_ns, f"a{t_ns // 10}") for t_ns in range(10, 5_000, 10)]
    seen = {t_ns: text for t_ns, _, text in nodes["b"].seen}
    lost = {loss.t_ns for loss in ran.losses}
    assert {loss.reason for loss in ran.losses} == {"fault"}
    assert lost.isdisjoint(seen)
    assert len(lost) + len(seen) == len(right)
    wrong = [t_ns for t_ns, text in right if t_ns in seen and seen[t_ns] != text]
    assert 0.4 < (len(lost) + len(wrong)) / len(right) < 0.6
    assert lost
    assert wrong


@given(st.floats(0, 1, exclude_max=True))
def test_what_only_programs_know_is_corrupted_by_its_bytes_alone(drawn):
    body, arrays = Sample(300, "word", np.arange(3, dtype=np.uint16), (1.0,)).encode()
    right = Emission("a", 1, "wire", "test.nodes.nowhere@1", 30, body, arrays)
    wrong = corrupted(right, drawn)
    if wrong is not None:
        assert (wrong.body, wrong.arrays) != (body, arrays)
        fields_of(wrong.body, wrong.arrays)


def test_corruption_of_what_only_programs_know_does_not_end_the_run_of_its_receiver():
    async def count(node):
        async for reception in node.link:
            node.seen.append(reception.emission.seq)

    node = Scripted("b", count)
    made = host([node], [wire("wire", "a", "b")], 1_000)
    unknown = [Emission("a", seq, "wire", "test.nodes.nowhere@1", 30 + seq, b"\x92\x07\xa2hi") for seq in range(1, 50)]
    done = made.activate(NEVER_NS, [*schedule("ab", (corrupt("a", "b", 1), 10, None))[:1], *unknown], NEVER_NS)
    assert done.failure is None
    assert node.seen
    assert {loss.emission.seq for loss in done.losses} == set(range(1, 50)) - set(node.seen)
    assert done.losses


# -- several at once ------------------------------------------------------------------------------------------------


def test_of_overlapping_faults_the_first_that_decides_does():
    nodes, ran, _ = run("ab", (partition("a", "b"), 20, 60), (hold("a", "b"), 30, 80))
    assert times(nodes["b"], "a") == [10, 80, 80, 80, 90]
    assert {loss.t_ns for loss in ran.losses} == {20, 30, 40, 50}
    nodes, ran, _ = run("ab", (hold("a", "b"), 20, 60), (partition("a", "b"), 30, 80))
    # What the hold lets go at 60 is due again, where the partition stands.
    assert times(nodes["b"], "a") == [10, 80, 90]
    assert {loss.t_ns for loss in ran.losses} == {60, 70}


def test_the_end_of_one_fault_leaves_the_others():
    nodes, _, _ = run("ab", (partition("a", "b"), 20, 40), (partition("a", "b"), 30, 60))
    assert times(nodes["b"], "a") == [10, 60, 70, 80, 90]


def test_what_is_occulted_stays_occulted_while_a_fault_stands():
    class Hidden:
        def stamp(self, source, sent_ns):
            return b""

        def judge(self, emission, receiver):
            return emission.sent_ns + 10, "occulted"

        def lower_bound_ns(self, source, receiver, t0_ns, t1_ns):
            return 10

    made = host(talkers("a", "b"), [wire("wire", "a", "b", medium=Hidden())], 100)
    done = made.activate(NEVER_NS, schedule("ab", (hold("a", "b"), 0, None)), NEVER_NS)
    assert {loss.reason for loss in done.losses} == {"occulted"}


# -- recorded and deterministic -------------------------------------------------------------------------------------


def test_a_fault_is_received_and_in_the_log_of_each_node_that_it_concerns():
    _, ran, _ = run("abc", (partition("a", "b", channel="wire"), 30, 60))
    acts = [(r.receiver, r.received_ns, r.emission.type) for r in ran.receptions if r.emission.channel == "@fault"]
    assert acts == [
        (node, t_ns, kind)
        for t_ns, kind in ((30, "lightlag.fault@1"), (60, "lightlag.fault_end@1"))
        for node in ("a", "b")
    ]
    assert [(log.t_ns, log.node, log.text) for log in ran.logs] == [
        (t_ns, node, f"fault partition-0 {does}")
        for t_ns, does in ((30, "begins"), (60, "ends"))
        for node in ("a", "b")
    ]
    assert ran.logs[0].fields == {"kind": "drop", "sources": ("b",), "channels": ("wire",)}


def test_each_emission_ends_in_one_reception_or_one_loss_whatever_goes_wrong():
    _, ran, finished = run("abcd", *EVERY, until_ns=120)
    ends = Counter((r.emission.source, r.emission.seq, r.receiver) for r in ran.receptions)
    ends.update((x.emission.source, x.emission.seq, x.receiver) for x in ran.losses + finished.losses)
    assert set(ends.values()) == {1}
    of_nodes = [end for end in ends if end[0] != "@operator"]
    assert len(of_nodes) == 3 * ran.emissions


@pytest.mark.parametrize("fault", EVERY, ids=lambda fault: fault[0].verb)
def test_a_fault_is_the_same_in_one_host_and_in_three(fault):
    acts = schedule("abc", fault)
    alone = run_apart(["abc"], acts)
    assert run_apart(["ab", "c"], acts) == run_apart(["a", "b", "c"], acts) == alone
    assert alone != run_apart(["abc"], [])


SETS = st.sampled_from(["a", "b", "c", "d", "*", ("a", "b"), ("b", "d")])
FAULTS = st.one_of(
    st.builds(partition, SETS, SETS),
    st.builds(hold, SETS, SETS),
    st.builds(drop, SETS, SETS, st.sampled_from([0.2, 0.7, 1.0])),
    st.builds(corrupt, SETS, SETS, st.sampled_from([0.5, 1.0])),
    st.builds(delay, SETS, SETS, st.sampled_from([1e-9, 13e-9, 40e-9])),
    st.builds(blackout, SETS),
    st.builds(stuck_receiver, st.sampled_from("abcd"), st.just("link")),
    st.builds(crash, SETS),
    st.builds(safe_mode, SETS),
)
SCHEDULES = st.lists(st.tuples(FAULTS, st.integers(0, 90), st.one_of(st.none(), st.integers(1, 60))), max_size=6)


def drawn(faults):
    """The acts of a drawn schedule; faults that concern nobody are left out."""
    kept = []
    for fault, from_ns, for_ns in faults:
        try:
            acts_of(fault, "x", "abcd", channels(*"abcd"))
        except GraphError:
            continue
        kept.append((fault, from_ns, None if for_ns is None else from_ns + for_ns))
    return schedule("abcd", *kept)


@settings(max_examples=60, deadline=None)
@given(SCHEDULES, st.randoms(use_true_random=False))
def test_where_nodes_run_and_when_acts_are_learnt_of_changes_nothing_of_what_faults_do(faults, draw):
    acts = drawn(faults)
    alone = run_apart(["abcd"], acts)
    shuffled = list(acts)
    draw.shuffle(shuffled)
    names = random.Random(draw.random()).sample("abcd", 4)
    assert run_apart([names[:1], names[1:]], shuffled) == alone
    assert run_apart([names[:2], names[2:3], names[3:]], acts) == alone


# -- whom a fault concerns ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (partition("a", "z"), "partition names 'z', which is no node; there are a, b, c"),
        (partition("a", "b", channel="air"), "names the channel 'air', which is not there; there are wire, side"),
        (partition("a", "c"), "partition: no channel joins a and c"),
        (drop("a", "b", 1, channel="side"), "drop: channel side does not join a and b"),
        (stuck_receiver("a", "side"), "stuck_receiver: a.side receives on no channel"),
    ],
)
def test_a_fault_that_concerns_nobody_is_told(fault, told):
    joined = {"wire": wire("wire", "a", "b"), "side": wire("side", "c", port="side")}
    with pytest.raises(GraphError) as raised:
        acts_of(fault, "x", ["a", "b", "c"], joined)
    assert told in str(raised.value)


@pytest.mark.parametrize("p", [0, -0.1, 1.5])
def test_a_probability_is_more_than_nothing_and_at_most_one(p):
    with pytest.raises(GraphError, match="it is more than 0 and at most 1"):
        drop("a", "b", p)


def test_a_delay_is_something():
    with pytest.raises(GraphError, match="at least 1 ns"):
        delay("a", "b", 0)


def test_a_fault_of_an_unknown_kind_is_a_failure():
    (begins,) = schedule("a", (crash("a"), 10, None))
    body = begins.body.replace(b"crash", b"crush")
    done = host([Scripted("a", listen)], [], 100).activate(NEVER_NS, [begins.with_content(body, ())], NEVER_NS)
    assert "is of kind 'crush'; known are corrupt, delay, drop" in done.failure.traceback


def test_rejudging_leaves_acts_and_what_a_fault_has_put_off():
    node = Scripted("b", listen)
    made = host([node], [wire("wire", "a", "b")], 100)
    acts = schedule("ab", (delay("a", "b", 50e-9), 0, 90))
    made.activate(30, [*[each for each in acts if each.to == "b"], note_from("a", 1, 5, "late")], NEVER_NS)
    made.rejudge("b")
    assert made.activate(NEVER_NS, [], NEVER_NS).failure is None
    assert node.seen == [(65, "a", "late")]
