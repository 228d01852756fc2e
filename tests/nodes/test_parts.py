"""What a node class declares of itself can be read without running it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, ClassVar

import pytest

from lightlag.bus.message import Message
from lightlag.launch.graph.plugins import NODES, names, node_type
from lightlag.missions.edl.lander import Lander
from lightlag.missions.mars2020.perseverance import Perseverance
from lightlag.nodes import Event, GroundStation, Housekeeping, Node, NodeParams, RadioSpec, Store, Tone, parts_of
from lightlag.nodes.contacts import Hail
from lightlag.nodes.files import FilePiece
from lightlag.nodes.picture import PicturePiece
from lightlag.nodes.telemetry import SurfaceState, VehicleState
from lightlag.orbiters.mro import Mro

if TYPE_CHECKING:
    from decimal import Decimal


def test_parts_are_told_from_parameters_ports_and_annotations():
    class Probe(Node):
        ports: ClassVar[tuple[str, ...]] = ("wire",)
        store: Store

        class Params(NodeParams):
            radio: RadioSpec | None = None
            rate: float = 1.0

    assert parts_of(Probe) == {"radio": "radio", "wire": "port", "store": "store"}
    assert parts_of(Mro) == {"xband": "radio", "uhf": "radio", "hirise": "camera", "store": "store"}


def test_an_annotation_that_only_type_checkers_can_read_is_no_part():
    class Odd(Node):
        ports: ClassVar[tuple[str, ...]] = ("wire",)
        exact: Decimal

    assert parts_of(Odd) == {"wire": "port"}


def test_a_lander_says_what_a_rover_says_and_its_state():
    assert Lander.sends == (Event, Tone, VehicleState)
    assert Perseverance.sends == (*Lander.sends, Hail, SurfaceState, PicturePiece, FilePiece)
    assert Mro.sends == (Housekeeping, Event, Hail, PicturePiece)
    assert Mro.hears == (Message,)
    assert GroundStation.hears == (Event, Tone, PicturePiece, FilePiece)


@pytest.mark.parametrize("name", names(NODES))
def test_every_installed_node_declares_message_types_and_nothing_else(name):
    assert entry_points(group=NODES, name=name)
    cls = node_type(name)
    assert cls.sends or cls.hears
    for kind in (*cls.sends, *cls.hears):
        assert issubclass(kind, Message)
