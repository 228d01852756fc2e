"""The pace: nothing before its time, a wait that is neither early nor long, and how far behind a run is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bus.worlds import ModelHost, World, alone

from lightlag.bus.coordinator import Coordinator
from lightlag.bus.memory import run_in_memory
from lightlag.bus.pace import Pace
from lightlag.bus.time import NEVER_NS, NS_PER_S


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 5000.25

    def __call__(self) -> float:
        return self.now_s


def begun(speed, t_ns=0):
    clock = Clock()
    pace = Pace(speed, clock)
    pace.start(t_ns)
    return pace, clock


def test_a_run_goes_at_its_speed_from_where_it_begins():
    pace, clock = begun(60, 7 * NS_PER_S)
    assert pace.now_ns() == 7 * NS_PER_S
    clock.now_s += 0.5
    assert pace.now_ns() == 37 * NS_PER_S


def test_the_wait_is_until_something_is_due():
    pace, clock = begun(2)
    assert pace.wait_ms(NS_PER_S) == 501  # what lies at a bound may not run: the clock has to be beyond it
    clock.now_s += 0.4
    assert pace.wait_ms(NS_PER_S) == 101
    clock.now_s += 10
    assert pace.wait_ms(NS_PER_S) == 0
    assert pace.wait_ms(NEVER_NS) is None


@given(speed=st.floats(1e-3, 1e6), due_ns=st.integers(0, 10**15), gone_s=st.floats(0, 1e3))
def test_after_the_wait_it_is_time_and_not_much_later(speed, due_ns, gone_s):
    pace, clock = begun(speed)
    clock.now_s += gone_s
    waited_ms = pace.wait_ms(due_ns)
    early = pace.now_ns() <= due_ns
    assert (waited_ms > 0) == early
    clock.now_s += waited_ms / 1000 + 1e-6  # a float of a clock is good to less than a microsecond
    assert pace.now_ns() > due_ns
    if early:
        clock.now_s -= 2.1e-3
        assert pace.now_ns() <= due_ns


def test_how_far_a_run_is_behind_is_told_in_seconds_of_the_wall():
    pace, clock = begun(60)
    assert pace.behind_s(0) == 0
    clock.now_s += 3
    assert pace.behind_s(60 * NS_PER_S) == pytest.approx(2)
    assert pace.behind_s(600 * NS_PER_S) == 0  # ahead: nothing is left to do until then


def test_without_a_speed_there_is_no_pace():
    pace, clock = begun(None)
    clock.now_s += 3
    assert pace.now_ns() == NEVER_NS
    assert pace.wait_ms(5) is None
    assert pace.behind_s(0) == 0


def test_a_pace_that_has_not_begun_holds_nobody_up():
    pace = Pace(60, Clock())
    assert (pace.now_ns(), pace.wait_ms(5), pace.behind_s(0)) == (NEVER_NS, None, 0)
    assert pace.reached_ns() == 0
    assert begun(60, 7)[0].reached_ns() == 7


def test_a_paced_run_that_is_stopped_has_reached_where_its_pace_stands_and_not_its_next_event():
    world = World(3)
    clock = Clock()
    pace = Pace(1e-9, clock)
    coordinator = Coordinator(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)
    waits = []

    def listen(wait_ms):
        if wait_ms > 1500:  # the next event is more than a nanosecond away
            waits.append(wait_ms)
            clock.now_s += 1
        else:
            clock.now_s += wait_ms / 1000

    hosts = [ModelHost(world, at) for at in range(world.hosts)]
    outcome = run_in_memory(hosts, coordinator, pace=pace, listen=listen, stopping=lambda: bool(waits))
    assert outcome.interrupted
    assert outcome.reached_ns == pace.now_ns() < coordinator.frontier_ns


class Watched(ModelHost):
    """Looks at the clock whenever it runs."""

    def __init__(self, world, host, pace):
        super().__init__(world, host)
        self.pace = pace

    def activate(self, bound_ns, emissions, limit):
        done = super().activate(bound_ns, emissions, limit)
        assert self.clock_ns < self.pace.now_ns()
        return done


@pytest.mark.parametrize("seed", range(12))
def test_nothing_happens_before_its_time_and_the_end_is_the_same(seed):
    world = World(seed)
    clock = Clock()
    pace = Pace(1e-9, clock)  # a nanosecond a second
    listened = []

    def listen(wait_ms):
        listened.append(wait_ms)
        clock.now_s += wait_ms / 1000

    coordinator = Coordinator(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)
    hosts = [Watched(world, at, pace) for at in range(world.hosts)]
    outcome = run_in_memory(hosts, coordinator, pace=pace, listen=listen)
    assert outcome.chains == alone(world)
    assert max(listened) >= 1000
    assert clock.now_s - 5000.25 <= world.until_ns + 1
