"""Lookahead: how soon one host can matter to another, over any number of hops."""

import pytest

from lightlag.bus.errors import GraphError
from lightlag.bus.lookahead import Lookahead, Window, closure
from lightlag.bus.time import NEVER_NS


def test_the_way_back_to_a_host_is_its_shortest_cycle():
    never = NEVER_NS
    closed = closure([[never, 2, never], [never, never, 3], [4, never, never]])
    assert closed == [[9, 2, 5], [7, 9, 3], [4, 6, 9]]


def test_hosts_that_nothing_joins_stay_apart():
    closed = closure([[NEVER_NS, 5], [NEVER_NS, NEVER_NS]])
    assert closed == [[NEVER_NS, 5], [NEVER_NS, NEVER_NS]]


def test_a_lookahead_under_a_nanosecond_is_a_mistake_of_the_graph():
    with pytest.raises(GraphError, match=r"from host 0 to host 1 is 0 ns.*into one process"):
        Lookahead(lambda start_ns, end_ns: [[NEVER_NS, 0], [1, NEVER_NS]]).window(0)


def test_windows_are_fixed_to_the_epoch_and_asked_for_once():
    asked = []

    def bounds(start_ns, end_ns):
        asked.append((start_ns, end_ns))
        return [[NEVER_NS]]

    lookahead = Lookahead(bounds, 100)
    assert isinstance(lookahead.window(250), Window)
    assert [lookahead.window(t).start_ns for t in (299, 200, 100)] == [200, 200, 100]
    assert asked == [(200, 300), (100, 200)]


def test_a_window_reaches_over_several_steps_with_the_least_of_their_bounds():
    bounds = {0: 30, 100: 10, 200: 20}

    def of_step(start_ns, end_ns):
        assert end_ns == start_ns + 100
        return [[NEVER_NS, bounds.get(start_ns, 1)], [50, NEVER_NS]]

    window = Lookahead(of_step, 100, steps=3, until_ns=300).window(50)
    assert (window.start_ns, window.end_ns) == (0, 300)
    assert window.direct[0][1] == 30
    assert window.closed == [[60, 10], [50, 60]]


def test_what_lies_behind_the_end_of_the_run_tightens_nothing():
    lookahead = Lookahead(
        lambda start_ns, end_ns: [[NEVER_NS, 7 if start_ns < 250 else 1], [7, 14]], 100, steps=4, until_ns=250
    )
    assert lookahead.window(200).closed[0][1] == 7
