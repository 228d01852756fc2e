"""``lightlag node``: which types there are, and what one is."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from lightlag.launch import cli
from lightlag.launch.graph import plugins


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(words) == 0
    return capsys.readouterr().out


def test_every_type_is_listed_with_its_class_and_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "node", "list").splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("mro "))
    assert lines[at].endswith("Relays the surface at once, and takes one commanded picture with HiRISE.")
    assert lines[at + 1].strip().startswith("lightlag.orbiters.mro:Mro, lightlag ")
    listed = json.loads(said(capsys, "node", "list", "--json"))["node_types"]
    assert {it["name"]: it["class"] for it in listed}["mro"] == "lightlag.orbiters.mro:Mro"
    assert [it["error"] for it in listed] == [None] * len(listed)


def test_a_type_that_cannot_be_imported_is_listed_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = EntryPoint("broken", "tests.launch.fixtures.unimportable:Node", plugins.NODES)
    monkeypatch.setattr(plugins, "node_types", lambda: [broken])
    monkeypatch.setattr(plugins, "_entry", lambda group, name: broken)
    assert "No module named 'no_such_dependency'" in said(capsys, "node", "list")
    (listed,) = json.loads(said(capsys, "node", "list", "--json"))["node_types"]
    assert listed["error"].startswith("tests.launch.fixtures.unimportable:Node cannot be imported")


def test_a_page_has_ports_parameters_and_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "node", "info", "mro")
    assert "where  StateOrbit(center=mars" in printed
    assert "xband  radio  sends 8.4394 GHz at 2 Mbit/s  cannot hear" in printed
    assert (
        "  housekeeping_every    duration, more than 0 s                    1 min\n      between two words home"
        in printed
    )
    assert "  hirise.shutter        UTC instant" in printed
    assert "of every radio" in printed
    assert "\nparameters\n" not in said(capsys, "node", "info", "tests.launch.fixtures.nodes:Mute")
    assert "for a wire" in said(capsys, "node", "info", "tests.launch.fixtures.nodes:Beacon")


def test_the_same_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, "node", "info", "maven", "--json"))
    assert told["cls"] == "lightlag.orbiters.maven:Maven"
    assert told["distribution"].startswith("lightlag ")
    assert {it["name"] for it in told["ports"]} == {"uhf", "xband"}
    assert next(it for it in told["parameters"] if it["name"] == "store")["default"] == "125 MB"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nro", "did you mean 'mro'?"),
        ("no.such:Class", "there is no module 'no'"),
        ("tests.launch.fixtures.nodes:NoNode", "is no subclass"),
    ],
)
def test_a_type_that_is_none_is_told(name: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["node", "info", name]) == 2
    assert told in capsys.readouterr().err
