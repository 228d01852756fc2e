"""One coordinator, step by step: what it grants after which report or hello, and which of them it refuses."""

import pytest

from lightlag.bus.activation import Failure
from lightlag.bus.coordinator import Coordinator, Report
from lightlag.bus.emission import Emission
from lightlag.bus.errors import NondeterminismError, ProtocolError, RunError
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.past import Past
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


def report(grant, next_ns, outbox=(), failure=None):
    """What the host of a grant says that took in what came with it."""
    got = grant.first - 1 + len(grant.emissions)
    host, incarnation, number, bound_ns = grant[:4]
    return Report(host, incarnation, number, bound_ns, next_ns, got, list(outbox), failure)


def say(coordinator, said):
    assert coordinator.is_news(said)
    coordinator.accept(said)


def sent(source, seq, sent_ns, body=b""):
    return Emission(source, seq, "channel", "x@1", sent_ns, body)


def bounds(grants):
    return [(grant.host, grant.bound_ns) for grant in grants]


def past(inbox=(), outbox=(), settled_ns=10):
    return lambda: Past(lambda: list(inbox), list(outbox), settled_ns)


def never_asked():
    raise AssertionError("nobody has a past here")


def test_the_host_at_the_frontier_can_always_go_on():
    coordinator = two_hosts()
    a, b = coordinator.grants()
    assert bounds([a, b]) == [(0, 10), (1, 10)]
    say(coordinator, report(a, 500))
    assert coordinator.grants() == []  # b may still say something at 0 ns
    say(coordinator, report(b, 700))
    assert bounds(coordinator.grants()) == [(0, 520)]


def test_whoever_waits_waits_until_another_is_so_far_that_nothing_of_it_can_come_before():
    coordinator = two_hosts()
    a, _ = coordinator.grants()
    say(coordinator, report(a, 500))
    waits = coordinator.waits()[0]
    assert (waits.for_host, waits.beyond_ns) == (1, 490)  # what b sends then arrives 10 ns later


def test_an_emission_counts_from_its_acceptance_until_its_receiver_reports_it():
    coordinator = two_hosts()
    a, b = coordinator.grants()
    say(coordinator, report(b, NEVER_NS))
    say(coordinator, report(a, NEVER_NS, [sent("a", 1, 3)]))
    assert coordinator.waits()[1].earliest_ns == 13
    assert coordinator.unacknowledged(1) == 1
    (grant,) = coordinator.grants()
    assert (grant.host, grant.number, grant.first, [e.seq for e in grant.emissions]) == (1, 2, 1, [1])
    assert coordinator.waits()[1].earliest_ns == 13
    say(coordinator, report(grant, 40))
    assert coordinator.waits()[1].earliest_ns == 40
    assert coordinator.unacknowledged(1) == 0


def test_what_a_coordinator_holds_does_not_grow_with_the_run():
    coordinator = two_hosts(until_ns=20_000)
    said = highest = 0
    while not coordinator.finished:
        for grant in coordinator.grants():
            outbox = []
            if grant.host == 0:  # says something every 20 ns
                while said * 20 < grant.bound_ns:
                    outbox.append(sent("a", said + 1, said * 20))
                    said += 1
            say(coordinator, report(grant, (said * 20, NEVER_NS)[grant.host], outbox))
            highest = max(highest, coordinator.unacknowledged(1))
    assert said == 1_000
    assert highest <= 2


def test_after_a_failure_everybody_reaches_its_instant_and_nobody_goes_beyond():
    coordinator = two_hosts()
    a, b = coordinator.grants()
    say(coordinator, report(a, NEVER_NS, failure=Failure(7, "a", "Traceback of a")))
    say(coordinator, report(b, 7))
    (grant,) = coordinator.grants()
    assert (grant.host, grant.bound_ns) == (1, 8)
    say(coordinator, report(grant, 9))
    assert coordinator.finished
    assert coordinator.grants() == []
    assert coordinator.frontier_ns == 8


@pytest.mark.parametrize("first", [0, 1])
def test_of_several_failures_the_earliest_is_the_one_whoever_tells_first(first):
    failures = [Failure(7, "a", "later"), Failure(5, "b", "earlier")]
    coordinator = two_hosts()
    grants = coordinator.grants()
    for host in (first, 1 - first):
        say(coordinator, report(grants[host], NEVER_NS, failure=failures[host]))
    assert coordinator.failure == failures[1]


def test_of_failures_in_one_instant_the_least_name_is_reported():
    coordinator = two_hosts()
    a, b = coordinator.grants()
    say(coordinator, report(b, NEVER_NS, failure=Failure(7, "b", "")))
    say(coordinator, report(a, NEVER_NS, failure=Failure(7, "a", "")))
    assert coordinator.failure.node == "a"


def test_reports_that_come_twice_or_from_the_dead_are_no_news():
    coordinator = two_hosts()
    a, _ = coordinator.grants()
    said = report(a, 50, [sent("a", 1, 3)])
    say(coordinator, said)
    assert not coordinator.is_news(said)
    coordinator.joined(0, 2, 0, 0, past([], [sent("a", 1, 3)]))
    assert not coordinator.is_news(said)
    assert not coordinator.is_news(said._replace(number=2, next_ns=60))
    assert coordinator.unacknowledged(1) == 1


@pytest.mark.parametrize(
    ("number", "got"),
    [(2, 0), (1, 1)],
    ids=["out of turn", "more than it was sent"],
)
def test_a_report_that_cannot_be_is_refused(number, got):
    coordinator = two_hosts()
    coordinator.grants()
    with pytest.raises(ProtocolError, match="host 0 reported number"):
        coordinator.is_news(Report(0, 1, number, 10, 50, got, []))


def test_an_emission_in_the_past_of_its_own_host_is_refused():
    coordinator = two_hosts()
    a, b = coordinator.grants()
    say(coordinator, report(b, 900))
    say(coordinator, report(a, 500))
    (grant,) = coordinator.grants()
    with pytest.raises(ProtocolError, match=r"a: its emission 1 .* comes after a report that all before 10 ns"):
        coordinator.is_news(report(grant, 600, [sent("a", 1, 9)]))


def test_who_reacts_to_what_arrived_sooner_than_its_lookahead_is_found_out():
    coordinator = two_hosts()
    a, b = coordinator.grants()
    say(coordinator, report(b, NEVER_NS))
    say(coordinator, report(a, NEVER_NS, [sent("a", 1, 3)]))  # 10 ns away
    (grant,) = coordinator.grants()
    with pytest.raises(RunError, match=r"b: its emission 1 .* comes before 13 ns, .* promises more than it keeps"):
        coordinator.is_news(report(grant, 40, [sent("b", 1, 12)]))
    assert coordinator.is_news(report(grant, 40, [sent("b", 1, 13)]))


def test_an_emission_that_comes_twice_without_a_restart_is_refused():
    coordinator = two_hosts()
    a, _ = coordinator.grants()
    with pytest.raises(ProtocolError, match="accepted before"):
        coordinator.is_news(report(a, 50, [sent("a", 1, 3), sent("a", 1, 3)]))


def test_a_host_speaks_for_its_own_nodes_alone():
    coordinator = two_hosts()
    a, _ = coordinator.grants()
    with pytest.raises(ProtocolError, match="host 0 reported emissions of 'b', which does not live there"):
        coordinator.is_news(report(a, 50, [sent("b", 1, 3)]))


# -- hosts that were started again ----------------------------------------------------------------------------------


def restarted(batches=1):
    """A coordinator whose host 0 had sent emissions 1 at 3 ns and 2 at 5 ns, was killed and granted again."""
    coordinator = two_hosts()
    a, _ = coordinator.grants()
    before = [sent("a", 1, 3), sent("a", 2, 5)]
    say(coordinator, report(a, 50, before))
    assert coordinator.position(0) == (0, 10)
    coordinator.joined(0, 2, 0, 0, past([], before))
    (grant,) = coordinator.grants()
    assert (grant.host, grant.incarnation, grant.number, grant.bound_ns, grant.first) == (0, 2, 1, 10, 1)
    return coordinator, before, grant


def test_a_restarted_host_repeats_its_past_and_nobody_hears_it_twice():
    coordinator, before, grant = restarted()
    say(coordinator, report(grant, 5, before[:1]))  # early
    assert coordinator.repeats(0)
    (grant,) = coordinator.grants()
    assert (grant.host, grant.number, grant.bound_ns) == (0, 2, 10)
    say(coordinator, report(grant, 50, before[1:]))
    assert not coordinator.repeats(0)
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
    coordinator, _, grant = restarted()
    with pytest.raises(NondeterminismError, match=f"a was run again .* {what}"):
        coordinator.accept(report(grant, 50, outbox))


def test_what_a_host_adds_to_its_past_after_it_has_repeated_it_is_named():
    coordinator, before, grant = restarted()
    say(coordinator, report(grant, 50, before))
    say(coordinator, Report(1, 1, 1, 10, NEVER_NS, 0, []))
    (b,) = coordinator.grants()
    say(coordinator, report(b, NEVER_NS))
    (grant,) = coordinator.grants()
    assert grant.host == 0
    with pytest.raises(NondeterminismError, match=r"a was run again .* emission 3 .* is new"):
        coordinator.is_news(report(grant, 60, [sent("a", 3, 9)]))


def test_a_run_is_not_over_while_a_restarted_host_has_yet_to_repeat_it():
    coordinator = two_hosts()
    for grant in coordinator.grants():
        say(coordinator, report(grant, NEVER_NS))
    assert coordinator.finished
    coordinator.joined(0, 2, 0, 0, past())
    assert not coordinator.finished
    (grant,) = coordinator.grants()
    assert grant.host == 0
    say(coordinator, report(grant, NEVER_NS))
    assert coordinator.finished


def test_a_host_that_was_killed_before_its_first_report_has_no_past():
    coordinator = two_hosts()
    coordinator.grants()
    coordinator.joined(0, 2, 0, 0, never_asked)
    (grant,) = coordinator.grants()
    assert (grant.host, grant.incarnation, grant.number, grant.bound_ns) == (0, 2, 1, 10)


def test_a_hello_of_the_dead_changes_nothing():
    coordinator, before, grant = restarted()
    coordinator.joined(0, 1, 7, 5, never_asked)
    say(coordinator, report(grant, 50, before))


# -- a hub that was started again -----------------------------------------------------------------------------------


def restored(*accepted):
    """A new coordinator, from what the journal of the dead hub holds."""
    coordinator = two_hosts()
    for said in accepted:
        coordinator.restore(said)
    return coordinator


def test_a_new_hub_goes_on_where_the_journal_of_the_dead_one_ends():
    old = two_hosts()
    a, b = old.grants()
    accepted = [report(a, 500, [sent("a", 1, 3)]), report(b, 700)]
    for said in accepted:
        say(old, said)
    new = restored(*accepted)
    for host in (0, 1):
        new.joined(host, 1, 1, 10, never_asked)
    assert [tuple(grant) for grant in new.grants()] == [tuple(grant) for grant in old.grants()]


def test_a_report_that_the_dead_hub_heard_and_did_not_journal_is_heard_again():
    a, b = two_hosts().grants()
    new = restored(report(b, 700))
    new.joined(0, 1, 1, 10, never_asked)  # its report 1 follows
    new.joined(1, 1, 1, 10, never_asked)
    assert new.grants() == []
    said = report(a, 500)
    say(new, said)
    assert not new.is_news(said)
    assert bounds(new.grants()) == [(0, 520)]


def test_a_report_that_the_dead_hub_did_journal_is_no_news_when_it_is_repeated():
    a, b = two_hosts().grants()
    accepted = [report(a, 500), report(b, 700)]
    new = restored(*accepted)
    for host in (0, 1):
        new.joined(host, 1, 1, 10, never_asked)
        assert not new.is_news(accepted[host])
    assert bounds(new.grants()) == [(0, 520)]


@pytest.mark.parametrize("number", [0, 3])
def test_a_host_that_is_further_or_less_far_than_the_journal_is_started_again(number):
    a, b = two_hosts().grants()
    new = restored(report(a, 500), report(b, 700))
    with pytest.raises(ProtocolError, match=f"host 0 says hello after its report {number}; the latest known here is 1"):
        new.joined(0, 1, number, 10, never_asked)


@pytest.mark.parametrize("number", [1, 2])
def test_a_host_in_the_middle_of_its_past_is_started_again_for_a_new_hub(number):
    """What it has repeated is in no journal: nobody can say how much of its past it has taken in."""
    before = [sent("a", 1, 3)]
    grant = two_hosts().grants()[0]
    new = restored(report(grant, 50, before))
    with pytest.raises(ProtocolError, match=f"host 0 says hello after its report {number}"):
        new.joined(0, 2, number, 10, past([sent("b", 1, 2)], before))
    new.joined(0, 3, 0, 0, past([sent("b", 1, 2)], before))
    (grant,) = [grant for grant in new.grants() if grant.host == 0]
    assert (grant.incarnation, grant.number, grant.first, len(grant.emissions)) == (3, 1, 1, 1)


def test_a_host_that_says_hello_twice_before_its_past_is_given_all_of_it(monkeypatch):
    """It learns that the hub is a new one after it had said hello to that hub already."""
    monkeypatch.setattr("lightlag.bus.past.BATCH", 1)
    inbox = [sent("b", 1, 2), sent("b", 2, 3)]
    new = two_hosts(delay_ns=2)
    new.restore(Report(1, 1, 1, 10, NEVER_NS, 0, inbox))
    new.restore(Report(0, 1, 1, 10, NEVER_NS, 2, []))
    given = []
    for _ in range(2):
        new.joined(0, 2, 0, 0, past(inbox))
        (grant,) = new.grants()
        assert (grant.number, grant.first, [e.seq for e in grant.emissions]) == (1, 1, [1])
    given += grant.emissions
    say(new, report(grant, NEVER_NS))
    (grant,) = new.grants()
    assert (grant.number, grant.first, [e.seq for e in grant.emissions]) == (2, 2, [2])
    with pytest.raises(ProtocolError, match="says hello after its report 1"):
        new.joined(0, 2, 1, 10, past(inbox))


def test_what_a_hub_had_granted_is_remembered_by_the_host():
    """An act from outside may not come before it."""
    new = restored()
    new.joined(0, 1, 1, 10, never_asked)
    new.joined(1, 1, 0, 0, never_asked)
    assert new.act_ns(0) >= 9
