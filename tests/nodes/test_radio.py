"""A radio: frames take their time to leave, in order of priority, and none that is refused is refused in silence."""

import asyncio

import pytest
from tests.nodes.worlds import Note, Transmitter, run_to_end, wire

from lightlag.bus.errors import NodeError, QueueRefused
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.params import RadioSpec

#: At 8 kbit/s a byte takes a millisecond.
BYTE_NS = NS_PER_S // 1000
LATENCY_NS = 10


def frame_bytes(text):
    body, arrays = Note(text).encode()
    return len(body) + sum(len(array) for array in arrays)


def heard(script, *, spec=None):
    """(text, sent_ns, received_ns, duration_ns) of all that a listener heard of a transmitter."""
    params = Transmitter.Params(uhf=spec) if spec else None
    sender, listener = Transmitter("a", script, params), Transmitter("b")
    ran, _ = run_to_end([sender, listener], [wire("air", "a", "b", port="uhf", latency_ns=LATENCY_NS)], 10 * NS_PER_S)
    assert ran.failure is None, ran.failure.traceback
    return [(r.message.text, r.emission.sent_ns, r.received_ns, r.emission.duration_ns) for r in ran.receptions]


def test_a_frame_is_sent_when_its_last_bit_leaves_and_received_a_light_time_later():
    async def say(node):
        await asyncio.sleep(0.5)
        node.uhf.send(Note("hello"))

    duration_ns = frame_bytes("hello") * BYTE_NS
    sent_ns = NS_PER_S // 2 + duration_ns
    assert heard(say) == [("hello", sent_ns, sent_ns + LATENCY_NS, duration_ns)]


def test_frames_leave_one_after_the_other():
    async def say(node):
        for text in ("a", "bb", "ccc"):
            node.uhf.send(Note(text))

    ends = [frame_bytes("a"), frame_bytes("a") + frame_bytes("bb"), sum(map(frame_bytes, ("a", "bb", "ccc")))]
    assert [sent_ns for _, sent_ns, _, _ in heard(say)] == [end * BYTE_NS for end in ends]


def test_higher_priority_leaves_first_and_equals_in_order_but_nothing_interrupts_a_frame():
    async def say(node):
        node.uhf.send(Note("on the air"))
        node.uhf.send(Note("plain 1"))
        node.uhf.send(Note("plain 2"))
        node.uhf.send(Note("urgent"), priority=5)

    assert [text for text, *_ in heard(say)] == ["on the air", "urgent", "plain 1", "plain 2"]


def test_a_full_queue_refuses_the_next_frame_visibly_and_sends_the_others():
    async def say(node):
        for number in range(4):
            node.uhf.send(Note(f"{number}"))
        assert node.uhf.queued == 4  # one on the air and three waiting
        with pytest.raises(QueueRefused, match=r"a\.uhf refused a test\.nodes\.note@1: its queue holds 3 frames"):
            node.uhf.send(Note("refused"))

    assert [text for text, *_ in heard(say)] == ["0", "1", "2", "3"]


def test_drained_waits_for_the_last_bit_of_the_last_frame():
    ends = []

    async def say(node):
        await node.uhf.drained()
        ends.append(node.now_ns)
        for text in ("one", "two"):
            node.uhf.send(Note(text))
        waiter = asyncio.create_task(node.uhf.drained())
        await asyncio.sleep(0.001)
        waiter.cancel()
        await node.uhf.drained()
        ends.append(node.now_ns)
        assert node.uhf.queued == 0

    last_ns = heard(say)[-1][1]
    assert ends == [0, last_ns]


def test_drained_of_a_priority_does_not_wait_for_what_is_less_urgent():
    ends = []

    async def say(node):
        for priority, text in ((-1, "picture"), (-1, "another"), (1, "event")):
            node.uhf.send(Note(text), priority=priority)
        await node.uhf.drained(0)
        ends.append((node.now_ns, node.uhf.queued))
        # Who asks is woken when the next frame is on the air already.
        assert node.uhf.leaves_ns(10) > node.now_ns + 10_000_000

    at = {text: sent_ns for text, sent_ns, *_ in heard(say)}
    assert [*at] == ["picture", "event", "another"]
    assert ends == [(at["event"], 1)]


def test_a_tone_takes_as_long_as_it_takes_whatever_its_size():
    async def say(node):
        node.uhf.send(Note("x" * 100))

    assert [duration_ns for *_, duration_ns in heard(say, spec=RadioSpec(transmit_hz="8.4 GHz", frame_s="2 s"))] == [
        2 * NS_PER_S
    ]


def test_a_radio_without_a_transmit_frequency_cannot_send():
    async def say(node):
        with pytest.raises(NodeError, match=r"a\.uhf cannot send: it has no transmit_hz"):
            node.uhf.send(Note("x"))

    assert heard(say, spec=RadioSpec(receive_hz="400 MHz")) == []


def test_a_relayed_frame_keeps_its_origin_and_passes_through_the_relay():
    async def say(node):
        node.uhf.send(Note("hello"))

    async def relay(node):
        async for reception in node.uhf.received():
            node.uhf.relay(reception, priority=1)

    duration_ns = frame_bytes("hello") * BYTE_NS
    nodes = [Transmitter("a", say), Transmitter("b", relay), Transmitter("c")]
    ran, _ = run_to_end(nodes, [wire("air", "a", "b", "c", port="uhf", latency_ns=LATENCY_NS)], NS_PER_S)
    relayed = [r for r in ran.receptions if r.emission.source == "b" and r.receiver == "c"]
    assert [r.path for r in relayed] == [("a", "b", "c")]
    assert relayed[0].emission.origin == ("a", 1, duration_ns)
    assert relayed[0].emission.sent_ns == 2 * duration_ns + LATENCY_NS


def test_a_frame_for_one_member_reaches_that_member_alone():
    async def say(node):
        with pytest.raises(NodeError, match="a sent to 'd', which is no member of channel air"):
            node.uhf.send(Note("nobody"), to="d")
        node.uhf.send(Note("for c"), to="c")

    nodes = [Transmitter("a", say), Transmitter("b"), Transmitter("c")]
    ran, _ = run_to_end(nodes, [wire("air", "a", "b", "c", port="uhf", latency_ns=LATENCY_NS)], NS_PER_S)
    assert [(r.receiver, r.message.text) for r in ran.receptions] == [("c", "for c")]


def test_a_radio_sends_in_its_turn_and_not_later():
    async def say(node):
        with pytest.raises(NodeError, match=r"a\.uhf\.send got after_ns=5; a radio's frames leave in their turn"):
            node.uhf.send(Note("x"), after_ns=5)

    assert heard(say) == []
