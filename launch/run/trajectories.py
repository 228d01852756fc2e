"""The trajectories of a run's nodes, exchanged: written as an OEM of the CCSDS, or as an SPK kernel of SPICE.

What is written is the motion alone; of a node that steers it is the nominal one, for its burns came about in the run.
States are as far apart as a cubic through two of them stays within a decimetre of the trajectory, and never farther
than asked for: a landing has them every eighth of a second where a parachute opens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from lightlag.bus.errors import GraphError
from lightlag.bus.journal import read_facts
from lightlag.bus.time import NS_PER_S
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.nodes.trajectory import Trajectory
from lightlag.orbiters.interpolation import hermite
from lightlag.orbiters.oem import write_oem
from lightlag.orbiters.samples import Motion
from lightlag.orbiters.space import Space
from lightlag.orbiters.spk import write_spk
from lightlag.orbiters.trajectory import States

from .beginning import begun_graph

Format = Literal["oem", "spk"]
#: A cubic stays this near, if states need not be nearer to each other than that.
_WITHIN_KM, _NEAREST_NS = 1e-4, NS_PER_S // 8
#: Nearer than this to a planet motion is told relative to it, else to the sun: beyond both spheres of influence.
_NEAR_KM = 2e6
#: Ids of nodes whose names SPICE does not know are below this.
_IDS_BELOW = -900_000


@dataclass(frozen=True)
class Exported:
    """What was written of a node."""

    node: str
    naif_id: int
    center: str
    states: int


def export_trajectories(
    run_dir: Path, form: Format, output: Path, *, nodes: Sequence[str] = (), step_ns: int = 60 * NS_PER_S
) -> list[Exported]:
    """Write where ``nodes`` of a run were, from its epoch to its end; all that have a trajectory, if none is named.

    Raises:
        GraphError: there is no such run or node, a node has no trajectory, or the file cannot be written.
    """
    directory = RunDirectory(run_dir)
    if not directory.journal.is_file():
        raise GraphError(f"{run_dir} holds no run: it has no journal; see the folders under runs/")
    if step_ns < _NEAREST_NS:
        raise GraphError(f"a step of {step_ns / NS_PER_S} s is shorter than {_NEAREST_NS / NS_PER_S} s, the shortest")
    world = World(begun_graph(directory, read_facts(directory.journal)))
    motions = [_motion(world, node, step_ns) for node in _chosen(world, nodes)]
    try:
        if form == "oem":
            output.write_text(write_oem(motions, world.graph.epoch, _now()), encoding="ascii")
        else:
            write_spk(output, motions, world.graph.epoch, [f"Trajectories of {run_dir.name}, by lightlag, {_now()}"])
    except OSError as error:
        raise GraphError(f"{output} cannot be written: {error.strerror}") from None
    return [Exported(it.name, it.naif_id, it.center, len(it.t_ns)) for it in motions]


def _chosen(world: World, nodes: Sequence[str]) -> list[str]:
    somewhere = [name for name, node in world.nodes.items() if node.trajectory is not None]
    for name in nodes:
        if name not in world.nodes:
            near = did_you_mean(name, world.nodes) or f"there are: {', '.join(world.nodes)}"
            raise GraphError(f"{world.graph.name} has no node {name!r}; {near}")
        if name not in somewhere:
            raise GraphError(f"{name} has no trajectory; these have: {', '.join(somewhere) or 'none'}")
    return list(nodes) or somewhere


def _motion(world: World, node: str, step_ns: int) -> Motion:
    space, trajectory = world.space, world.trajectory(node)
    center = _center(space, trajectory)
    steps = range(0, world.graph.until_ns, step_ns)
    t_ns = [0]
    for begin_ns, end_ns in zip(steps, [*steps[1:], world.graph.until_ns], strict=True):
        t_ns += _between(space, trajectory, center, begin_ns, end_ns)
    return Motion(node, _naif_id(world, node), center, t_ns, _relative(space, trajectory, center, t_ns))


def _between(space: Space, trajectory: Trajectory, center: str, begin_ns: int, end_ns: int) -> list[int]:
    """Times after ``begin_ns`` up to ``end_ns``, so near to each other that cubics will do."""
    half_ns = (begin_ns + end_ns) // 2
    if end_ns - begin_ns < 2 * _NEAREST_NS:
        return [end_ns]
    # Two looks, for a jump in the middle may hide from one.
    looks_ns = [half_ns, (begin_ns + half_ns) // 2]
    states = _relative(space, trajectory, center, [begin_ns, end_ns, *looks_ns])
    times_s = [0.0, (end_ns - begin_ns) / NS_PER_S]
    for look_ns, state in zip(looks_ns, states[2:], strict=True):
        cubic = hermite((look_ns - begin_ns) / NS_PER_S, times_s, states[:2])
        if math.dist(cubic[0], state[0]) > _WITHIN_KM:
            return [
                *_between(space, trajectory, center, begin_ns, half_ns),
                *_between(space, trajectory, center, half_ns, end_ns),
            ]
    return [end_ns]


def _relative(space: Space, trajectory: Trajectory, center: str, t_ns: Sequence[int]) -> States:
    here = np.array([trajectory.state(t) for t in t_ns])
    return here - space.center_states(center, np.array(t_ns, dtype=np.int64))


def _center(space: Space, trajectory: Trajectory) -> str:
    """The planet that it is near at the epoch, or the sun."""
    here = trajectory.state(0).position_km
    away_km = {body: math.dist(here, space.body(body).position_km(0)) for body in ("earth", "mars")}
    nearest = min(away_km, key=lambda body: away_km[body])
    return nearest if away_km[nearest] < _NEAR_KM else "sun"


def _naif_id(world: World, node: str) -> int:
    """What SPICE knows the node's name for, if that is a spacecraft; else an id that nothing has."""
    try:
        known = world.space.ephemeris.naif_id(node)
    except GraphError:
        known = 0
    return known if known < 0 else _IDS_BELOW - sorted(world.nodes).index(node) - 1


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
