"""Wires and channels: a fixed delay of at least a nanosecond, and who hears whom."""

import pytest

from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError
from lightlag.bus.medium import LOSS_REASONS, Channel, Verdict, Wire


def test_a_wire_delivers_after_its_latency_and_promises_no_less():
    wire = Wire(7)
    sent = Emission("a", 1, "wire", "x@1", 100, b"")
    assert wire.judge(sent, "b") == Verdict(107, None)
    assert wire.lower_bound_ns("a", "b", 0, 10**18) == 7
    assert wire.stamp("a", 100) == b""


@pytest.mark.parametrize("latency_ns", [0, -1, 1 << 62])
def test_no_wire_is_instantaneous_or_endless(latency_ns):
    with pytest.raises(GraphError, match=f"latency is {latency_ns} ns"):
        Wire(latency_ns)


def test_everybody_on_a_channel_hears_it_but_the_source_and_mere_senders():
    channel = Channel("uhf", Wire(1), {"mro": "uhf", "maven": "uhf", "rover": "uhf"}, {"beacon": "out"})
    assert channel.receivers("rover") == ["maven", "mro"]
    assert channel.receivers("beacon") == ["maven", "mro", "rover"]


def test_reasons_of_loss_are_sorted_and_known():
    assert list(LOSS_REASONS) == sorted(LOSS_REASONS)
    assert {
        "occulted",
        "below_horizon",
        "blackout",
        "snr",
        "not_pointed",
        "not_tuned",
        "absent",
        "fault",
        "in_flight",
    } == set(LOSS_REASONS)
