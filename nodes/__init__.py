"""What takes part in a run: nodes and the parts they are made of, and the host that activates them.

    units, params, trajectory   quantities with units; what a graph may change; protocols of where things are
    port, radio, node, setting  how a node talks; what a node is; what may change while it runs
    events, telemetry           what spacecraft say
    store, camera, scene,       parts: on-board store, camera, what is in front of it,
    picture                     and pictures that travel in pieces
    rover, ground_station       kinds of node that no orbit distinguishes
    faults, rules               what can go wrong on purpose; what a fault does to what arrives
    host, outlet, lifecycle     runs nodes in one process; a node in it; how nodes come and go there

Imports from: bus. Imported by: orbiters, missions, launch.
"""

from .events import Event, Published, Tone
from .ground_station import GroundStation
from .host import Host
from .node import Node
from .params import NodeParams, RadioSpec
from .port import Port
from .radio import Radio
from .rover import Rover
from .store import Store
from .telemetry import Housekeeping, VehicleState
from .trajectory import Ball, Pass, State, Surroundings, Trajectory, TrajectoryModel

__all__ = [
    "Ball",
    "Event",
    "GroundStation",
    "Host",
    "Housekeeping",
    "Node",
    "NodeParams",
    "Pass",
    "Port",
    "Published",
    "Radio",
    "RadioSpec",
    "Rover",
    "State",
    "Store",
    "Surroundings",
    "Tone",
    "Trajectory",
    "TrajectoryModel",
    "VehicleState",
]
