"""Every node of the landing, alone on what it received, does again what it did; one that is changed is found out."""

from __future__ import annotations

import pytest

from lightlag.launch.look.difference import differing_fields
from lightlag.launch.run.replay import prepare
from lightlag.nodes.telemetry import Housekeeping
from lightlag.orbiters.maven import TRAJECTORY as OF_MAVEN
from lightlag.orbiters.mro import Mro


class HigherMro(Mro):
    """Says that it is a kilometre higher than it is, once it has heard five hundred words."""

    def status(self) -> Housekeeping:
        told = super().status()
        if told.frames_received < 500:
            return told
        return Housekeeping(told.altitude_km + 1, told.speed_km_s, told.frames_received, told.stored_bits)


class MroElsewhere(Mro):
    """Flies where MAVEN flies."""

    trajectory = OF_MAVEN


@pytest.mark.parametrize(
    ("node", "given", "emissions"),
    [("mro", 528, 1847), ("maven", 599, 632), ("perseverance", 0, 705), ("hope", 0, 39), ("goldstone", 2537, 0)],
)
def test_a_node_of_the_landing_does_again_what_it_did(landing, node, given, emissions):
    found = prepare(landing.path, node).first_difference()
    assert found.differences == []
    assert (found.counts.given, found.counts.emissions, found.to_the_end) == (given, emissions, True)
    assert found.counts.files == len(list((landing.path / "pictures").glob(f"{node}-*")))


def test_a_word_that_is_another_is_found_among_the_pieces_of_the_picture(landing):
    found = prepare(landing.path, "mro", cls=f"{__name__}:HigherMro").first_difference()
    (difference,) = found.differences
    (height,) = differing_fields(difference.record, difference.replay).items()
    assert height[0] == "message.altitude_km"
    assert float(height[1][1]) == pytest.approx(float(height[1][0]) + 1)
    assert {it.emission.source for it in found.received} == {"perseverance"}
    assert difference.t_ns > landing.t_ns("2021-02-18T20:44:00Z")


def test_an_orbiter_that_is_elsewhere_is_found_out_by_its_first_word(landing):
    (difference,) = prepare(landing.path, "mro", cls=f"{__name__}:MroElsewhere").first_difference().differences
    assert difference.what == "emission 1"
    assert "ends.goldstone.t_ns" in differing_fields(difference.record, difference.replay)
