"""Local time on Mars, against what is published of landings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.sols import SOL_NS, Sols, local_seconds

EPOCH = Epoch.parse("2021-02-18T20:43:48.14Z")
JEZERO = Sols.since(EPOCH, 0, 77.45089)


def test_perseverance_landed_at_15_53_of_sol_0():
    """Published: 15:53 LMST (Mars 2020's sol 0)."""
    assert JEZERO.text(0).startswith("sol 0 15:53")


def test_curiosity_landed_about_three_in_the_afternoon():
    """Published: 15:03 LMST at Gale, 137.44 E (with a clock set to within a minute of that)."""
    epoch = Epoch.parse("2012-08-06T05:17:57Z")
    assert abs(Sols.since(epoch, 0, 137.4417).local_s(0) - local_seconds("15:03")) < 120


def test_the_first_drive_of_2021_03_04_was_on_sol_14_and_the_software_of_02_26_on_sol_8():
    assert JEZERO.sol(EPOCH.t_ns("2021-03-04T23:00:00Z")) == 14
    assert JEZERO.sol(EPOCH.t_ns("2021-02-26T22:00:00Z")) == 8


def test_a_sol_later_it_is_as_late_as_it_was():
    assert JEZERO.local_s(SOL_NS) == JEZERO.local_s(0)
    assert JEZERO.sol(SOL_NS) == 1


@given(st.integers(-5, 800), st.integers(0, 86_399))
def test_a_local_time_is_found_again(sol, local):
    t_ns = JEZERO.t_ns(sol, local)
    assert (JEZERO.sol(t_ns), JEZERO.local_s(t_ns)) == (sol, local)


def test_a_local_second_is_longer_than_one():
    assert JEZERO.t_ns(1, "12:00:01") - JEZERO.t_ns(1, "12:00") == pytest.approx(1.0275 * NS_PER_S, abs=1e5)


@pytest.mark.parametrize("text", ["24:00", "9:30", "12:60", "noon", "12:00:60"])
def test_what_is_no_time_of_a_sol_is_told(text):
    with pytest.raises(GraphError, match="no time of a sol"):
        local_seconds(text)
