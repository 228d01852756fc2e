"""Passes against the same geometry looked at every half minute."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightlag.bus.time import NS_PER_S
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.trajectory import Pass
from lightlag.orbiters import DSN_COMPLEXES, GroundSite, SpaceMedium, SpaceSurroundings, Terminal, elevation_deg
from lightlag.orbiters.geometry import meet
from lightlag.orbiters.hope import TRAJECTORY as HOPE
from lightlag.orbiters.maven import TRAJECTORY as MAVEN
from lightlag.orbiters.mro import TRAJECTORY as MRO
from lightlag.orbiters.passes import Passes

EDGE_TOLERANCE_NS = NS_PER_S // 10
SOL_NS = 88_775 * NS_PER_S
STEP_NS = 30 * NS_PER_S
XBAND = RadioSpec(transmit_hz="8439.4 MHz", receive_hz="8439.4 MHz")


@pytest.fixture(scope="module")
def trajectories(space):
    models = {"mro": MRO, "maven": MAVEN, "hope": HOPE, "goldstone": DSN_COMPLEXES["goldstone"]}
    models["jezero"] = GroundSite.planetocentric("mars", 18.44463, 77.45089, 3391.9372)
    return {name: model.realise(space) for name, model in models.items()}


@pytest.fixture(scope="module")
def around(space, trajectories):
    return lambda me: SpaceSurroundings(space, me, trajectories)


@pytest.fixture(scope="module")
def heard(space, trajectories):
    """Whether a signal is received: the medium's own judgement."""
    medium = SpaceMedium(space, {name: Terminal(trajectory, XBAND) for name, trajectory in trajectories.items()})

    def judge(source, receiver, sent_ns):
        emission = SimpleNamespace(source=source, sent_ns=sent_ns, emitter=medium.stamp(source, sent_ns))
        return medium.judge(emission, receiver).loss is None

    return judge


def edges_by_force(see, until_ns):
    """Instants at which what is seen changes: looked for on a grid, then halved down to a millisecond."""
    found = []
    before = see(0)
    for t_ns in range(STEP_NS, until_ns, STEP_NS):
        now = see(t_ns)
        if now != before:
            low, high = t_ns - STEP_NS, t_ns
            while high - low > NS_PER_S // 1000:
                middle = (low + high) // 2
                low, high = (middle, high) if see(middle) == before else (low, middle)
            found.append(high)
        before = now
    return found


@pytest.mark.parametrize(
    ("me", "target"),
    [("jezero", "mro"), ("jezero", "maven"), ("mro", "jezero"), ("mro", "maven"), ("hope", "goldstone")],
)
def test_a_sol_has_the_passes_that_the_medium_hears(around, heard, me, target):
    expected = edges_by_force(lambda t_ns: heard(me, target, t_ns), SOL_NS)
    edges = [t_ns for found in around(me).passes(target, 0, SOL_NS) for t_ns in found if 0 < t_ns < SOL_NS]
    assert len(edges) == len(expected) > 1
    assert max(abs(a - b) for a, b in zip(edges, expected, strict=True)) < EDGE_TOLERANCE_NS


def test_who_is_in_view_is_told_by_the_passes(around, heard):
    surroundings = around("jezero")
    passes = surroundings.passes("maven", 0, SOL_NS)
    for t_ns in range(0, SOL_NS, 777 * NS_PER_S):
        seen = surroundings.in_view("maven", t_ns)
        assert seen == any(found.aos_ns <= t_ns < found.los_ns for found in passes) == heard("jezero", "maven", t_ns)


def test_passes_are_cut_at_the_ends_of_what_was_asked_for(around):
    surroundings = around("jezero")
    whole = next(found for found in surroundings.passes("maven", 0, SOL_NS) if found.aos_ns > 0)
    middle = (whole.aos_ns + whole.los_ns) // 2
    assert surroundings.passes("maven", middle, middle + 5) == [Pass(middle, middle + 5)]
    assert surroundings.passes("maven", whole.aos_ns - 5, middle) == [Pass(whole.aos_ns, middle)]
    assert surroundings.passes("maven", whole.los_ns, whole.los_ns + 5) == []
    assert surroundings.passes("maven", middle, middle) == surroundings.passes("maven", middle, 0) == []


def test_a_pass_is_the_same_whatever_was_asked_before(around):
    forward, backward = around("jezero"), around("jezero")
    whole = forward.passes("mro", 0, SOL_NS)
    for t_ns in range(SOL_NS, 0, -5000 * NS_PER_S):
        backward.in_view("mro", t_ns)
    assert backward.passes("mro", 0, SOL_NS) == whole


def test_a_mask_lets_a_station_see_from_its_elevation_upwards(around):
    open_sky, masked = (
        around("goldstone").passes("hope", 0, SOL_NS),
        around("goldstone").passes("hope", 0, SOL_NS, mask_deg=6.0),
    )
    rise_ns = next(found.aos_ns for found in masked if found.aos_ns > 0)
    assert any(found.aos_ns < rise_ns < found.los_ns for found in open_sky)
    assert around("goldstone").elevation_deg("hope", rise_ns) == pytest.approx(6.0, abs=0.05)


def test_the_mask_of_the_other_end_counts_as_ones_own(around):
    there = around("jezero").passes("mro", 0, SOL_NS, mask_deg=10.0)
    back = around("mro").passes("jezero", 0, SOL_NS, target_mask_deg=10.0)
    assert len(there) == len(back)
    for one, other in zip(there, back, strict=True):
        assert one.aos_ns == pytest.approx(other.aos_ns, abs=0.5 * NS_PER_S)  # but for light time and aberration


@pytest.mark.parametrize("length_s", [21, 40])
def test_a_pass_that_lasts_longer_than_twenty_seconds_is_not_missed(space, trajectories, around, length_s):
    jezero = trajectories["jezero"]

    def elevation(t_ns):
        here = jezero.position_km(t_ns)
        return elevation_deg(jezero.zenith(t_ns), here, meet(here, t_ns, trajectories[target])[1])

    checked = 0
    for target in ("mro", "maven"):
        for found in around("jezero").passes(target, 0, SOL_NS):
            top_ns = max(range(found.aos_ns, found.los_ns, NS_PER_S), key=elevation)
            half_ns = length_s * NS_PER_S // 2
            if found.aos_ns < top_ns - half_ns and top_ns + half_ns < found.los_ns:
                # A horizon over which the target stands for no longer than that.
                mask_deg = max(elevation(top_ns - half_ns), elevation(top_ns + half_ns))
                masked = Passes(space, jezero, trajectories[target], mask_deg, 0.0).between(0, SOL_NS)
                short = [found for found in masked if found.aos_ns <= top_ns < found.los_ns]
                assert len(short) == 1
                assert short[0].los_ns - short[0].aos_ns <= 2 * half_ns + NS_PER_S
                checked += 1
    assert checked > 5


@settings(max_examples=200, deadline=None)
@given(
    pair=st.sampled_from(
        [("mro", "maven"), ("maven", "mro"), ("hope", "mro"), ("jezero", "maven"), ("mro", "goldstone")]
    ),
    t_ns=st.integers(SOL_NS // 10, 5 * SOL_NS),
    parts=st.lists(st.floats(0, 1), min_size=8, max_size=8),
)
def test_as_long_as_a_look_promises_quiet_nobody_rises_or_sets(space, trajectories, pair, t_ns, parts):
    passes = Passes(space, *(trajectories[name] for name in pair), 0.0, 0.0)
    margin, after_s, before_s = passes._look(t_ns)
    for part in [*parts, 1.0]:
        for seconds in (after_s, -before_s):
            there, _, _ = passes._look(t_ns + int(part * seconds * NS_PER_S))
            # At the very end of what it promises, an edge is met to the rounding of its distance.
            assert (there >= 0.0) == (margin >= 0.0) or abs(there) < 1e-5


def test_a_burn_that_is_months_away_is_not_looked_at(space, trajectories):
    """Where the other end is then may take long to tell: an orbit is integrated up to it."""

    class Asked:
        kinks_ns = (100 * SOL_NS,)

        def __init__(self, it):
            self._it, self.latest_ns = it, 0
            self.zenith, self.attenuation_db = it.zenith, it.attenuation_db

        def state(self, t_ns):
            self.latest_ns = max(self.latest_ns, t_ns)
            return self._it.state(t_ns)

    ends = Asked(trajectories["jezero"]), Asked(trajectories["mro"])
    found = Passes(space, *ends, 0.0, 0.0).between(0, SOL_NS // 2)
    plain = Passes(space, trajectories["jezero"], trajectories["mro"], 0.0, 0.0).between(0, SOL_NS // 2)
    for one, other in zip(found, plain, strict=True):
        assert one.aos_ns == pytest.approx(other.aos_ns, abs=EDGE_TOLERANCE_NS)
        assert one.los_ns == pytest.approx(other.los_ns, abs=EDGE_TOLERANCE_NS)
    assert max(end.latest_ns for end in ends) < SOL_NS
