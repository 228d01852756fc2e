"""One coordinator, step by step: what it grants after which report, and which reports it refuses."""

import pytest

from lightlag.bus.activation import Failure
from lightlag.bus.coordinator import Coordinator, Report
from lightlag.bus.emission import Emission
from lightlag.bus.errors import NondeterminismError, ProtocolError
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.time import NEVER_NS


def two_hosts(delay_ns=10, until_ns=1000):
    """Host 0 with node a, host 1 with node b, joined by a channel in both directions."""
    matrix = [[NEVER_NS, delay_ns], [delay_ns, NEVER_NS]]
    return Coordinator(
        2,
        Lookahead(lambda start_ns, end_ns: matrix),
        {"a": 0, "b": 1},
        lambda emission: [1] if emission.source == "a" else [0],
        until_ns,
    )


def say(coordinator, report):
    assert coordinator.is_news(report)
    return coordinator.accept(report)


def sent(source, seq, sent_ns, body=b""):
    return Emission(source, seq, "channel", "x@1", sent_ns, body)


def test_the_host_at_the_frontier_can_always_go_on():
    coordinator = two_hosts()
    assert [(grant.host, grant.bound_ns) for grant in coordinator.grants()] == [(0, 10), (1, 10)]
    say(coordinator, Report(0, 1, 1, 500, 0, []))
    assert coordinator.grants() == []  # b may still say something at 0 ns
    say(coordinator, Report(1, 1, 1, 700, 0, []))
    assert [(grant.host, grant.bound_ns) for grant in coordinator.grants()] == [(0, 520)]


def test_an_emission_counts_from_its_acceptance_until_its_receiver_reports_it():
    coordinator = two_hosts()
    coordinator.grants()
    say(coordinator, Report(1, 1, 1, NEVER_NS, 0, []))
    say(coordinator, Report(0, 1, 1, NEVER_NS, 0, [sent("a", 1, 3)]))
    assert coordinator.earliest_ns(1) == 13
    assert coordinator.unacknowledged(1) == 1
    (grant,) = coordinator.grants()
    assert (grant.host, [e.seq for e in grant.emissions]) == (1, [1])
    assert coordinator.earliest_ns(1) == 13
    say(coordinator, Report(1, 1, 2, 40, 1, []))
    assert coordinator.earliest_ns(1) == 40
    assert coordinator.unacknowledged(1) == 0


def test_what_a_coordinator_holds_does_not_grow_with_the_run():
    coordinator = two_hosts(until_ns=20_000)
    numbers, got, said, highest = [0, 0], 0, 0, 0
    while not coordinator.finished:
        for host, incarnation, bound_ns, _, emissions in coordinator.grants():
            numbers[host] += 1
            outbox = []
            if host == 0:  # says something every 20 ns
                while said * 20 < bound_ns:
                    outbox.append(sent("a", said + 1, said * 20))
                    said += 1
            else:
                got += len(emissions)
            next_ns = (said * 20, NEVER_NS)[host]
            say(coordinator, Report(host, incarnation, numbers[host], next_ns, got if host else 0, outbox))
            highest = max(highest, coordinator.unacknowledged(1))
    assert said == 1_000
    assert highest <= 2


def test_after_a_failure_everybody_reaches_its_instant_and_nobody_goes_beyond():
    coordinator = two_hosts()
    coordinator.grants()
    say(coordinator, Report(0, 1, 1, NEVER_NS, 0, [], Failure(7, "a", "Traceback of a")))
    say(coordinator, Report(1, 1, 1, 7, 0, []))
    (grant,) = coordinator.grants()
    assert (grant.host, grant.bound_ns) == (1, 8)
    say(coordinator, Report(1, 1, 2, 9, 0, []))
    assert coordinator.finished
    assert coordinator.grants() == []
    assert coordinator.frontier_ns == 8


@pytest.mark.parametrize("first", [0, 1])
def test_of_several_failures_the_earliest_is_the_one_whoever_tells_first(first):
    failures = [Failure(7, "a", "later"), Failure(5, "b", "earlier")]
    coordinator = two_hosts()
    coordinator.grants()
    for host in (first, 1 - first):
        say(coordinator, Report(host, 1, 1, NEVER_NS, 0, [], failures[host]))
    assert coordinator.failure == failures[1]


def test_of_failures_in_one_instant_the_least_name_is_reported():
    coordinator = two_hosts()
    coordinator.grants()
    say(coordinator, Report(1, 1, 1, NEVER_NS, 0, [], Failure(7, "b", "")))
    say(coordinator, Report(0, 1, 1, NEVER_NS, 0, [], Failure(7, "a", "")))
    assert coordinator.failure.node == "a"


def test_reports_that_come_twice_or_from_the_dead_are_no_news():
    coordinator = two_hosts()
    coordinator.grants()
    report = Report(0, 1, 1, 50, 0, [sent("a", 1, 3)])
    say(coordinator, report)
    assert not coordinator.is_news(report)
    coordinator.restart(0, [], {("a", 1): sent("a", 1, 3).fingerprint()})
    assert not coordinator.is_news(Report(0, 1, 2, 60, 0, []))
    assert coordinator.unacknowledged(1) == 1


@pytest.mark.parametrize(
    "report",
    [
        Report(0, 1, 2, 50, 0, []),
        Report(0, 1, 1, 50, 1, []),
    ],
    ids=["out of turn", "more than it was sent"],
)
def test_a_report_that_cannot_be_is_refused(report):
    coordinator = two_hosts()
    coordinator.grants()
    with pytest.raises(ProtocolError, match="host 0 reported number"):
        coordinator.is_news(report)


def test_a_report_without_a_grant_is_refused():
    with pytest.raises(ProtocolError, match="idle"):
        two_hosts().is_news(Report(0, 1, 1, 50, 0, []))


def test_an_emission_in_the_past_of_its_own_host_is_refused():
    coordinator = two_hosts()
    coordinator.grants()
    say(coordinator, Report(1, 1, 1, 900, 0, []))
    say(coordinator, Report(0, 1, 1, 500, 0, []))
    coordinator.grants()
    with pytest.raises(ProtocolError, match=r"a: its emission 1 .* comes after a report"):
        coordinator.accept(Report(0, 1, 2, 600, 0, [sent("a", 1, 9)]))


def test_an_emission_that_comes_twice_without_a_restart_is_refused():
    coordinator = two_hosts()
    coordinator.grants()
    with pytest.raises(ProtocolError, match="accepted before"):
        coordinator.accept(Report(0, 1, 1, 50, 0, [sent("a", 1, 3), sent("a", 1, 3)]))


def restarted():
    """A coordinator whose host 0 had sent emissions 1 at 3 ns and 2 at 5 ns, was killed and granted again."""
    coordinator = two_hosts()
    coordinator.grants()
    before = [sent("a", 1, 3), sent("a", 2, 5)]
    say(coordinator, Report(0, 1, 1, 50, 0, before))
    incarnation = coordinator.restart(0, [], {("a", e.seq): e.fingerprint() for e in before})
    assert incarnation == 2
    (grant,) = coordinator.grants()
    assert (grant.host, grant.incarnation, grant.bound_ns) == (0, 2, 10)
    return coordinator, before


def test_a_restarted_host_repeats_its_past_and_nobody_hears_it_twice():
    coordinator, before = restarted()
    say(coordinator, Report(0, 2, 1, 5, 0, before[:1]))
    assert [grant.host for grant in coordinator.grants()] == [0]
    assert say(coordinator, Report(0, 2, 2, 50, 0, before[1:])) == []
    assert coordinator.unacknowledged(1) == 2


@pytest.mark.parametrize(
    ("outbox", "what"),
    [
        ([sent("a", 1, 4)], "emission 1 .* differs"),
        ([sent("a", 1, 3, b"other")], "emission 1 .* differs"),
        ([sent("a", 1, 3)], "emission 2 did not come again"),
        ([sent("a", 1, 3), sent("a", 2, 5), sent("a", 3, 7)], "emission 3 .* is new"),
    ],
    ids=["another time", "another content", "left out", "one more"],
)
def test_a_host_that_does_something_else_the_second_time_is_named(outbox, what):
    coordinator, _ = restarted()
    with pytest.raises(NondeterminismError, match=f"a was run again .* {what}"):
        coordinator.accept(Report(0, 2, 1, 50, 0, outbox))


def test_a_run_is_not_over_while_a_restarted_host_has_yet_to_repeat_it():
    coordinator = two_hosts()
    coordinator.grants()
    for host in (0, 1):
        say(coordinator, Report(host, 1, 1, NEVER_NS, 0, []))
    assert coordinator.finished
    coordinator.restart(0, [], {})
    assert not coordinator.finished
    assert [grant.host for grant in coordinator.grants()] == [0]
    say(coordinator, Report(0, 2, 1, NEVER_NS, 0, []))
    assert coordinator.finished


def test_a_journal_of_another_length_than_the_inbox_is_refused():
    with pytest.raises(ProtocolError, match="gives host 0 1 emissions"):
        two_hosts().restart(0, [sent("b", 1, 1)], {})
