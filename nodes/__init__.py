"""What takes part in a run: nodes and the parts they are made of, and the host that activates them.

    units, params, trajectory   quantities with units; what a graph may change; protocols of where things are
    port, radio, node, setting  how a node talks; what a node is; what may change while it runs
    parts, steering             what a node class is made of, told without running it; how a node changes its course
    events, telemetry           what spacecraft say
    store, recorder, clock,     parts: on-board store, what is told in contacts alone, on-board clock, camera, what is
    camera, scene, picture,     in front of it, pictures, and files of any kind, that travel in pieces
    files
    sols, contacts, products    local time on Mars; who can be reached next; what waits on board for that
    rover, ground_station       kinds of node that no orbit distinguishes
    faults, rules               what can go wrong on purpose; what a fault does to what arrives
    host, outlet, lifecycle,    runs nodes in one process; a node in it; how nodes come and go there;
    blame                       whose code has raised
    foreign                     nodes whose program is in another language

Imports from: bus. Imported by: orbiters, missions, launch.
"""

from .clock import Clock, ClockSpec
from .contacts import Contact, Hail
from .events import Event, Published, Tone
from .files import FilePiece
from .ground_station import GroundStation
from .host import Host
from .node import Node
from .params import NodeName, NodeParams, PartSpec, RadioSpec
from .parts import parts_of
from .port import Port
from .products import Products
from .radio import Radio
from .recorder import ContactSpec, Recorder
from .rover import Rover
from .sols import Sols
from .steering import Steering
from .store import Store
from .telemetry import Housekeeping, SurfaceState, VehicleState
from .trajectory import Ball, Pass, State, Surroundings, Trajectory, TrajectoryModel

__all__ = [
    "Ball",
    "Clock",
    "ClockSpec",
    "Contact",
    "ContactSpec",
    "Event",
    "FilePiece",
    "GroundStation",
    "Hail",
    "Host",
    "Housekeeping",
    "Node",
    "NodeName",
    "NodeParams",
    "PartSpec",
    "Pass",
    "Port",
    "Products",
    "Published",
    "Radio",
    "RadioSpec",
    "Recorder",
    "Rover",
    "Sols",
    "State",
    "Steering",
    "Store",
    "SurfaceState",
    "Surroundings",
    "Tone",
    "Trajectory",
    "TrajectoryModel",
    "VehicleState",
    "parts_of",
]
