"""The hub and its hosts over real sockets, in threads: the same run whoever is killed, and however it ends."""

from __future__ import annotations

import random

import pytest
from tests.bus.mortals import OF_HOSTS, OF_HUBS, SEED, Fate
from tests.bus.worlds import ModelHost, World, alone

from lightlag.bus import wire
from lightlag.bus.activation import Completion, Failure
from lightlag.bus.coordinator import Coordinator
from lightlag.bus.emission import Emission
from lightlag.bus.errors import NondeterminismError, RunError
from lightlag.bus.journal import past_of, read_journal
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.time import NEVER_NS


@pytest.mark.parametrize("seed", range(6))
def test_over_sockets_the_run_is_the_run_of_one_process(benches, seed):
    bench = benches(World(seed))
    seen = []
    bench.watch = lambda frontier_ns, news: seen.append(frontier_ns)
    outcome = bench.run()
    assert outcome.chains == alone(bench.world)
    assert (outcome.interrupted, outcome.failure, bench.hubs[0].refused) == (False, None, [])
    assert outcome.reached_ns == bench.world.until_ns
    assert seen == sorted(seen)


# -- death ----------------------------------------------------------------------------------------------------------


def spread(count: int, most: int) -> list[int]:
    """Some of the numbers from 1 to ``count``: the first, the last, and what lies between."""
    return sorted({1 + round(step * (count - 1) / max(1, most - 1)) for step in range(most)}) if count else []


@pytest.mark.parametrize("moment", [*OF_HUBS, *OF_HOSTS])
@pytest.mark.parametrize("seed", [SEED, 34])
def test_a_death_at_any_moment_changes_nothing(benches, monkeypatch, seed, moment):
    """Of the hub: before a hello is noted and after, before a report is journalled and after, before grants leave,
    while a host repeats its past, before hosts are told to finish, before they are let go. Of a host: before it runs,
    before it reports, before and after it finishes.
    """
    monkeypatch.setattr("lightlag.bus.shell.EARLY_REPORT_EVENTS", 4)
    monkeypatch.setattr("lightlag.bus.past.BATCH", 3)
    world = World(seed)
    expected = alone(world)
    # A host repeats its past when it was killed: what happens at that moment needs a death before.
    before = [("ended", 1)] if moment == "repeated" else []
    undisturbed = benches(world, Fate(*before))
    assert undisturbed.run().chains == expected
    times = undisturbed.fate.seen[moment]
    assert times > 0
    died = 0
    for time in spread(times, 7):
        bench = benches(world, Fate(*before, (moment, time)))
        assert bench.run().chains == expected, bench.fate.deaths
        died += len(bench.fate.deaths) - len(before)
    assert died > 0


@pytest.mark.parametrize("seed", [0, 5, 10, 13, 29, 33, 35, 39])
def test_any_number_of_deaths_changes_nothing(benches, monkeypatch, seed):
    monkeypatch.setattr("lightlag.bus.shell.EARLY_REPORT_EVENTS", 4)
    monkeypatch.setattr("lightlag.bus.past.BATCH", 3)
    draw = random.Random(seed)
    world = World(seed)
    undisturbed = benches(world)
    expected = undisturbed.run().chains
    often = undisturbed.fate.seen
    died = 0
    for _ in range(4):
        moments = draw.choices(sorted(often), k=draw.randint(2, 5))
        bench = benches(world, Fate(*[(moment, draw.randint(1, often[moment])) for moment in moments]))
        assert bench.run().chains == expected, bench.fate.deaths
        died += len(bench.fate.deaths)
    assert died > 4


def test_a_hub_that_is_killed_twice_at_one_report_hears_it_a_third_time(benches):
    bench = benches(fate=Fate(("heard", 5), ("heard", 6)))
    assert bench.run().chains == alone(bench.world)
    assert len(bench.hubs) == 3


def test_a_hub_that_is_killed_while_hosts_say_hello_hears_all_of_them_again(benches):
    bench = benches(fate=Fate(("greeted", 1), ("greeted", 2)))
    assert bench.run().chains == alone(bench.world)
    assert len(bench.hubs) == 3


def test_a_host_in_the_middle_of_its_past_begins_anew_for_a_new_hub(benches, monkeypatch):
    monkeypatch.setattr("lightlag.bus.past.BATCH", 1)
    bench = benches(fate=Fate(("ended", 1), ("repeated", 3)))
    assert bench.run().chains == alone(bench.world)
    assert len(bench.hubs) == 2
    assert sorted(bench.incarnations)[-2:] == [1, 3]


def test_what_was_done_before_a_stop_is_right_when_the_hub_dies_after_it(benches):
    """Hosts that have finished for a hub that was stopped cannot go on for one that was not: they begin anew."""
    world = World(SEED)
    for times in (1, 2, 3):
        bench = benches(world, Fate(("finish", times)))
        bench.linger_ms = 200
        stopped = []

        def watch(frontier_ns, news, bench=bench, stopped=stopped):
            if len(bench.hubs) == 1 and frontier_ns > world.until_ns / 3 and not stopped:
                stopped.append(frontier_ns)
                bench.hubs[0].stop()

        bench.watch = watch
        outcome = bench.run()  # nobody tells the second hub to stop
        assert stopped
        assert not outcome.interrupted
        assert outcome.chains == alone(world)


def test_a_run_that_was_stopped_goes_on_from_its_journal(benches):
    world = World(SEED)
    first = benches(world)
    first.watch = lambda frontier_ns, news: first.hubs[0].stop() if frontier_ns > world.until_ns / 3 else None
    assert first.run().interrupted
    second = benches(world)
    second.incarnations = [1] * world.hosts
    first.journal.rename(second.journal)
    outcome = second.run()
    assert not outcome.interrupted
    assert outcome.chains == alone(world)


class Moody(ModelHost):
    """Says something else in its second life."""

    lives = 0

    def __init__(self, world, host):
        super().__init__(world, host)
        Moody.lives += 1
        self.mood = b"" if Moody.lives <= world.hosts else b"!"

    def activate(self, bound_ns, emissions, limit):
        done = super().activate(bound_ns, emissions, limit)
        done.outbox = [Emission(e.source, e.seq, e.channel, e.type, e.sent_ns, self.mood) for e in done.outbox]
        return done


def test_a_host_that_does_something_else_in_its_second_life_ends_the_run_by_name(benches):
    bench = benches(fate=Fate(("ended", 1)))
    bench.start = lambda at: Moody(bench.world, at)
    with pytest.raises(
        NondeterminismError, match=r"n\d was run again from the same journal .* emission \d+ .* differs"
    ):
        bench.run()


# -- memory ---------------------------------------------------------------------------------------------------------


class Pair:
    """A graph of two nodes: one talks, one listens and could answer, 2 us away."""

    hosts = 2
    host_of = {"talker": 0, "listener": 1}  # noqa: RUF012
    until_ns = 400_000

    def lookahead(self):
        return Lookahead(lambda start_ns, end_ns: [[NEVER_NS, 2_000], [2_000, NEVER_NS]])

    def destinations(self, emission):
        return [1]


class Talker:
    """Says something every 20 ns."""

    name = "h0"
    lists_receptions = True
    seq = 0

    def activate(self, bound_ns, emissions, limit):
        done = Completion()
        while self.seq * 20 < min(bound_ns, Pair.until_ns):
            done.outbox.append(Emission("talker", self.seq + 1, "c", "x@1", self.seq * 20, bytes(100)))
            self.seq += 1
        done.next_ns = self.seq * 20
        return done

    def finish(self, emissions, *, failed=False):
        return Completion()

    def chains(self):
        return {}


class Listener(Talker):
    """Hears it."""

    name = "h1"
    heard = 0

    def activate(self, bound_ns, emissions, limit):
        self.heard += len(emissions)
        return Completion(next_ns=NEVER_NS)

    def finish(self, emissions, *, failed=False):
        self.heard += len(emissions)
        return Completion()


def test_what_a_hub_holds_does_not_grow_with_the_run(benches):
    bench = benches(Pair())
    listener = Listener()
    bench.start = lambda at: listener if at else Talker()
    held = []
    bench.watch = lambda frontier_ns, news: held.append(bench.hubs[0].coordinator.unacknowledged(1))
    bench.run()
    assert listener.heard == 20_000
    assert len(held) > 200
    assert max(held) <= 2 * 2_000 / 20 + 1  # there and back


# -- ends -----------------------------------------------------------------------------------------------------------


def test_a_run_that_is_stopped_ends_where_it_is(bench):
    reports = []

    def watch(*told):
        reports.append(told)
        if len(reports) == 2:
            bench.hubs[0].stop()

    bench.watch = watch
    outcome = bench.run()
    assert outcome.interrupted
    assert outcome.reached_ns < bench.world.until_ns
    assert sorted(outcome.chains) == bench.world.nodes


class Failing(ModelHost):
    """Fails when it has run for the first time."""

    failure: Failure | None = None

    def activate(self, bound_ns, emissions, limit):
        done = super().activate(bound_ns, emissions, limit)
        if self.clock_ns >= 0 and self.failure is None:
            self.failure = Failure(self.clock_ns, "n0", "Traceback ...")
        done.failure = self.failure
        return done


@pytest.mark.parametrize("deaths", [[], [("heard", 7)], [("journalled", 7)], [("finish", 2)], [("ending", 1)]])
def test_a_failure_stops_the_run_at_its_instant_whoever_is_killed(benches, deaths):
    bench = benches(fate=Fate(*deaths))
    bench.start = lambda at: (ModelHost if at else Failing)(bench.world, at)
    outcome = bench.run()
    assert outcome.failure is not None
    assert outcome.failure.node == "n0"
    assert outcome.reached_ns == outcome.failure.t_ns + 1


def test_a_run_in_which_nobody_may_go_on_is_told(bench, monkeypatch):
    monkeypatch.setattr(Coordinator, "grants", lambda self: [])
    with pytest.raises(RunError, match="no host can go on and the run is not finished"):
        bench.run()


def test_the_hub_journals_what_it_accepts(bench):
    bench.run()
    entries = list(read_journal(bench.journal))
    assert {entry.host for entry in entries} == set(range(bench.world.hosts))
    for host in range(bench.world.hosts):
        reports = [wire.report_of(host, entry.envelope) for entry in entries if entry.host == host]
        assert [report.number for report in reports] == list(range(1, len(reports) + 1))
        got = max(report.got for report in reports)
        emissions, _ = past_of(bench.journal, host, bench.world.destinations, got, NEVER_NS).feed()
        assert len(emissions) == got
        assert all(bench.world.host_of[e.source] == host for report in reports for e in report.outbox)
