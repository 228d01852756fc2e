"""Where things are: the ephemeris, frames, trajectories, geometry, and space as a medium.

This folder implements what ``lightlag.nodes`` only names (``Trajectory``, ``Surroundings``) and the ``Medium`` of
``lightlag.bus`` between nodes in space. It may import those two layers, and nothing above. ``Space`` is the one thing
to make for a run; trajectories are declared (``KeplerOrbit``, ``StateOrbit``, ``GroundSite``; out of files ``SpkFile``,
``OemFile``, ``StatesFile``; changed by burns ``Manoeuvred``, ``Steered``) and realised in it.
Spacecraft have a module each (``mro``, ``maven``, ``tianwen1``, ``hope``), stations share one.
"""

from .ephemeris import Ephemeris
from .geometry import elevation_deg, light_time_back_ns, light_time_ns, occulting_body
from .manoeuvred import Burn, Manoeuvred
from .medium import BLACKOUT_DB, SpaceMedium, Stamp, Terminal
from .oem import OemFile
from .orbits import KeplerOrbit, StateOrbit
from .relay import Orbiter, RelayOrbiter
from .samples import SampledStates, StatesFile
from .sites import GroundSite
from .space import Space
from .spk import SpkFile
from .stations import DSN_ANTENNAS, DSN_COMPLEXES
from .steered import Steered
from .surroundings import SpaceSurroundings
from .trajectory import C_KM_S, Track

__all__ = [
    "BLACKOUT_DB",
    "C_KM_S",
    "DSN_ANTENNAS",
    "DSN_COMPLEXES",
    "Burn",
    "Ephemeris",
    "GroundSite",
    "KeplerOrbit",
    "Manoeuvred",
    "OemFile",
    "Orbiter",
    "RelayOrbiter",
    "SampledStates",
    "Space",
    "SpaceMedium",
    "SpaceSurroundings",
    "SpkFile",
    "Stamp",
    "StateOrbit",
    "StatesFile",
    "Steered",
    "Terminal",
    "Track",
    "elevation_deg",
    "light_time_back_ns",
    "light_time_ns",
    "occulting_body",
]
