"""Space as a medium: delays, losses in their order, lower bounds, promises."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightlag.bus.errors import BrokenPromise, GraphError, NodeError, ProtocolError
from lightlag.bus.medium import LOSS_REASONS
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.trajectory import Ball, State
from lightlag.orbiters import BLACKOUT_DB, DSN_COMPLEXES, GroundSite, SpaceMedium, Stamp, Terminal
from lightlag.orbiters.frames import add, apply
from lightlag.orbiters.hope import TRAJECTORY as HOPE
from lightlag.orbiters.maven import TRAJECTORY as MAVEN
from lightlag.orbiters.mro import TRAJECTORY as MRO

UHF = RadioSpec(transmit_hz="401.585625 MHz", receive_hz="401.585625 MHz", max_range_km="4000 km")
XBAND = RadioSpec(transmit_hz="8439.4 MHz", receive_hz="8439.4 MHz")
TOUCHDOWN_NS = 1020 * NS_PER_S


class Beside:
    """A test double: at a fixed place in Mars-fixed axes without standing on anything, perhaps wrapped in plasma."""

    def __init__(self, space, fixed_km, attenuation_db=0.0, radius_km=1e9):
        self._space, self._fixed_km, self._attenuation_db, self._radius_km = space, fixed_km, attenuation_db, radius_km

    def state(self, t_ns):
        mars = self._space.body_state("mars", t_ns)
        return State(add(mars.position_km, apply(self._space.rows("mars", t_ns), self._fixed_km)), mars.velocity_km_s)

    def bound(self, t0_ns, t1_ns):
        return Ball(self.state(t0_ns).position_km, self._radius_km)

    def zenith(self, t_ns):
        return None

    def attenuation_db(self, t_ns, frequency_hz):
        return self._attenuation_db


@pytest.fixture(scope="module")
def medium(space):
    models = {"mro": MRO, "maven": MAVEN, "hope": HOPE, **DSN_COMPLEXES}
    models["site"] = GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372)
    return SpaceMedium(space, {name: Terminal(model.realise(space), XBAND) for name, model in models.items()})


def send(medium, source, receiver, sent_ns):
    emission = SimpleNamespace(source=source, sent_ns=sent_ns, emitter=medium.stamp(source, sent_ns))
    return medium.judge(emission, receiver)


def between(space, emitter, receiver, tx=XBAND, rx=XBAND):
    return send(SpaceMedium(space, {"tx": Terminal(emitter, tx), "rx": Terminal(receiver, rx)}), "tx", "rx", 0)


def test_mro_reaches_goldstone_after_the_light_time(medium):
    verdict = send(medium, "mro", "goldstone", TOUCHDOWN_NS)
    assert verdict.loss is None
    assert (verdict.t_ns - TOUCHDOWN_NS) / NS_PER_S == pytest.approx(682.31, abs=0.04)


def test_canberra_has_mars_below_its_horizon(medium):
    assert send(medium, "mro", "canberra", TOUCHDOWN_NS).loss == "below_horizon"
    assert send(medium, "canberra", "mro", TOUCHDOWN_NS).loss == "below_horizon"


def test_a_horizon_mask_hides_what_stands_low(space):
    # Earth stood 1.1 deg up over the landing site.
    site = GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372).realise(space)
    goldstone = DSN_COMPLEXES["goldstone"].realise(space)
    for mask_deg, loss in ((0.5, None), (2.0, "below_horizon")):
        masked = XBAND.model_copy(update={"min_elevation_deg": mask_deg})
        terminals = {"site": Terminal(site, masked), "goldstone": Terminal(goldstone, XBAND)}
        assert send(SpaceMedium(space, terminals), "site", "goldstone", TOUCHDOWN_NS).loss == loss
        assert send(SpaceMedium(space, terminals), "goldstone", "site", TOUCHDOWN_NS - 682 * NS_PER_S).loss == loss


def test_a_planet_between_two_orbiters_occults(space):
    assert between(space, Beside(space, (5000, 0, 0)), Beside(space, (-5000, 0, 0))).loss == "occulted"
    assert between(space, Beside(space, (5000, 0, 0)), Beside(space, (5000, 3000, 0))).loss is None


def test_plasma_at_either_end_blacks_out(space):
    thick, thin = Beside(space, (5000, 0, 0), BLACKOUT_DB + 1), Beside(space, (5000, 0, 0), BLACKOUT_DB - 1)
    clear = Beside(space, (5000, 900, 0))
    assert between(space, thick, clear).loss == between(space, clear, thick).loss == "blackout"
    assert between(space, thin, clear).loss is None


def test_beyond_its_range_a_receiver_hears_noise(space):
    a, b = Beside(space, (5000, 0, 0)), Beside(space, (5000, 4500, 0))
    assert between(space, a, b, UHF, UHF).loss == "snr"
    assert between(space, a, b, UHF, UHF.model_copy(update={"max_range_km": 4501.0})).loss is None


@pytest.mark.parametrize(
    ("receive_hz", "loss"),
    [(8439.4e6, None), (8439.4e6 + 0.49e6, None), (8439.4e6 + 0.51e6, "not_tuned"), (None, "not_tuned")],
)
def test_a_receiver_hears_carriers_within_half_its_bandwidth(space, receive_hz, loss):
    rx = XBAND.model_copy(update={"receive_hz": receive_hz})
    assert between(space, Beside(space, (5000, 0, 0)), Beside(space, (5000, 9, 0)), XBAND, rx).loss == loss


def test_a_radio_that_cannot_send_does_not(space):
    mute = RadioSpec(receive_hz="8439.4 MHz")
    with pytest.raises(NodeError, match="without transmit_hz"):
        between(space, Beside(space, (5000, 0, 0), 99.0), Beside(space, (5000, 9, 0)), mute)


def test_of_several_reasons_the_first_in_order_is_given(space):
    mute = RadioSpec(max_range_km="1 km")
    behind, beside = Beside(space, (-5000, 0, 0)), Beside(space, (5000, 900, 0))
    thick = Beside(space, (5000, 0, 0), 99.0)
    assert between(space, thick, behind, XBAND, mute).loss == "occulted"
    assert between(space, thick, beside, XBAND, mute).loss == "blackout"
    assert between(space, Beside(space, (5000, 0, 0)), beside, XBAND, mute).loss == "snr"


def test_a_delay_is_at_least_a_nanosecond(space):
    here = Beside(space, (5000, 0, 0))
    assert between(space, here, here).t_ns == 1


PAIRS = [("mro", "goldstone"), ("madrid", "maven"), ("mro", "site"), ("maven", "mro"), ("hope", "site")]


@settings(max_examples=150, deadline=None)
@given(
    pair=st.sampled_from(PAIRS),
    t0_ns=st.integers(0, 3600 * NS_PER_S),
    span_ns=st.integers(1, 600 * NS_PER_S),
    parts=st.lists(st.floats(0, 1, exclude_max=True), min_size=3, max_size=10),
)
def test_no_signal_outruns_the_lower_bound(medium, pair, t0_ns, span_ns, parts):
    source, receiver = pair
    bound_ns = medium.lower_bound_ns(source, receiver, t0_ns, t0_ns + span_ns)
    for part in parts:
        sent_ns = t0_ns + int(part * span_ns)
        verdict = send(medium, source, receiver, sent_ns)
        assert verdict.t_ns - sent_ns >= bound_ns
        assert verdict.loss is None or verdict.loss in LOSS_REASONS


@pytest.mark.parametrize(
    ("source", "receiver", "window_s", "share"),
    [
        ("mro", "goldstone", 10, 0.99999),
        ("mro", "goldstone", 3600, 0.999),
        ("mro", "site", 10, 0.7),
        ("maven", "site", 600, 0.7),
    ],
)
def test_a_lower_bound_is_not_far_below_the_shortest_delay(medium, source, receiver, window_s, share):
    window_ns = window_s * NS_PER_S
    delays = []
    for k in range(51):
        sent_ns = TOUCHDOWN_NS + window_ns * k // 51
        delays.append(send(medium, source, receiver, sent_ns).t_ns - sent_ns)
    bound_ns = medium.lower_bound_ns(source, receiver, TOUCHDOWN_NS, TOUCHDOWN_NS + window_ns)
    assert share * min(delays) < bound_ns <= min(delays)


def test_nodes_that_may_touch_have_no_lower_bound(medium):
    assert medium.lower_bound_ns("site", "site", 0, 10 * NS_PER_S) <= 0


def test_who_leaves_the_promised_ball_breaks_a_promise(space):
    roamer = Beside(space, (5000, 0, 0), radius_km=100.0)
    medium = SpaceMedium(space, {"roamer": Terminal(roamer, XBAND), "mars": Terminal(space.body("mars"), XBAND)})
    medium.stamp("roamer", 2 * NS_PER_S)
    with pytest.raises(BrokenPromise, match=r"'roamer' is .* km outside the ball"):
        medium.stamp("roamer", 30 * NS_PER_S)


def test_who_is_reached_outside_the_promised_ball_has_broken_a_promise_too(space):
    """Else a signal could come sooner than the lookahead, which is the gap between two balls."""
    roamer = Beside(space, (5000, 0, 0), radius_km=100.0)
    medium = SpaceMedium(space, {"roamer": Terminal(roamer, XBAND), "mars": Terminal(space.body("mars"), XBAND)})
    send(medium, "mars", "roamer", 2 * NS_PER_S)
    with pytest.raises(BrokenPromise, match=r"'roamer' is .* km outside the ball"):
        send(medium, "mars", "roamer", 30 * NS_PER_S)


def test_a_trajectory_is_made_when_it_is_first_needed_and_once(space):
    made = []

    def make():
        made.append(1)
        return space.body("mars")

    medium = SpaceMedium(space, {"a": Terminal(make, XBAND)})
    assert not made
    assert medium.stamp("a", 5) == medium.stamp("a", 5)
    assert len(made) == 1


def test_a_stamp_comes_back_from_its_bytes():
    state = State((1.5e8, -2e8, 3.25), (24.0, -5.0, 0.125))
    for zenith in (None, (0.0, 0.6, 0.8)):
        stamp = Stamp(state, 8439.4e6, 20.0, 3.5, zenith, 6.0)
        assert Stamp.unpack(stamp.pack()) == stamp
        assert stamp.pack()[0] == 1


@pytest.mark.parametrize("data", [b"", b"\x01abc", b"\x02" + bytes(112)])
def test_a_stamp_of_another_version_is_refused(data):
    with pytest.raises(ProtocolError, match="same version of lightlag"):
        Stamp.unpack(data)


def test_a_node_without_a_terminal_is_answered_with_the_nearest(medium):
    with pytest.raises(GraphError, match="did you mean 'mro'"):
        medium.stamp("mroo", 0)


def test_a_judgement_does_not_depend_on_what_was_judged_before(space):
    def fresh():
        trajectories = {"mro": MRO.realise(space), "earth": space.body("earth")}
        return SpaceMedium(space, {name: Terminal(trajectory, XBAND) for name, trajectory in trajectories.items()})

    instants = [k * 987_654_321_987 for k in range(6)]
    forward, backward = fresh(), fresh()
    ahead = [send(forward, "mro", "earth", t_ns) for t_ns in instants]
    assert ahead == [send(backward, "mro", "earth", t_ns) for t_ns in reversed(instants)][::-1]
    assert all(math.isfinite(verdict.t_ns) for verdict in ahead)
