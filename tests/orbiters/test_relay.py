"""A relay orbiter whose store or transmit queue is full loses frames, says so, and goes on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError
from lightlag.bus.medium import Channel, Wire
from lightlag.bus.message import message
from lightlag.bus.time import NEVER_NS, NS_PER_S, Epoch
from lightlag.nodes import faults
from lightlag.nodes.contacts import Hail
from lightlag.nodes.faults import act, acts_of, end_of
from lightlag.nodes.host import Host
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.steering import PlannedBurn
from lightlag.nodes.telemetry import Housekeeping
from lightlag.nodes.trajectory import Pass
from lightlag.orbiters.relay import RelayOrbiter

#: A frame a minute and a queue of two: whatever comes faster is refused.
SLOW = RadioSpec(rate_bps="8 bit/s", transmit_hz="8.4 GHz", queue_frames=2, frame_s="60 s")
FRAMES, UNTIL_NS = 6, 600 * NS_PER_S


@message("test.relay.frame")
class Frame:
    """What the surface says."""

    number: int


class Orbiter(RelayOrbiter):
    """Says nothing of where it is, because here it is nowhere."""

    def status(self):
        return Housekeeping(
            altitude_km=0.0,
            speed_km_s=0.0,
            frames_received=self.frames_received,
            stored_bits=self.stored_bits,
        )


def frame(number):
    body, arrays = Frame(number).encode()
    return Emission("rover", number, "uhf", "test.relay.frame@1", number * NS_PER_S, body, arrays)


FRAME_BITS = 8 * frame(1).size_bytes


def safe_mode(from_s, until_s):
    """The acts of a fault that has the orbiter in safe mode."""
    begins = [(node, told, from_s) for node, told in acts_of(faults.safe_mode("odyssey"), "s", ["odyssey"], {})]
    ends = [(node, told, until_s) for node, told in end_of([(node, told) for node, told, _ in begins])]
    return [act(node, told, at_s * NS_PER_S, seq) for seq, (node, told, at_s) in enumerate(begins + ends, 1)]


@pytest.fixture
def flown():
    """Let an orbiter hear six frames, a second apart; its sent emissions by type, and its warnings."""

    def fly(**params):
        orbiter = Orbiter("odyssey", RelayOrbiter.Params(xband=SLOW, **params))
        channels = [
            Channel("uhf", Wire(1), {"odyssey": "uhf"}, {"rover": "port"}),
            Channel("down", Wire(1), {"earth": "port"}, {"odyssey": "xband"}),
        ]
        epoch = Epoch.parse("2021-02-18T20:26:00Z")
        host = Host("mars", [orbiter], channels, epoch=epoch, seed=1, until_ns=UNTIL_NS)
        done = host.activate(NEVER_NS, [frame(number) for number in range(1, FRAMES + 1)], NEVER_NS)
        assert done.failure is None, done.failure.traceback
        sent = [emission.origin.seq for emission in done.outbox if emission.type == "test.relay.frame@1"]
        words = sum(emission.type != "test.relay.frame@1" for emission in done.outbox)
        assert orbiter.frames_received == FRAMES
        return sent, words, [record for record in done.logs if record.level == "warning"]

    return fly


def test_a_bent_pipe_whose_queue_is_full_loses_frames_and_goes_on(flown):
    sent, words, warnings = flown(housekeeping_every="300 s")
    assert sent == [1, 2, 3]  # one on the air, two that wait
    assert words == 1
    assert [record.t_ns // NS_PER_S for record in warnings] == [4, 5, 6]
    assert [record.fields for record in warnings] == [{"refused": count} for count in (1, 2, 3)]
    assert all("odyssey.xband refused a test.relay.frame@1" in record.text for record in warnings)


def test_a_recorder_whose_store_is_full_keeps_what_it_has_and_goes_on(flown):
    sent, words, warnings = flown(
        housekeeping_every="300 s", relay="record", playback_at="2021-02-18T20:27:00Z", store=f"{2 * FRAME_BITS} bit"
    )
    assert sent == [1, 2]
    assert words == 1
    assert [record.fields for record in warnings] == [{"refused": count} for count in (1, 2, 3, 4)]
    assert all("odyssey cannot store" in record.text for record in warnings)


def test_a_playback_that_the_queue_refuses_goes_on(flown):
    sent, words, warnings = flown(housekeeping_every="500 s", relay="record", playback_at="2021-02-18T20:27:00Z")
    assert sent == [1, 2, 3]
    assert words == 1
    assert [record.fields["refused"] for record in warnings] == [1, 2, 3]


def test_an_orbiter_in_safe_mode_says_little_and_relays_nothing():
    orbiter = Orbiter("odyssey", RelayOrbiter.Params(housekeeping_every="1 s"))
    channels = [
        Channel("uhf", Wire(1), {"odyssey": "uhf"}, {"rover": "port"}),
        Channel("down", Wire(1), {"earth": "port"}, {"odyssey": "xband"}),
    ]
    epoch = Epoch.parse("2021-02-18T20:26:00Z")
    host = Host("mars", [orbiter], channels, epoch=epoch, seed=1, until_ns=60 * NS_PER_S)
    frames = [frame(number) for number in range(1, 60)]
    done = host.activate(NEVER_NS, [*safe_mode(15, 45), *frames], NEVER_NS)
    assert done.failure is None
    relayed = [emission.origin.seq for emission in done.outbox if emission.type == "test.relay.frame@1"]
    words_s = [emission.sent_ns // NS_PER_S for emission in done.outbox if emission.type != "test.relay.frame@1"]
    assert relayed == [*range(1, 15), *range(45, 60)]
    assert words_s == [*range(1, 15), 20, 30, 40, *range(45, 60)]
    # What it heard in safe mode it has received, and forgotten.
    assert orbiter.frames_received == len(relayed)
    assert not [loss for loss in done.losses if loss.reason == "fault"]


def test_housekeeping_that_the_queue_refuses_is_told_too(flown):
    _, words, warnings = flown(housekeeping_every="10 s")
    assert words > 0
    assert any("refused a lightlag.housekeeping" in record.text for record in warnings)


class Sky:
    """Surroundings in which a station is in view of whoever asks at these times (s)."""

    def __init__(self, *views_s):
        self.views_s = views_s

    def passes(self, target, t0_ns, t1_ns, **masks):
        """The passes in an interval."""
        cut = [(max(aos * NS_PER_S, t0_ns), min(los * NS_PER_S, t1_ns)) for aos, los in self.views_s]
        return [Pass(aos, los) for aos, los in cut if aos < los]


class Watched(Orbiter):
    """An orbiter under such a sky."""

    sky = Sky()

    @property
    def surroundings(self):
        """What it sees."""
        return self.sky


def flown_under(*views_s, frames=FRAMES, until_s=2000, xband=SLOW):
    """When, in s, which frames were sent home that were heard a second apart, and the logs."""
    orbiter = Watched(
        "odyssey", RelayOrbiter.Params(xband=xband, relay="record", stations=("madrid",), housekeeping_every=None)
    )
    orbiter.sky = Sky(*views_s)
    channels = [
        Channel("uhf", Wire(1), {"odyssey": "uhf"}, {"rover": "port"}),
        Channel("down", Wire(1), {"earth": "port"}, {"odyssey": "xband"}),
    ]
    epoch = Epoch.parse("2021-02-18T20:26:00Z")
    host = Host("mars", [orbiter], channels, epoch=epoch, seed=1, until_ns=until_s * NS_PER_S)
    done = host.activate(NEVER_NS, [frame(number) for number in range(1, frames + 1)], NEVER_NS)
    assert done.failure is None, done.failure.traceback
    sent = [(it.sent_ns // NS_PER_S, it.origin.seq) for it in done.outbox if it.type == "test.relay.frame@1"]
    return sent, [record.text for record in done.logs], orbiter.store


def test_a_pass_that_is_over_is_played_back_when_a_station_is_in_view():
    sent, logs, _ = flown_under((300, 1000), frames=3)
    assert [seq for _, seq in sent] == [1, 2, 3]
    assert sent[0][0] == 360  # the first frame takes a minute to leave
    assert logs.count("playback begins") == 1


def test_a_playback_begins_a_minute_after_the_last_word_from_the_surface():
    sent, *_ = flown_under((0, 1000), frames=3)
    assert sent[0][0] == 3 + 60 + 60  # and the first frame takes a minute to leave


def test_what_has_no_room_while_a_station_is_in_view_waits_for_the_next_time():
    sent, _, store = flown_under((300, 430), (1000, 2000), frames=4)
    assert [at_s for at_s, _ in sent][:2] == [360, 420]
    assert all(at_s > 1000 for at_s, _ in sent[2:])
    assert [seq for _, seq in sent] == [1, 2, 3, 4]
    assert len(store) == 0


def test_a_recorder_that_no_station_will_see_says_so_and_keeps_what_it_has():
    sent, logs, store = flown_under((0, 20), frames=2)
    assert not sent
    assert "no station will be in view any more" in logs
    assert len(store) == 2


def test_a_frame_that_takes_longer_than_a_contact_waits_for_a_longer_one_and_the_log_says_so():
    slower = SLOW.model_copy(update={"frame_s": 120.0})
    sent, logs, store = flown_under((300, 400), (1000, 1200), frames=1, xband=slower)
    assert [at_s for at_s, _ in sent] == [1120]
    assert logs.count("no frame has left: the oldest takes longer than the contact") == 1
    assert len(store) == 0


def test_what_was_recorded_outlives_a_crash():
    _, _, store = flown_under(frames=2)
    orbiter = Watched("odyssey", RelayOrbiter.Params(relay="record", stations=("madrid",), housekeeping_every=None))
    orbiter.store = store
    assert [reception.emission.seq for reception in orbiter.again().store.take()] == [1, 2]


def test_stations_that_are_no_nodes_are_told_before_anything_starts():
    with pytest.raises(GraphError, match="'madrit' is no node of this graph; did you mean 'madrid'"):
        Orbiter("odyssey", RelayOrbiter.Params(stations=("madrit",))).check(["odyssey", "madrid"])


def test_who_calls_is_answered_and_nobody_else_hears_of_it():
    orbiter = Orbiter("odyssey", RelayOrbiter.Params(housekeeping_every=None))
    channels = [
        Channel("uhf", Wire(1), {"odyssey": "uhf", "rover": "port"}),
        Channel("down", Wire(1), {"earth": "port"}, {"odyssey": "xband"}),
    ]
    epoch = Epoch.parse("2021-02-18T20:26:00Z")
    host = Host("mars", [orbiter], channels, epoch=epoch, seed=1, until_ns=UNTIL_NS)
    call = Emission("rover", 1, "uhf", "lightlag.hail@1", NS_PER_S, *Hail(answer=False).encode())
    done = host.activate(NEVER_NS, [call], NEVER_NS)
    assert [(it.channel, it.type, it.to) for it in done.outbox] == [("uhf", "lightlag.hail@1", "rover")]


def test_who_relays_nothing_does_not_answer_and_an_answer_is_no_call():
    for relay, answer in (("no", False), ("record", True)):
        orbiter = Orbiter("odyssey", RelayOrbiter.Params(relay=relay, playback_at=None, housekeeping_every=None))
        channels = [
            Channel("uhf", Wire(1), {"odyssey": "uhf", "rover": "port"}),
            Channel("down", Wire(1), {"earth": "port"}, {"odyssey": "xband"}),
        ]
        epoch = Epoch.parse("2021-02-18T20:26:00Z")
        host = Host("mars", [orbiter], channels, epoch=epoch, seed=1, until_ns=UNTIL_NS)
        call = Emission("rover", 1, "uhf", "lightlag.hail@1", NS_PER_S, *Hail(answer=answer).encode())
        assert not host.activate(NEVER_NS, [call], NEVER_NS).outbox


def test_an_orbiter_tells_of_burns_of_a_trajectory_of_its_own_kind():
    class Thrusting:
        """A trajectory of somebody's own, of which burns are known beforehand."""

        burns = (PlannedBurn("brake", 2 * NS_PER_S, 5 * NS_PER_S, (0.0, -0.3, 0.4), "rtn"),)

        def realise(self, space):
            return self

    class Braking(Orbiter):
        trajectory = Thrusting()

        @property
        def surroundings(self):
            return SimpleNamespace(trajectory=lambda name: self.trajectory)

    orbiter = Braking("odyssey", RelayOrbiter.Params(housekeeping_every=None))
    channels = [Channel("down", Wire(1), {"earth": "port"}, {"odyssey": "xband"})]
    host = Host("mars", [orbiter], channels, epoch=Epoch.parse("2021-02-18T20:26:00Z"), seed=1, until_ns=UNTIL_NS)
    done = host.activate(NEVER_NS, [], NEVER_NS)
    assert [(record.t_ns // NS_PER_S, record.text) for record in done.logs] == [(2, "brake_start"), (5, "brake_end")]
    assert done.logs[0].fields == {"values": {"delta_v_km_s": 0.5}}
