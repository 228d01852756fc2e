"""What takes part in a run: nodes and the parts they are made of, and the host that activates them.

    units, params, trajectory   quantities with units; what a graph may change; protocols of where things are
    port, radio, node, setting  how a node talks; what a node is; what may change while it runs
    parts, steering             what a node class is made of, told without running it; how a node changes its course
    events, telemetry           what spacecraft say
    store, recorder, clock,     parts: on-board store, what is told in contacts alone, on-board clock, camera, what is
    camera, scene, picture      in front of it, and pictures that travel in pieces
    rover, ground_station       kinds of node that no orbit distinguishes
    faults, rules               what can go wrong on purpose; what a fault does to what arrives
    host, outlet, lifecycle,    runs nodes in one process; a node in it; how nodes come and go there;
    blame                       whose code has raised
    foreign                     nodes whose program is in another language

Imports from: bus. Imported by: orbiters, missions, launch.
"""

from .clock import Clock, ClockSpec
from .events import Event, Published, Tone
from .ground_station import GroundStation
from .host import Host
from .node import Node
from .params import NodeName, NodeParams, PartSpec, RadioSpec
from .parts import parts_of
from .port import Port
from .radio import Radio
from .recorder import ContactSpec, Recorder
from .rover import Rover
from .steering import Steering
from .store import Store
from .telemetry import Housekeeping, VehicleState
from .trajectory import Ball, Pass, State, Surroundings, Trajectory, TrajectoryModel

__all__ = [
    "Ball",
    "Clock",
    "ClockSpec",
    "ContactSpec",
    "Event",
    "GroundStation",
    "Host",
    "Housekeeping",
    "Node",
    "NodeName",
    "NodeParams",
    "PartSpec",
    "Pass",
    "Port",
    "Published",
    "Radio",
    "RadioSpec",
    "Recorder",
    "Rover",
    "State",
    "Steering",
    "Store",
    "Surroundings",
    "Tone",
    "Trajectory",
    "TrajectoryModel",
    "VehicleState",
    "parts_of",
]
