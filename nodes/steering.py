"""Steering: how a node changes its own trajectory while the run goes on.

    class Probe(Node):
        trajectory = Steered(nominal=KeplerOrbit(...), center="mars", leeway_km=8000)

        async def run(self):
            engine = Steering(self)
            async for reception in self.xband.received(Go):
                engine.burn((0.0, 0.010, 0.0), over_s=60)

What is in flight to the node is solved again with each burn; what it sends carries where it is. Burns that are known
beforehand are declared with the trajectory (``Planned``), and commanded by nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

from lightlag.bus.errors import BrokenPromise, NodeError
from lightlag.bus.time import NS_PER_S

from .trajectory import Vector

if TYPE_CHECKING:
    from .node import Node

#: What is shorter has no push that could be told from an impulse.
_SHORTEST_S = 1.0
#: Axes of a burn: ICRF, or radial (outward), transverse (forward) and normal to the orbit at its beginning.
Axes = Literal["icrf", "rtn"]


@runtime_checkable
class Steerable(Protocol):
    """A trajectory that can be changed; ``lightlag.orbiters.Steered`` declares one."""

    def burn(self, t_ns: int, delta_v_km_s: Vector, over_ns: int, axes: Axes) -> None:
        """A constant push from ``t_ns`` on, which adds ``delta_v_km_s`` in ``over_ns``, and coasting after it."""
        ...


class PlannedBurn(NamedTuple):
    """A burn that is known beforehand: run times in ns, what it adds in ``axes``."""

    name: str
    begin_ns: int
    end_ns: int
    delta_v_km_s: Vector
    axes: Axes


@runtime_checkable
class Planned(Protocol):
    """A trajectory that knows its burns; ``lightlag.orbiters.Manoeuvred`` declares one."""

    @property
    def burns(self) -> Sequence[PlannedBurn]:
        """In the order of time; what is burnt after the end of the run is among them."""
        ...


class Steering:
    """The engine of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def burn(self, delta_v_km_s: Vector, *, over_s: float = 0.0, axes: Axes = "rtn") -> int:
        """Burn from now on, with a constant push, then coast; returns the run time (ns) at which the burn ends.

        ``over_s`` of 0 changes the velocity at once. What was commanded before and lies ahead is given up: a burn of
        nothing, ``burn((0, 0, 0))``, is a cut-off. It goes on even if the node crashes or goes into safe mode.

        Raises:
            NodeError: the node's trajectory cannot be steered.
            BrokenPromise: it would leave the leeway that its trajectory declares.
        """
        node = self._node
        trajectory = node.surroundings.trajectory(node.name)
        if not isinstance(trajectory, Steerable):
            raise NodeError(
                f"{node.name} cannot burn: its trajectory is a {type(trajectory).__name__}; declare it as "
                f"Steered(nominal=..., center=..., leeway_km=...)"
            )
        if over_s and not over_s >= _SHORTEST_S:
            raise NodeError(
                f"{node.name} cannot burn over {over_s} s; give 0, which changes the velocity at once, or "
                f"{_SHORTEST_S:g} s or more"
            )
        over_ns = round(over_s * NS_PER_S)
        try:
            trajectory.burn(node.now_ns, delta_v_km_s, over_ns, axes)
        except BrokenPromise as error:
            raise BrokenPromise(f"{node.name}: {error}") from None
        node.moved()
        return node.now_ns + over_ns
