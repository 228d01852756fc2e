"""From a graph to what runs: nodes, trajectories, media, hosts and the lookahead between them.

A ``World`` is made once in every process of a run, from the same graph. Trajectories are realised when they are first
needed, so that a host process computes its own and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial

from lightlag.bus.coordinator import Coordinator
from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.medium import Channel, Medium
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.nodes.host import Host
from lightlag.nodes.node import Node
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.trajectory import Surroundings, Trajectory
from lightlag.orbiters import Ephemeris, Space, SpaceMedium, SpaceSurroundings, Terminal

from .spec import ChannelSpec, Graph

#: Lookahead in space is made anew for every window of this length.
WINDOW_NS = 600 * NS_PER_S
#: How far hosts may be ahead of the slowest, so that a person who watches sees the run unfold.
SHOWN_STEPS = 100


class World:
    """One process's realisation of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: dict[str, Node] = {name: spec.cls(name, spec.params) for name, spec in graph.nodes.items()}
        self.channels: dict[str, Channel] = {
            name: Channel(name, self._medium(spec), dict(spec.members), dict(spec.senders))
            for name, spec in graph.channels.items()
        }
        self._trajectories: dict[str, Trajectory] = {}
        self._surroundings: dict[str, Surroundings] = {}

    @cached_property
    def space(self) -> Space:
        """The space of the run.

        Raises:
            GraphError: the run does not lie within the ephemeris.
        """
        try:
            space = Space(self.graph.epoch, Ephemeris.open())
            space.require(0, self.graph.until_ns)
        except GraphError as error:
            raise self.graph.error("epoch", str(error)) from None
        return space

    def trajectory(self, node: str) -> Trajectory:
        """Where a node is.

        Raises:
            GraphError: it has no trajectory.
        """
        found = self._trajectories.get(node)
        if found is None:
            model = self.nodes[node].trajectory
            if model is None:
                raise self.graph.error(
                    f"nodes.{node}", f"{node} is on a space channel but has no trajectory", "use a wire, or give it one"
                )
            found = self._trajectories[node] = model.realise(self.space)
        return found

    def surroundings(self, node: str) -> Surroundings:
        """The geometry around a node."""
        found = self._surroundings.get(node)
        if found is None:
            lazily = {name: partial(self.trajectory, name) for name in self.nodes}
            found = self._surroundings[node] = SpaceSurroundings(self.space, node, lazily)
        return found

    def check(self) -> None:
        """Ask every node, and every trajectory in space for its start, so that what is wrong is said before the start.

        Raises:
            GraphError: a node has no trajectory, or none at the epoch, or asks for what is not there.
        """
        for name, node in self.nodes.items():
            with self._blaming(name):
                node.check(self.nodes)
        for spec in self.graph.channels.values():
            if spec.medium == "space":
                for name in {**spec.members, **spec.senders}:
                    trajectory = self.trajectory(name)
                    with self._blaming(name):
                        trajectory.state(0)

    @contextmanager
    def _blaming(self, node: str) -> Iterator[None]:
        """Errors of the graph in here are a node's, and are told with its place."""
        try:
            yield
        except GraphError as error:
            raise self.graph.error(f"nodes.{node}", f"{node}: {error}") from None

    def host(self, name: str, members: Sequence[str]) -> Host:
        """A host of some of the nodes."""
        return Host(
            name,
            [self.nodes[node] for node in members],
            list(self.channels.values()),
            epoch=self.graph.epoch,
            seed=self.graph.seed,
            until_ns=self.graph.until_ns,
            surroundings=self.surroundings,
        )

    def coordinator(self, groups: Sequence[Sequence[str]]) -> Coordinator:
        """The coordinator of hosts that hold these groups of nodes."""
        host_of = {node: index for index, group in enumerate(groups) for node in group}
        destinations = {
            (channel.name, source): sorted({host_of[node] for node in channel.receivers(source)} - {host_of[source]})
            for channel in self.channels.values()
            for source in {**channel.members, **channel.senders}
        }

        def destinations_of(emission: Emission) -> Sequence[int]:
            return destinations[emission.channel, emission.source]

        return Coordinator(
            len(groups),
            self.lookahead(groups),
            host_of,
            destinations_of,
            self.graph.until_ns,
            run_ahead_ns=max(1, self.graph.until_ns // SHOWN_STEPS),
        )

    def lookahead(self, groups: Sequence[Sequence[str]]) -> Lookahead:
        """The lookahead between groups of nodes."""
        pairs = {
            (i, j): [(a, b) for a in groups[i] for b in groups[j]]
            for i in range(len(groups))
            for j in range(len(groups))
            if i != j
        }

        def bounds(t0_ns: int, t1_ns: int) -> list[list[int]]:
            matrix = [[NEVER_NS] * len(groups) for _ in groups]
            for (i, j), nodes in pairs.items():
                matrix[i][j] = min((self.delay_bound_ns(a, b, t0_ns, t1_ns) for a, b in nodes), default=NEVER_NS)
            return matrix

        return Lookahead(bounds, WINDOW_NS if len(groups) > 1 else None)

    def delay_bound_ns(self, source: str, receiver: str, t0_ns: int, t1_ns: int) -> int:
        """Least delay from one node to another of what is sent in [t0_ns, t1_ns); NEVER_NS if no channel joins them."""
        return min(
            (
                channel.medium.lower_bound_ns(source, receiver, t0_ns, min(t1_ns, self.graph.until_ns))
                for channel in self.channels.values()
                if receiver in channel.members and self._speaks(source, channel.name)
            ),
            default=NEVER_NS,
        )

    def _speaks(self, node: str, channel: str) -> bool:
        """Whether a node can emit on a channel, rather than only listen there: who is mute holds nobody up."""
        spec = self.graph.channels[channel]
        port = spec.senders.get(node) or spec.members.get(node)
        radio = getattr(self.nodes[node].params, port, None) if port else None
        mute = isinstance(radio, RadioSpec) and radio.transmit_hz is None
        return port is not None and not mute and self.graph.sends_on(node, port) == channel

    def _medium(self, spec: ChannelSpec) -> Medium:
        if spec.medium != "space":
            return spec.medium
        terminals: Mapping[str, Terminal] = {
            node: Terminal(partial(self.trajectory, node), self._radio(spec, node, port))
            for node, port in {**spec.senders, **spec.members}.items()
        }
        return SpaceMedium(self.space, terminals)

    def _radio(self, spec: ChannelSpec, node: str, port: str) -> RadioSpec:
        radio = getattr(self.nodes[node].params, port, None)
        if not isinstance(radio, RadioSpec):
            raise self.graph.error(
                f"channels.{spec.name}",
                f"{node}.{port} is on a space channel but is no radio",
                f"declare {port!r} as a RadioSpec in the Params of {type(self.nodes[node]).__name__}",
            )
        return radio
