"""The landing beside its golden run: what it comes to may change only when somebody means it to."""

from __future__ import annotations

from pathlib import Path

from lightlag.launch.look.golden import compare, departures_text, extract, read

GOLDEN = Path(__file__).parents[1] / "golden" / "mars2020.yaml"


def test_the_landing_is_the_golden_one(landing):
    compared = compare(extract(landing.path), read(GOLDEN))
    assert not compared.departures, "\n".join(
        [
            f"the landing is not what it is in {GOLDEN}",
            *departures_text(compared.departures),
            "if that is meant: lightlag launch mars2020, and then",
            f"lightlag golden runs/latest tests/golden/{GOLDEN.name} --update",
        ]
    )
    assert compared.agree > 250


def test_the_golden_landing_has_what_makes_the_mission():
    """So that nobody makes it right by leaving things out."""
    golden = read(GOLDEN)
    assert len(golden["events"]) == 24
    assert golden["events"]["perseverance touchdown_declared"]["goldstone"][1] == "perseverance>mro>goldstone"
    assert golden["received"]["goldstone"]["downlink lightlag.picture_piece"] == 1280
    assert {reason for reasons in golden["lost"].values() for reason in reasons} == {
        "below_horizon", "blackout", "in_flight", "not_tuned", "occulted", "snr",
    }  # fmt: skip
