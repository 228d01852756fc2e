"""One node alone in a real host: what others sent arrives when it did, and whoever listens is told what the node says.

``Given`` takes the place of each medium: receptions that are given again arrive at their recorded instants, without
being judged; what the node itself sends is stamped by the medium of the run. ``Witness`` is the host, with one thing
more: its listener hears of every emission, line and file in the node's own stack, where a debugger can stop. For every
member of the channel the medium of the run is asked how the emission ends there, so that a node that is elsewhere, or
speaks by another radio, is found out though its words are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from lightlag.bus.activation import LogRecord, Product
from lightlag.bus.emission import Emission
from lightlag.bus.medium import Medium
from lightlag.launch.look.account import Said, said_of
from lightlag.launch.placement.world import World
from lightlag.nodes.host import Host
from lightlag.nodes.outlet import Judge, Place
from lightlag.nodes.rules import Verdict


class Given:
    """A medium over which what was received is received again when it was."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        #: When (ns) what is given next arrives, by source and number.
        self.arrivals: dict[tuple[str, int], int] = {}

    def stamp(self, source: str, sent_ns: int) -> bytes:
        """As in the run."""
        return self.medium.stamp(source, sent_ns)

    def judge(self, emission: Emission, receiver: str) -> tuple[int, str | None]:
        """Received at the recorded instant; what the node sends to itself, as in the run."""
        t_ns = self.arrivals.pop((emission.source, emission.seq), None)
        return self.medium.judge(emission, receiver) if t_ns is None else (t_ns, None)

    def lower_bound_ns(self, source: str, receiver: str, t0_ns: int, t1_ns: int) -> int:
        """As in the run."""
        return self.medium.lower_bound_ns(source, receiver, t0_ns, t1_ns)


class Listener(Protocol):
    """Who is told what a node does, as it does it; what it raises would be raised in the node."""

    def said(self, said: Said, message: bytes) -> None:
        """The node has emitted something; ``message`` is its JSON. Without ends: nobody can hear it."""
        ...

    def noted(self, record: LogRecord) -> None:
        """It has written to its log."""
        ...

    def published(self, product: Product) -> None:
        """It has published a file."""
        ...


class Witness(Host):
    """A host of one node that lets somebody listen."""

    listener: Listener | None = None
    #: What the node has raised, if it failed, for a debugger.
    raised: BaseException | None = None
    #: What a medium raised when it was asked about another receiver.
    broken: Exception | None = None
    #: By channel, how an emission ends for all of its members.
    ends: Mapping[str, Callable[[Emission], dict[str, tuple[int, str]]]]

    def judge(self, emission: Emission, receivers: Iterable[Place], judge: Judge) -> None:
        """Every emission comes by here: what the node sends, and what is given to it."""
        if emission.source in self._place_of and self.listener is not None:
            try:
                ends = self.ends[emission.channel](emission)
            except Exception as error:  # noqa: BLE001 - a receiver's trajectory; not to be raised in the node
                self.broken = self.broken or error
            else:
                self.listener.said(*said_of(emission, ends))
        super().judge(emission, receivers, judge)

    def log(self, node: str, level: str, text: str, fields: dict[str, Any]) -> None:
        """Append to the node's log."""
        super().log(node, level, text, fields)
        if self.listener is not None:
            self.listener.noted(self.done.logs[-1])

    def publish(self, node: str, name: str, data: bytes, facts: dict[str, Any]) -> None:
        """Hand a file over."""
        super().publish(node, name, data, facts)
        if self.listener is not None:
            self.listener.published(self.done.products[-1])

    def _verdict(self, place: Place, emission: Emission, met: tuple[str, ...]) -> Verdict:
        """What is given again is what faults have left of it; what the node hears of itself they meet again."""
        return super()._verdict(place, emission, met) if emission.source == place.name else Verdict(emission, met)

    def _fail(self, t_ns: int, place: Place, error: BaseException) -> None:
        self.raised = self.raised or error
        super()._fail(t_ns, place, error)


def alone(world: World, node: str) -> tuple[Witness, dict[str, Given]]:
    """A host of one node of a world, and what its channels are given; the world is for nothing else after that."""
    channels = world.channels
    given = {name: Given(channel.medium) for name, channel in channels.items()}
    world.channels = {name: replace(channel, medium=given[name]) for name, channel in channels.items()}
    host = world.host(node, [node], Witness)
    assert isinstance(host, Witness)

    def ends_on(name: str) -> Callable[[Emission], dict[str, tuple[int, str]]]:
        channel = channels[name]

        def ends(emission: Emission) -> dict[str, tuple[int, str]]:
            judged = {it: channel.medium.judge(emission, it) for it in channel.receivers(emission.source, emission.to)}
            return {receiver: (t_ns, reason or "") for receiver, (t_ns, reason) in judged.items()}

        return ends

    host.ends = {name: ends_on(name) for name in channels}
    return host, given
