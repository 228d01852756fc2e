"""A fit finds what makes a landing come out as it was flown, as far as expectations let it."""

import pytest

from lightlag.bus.errors import GraphError
from lightlag.missions.edl.fitting import Goal, Knob, fit, outcome, written
from lightlag.missions.msl.landing import CuriosityLanding

SUFR = "guidance.sufr_speed_m_s"


def test_a_trigger_is_found_from_the_time_at_which_it_was_pulled():
    goal = Goal("sufr_start", "e_s", 240.12, 0.01)
    found = fit(CuriosityLanding, [Knob(SUFR, 460.0, 50.0)], [goal], most_steps=4)
    assert found.reached[0] == pytest.approx(240.12, abs=0.02)
    assert found.values[SUFR] == pytest.approx(written(CuriosityLanding, SUFR), abs=0.1)


def test_what_is_expected_surely_stays_as_it_is():
    goal = Goal("sufr_start", "e_s", 240.12, 10.0)
    found = fit(CuriosityLanding, [Knob(SUFR, 460.0, 0.1)], [goal], most_steps=3)
    assert found.values[SUFR] == pytest.approx(460.0, abs=0.05)


def test_another_value_keeps_its_unit_and_a_table_its_arguments():
    goals = [Goal("peak_deceleration", "deceleration_g", 0, 1), Goal("wheels_contact", "miss_km", 0, 1)]
    as_flown = outcome(CuriosityLanding, {}, goals)
    changed = outcome(CuriosityLanding, {"guidance.bank_deg": 60.0, "air.density_factors.1": 0.9}, goals)
    assert as_flown[0] == pytest.approx(11.9, abs=0.1)
    assert changed != as_flown
    assert written(CuriosityLanding, "guidance.bank_deg") == 62.262
    assert written(CuriosityLanding, "air.density_factors.1") == 0.8351


def test_a_quantity_that_there_is_not_is_told_with_those_that_there_are():
    with pytest.raises(GraphError, match="'mood' is nothing to fit to; there is: e_s, height_km"):
        outcome(CuriosityLanding, {}, [Goal("sufr_start", "mood", 0, 1)])


def test_a_fit_needs_a_landing_to_begin_with():
    goals = [Goal("sufr_start", "e_s", 240.12, 0.1)]
    with pytest.raises(GraphError, match="with these landing parameters"):
        fit(CuriosityLanding, [Knob("guidance.bank_deg", 178.0, 1.0)], goals)
