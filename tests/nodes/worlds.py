"""Small worlds of nodes for the tests of this folder: scripted nodes on wires, in one host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from lightlag.bus.activation import Completion
from lightlag.bus.emission import Emission
from lightlag.bus.medium import Channel, Medium, Wire
from lightlag.bus.message import message
from lightlag.bus.time import NEVER_NS, NS_PER_S, Epoch
from lightlag.nodes.host import Host
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams, RadioSpec

Script = Callable[[Any], Awaitable[None]]


@message("test.nodes.note")
class Note:
    """A word."""

    text: str


class Scripted(Node):
    """A node with two ports that does what a test wrote."""

    ports = ("link", "side")

    def __init__(self, name: str, script: Script | None = None) -> None:
        super().__init__(name)
        self.script = script
        #: What happened, as the script tells it.
        self.seen: list[Any] = []

    async def run(self) -> None:
        """Follow the script."""
        if self.script is not None:
            await self.script(self)

    def again(self) -> Scripted:
        """Another instance, that adds to what the first has seen."""
        again = type(self)(self.name, self.script)
        again.seen = self.seen
        return again


class Transmitter(Node):
    """A node with a radio of 8 kbit/s: a millisecond a byte."""

    class Params(NodeParams):
        """Its one radio."""

        uhf: RadioSpec = RadioSpec(rate_bps="8 kbit/s", transmit_hz="400 MHz", receive_hz="400 MHz", queue_frames=3)

    def __init__(self, name: str, script: Script | None = None, params: NodeParams | None = None) -> None:
        super().__init__(name, params)
        self.script = script
        self.seen: list[Any] = []

    async def run(self) -> None:
        """Follow the script."""
        if self.script is not None:
            await self.script(self)


def wire(name: str, *members: str, port: str = "link", latency_ns: int = 10, medium: Medium | None = None) -> Channel:
    """A channel that joins nodes by a port of the same name."""
    return Channel(name, medium or Wire(latency_ns), dict.fromkeys(members, port))


def host(
    nodes: Sequence[Node],
    channels: Sequence[Channel],
    until_ns: int = NS_PER_S,
    presence: Mapping[str, tuple[int, int]] | None = None,
) -> Host:
    """A host of these nodes."""
    epoch = Epoch.parse("2021-02-18T20:00:00Z")
    return Host("host", nodes, channels, epoch=epoch, seed=7, until_ns=until_ns, presence=presence)


def run_to_end(nodes: Sequence[Node], channels: Sequence[Channel], until_ns: int = NS_PER_S) -> list[Completion]:
    """Run the nodes in one host to the end; what the run did and what finishing did."""
    made = host(nodes, channels, until_ns)
    return [made.activate(NEVER_NS, [], NEVER_NS), made.finish([])]


def note_from(source: str, seq: int, sent_ns: int, text: str, channel: str = "wire") -> Emission:
    """A note that a node of another host sent."""
    body, arrays = Note(text).encode()  # type: ignore[attr-defined]
    return Emission(source, seq, channel, "test.nodes.note@1", sent_ns, body, arrays)


async def listen(node: Any) -> None:
    """A script: keep (time, source, text) of whatever the link brings."""
    async for reception in node.link.received():
        node.seen.append((node.now_ns, reception.emission.source, reception.message.text))
