"""Somebody to talk to: a node that joins a port of the node that is tried, says something at random, and listens."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from lightlag.bus.errors import GraphError, QueueRefused
from lightlag.launch.graph.plugins import node_type
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams, RadioSpec
from lightlag.nodes.trajectory import Ball, State, Trajectory, TrajectoryModel, Vector
from lightlag.nodes.units import Seconds
from lightlag.orbiters import KeplerOrbit, Space
from lightlag.orbiters.space import in_space

from .messages import is_message, random_message

#: How far above it, or beside it, a peer keeps to the node that is tried: seen by it, and in reach of every radio.
BESIDE_KM = 100.0
#: Around the sun, between Earth and Mars and far from both; 30 degrees out of the plane of the planets at most.
FAR = KeplerOrbit(center="sun", epoch="2021-02-18T00:00:00Z", a_km=2.0e8, e=0.0, inclination_deg=30.0)
#: Velocity is told from two positions so far apart.
_STEP_NS = 500_000_000
_ROUNDING_KM = 1e-6


@dataclass(frozen=True, slots=True)
class Beside:
    """A trajectory that keeps to another one, ``BESIDE_KM`` above it: along its zenith; in flight, off the planet."""

    model: TrajectoryModel

    def realise(self, space: object) -> _Above:
        """The trajectory in the space of a run."""
        return _Above(in_space(space), self.model.realise(space))


class _Above:
    def __init__(self, space: Space, below: Trajectory) -> None:
        self._space, self._below = space, below

    def state(self, t_ns: int) -> State:
        """See ``Trajectory``."""
        (ax, ay, az), (bx, by, bz) = (self._position_km(t_ns + step) for step in (-_STEP_NS, _STEP_NS))
        per_s = 1e9 / (2 * _STEP_NS)
        velocity = ((bx - ax) * per_s, (by - ay) * per_s, (bz - az) * per_s)
        return State(self._position_km(t_ns), velocity)

    def bound(self, t0_ns: int, t1_ns: int) -> Ball:
        """See ``Trajectory``."""
        ball = self._below.bound(t0_ns, t1_ns)
        return Ball(ball.centre_km, ball.radius_km + BESIDE_KM + _ROUNDING_KM)

    def zenith(self, t_ns: int) -> Vector | None:
        """None: in flight."""
        return None

    def attenuation_db(self, t_ns: int, frequency_hz: float) -> float:
        """0: clear space."""
        return 0.0

    def _position_km(self, t_ns: int) -> Vector:
        x, y, z = here = self._below.state(t_ns).position_km
        up = self._below.zenith(t_ns)
        if up is None:
            centres = [self._space.body_state(body, t_ns).position_km for body in ("earth", "mars")]
            cx, cy, cz = min(centres, key=lambda centre: math.dist(here, centre))
            length_km = math.dist(here, (cx, cy, cz)) or 1.0
            up = ((x - cx) / length_km, (y - cy) / length_km, (z - cz) / length_km)
        return (x + BESIDE_KM * up[0], y + BESIDE_KM * up[1], z + BESIDE_KM * up[2])


class Peer(Node):
    """Says something at random now and then, on its radio or on its line, and listens."""

    ports: ClassVar[tuple[str, ...]] = ("line",)

    class Params(NodeParams):
        """What a trial says of it."""

        radio: RadioSpec | None = Field(default=None, description="its radio, if it is on a channel in space")
        says: tuple[str, ...] = Field(default=(), description="message classes, as package.module:Class")
        every: Seconds = Field(default=30.0, gt=0, description="between two messages, on the average")
        beside: str = Field(default="", description="the node type to whose nodes it keeps; empty: far from all")
        given: str = Field(default="{}", description="the parameters of that node, as JSON")

    params: Params

    @cached_property
    def trajectory(self) -> TrajectoryModel:
        """Above the node that is tried, or far from everything."""
        if not self.params.beside:
            return FAR
        model = made(self.params.beside, self.params.given).trajectory
        if model is None:
            raise GraphError(f"{self.params.beside} has a radio but no trajectory")
        return Beside(model)

    async def run(self) -> None:
        """Talk for ever."""
        kinds = classes(self.params.says)
        if not kinds or (self.params.radio is not None and self.params.radio.transmit_hz is None):
            return
        port = self.port["radio" if self.params.radio is not None else "line"]
        while True:
            await asyncio.sleep(self.rng.uniform(0.5, 1.5) * self.params.every)
            try:
                port.send(random_message(self.rng.choice(kinds), self.rng))
            except QueueRefused as refusal:
                self.log(str(refusal))


def made(written: str, given: str) -> Node:
    """A node of a type, in no run, with parameters as a graph file has them (JSON)."""
    cls = node_type(written)
    if cls is None:
        raise GraphError(f"no node type {written!r} is installed")
    return cls("it", cls.Params.model_validate(json.loads(given)))


def classes(written: Sequence[str]) -> list[type]:
    """Message classes, by ``package.module:Class``."""
    import importlib

    found = [getattr(importlib.import_module(it.partition(":")[0]), it.partition(":")[2]) for it in written]
    return [kind for kind in found if is_message(kind)]
