"""Runs in which things go wrong, on hosts that are killed: at whatever moment, nothing changes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bus.conftest import benches  # noqa: F401 - a fixture
from tests.bus.mortals import OF_HOSTS, OF_HUBS, RUN, Fate
from tests.bus.test_coordinator import Village
from tests.bus.worlds import drive

from lightlag.bus import wire
from lightlag.bus.coordinator import Coordinator
from lightlag.bus.errors import GraphError
from lightlag.bus.journal import Journal
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.time import NEVER_NS
from lightlag.nodes import faults
from lightlag.nodes.faults import act, acts_of, end_of

#: A village of three hosts in which much goes wrong.
SEED = 38


class Troubled(Village):
    """A village in which things go wrong, at random."""

    def __init__(self, seed, most=6):
        super().__init__(seed)
        draw = random.Random(f"troubles {seed}")
        joined = {channel.name: channel for channel in self.channels}
        told = []
        for number in range(draw.randint(1, most)):
            a, b = (draw.choice([*self.names, "*", tuple(draw.sample(self.names, 2))]) for _ in "ab")
            make = draw.choice(
                [
                    lambda: faults.partition(a, b),  # noqa: B023 - called at once
                    lambda: faults.hold(a, b),  # noqa: B023
                    lambda: faults.drop(a, b, 0.5),  # noqa: B023
                    lambda: faults.corrupt(a, b, 0.5),  # noqa: B023
                    lambda: faults.delay(a, b, 9e-9),  # noqa: B023
                    lambda: faults.blackout(a),  # noqa: B023
                    lambda: faults.crash(a),  # noqa: B023
                    lambda: faults.safe_mode(a),  # noqa: B023
                ]
            )
            try:
                begins = acts_of(make(), f"f{number}", self.names, joined)
            except GraphError:  # it concerns nobody
                continue
            from_ns = draw.randrange(60)
            told += [(from_ns, *each) for each in begins]
            until_ns = from_ns + draw.choice([1, 5, 30, 80])
            told += [(until_ns, *each) for each in end_of(begins)] if draw.random() < 0.8 else []
        told.sort(key=lambda each: each[0])
        self.acts = [act(node, what, at_ns, seq) for seq, (at_ns, node, what) in enumerate(told, 1)]

    def alone(self):
        host = self.host(self.names)
        done = host.activate(NEVER_NS, self.acts, NEVER_NS)
        assert done.failure is None, done.failure.traceback
        host.finish([])
        return host.chains(), done.losses

    def host_at(self, at):
        host = super().host_at(at)
        host.name = f"h{at}"
        return host

    def lookahead(self):
        return Lookahead(self.bounds)

    def coordinator(self):
        coordinator = Coordinator(
            self.hosts, self.lookahead(), self.host_of, self.destinations, self.until_ns, run_ahead_ns=NEVER_NS
        )
        for each in self.acts:
            coordinator.act(self.host_of[each.to], each)
        return coordinator


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([0.0, 0.05]))
def test_whatever_goes_wrong_goes_wrong_on_any_hosts_killed_or_not(seed, order, kill_share):
    village = Troubled(seed)
    chains, _ = drive(village.coordinator(), village.host_at, village.hosts, random.Random(order), kill_share)
    assert chains == village.alone()[0]


def test_much_goes_wrong_in_those_villages():
    losses = [loss.reason for seed in range(40) for loss in Troubled(seed).alone()[1]]
    assert losses.count("fault") > 100
    assert losses.count("absent") > 20


@pytest.mark.parametrize("moment", [*OF_HUBS, *OF_HOSTS])
def test_a_death_at_any_moment_with_faults_standing_changes_nothing(benches, monkeypatch, moment):  # noqa: F811
    monkeypatch.setattr("lightlag.bus.shell.EARLY_REPORT_EVENTS", 4)
    monkeypatch.setattr("lightlag.bus.past.BATCH", 3)
    village = Troubled(SEED, most=9)
    expected, losses = village.alone()
    assert {"fault", "absent"} <= {loss.reason for loss in losses}
    before = [("ended", 1)] if moment == "repeated" else []

    def run(*deaths):
        bench = benches(village, Fate(*before, *deaths))
        started = []

        def start(at):
            started.append(village.host_at(at))
            return started[-1]

        bench.start = start
        with Journal(bench.journal, {"run": RUN}) as journal:
            for each in village.acts:
                journal.append(village.host_of[each.to], wire.encode(RUN, wire.ACT, (), [each]), [each])
        chains = bench.run().chains
        bench.close()
        bench.close = lambda: None
        for host in started:  # nobody hears of it; it only leaves no half-run coroutines to the garbage collector
            host.finish([])
        return chains, bench.fate

    chains, fate = run()
    assert chains == expected
    times = fate.seen[moment]
    assert times > 0
    died = 0
    for time in sorted({1, 1 + times // 3, 1 + 2 * times // 3, times}):
        chains, fate = run((moment, time))
        assert chains == expected, fate.deaths
        died += len(fate.deaths) - len(before)
    assert died > 0
