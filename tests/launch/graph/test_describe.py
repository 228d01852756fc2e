"""What a node type is, as data: defaults and limits as a graph file would have them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from tests.launch.fixtures.nodes import Beacon, Mute, Station

from lightlag.launch.graph.describe import Parameter, describe
from lightlag.launch.graph.plugins import node_type, node_types
from lightlag.nodes.events import Event, Tone
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams
from lightlag.nodes.store import Store
from lightlag.nodes.units import _UNITS, Seconds, quantity, quantity_text
from lightlag.orbiters.orbits import KeplerOrbit


class Talker(Node):
    """Says things.

    And more.
    """

    sends: ClassVar[tuple[type, ...]] = (Event,)
    hears: ClassVar[tuple[type, ...]] = (Tone,)
    store: Store
    trajectory = KeplerOrbit(center="mars", epoch="2021-02-18T00:00:00Z", a_km=5000.0, e=0.0, inclination_deg=75.0)

    class Params(NodeParams):
        pauses: tuple[Seconds, ...] = (60.0, 90.0)
        rest: Seconds | None = Field(default=None, gt=0, lt=7200)
        turns: dict[str, Seconds] = Field(default={})


def by_name(node: type[Node]) -> dict[str, Parameter]:
    return {it.name: it for it in describe(node).parameters}


def test_a_parameter_has_its_type_unit_default_and_limits() -> None:
    found = by_name(Beacon)
    every = found["every"]
    assert (every.type, every.unit, every.default, every.required) == ("duration", "s", "1 min", False)
    assert (every.low, every.high) == ("more than 0 s", "at most 1 h")
    assert every.description == "between two signs of life"
    assert found["mode"].type == "one of: at once, record"
    assert found["at"].type == "UTC instant"
    assert (found["count"].type, found["count"].low) == ("whole number", "at least 1")
    assert (found["names"].type, found["loud"].default, found["label"].default) == ("list of text", "false", "''")


def test_a_mapping_is_made_of_fields_with_the_defaults_of_the_class_that_has_it() -> None:
    antenna = by_name(Beacon)["antenna"]
    assert [(it.name, it.default) for it in antenna.fields] == [("diameter", "2 m"), ("gain", "40")]
    uhf = {it.name: it.default for it in by_name(Beacon)["uhf"].fields}
    assert (uhf["rate_bps"], uhf["transmit_hz"]) == ("8 kbit/s", "401.6 MHz")


def test_what_must_be_given_is_required_and_what_a_default_gives_is_not() -> None:
    assert by_name(Station)["station"].required
    perseverance = node_type("perseverance")
    assert perseverance is not None
    entry = next(it for it in by_name(perseverance)["landing"].fields if it.name == "entry")
    assert not any(it.required for it in entry.fields)


def test_ports_are_radios_or_for_wires() -> None:
    ports = {it.name: it for it in describe(Beacon).ports}
    assert {name: it.kind for name, it in ports.items()} == {
        "uhf": "radio",
        "xband": "radio",
        "out": "wire",
        "in_": "wire",
    }
    assert (ports["uhf"].transmit_hz, ports["uhf"].receive_hz, ports["uhf"].rate_bps) == (401.6e6, 437.1e6, 8000.0)
    assert ports["xband"].rate_bps is None


def test_what_a_class_says_and_hears_is_told_with_the_fields_of_its_messages() -> None:
    found = describe(Talker, "talker")
    assert (found.name, found.summary) == ("talker", "Says things.")
    assert found.cls.endswith("test_describe:Talker")
    (event,) = found.sends
    assert (event.type, event.fields["id"]) == ("lightlag.event@1", "str")
    assert found.hears[0].type == "lightlag.tone@1"
    assert found.parts == ("store",)


def test_quantities_in_lists_and_in_what_may_be_nothing_have_their_units() -> None:
    found = by_name(Talker)
    assert (found["pauses"].type, found["pauses"].default) == ("list of duration", "[1 min, 1.5 min]")
    assert (found["rest"].type, found["rest"].default, found["rest"].high) == ("duration", None, "less than 2 h")
    assert found["turns"].type == "duration by name"


def test_a_trajectory_is_told_in_a_line() -> None:
    told = describe(Talker).trajectory
    assert told == "KeplerOrbit(center=mars, epoch=2021-02-18T00:00:00Z, a_km=5000, e=0, inclination_deg=75)"
    assert describe(Mute).trajectory is None
    station = node_type("ground-station")
    assert station is not None
    assert describe(station).trajectory == "where its parameters say: station"


@pytest.mark.parametrize("name", [entry.name for entry in node_types()])
def test_every_node_type_that_ships_says_what_it_is(name: str) -> None:
    kind = node_type(name)
    assert kind is not None
    found = describe(kind, name)
    assert found.summary
    assert found.trajectory
    assert found.ports
    assert all(it.description for it in found.parameters)


@given(st.data())
def test_a_quantity_that_was_written_is_read_again(data: Any) -> None:
    dimension = data.draw(st.sampled_from(sorted(_UNITS)))
    value = data.draw(st.integers(-(10**9), 10**9)) * data.draw(st.sampled_from([1e-3, 1.0, 1e3]))
    assert quantity(quantity_text(value, dimension), dimension) == pytest.approx(value, rel=1e-11)


def test_quantities_are_written_as_people_write_them() -> None:
    written = [
        quantity_text(*it)
        for it in (
            (401585625.0, "frequency"),
            (600.0, "duration"),
            (1e9, "length"),
            (0.0, "data size"),
            (0.003, "length"),
        )
    ]
    assert written == ["401.585625 MHz", "10 min", "1e9 km", "0 bit", "3 m"]
