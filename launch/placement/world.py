"""From a graph to what runs: nodes, trajectories, media, hosts and the lookahead between them.

A ``World`` is made once in every process of a run, from the same graph. Trajectories are realised when they are first
needed, so that a host process computes its own and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import product
from typing import Any

from lightlag.bus.coordinator import Coordinator
from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError
from lightlag.bus.lookahead import Lookahead
from lightlag.bus.medium import Channel, Medium, Wire
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.graph.spec import ChannelSpec, FaultSpec, Graph
from lightlag.nodes.foreign import find_program, let_run
from lightlag.nodes.host import Host
from lightlag.nodes.lifecycle import clock_of
from lightlag.nodes.node import Node
from lightlag.nodes.params import RadioSpec
from lightlag.nodes.trajectory import Surroundings, Trajectory
from lightlag.orbiters import Ephemeris, Space, SpaceMedium, SpaceSurroundings, Terminal

#: Lookahead in space is made anew for every window of this length, or of a multiple of it in very long runs.
WINDOW_NS = 600 * NS_PER_S
#: Every window is looked at before hosts are placed; in runs of more than so many (four days) they are longer.
MOST_WINDOWS = 576
#: A grant reaches over this many of them: more than the light time between planets, so that they hold nobody up.
WINDOWS_AHEAD = 4
#: A person who watches a run in one process sees it unfold in so many steps.
SHOWN_STEPS = 100
#: How far hosts may be ahead of the slowest: more than the light time to Mars, so that over a network a grant is worth
#: a light time; and not without end, so that what is on its way between them fits into memory.
RUN_AHEAD_NS = 1_500 * NS_PER_S


class World:
    """One process's realisation of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: dict[str, Node] = {name: spec.cls(name, spec.params) for name, spec in graph.nodes.items()}
        for name, spec in graph.nodes.items():
            if spec.exec:
                let_run(self.nodes[name], spec.exec, spec.folder)
        self.channels: dict[str, Channel] = {
            name: Channel(name, self._medium(spec), dict(spec.members), dict(spec.senders))
            for name, spec in graph.channels.items()
        }
        self._trajectories: dict[str, Trajectory] = {}
        self._surroundings: dict[str, Surroundings] = {}
        #: Of every link in space, the bounds of the windows that were asked for.
        self._bounds: dict[tuple[str, str], dict[int, int]] = {}

    @cached_property
    def space(self) -> Space:
        """The space of the run.

        Raises:
            GraphError: the run does not lie within the ephemeris.
        """
        try:
            graph = self.graph
            space = Space(graph.epoch, Ephemeris.open(), until_ns=graph.until_ns, folder=graph.folder)
            space.require(0, graph.until_ns)
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
            space = self.space
            with self._blaming(node):
                found = self._trajectories[node] = model.realise(space)
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
            declared = self.graph.nodes[name]
            with self._blaming(name):
                node.check(self.nodes)
                if declared.exec and self.graph.place.get(name) not in self.graph.machines:
                    find_program(declared.exec, declared.folder)
        for spec in self.graph.channels.values():
            if spec.medium == "space":
                for name in {**spec.members, **spec.senders}:
                    trajectory = self.trajectory(name)
                    with self._blaming(name):
                        trajectory.state(0)
        for number, fault in enumerate(self.graph.faults, 1):
            try:
                self.check_fault(fault)
            except GraphError as error:
                raise self.graph.error(f"faults.{number}", str(error), "declare a clock in its Params") from None

    def check_fault(self, spec: FaultSpec) -> None:
        """See whether what a fault is to befall is there.

        Raises:
            GraphError: a clock is to jump that a node does not have.
        """
        for name in spec.fault.nodes if spec.fault.verb == "clock_jump" else ():
            node = self.nodes[name]
            if clock_of(node) is None:
                raise GraphError(f"the clock of {name} is to jump, but {type(node).__name__} has none")

    @contextmanager
    def _blaming(self, node: str) -> Iterator[None]:
        """Errors of the graph in here are a node's, and are told with its place."""
        try:
            yield
        except GraphError as error:
            raise self.graph.error(f"nodes.{node}", f"{node}: {error}") from None

    def host(self, name: str, members: Sequence[str], kind: type[Host] | None = None) -> Host:
        """A host of some of the nodes, of a kind of its own if one is given."""
        return (kind or Host)(
            name,
            [self.nodes[node] for node in members],
            list(self.channels.values()),
            epoch=self.graph.epoch,
            seed=self.graph.seed,
            until_ns=self.graph.until_ns,
            surroundings=self.surroundings,
            **self._presence(members),
        )

    def _presence(self, members: Sequence[str]) -> dict[str, Any]:
        """When the nodes that join late or leave early are there; empty if all of them are there all the time."""
        specs = [self.graph.nodes[node] for node in members]
        absent = {spec.name: (spec.join_ns, spec.leave_ns) for spec in specs if spec.is_absent_at_times}
        return {"presence": absent} if absent else {}

    def coordinator(self, groups: Sequence[Sequence[str]]) -> Coordinator:
        """The coordinator of hosts that hold these groups of nodes."""
        host_of = {node: index for index, group in enumerate(groups) for node in group}
        return Coordinator(
            len(groups),
            self.lookahead(groups),
            host_of,
            self.destinations(groups),
            self.graph.until_ns,
            run_ahead_ns=self.run_ahead_ns if len(groups) > 1 else max(1, self.graph.until_ns // SHOWN_STEPS),
        )

    @property
    def run_ahead_ns(self) -> int:
        """How far one of several hosts may be ahead of the slowest, whatever the lookahead."""
        return max(RUN_AHEAD_NS, self.graph.until_ns // SHOWN_STEPS)

    def destinations(self, groups: Sequence[Sequence[str]]) -> Callable[[Emission], Sequence[int]]:
        """For an emission: the hosts, other than its own, where potential receivers of it live."""
        host_of = {node: index for index, group in enumerate(groups) for node in group}
        only = [[host] for host in range(len(groups))]
        members = {name: {host_of[node] for node in channel.members} for name, channel in self.channels.items()}
        others = {
            (name, here): sorted(hosts - {here}) for name, hosts in members.items() for here in range(len(groups))
        }

        def destinations(emission: Emission) -> Sequence[int]:
            here = host_of[emission.source]
            if not emission.to:
                return others[emission.channel, here]
            there = host_of[emission.to]
            return only[there] if there != here else ()

        return destinations

    # -- lookahead ----------------------------------------------------------------------------------------------

    @cached_property
    def space_links(self) -> list[tuple[str, str]]:
        """Pairs (source, receiver) between which an emission can cross space: their bounds change with time."""
        joined = {
            (source, receiver): None
            for channel in self.channels.values()
            if not isinstance(channel.medium, Wire)
            for source in self.speakers(channel)
            for receiver in channel.receivers(source)
        }
        return sorted(joined)

    @property
    def window_ns(self) -> int:
        """How long a window of the lookahead is in this run.

        Placement and coordination ask for bounds of these windows only, so that what the one decided after looking
        at all of them is never refuted by what the other finds.
        """
        return WINDOW_NS * max(1, -(-self.graph.until_ns // (WINDOW_NS * MOST_WINDOWS)))

    @property
    def windows(self) -> range:
        """The starts of the windows of this run, in ns."""
        return range(0, self.graph.until_ns, self.window_ns)

    def window_bound_ns(self, source: str, receiver: str, start_ns: int) -> int:
        """The bound of a link in space over the window that starts at ``start_ns``; made once."""
        known = self._bounds.setdefault((source, receiver), {})
        bound_ns = known.get(start_ns)
        if bound_ns is None:
            bound_ns = self.delay_bound_ns(source, receiver, start_ns, start_ns + self.window_ns)
            known[start_ns] = bound_ns
        return bound_ns

    def lookahead(self, groups: Sequence[Sequence[str]]) -> Lookahead:
        """The lookahead between groups of nodes."""
        host_of = {node: index for index, group in enumerate(groups) for node in group}
        wires = [[NEVER_NS] * len(groups) for _ in groups]
        for channel in self.channels.values():
            if isinstance(channel.medium, Wire):
                senders = sorted({host_of[node] for node in self.speakers(channel) if node in host_of})
                for i, j in product(senders, sorted({host_of[node] for node in channel.members if node in host_of})):
                    wires[i][j] = NEVER_NS if i == j else min(wires[i][j], channel.medium.latency_ns)
        links = [
            (host_of[source], host_of[receiver], source, receiver)
            for source, receiver in self.space_links
            if source in host_of and receiver in host_of and host_of[source] != host_of[receiver]
        ]

        def bounds(t0_ns: int, t1_ns: int) -> list[list[int]]:
            matrix = [list(row) for row in wires]
            for i, j, source, receiver in links:
                # After the end nothing matters any more, and nothing was promised: 1 ns is always a lower bound.
                bound_ns = self.window_bound_ns(source, receiver, t0_ns) if t0_ns < self.graph.until_ns else 1
                matrix[i][j] = min(matrix[i][j], bound_ns)
            return matrix

        step_ns = self.window_ns if links else None
        return Lookahead(bounds, step_ns, steps=WINDOWS_AHEAD, until_ns=self.graph.until_ns)

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

    def speakers(self, channel: Channel) -> list[str]:
        """The nodes that can emit on a channel, sorted."""
        return [node for node in sorted({**channel.members, **channel.senders}) if self._speaks(node, channel.name)]

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
