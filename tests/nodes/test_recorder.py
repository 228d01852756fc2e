"""A recorder keeps what there is to tell until somebody listens, and then tells what is urgent first."""

from __future__ import annotations

import asyncio

import pytest
from tests.nodes.worlds import Note, Transmitter, wire

from lightlag.bus.time import NEVER_NS, NS_PER_S, Epoch
from lightlag.nodes.host import Host
from lightlag.nodes.recorder import ContactSpec, Recorder
from lightlag.nodes.trajectory import Pass

#: At 8 kbit/s a byte takes a millisecond.
BYTE_NS = NS_PER_S // 1000
EPOCH = Epoch.parse("2021-02-18T20:00:00Z")
MINUTE = ContactSpec(station="b", start="2021-02-18T20:01:00Z", duration="1 min")
FROM_NS = EPOCH.t_ns(MINUTE.start)
UNTIL_NS = FROM_NS + 60 * NS_PER_S


class Sky:
    """Surroundings in which every station is in view from ``rise_s`` to ``set_s``."""

    def __init__(self, rise_s=0, set_s=3600):
        self.span_ns = rise_s * NS_PER_S, set_s * NS_PER_S

    def passes(self, target, t0_ns, t1_ns, *, mask_deg=0.0, target_mask_deg=0.0):
        assert (target, target_mask_deg) == ("b", 6.0)
        aos_ns, los_ns = max(t0_ns, self.span_ns[0]), min(t1_ns, self.span_ns[1])
        return [Pass(aos_ns, los_ns)] if aos_ns < los_ns else []


def flown(script, *, sky=None):
    """(text, sent_ns) of what ``b`` heard, and the lines in the log of ``a``: when, text, bits kept."""
    nodes = Transmitter("a", script), Transmitter("b"), Transmitter("c")
    channels = [wire("air", "a", "b", "c", port="uhf")]
    around = sky or Sky()
    host = Host("host", nodes, channels, epoch=EPOCH, seed=7, until_ns=300 * NS_PER_S, surroundings=lambda _: around)  # type: ignore[arg-type]
    done = host.activate(NEVER_NS, [], NEVER_NS)
    assert done.failure is None, done.failure.traceback
    assert {reception.receiver for reception in done.receptions} <= {"b"}
    heard = [(reception.message.text, reception.emission.sent_ns) for reception in done.receptions]
    return heard, [(line.t_ns, line.text, line.fields["stored_bits"]) for line in done.logs]


def size(text):
    body, _ = Note(text).encode()
    return len(body)


def test_what_is_told_before_a_contact_is_sent_in_it_to_its_station_alone():
    async def script(node):
        recorder = Recorder(node.uhf)
        recorder.send(Note("early"))
        assert recorder.used_bits == 8 * size("early")
        await recorder.contact(MINUTE)

    heard, log = flown(script)
    assert heard == [("early", FROM_NS + size("early") * BYTE_NS)]
    assert log == [(FROM_NS, "contact begins", 8 * size("early")), (UNTIL_NS, "contact ends", 0)]


def test_what_is_urgent_goes_first_and_then_what_is_older():
    async def script(node):
        recorder = Recorder(node.uhf)
        for text, priority in (("picture", -1), ("status 1", 0), ("event", 1), ("status 2", 0)):
            recorder.send(Note(text), priority=priority)
        await recorder.contact(MINUTE)

    heard, _ = flown(script)
    assert [text for text, _ in heard] == ["event", "status 1", "status 2", "picture"]


def test_what_comes_during_a_contact_is_sent_at_once():
    async def script(node):
        recorder = Recorder(node.uhf)
        asyncio.get_running_loop().call_later(90, recorder.send, Note("now"))
        await recorder.contact(MINUTE)

    heard, _ = flown(script)
    assert heard == [("now", 90 * NS_PER_S + size("now") * BYTE_NS)]


def test_a_frame_that_would_not_end_in_the_contact_waits_for_the_next():
    long = "x" * 40_000  # forty seconds

    async def script(node):
        recorder = Recorder(node.uhf)
        recorder.send(Note(long))
        recorder.send(Note(long + "y"))
        await recorder.contact(MINUTE)
        later = MINUTE.model_copy(update={"start": "2021-02-18T20:03:00Z"})
        await recorder.contact(later)

    heard, log = flown(script)
    assert [text[-1] for text, _ in heard] == ["x", "y"]
    assert heard[1][1] == EPOCH.t_ns("2021-02-18T20:03:00Z") + size(long + "y") * BYTE_NS
    assert (UNTIL_NS, "contact ends", 8 * size(long + "y")) in log


@pytest.mark.parametrize(("rise_s", "set_s", "begins_s", "ends_s"), [(80, 3600, 80, 120), (0, 100, 60, 100)])
def test_a_contact_lasts_while_the_station_is_in_view(rise_s, set_s, begins_s, ends_s):
    async def script(node):
        await Recorder(node.uhf).contact(MINUTE)

    _, log = flown(script, sky=Sky(rise_s, set_s))
    assert [(t_ns // NS_PER_S, text) for t_ns, text, _ in log] == [
        (begins_s, "contact begins"),
        (ends_s, "contact ends"),
    ]


def test_of_a_contact_that_has_begun_what_is_left_is_used_and_one_out_of_view_is_none():
    async def script(node):
        await asyncio.sleep(100)
        await Recorder(node.uhf).contact(MINUTE)

    _, log = flown(script)
    assert [t_ns // NS_PER_S for t_ns, _, _ in log] == [100, 120]
    assert flown(script, sky=Sky(200, 300)) == ([], [])
