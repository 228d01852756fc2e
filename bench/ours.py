"""Lightlag's side of the benchmarks: the nodes of every work, their graphs, and the public runner to run them.

Every run is as a user's is: messages are encoded, ordered, digested and, between processes, journalled. Nothing is
recorded unless asked. The hosts of a run import this module from the path that the launcher passes on to them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import workloads as work

from lightlag.bus.medium import Wire
from lightlag.bus.message import message
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.graph.spec import ChannelSpec, Graph, NodeSpec
from lightlag.launch.run.options import RunOptions, RunResult
from lightlag.launch.run.runner import run
from lightlag.nodes.events import Learnt
from lightlag.nodes.node import Node
from lightlag.nodes.params import NodeParams
from lightlag.nodes.port import Port

_EPOCH = "2021-02-18T20:26:00Z"


@message("bench.event")
class Event:
    """What circulates in PHOLD."""

    number: int


@message("bench.token")
class Token:
    """What goes round the ring."""

    hop: int
    padding: bytes


@message("bench.data")
class Data:
    """Telemetry."""

    number: int
    data: bytes


@message("bench.piece")
class Piece:
    """A piece of an image: arrays travel beside the message, uncopied."""

    number: int
    pixels: np.ndarray


class Member(NodeParams):
    """Which node of how many this is, and how much there is to do (events, hops, steps or messages)."""

    index: int
    nodes: int
    size: int = 0


class Phold(Node):
    """Every message received is followed by one sent."""

    Params: ClassVar[type[NodeParams]] = Member
    ports: ClassVar[tuple[str, ...]] = ("link",)
    params: Member
    link: Port

    async def run(self) -> None:
        """Send the first messages, then one for each that comes."""
        draws = work.Draws(self.params.index, self.params.nodes)
        number = 0
        for _ in range(work.PHOLD_MESSAGES):
            target, wait_ns = draws.next()
            self.link.send(Event(number), to=f"n{target}", after_ns=wait_ns)
            number += 1
        async for reception in self.link.received():
            if not isinstance(reception.message, Event):
                raise RuntimeError(f"{self.name} received {reception!r}")
            target, wait_ns = draws.next()
            self.link.send(Event(number), to=f"n{target}", after_ns=wait_ns)
            number += 1


class Ring(Node):
    """Hands the token on, and checks that it comes in turn."""

    Params: ClassVar[type[NodeParams]] = Member
    ports: ClassVar[tuple[str, ...]] = ("before", "behind")
    params: Member
    before: Port
    behind: Port

    async def run(self) -> None:
        """The first node starts the token."""
        padding = bytes(work.RING_BYTES - 8)
        if self.params.index == 0:
            self.before.send(Token(1, padding))
        expected = self.params.index or self.params.nodes
        async for reception in self.behind.received(Token):
            hop = reception.message.hop
            if hop != expected:
                raise RuntimeError(f"{self.name} received hop {hop} where {expected} was due")
            if hop < self.params.size:
                self.before.send(Token(hop + 1, padding))
            expected += self.params.nodes


class Sleeper(Node):
    """Sleeps, one step at a time; it could send, but has nothing to say."""

    Params: ClassVar[type[NodeParams]] = Member
    ports: ClassVar[tuple[str, ...]] = ("link",)
    params: Member

    async def run(self) -> None:
        """Sleep as often as there are steps."""
        for _ in range(self.params.size):
            await asyncio.sleep(work.TIMING_STEP_NS / NS_PER_S)


class Rover(Node):
    """Sends messages of one size, one a period."""

    class Params(NodeParams):
        """What to send."""

        messages: int
        bytes: int
        period_ns: int

    ports: ClassVar[tuple[str, ...]] = ("uhf",)
    params: Params
    uhf: Port

    async def run(self) -> None:
        """Send, wait for the next period, send."""
        data = bytes(self.params.bytes)
        for number in range(self.params.messages):
            await self.sleep_until(number * self.params.period_ns)
            self.uhf.send(Data(number, data))


class Camera(Rover):
    """Sends pieces of an image, one a period."""

    async def run(self) -> None:
        """Send, wait for the next period, send."""
        pixels = np.zeros(self.params.bytes, dtype=np.uint8)
        for number in range(self.params.messages):
            await self.sleep_until(number * self.params.period_ns)
            self.uhf.send(Piece(number, pixels))


class Orbiter(Node):
    """Passes on what it receives."""

    ports: ClassVar[tuple[str, ...]] = ("uhf", "xband")
    uhf: Port
    xband: Port

    async def run(self) -> None:
        """Relay for ever."""
        async for reception in self.uhf.received():
            self.xband.relay(reception)


class Earth(Node):
    """Checks that what it receives is complete and in order."""

    ports: ClassVar[tuple[str, ...]] = ("xband",)
    xband: Port

    async def run(self) -> None:
        """Receive for ever."""
        expected = 0
        async for reception in self.xband.received():
            if reception.message.number != expected:
                raise RuntimeError(f"received message {reception.message.number} where {expected} was due")
            expected += 1


def phold(nodes: int, until_ns: int) -> Graph:
    """PHOLD of some nodes, all on one channel whose latency is the lookahead."""
    names = [f"n{index}" for index in range(nodes)]
    specs = {name: _spec(name, Phold, {"index": index, "nodes": nodes}) for index, name in enumerate(names)}
    link = ChannelSpec("link", Wire(work.PHOLD_LOOKAHEAD_NS), dict.fromkeys(names, "link"), {})
    return _graph("phold", specs, [link], until_ns)


def ring(nodes: int, hops: int) -> Graph:
    """A token's way round some nodes; a channel from each to the next."""
    specs = {f"n{k}": _spec(f"n{k}", Ring, {"index": k, "nodes": nodes, "size": hops}) for k in range(nodes)}
    channels = [
        ChannelSpec(f"c{k}", Wire(work.RING_HOP_NS), {f"n{(k + 1) % nodes}": "behind"}, {f"n{k}": "before"})
        for k in range(nodes)
    ]
    return _graph("ring", specs, channels, (hops + 1) * work.RING_HOP_NS)


def timing(nodes: int, steps: int) -> Graph:
    """Nodes that could hear each other one step later, and only sleep."""
    names = [f"n{index}" for index in range(nodes)]
    specs = {
        name: _spec(name, Sleeper, {"index": index, "nodes": nodes, "size": steps}) for index, name in enumerate(names)
    }
    link = ChannelSpec("link", Wire(work.TIMING_STEP_NS), dict.fromkeys(names, "link"), {})
    return _graph("timing", specs, [link], steps * work.TIMING_STEP_NS + 1)


def relay(messages: int, size_bytes: int, period_ns: int, sender: type[Rover] = Rover) -> Graph:
    """Rover, orbiter and Earth, on two wires."""
    specs = {
        "rover": _spec("rover", sender, {"messages": messages, "bytes": size_bytes, "period_ns": period_ns}),
        "orbiter": _spec("orbiter", Orbiter, {}),
        "earth": _spec("earth", Earth, {}),
    }
    channels = [
        ChannelSpec("uhf", Wire(work.UP_NS), {"orbiter": "uhf"}, {"rover": "uhf"}),
        ChannelSpec("xband", Wire(work.LONG_NS), {"earth": "xband"}, {"orbiter": "xband"}),
    ]
    return _graph("relay", specs, channels, messages * period_ns + work.UP_NS + work.LONG_NS + 1)


def image(pieces: int, size_bytes: int, period_ns: int) -> Graph:
    """The same path for an image."""
    return relay(pieces, size_bytes, period_ns, Camera)


def measure(work: str, arguments: Sequence[int], processes: int, record: bool = False) -> dict[str, Any]:
    """Run the graph of a work in this process (0) or in ``processes`` others; its files are gone after it.

    Returns:
        ``drive_s``, wall time from the moment all hosts were ready to the last event; ``wall_s``, of the whole run:
        starting processes, running, merging the recording; ``receptions``, ``losses`` by reason, ``digest``; and
        ``grants`` by host, None where the runner does not tell.

    Raises:
        RuntimeError: the run failed.
    """
    graph = _GRAPHS[work](*arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        options = RunOptions(processes=processes or None, run_dir=Path(folder) / "run", record=record, report=False)
        result = run(graph, options, Silent())
    if result.failure is not None or result.interrupted:
        raise RuntimeError(f"the run of {work} failed: {result.failure or 'it was interrupted'}")
    return {
        "drive_s": result.drive_s,
        "wall_s": result.wall_s,
        "receptions": result.receptions,
        "losses": dict(result.losses),
        "digest": result.digest,
        "grants": dict(result.grants),
    }


_GRAPHS: Mapping[str, Callable[..., Graph]] = {
    "phold": phold,
    "ring": ring,
    "timing": timing,
    "relay": relay,
    "image": image,
}


class Silent:
    """Watches, and says nothing of what is expected."""

    def started(self, graph: Graph, run_dir: Path | None) -> None:
        """It begins."""

    def noticed(self, text: str) -> None:
        """A person should know: shown, since it may spoil a measurement."""
        sys.stderr.write(f"{text}\n")

    def progress(self, frontier_ns: int) -> None:
        """It goes on."""

    def learnt(self, items: Sequence[Learnt]) -> None:
        """Somebody learnt something."""

    def finished(self, result: RunResult) -> None:
        """It is over."""


def _spec(name: str, cls: type[Node], given: Mapping[str, int]) -> NodeSpec:
    return NodeSpec(name, f"{__name__}:{cls.__name__}", cls, cls.Params(**given), dict(given))


def _graph(name: str, specs: Mapping[str, NodeSpec], channels: Sequence[ChannelSpec], until_ns: int) -> Graph:
    return Graph(
        name=name,
        description="",
        epoch=Epoch.parse(_EPOCH),
        seed=work.PHOLD_SEED,
        until_ns=until_ns,
        nodes=specs,
        channels={channel.name: channel for channel in channels},
        place={},
    )
