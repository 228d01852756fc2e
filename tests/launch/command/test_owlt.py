"""``lightlag owlt`` and ``lightlag where``: what is asked, and how the answer is written."""

from __future__ import annotations

import json

import pytest

from lightlag.launch import cli
from lightlag.launch.command.completion import complete

TOUCHDOWN = "2021-02-18T20:43:49.64Z"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(words) == 0
    return capsys.readouterr().out


def test_light_takes_eleven_minutes_and_as_long_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.split("  ")[0] for line in said(capsys, "owlt", "mars", "earth", "--at", TOUCHDOWN).splitlines()] == [
        "",
        "leaves (SCET)",
        "arrives (ERT)",
        "light time",
        "range",
        "in the way",
        "round trip",
    ]
    told = json.loads(said(capsys, "owlt", "mars", "earth", "--at", TOUCHDOWN, "--json"))
    assert told["there"]["owlt_s"] == pytest.approx(682.314, abs=0.001)
    assert told["rtlt_s"] == told["there"]["owlt_s"] + told["back"]["owlt_s"]
    assert told["ephemeris"] == "DE421"


def test_an_instant_can_be_that_of_the_reception(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("owlt", "mars", "earth", "--at", "2021-02-18T20:55:00Z", "--received")
    assert "arrives (ERT)  2021-02-18T20:55:00.000Z  2021-02-18T21:06:22.255Z" in said(capsys, *words)


def test_a_station_is_told_how_high_a_node_is_over_its_horizon(capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "owlt", "mro", "canberra", "--at", TOUCHDOWN)
    assert "from canberra  -64.9 deg high" in printed
    assert "in the way     the horizon" in printed


def test_without_an_instant_bodies_are_asked_about_now_and_nodes_at_their_epoch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert json.loads(said(capsys, "owlt", "sun", "earth", "--json"))["there"]["owlt_s"] == pytest.approx(499, abs=9)
    assert json.loads(said(capsys, "where", "mro", "--json"))["utc"] == "2021-02-18T20:26:00.000Z"


def test_a_page_tells_where_something_is_and_who_sees_it(capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "where", "mro", "--at", "2021-02-18T20:42:46Z")
    lines = {line.split("  ")[0]: line for line in printed.splitlines()}
    assert "km over the ellipsoid of mars" in lines["height"]
    assert "(11 min 22 s)" in lines["light time"]
    assert "in the way" in lines["ground stations"]
    assert lines["goldstone"].endswith("nothing")
    assert lines["tianwen1"].endswith("mars")
    assert printed.count("goldstone") == 1


def test_what_is_outside_of_the_run_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["where", "mro", "--at", "2021-03-01"]) == 0
    assert "note: mars2020 runs from 2021-02-18T20:26:00Z" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["owlt", "mars", "earht"], "did you mean 'earth'?"),
        (["where", "mars", "--at", "tomorrow"], "'tomorrow' is not a UTC instant"),
        (["where", "mro", "--graph", "mars2002"], "unknown graph 'mars2002'"),
    ],
)
def test_what_is_asked_wrongly_is_exit_code_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert told in capsys.readouterr().err


def test_bodies_nodes_and_stations_are_completed() -> None:
    assert list(complete(["owlt", "mars", "m"])) == ["mars", "mro", "maven", "madrid"]
    assert "DSS-14" in list(complete(["where", ""]))
