"""The hub and its hosts over real sockets, in threads: the same run whoever is killed, and disorder is refused."""

from __future__ import annotations

import os
import random
import tempfile
import threading
from pathlib import Path

import msgpack
import pytest
from tests.bus.mortals import HELLO, OF_HOSTS, OF_HUBS, RUN, Bench, Fate, said
from tests.bus.worlds import ModelHost, World, alone

from lightlag.bus import wire
from lightlag.bus.activation import Completion, Failure
from lightlag.bus.coordinator import Coordinator
from lightlag.bus.emission import Emission
from lightlag.bus.errors import NondeterminismError, ProtocolError, RunError
from lightlag.bus.journal import past_of, read_journal
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.shell import HUB_AGAIN, run_shell
from lightlag.bus.time import NEVER_NS

#: A busy world: three hosts, some 80 reports.
SEED = 5


@pytest.fixture
def benches():
    """Makes benches, and waits for their hosts."""
    made = []
    with tempfile.TemporaryDirectory(prefix="ll-", dir="/tmp") as folder:

        def bench(world=None, fate=None) -> Bench:
            place = Path(folder, str(len(made)))
            place.mkdir()
            made.append(Bench(place, world or World(SEED), fate))
            return made[-1]

        yield bench
        for each in made:
            each.close()


@pytest.fixture
def bench(benches):
    return benches()


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


# -- disorder -------------------------------------------------------------------------------------------------------


def test_strangers_and_malformed_messages_are_refused_and_the_run_goes_on(bench):
    def disturb() -> None:
        with bench.peer("stranger") as stranger, bench.peer("h0") as peer:
            stranger.send_multipart(said(wire.HELLO, HELLO))
            stranger.send_multipart(wire.encode("another run", wire.ASK, ("stop", {})))
            peer.send_multipart([b"\xc1 this is nothing"])
            peer.send_multipart(wire.encode("another run", wire.HELLO, HELLO))
            peer.send_multipart([msgpack.packb((wire.VERSION, RUN, wire.REPORT, ("half", "a", "report"), [], []))])
            peer.send_multipart(said(wire.REPORT, (1, 1, 5, 5, 0, None, ())))
            peer.send_multipart(said(wire.ASK, ("anything", {})))  # what it said before was heard, then
            assert wire.decode(RUN, peer.recv_multipart()).kind == wire.TOLD
        bench.start_hosts()

    disturber = threading.Thread(target=disturb, daemon=True)
    disturber.start()
    outcome = bench.serve()
    disturber.join(20)
    assert not disturber.is_alive()
    assert outcome.chains == alone(bench.world)
    (hub,) = bench.hubs
    told = "\n".join(hub.refused)
    for words in (
        "b'stranger', which is no host of this run",
        "no lightlag envelope",
        "run 'another run'; this is run",
        "a report with fields",
    ):
        assert words in told
    assert len(hub.refused) == hub.refusals == 5  # a report before a hello may be of an old line: passed over
    assert not outcome.interrupted


def test_of_many_refusals_the_last_are_kept_and_all_are_counted(bench):
    with bench.peer("stranger") as stranger:
        for number in range(250):
            stranger.send_multipart(wire.encode(f"run {number}", wire.ASK, ("stop", {})))
        stranger.send_multipart(said(wire.ASK, ("anything", {})))
        answered = threading.Thread(target=lambda: (stranger.recv_multipart(), bench.start_hosts()))
        answered.start()
        bench.serve()
        answered.join(20)
    (hub,) = bench.hubs
    assert hub.refusals == 250
    assert len(hub.refused) == 100
    assert "run 'run 249'" in hub.refused[-1]


def test_another_arithmetic_is_refused_on_both_sides(bench):
    with bench.peer("h0") as peer:
        peer.send_multipart(said(wire.HELLO, (1, "ffffffffffffffff", 4711, 0, 0)))
        with pytest.raises(RunError, match="host h0 computes with arithmetic fingerprint ffffffffffffffff, the hub"):
            bench.serve()
        heard = wire.decode(RUN, peer.recv_multipart())
    assert heard.kind == wire.REFUSED
    assert "arithmetic fingerprint" in heard.fields[0]


def test_another_arithmetic_takes_part_in_a_mixed_run_and_is_told(bench, monkeypatch):
    monkeypatch.setattr("lightlag.bus.shell.arithmetic_fingerprint", lambda: "f" * 16)
    notices = []
    bench.start_hosts()
    outcome = bench.serve(mixed=True, notice=notices.append)
    assert outcome.fingerprints == dict.fromkeys(bench.names, "f" * 16)
    assert outcome.refusals == 0
    assert len(notices) == len(bench.names)
    assert all(notice.endswith("their digests could differ, which --mixed allows") for notice in notices)


def test_a_host_that_is_refused_says_why(bench):
    def refuse(socket):
        identity, *_ = socket.recv_multipart()
        socket.send_multipart([identity, *said(wire.REFUSED, ("another arithmetic",))])

    with bench.socket() as socket, pytest.raises(RunError, match="host h0: the hub refused it: another arithmetic"):
        answered(refuse, socket, bench)


def answered(answer, socket, bench, **asked):
    """A host that is served by somebody else than a hub."""
    thread = threading.Thread(target=answer, args=(socket,), daemon=True)
    thread.start()
    try:
        run_shell(ModelHost(bench.world, 0), bench.endpoint, RUN, lambda done: None, **asked)
    finally:
        thread.join(20)
        assert not thread.is_alive()


def test_a_host_does_not_take_a_hosts_word_for_a_hubs(bench):
    def answer(socket):
        identity, *_ = socket.recv_multipart()
        socket.send_multipart([identity, *said(wire.HELLO, HELLO)])

    with bench.socket() as socket, pytest.raises(ProtocolError, match="the hub sent a hello, which hubs do not send"):
        answered(answer, socket, bench)


def test_a_host_leaves_when_its_launcher_is_gone(bench):
    reading, writing = os.pipe()
    os.close(writing)
    try:
        with pytest.raises(RunError, match="host h0: the launcher is gone"):
            run_shell(ModelHost(bench.world, 0), bench.endpoint, RUN, lambda done: None, control_fd=reading)
    finally:
        os.close(reading)


def test_grants_that_come_late_or_twice_are_passed_over(bench):
    """From a hub that has died, to an incarnation that has died, or once more."""
    heard = []

    def answer(socket):
        identity, *_ = socket.recv_multipart()
        for fields in ((1, 1, 30, 1), (1, 1, 30, 1), (7, 2, 90, 1), (1, 1, 60, 1), (1, 2, 40, 1)):
            socket.send_multipart([identity, *said(wire.GRANT, fields)])
        socket.send_multipart([identity, *said(wire.FINISH, (7, 1, False))])
        socket.send_multipart([identity, *said(wire.BYE, ())])
        for _ in range(2):
            heard.append(wire.decode(RUN, socket.recv_multipart()[1:]))

    with bench.socket() as socket:
        answered(answer, socket, bench)
        assert not socket.poll(100)
    assert [(each.kind, each.fields[1:3]) for each in heard] == [(wire.REPORT, (1, 30)), (wire.REPORT, (2, 40))]


@pytest.mark.parametrize(
    ("fields", "asks"),
    [((1, 2, 30, 1), "report 2 with emissions from 1 on"), ((1, 1, 30, 5), "report 1 with emissions from 5 on")],
)
def test_a_host_that_is_asked_for_what_does_not_follow_says_so(bench, fields, asks):
    def answer(socket):
        identity, *_ = socket.recv_multipart()
        socket.send_multipart([identity, *said(wire.GRANT, fields)])

    with (
        bench.socket() as socket,
        pytest.raises(ProtocolError, match=f"host h0: the hub asks for {asks}, after report 0"),
    ):
        answered(answer, socket, bench)


def test_what_a_dead_hub_had_granted_is_run_before_the_hello_to_a_new_one_or_never(bench):
    """The new one could not know of it, and would send something from outside into the past of that host."""
    reading, writing = os.pipe()
    busy, free = threading.Event(), threading.Event()

    class Blocked(ModelHost):
        def activate(self, bound_ns, emissions, limit):
            busy.set()
            free.wait(20)
            return super().activate(bound_ns, emissions, limit)

    host = Blocked(bench.world, 0)
    shell = threading.Thread(
        target=run_shell,
        args=(host, bench.endpoint, RUN, lambda done: None),
        kwargs={"control_fd": reading},
        daemon=True,
    )
    shell.start()
    with bench.socket() as old:
        identity, *_ = old.recv_multipart()
        for fields in ((1, 1, 10, 1), (1, 2, 90, 1)):  # the second waits in the socket while the first is run
            old.send_multipart([identity, *said(wire.GRANT, fields)])
        busy.wait(20)
        os.write(writing, HUB_AGAIN + b"\n")
    with bench.socket() as new:
        free.set()
        lines = {}
        while new.poll(1000):
            line, *frames = new.recv_multipart()
            lines.setdefault(line, []).append(wire.decode(RUN, frames))
        # On the line to the dead hub reports may have waited for the new one, too; the new line has a hello for it,
        # which tells of all that was run.
        late = lines.pop(identity, [])
        ((identity, (hello, report)),) = lines.items()
        assert (hello.kind, report.kind) == (wire.HELLO, wire.REPORT)
        assert hello.fields[3:] == report.fields[1:3]
        assert all(each.kind == wire.REPORT and each.fields[1:3] <= report.fields[1:3] for each in late)
        new.send_multipart([identity, *said(wire.BYE, ())])
    shell.join(20)
    assert not shell.is_alive()
    os.close(reading)
    os.close(writing)


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
