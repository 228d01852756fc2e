"""A node: one independent participant, a name, parameters, ports, a place in space and ``async def run(self)``.

A node class declares its parameters as a nested ``Params`` model; every field of a type derived from ``PartSpec`` there
is a part of that name on the node (a radio, a clock), every name in ``ports`` a plain port. What it says and what it
reads it declares in ``sends`` and ``hears``, for people and programs that look at it without running it. It never sees
the wall clock: plain asyncio works in simulated time, and whatever else it needs of the world comes through the
``Services`` its host gives it.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import random
import re
from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Protocol

from lightlag.bus.errors import NodeError
from lightlag.bus.loop import VirtualLoop
from lightlag.bus.time import NEVER_NS, Epoch

from .events import Published
from .params import NodeParams, PartSpec
from .port import Port
from .trajectory import Surroundings, TrajectoryModel

_FILE_NAME = re.compile(r"[\w+-][\w.+-]*")


class Services(Protocol):
    """What a host does for its nodes."""

    epoch: Epoch
    seed: int
    until_ns: int

    def surroundings(self, node: str) -> Surroundings:
        """The geometry around a node."""
        ...

    def log(self, node: str, level: str, text: str, fields: dict[str, Any]) -> None:
        """Append to a node's log."""
        ...

    def publish(self, node: str, name: str, data: bytes, facts: dict[str, Any]) -> None:
        """Hand a file over to the run directory."""
        ...

    def rejudge(self, node: str) -> None:
        """Solve what is in flight to a node again, because its trajectory has changed."""
        ...


class Node:
    """Base of every node class."""

    Params: ClassVar[type[NodeParams]] = NodeParams
    #: Names of plain ports (for wires); radios are declared in ``Params``.
    ports: ClassVar[tuple[str, ...]] = ()
    #: Message classes of which it makes messages itself; what it relays is not among them.
    sends: ClassVar[tuple[type, ...]] = ()
    #: Message classes that it reads; ``Message`` itself stands for any, as a relay takes it.
    hears: ClassVar[tuple[type, ...]] = ()

    def __init__(self, name: str, params: NodeParams | None = None) -> None:
        self.name = name
        self.params: Any = params if params is not None else self.Params()
        self.loop = VirtualLoop(name)  # type: ignore[abstract]
        self.port: dict[str, Port] = {}
        # What ``Params`` and ``ports`` declare, by name.
        self._parts: dict[str, Any] = {}
        for field in type(self.params).model_fields:
            value = getattr(self.params, field)
            if isinstance(value, PartSpec) and (made := value.make(self, field)) is not None:
                self._parts[field] = made
        for port in self.ports:
            self._parts[port] = Port(self, port)
        for declared, part in self._parts.items():
            setattr(self, declared, part)
            if isinstance(part, Port):
                self.port[declared] = part
        self._services: Services | None = None

    # -- what a subclass gives ----------------------------------------------------------------------------------

    @property
    def trajectory(self) -> TrajectoryModel | None:
        """Where the node is; None for a node that is only on wires. A class attribute will do."""
        return None

    @property
    def published(self) -> Sequence[Published]:
        """What the record of the real flight says of this node's events; shown beside the model's, never used by it."""
        return ()

    def check(self, nodes: Collection[str]) -> None:
        """Asked by launch before anything starts; ``nodes`` are the names of all that the graph declares.

        Raises:
            GraphError: the parameters ask for what is not there.
        """

    def set_params(self, params: NodeParams) -> None:
        """The parameters change while the run goes on (see ``setting``); a subclass that keeps some refreshes them."""
        self.params = params
        for name, part in self._parts.items():
            if name in type(params).model_fields:
                part.spec = getattr(params, name)

    async def run(self) -> None:
        """What the node does, in simulated time; the node goes on receiving after it returns."""

    async def safe_mode(self) -> None:
        """What the node does instead of ``run`` while a fault has it in safe mode: it receives, and forgets."""
        async with asyncio.TaskGroup() as tasks:
            for port in self.port.values():
                tasks.create_task(_forget(port))

    def again(self) -> Node:
        """Another instance, as it is started again after a crash; a class with a constructor of its own refines it."""
        return type(self)(self.name, self.params)

    # -- what a subclass uses -----------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Simulated time: integer nanoseconds of TDB since the epoch."""
        return self.loop.now_ns

    @property
    def epoch(self) -> Epoch:
        """Converts run time to and from UTC."""
        return self._host.epoch

    @property
    def until_ns(self) -> int:
        """When the run ends."""
        return self._host.until_ns

    @property
    def surroundings(self) -> Surroundings:
        """Range, elevation, who is in view."""
        return self._host.surroundings(self.name)

    async def sleep_until(self, when: int | str) -> None:
        """Sleep until a run time in ns or a UTC instant; return at once if it has passed."""
        t_ns = self.epoch.t_ns(when) if isinstance(when, str) else when
        if t_ns > self.now_ns:
            await self.loop.until_ns(min(t_ns, NEVER_NS))

    def log(self, text: str, *, level: str = "info", **fields: Any) -> None:
        """Write a line with fields to the node's log, stamped with simulated time."""
        self._host.log(self.name, level, text, fields)

    def publish(self, name: str, data: bytes, /, **facts: Any) -> None:
        """Write a file to the run directory, under ``pictures`` or the like, with facts about it.

        Raises:
            NodeError: ``name`` is no plain file name.
        """
        if not _FILE_NAME.fullmatch(name):
            raise NodeError(
                f"{self.name} cannot publish {name!r}: a file's name is of letters, digits and . _ + -, and does not "
                f"start with a dot"
            )
        self._host.publish(self.name, name, data, facts)

    def moved(self) -> None:
        """Its trajectory has just changed from now on: what is in flight to it is solved again (see ``steering``)."""
        self._host.rejudge(self.name)

    # -- what a host calls --------------------------------------------------------------------------------------

    def attach(self, services: Services, boot: int = 0) -> None:
        """Give the node its host; called once, before anything runs. ``boot`` counts how often it was started again."""
        self._services = services
        text = f"{services.seed}/{self.name}" + (f"/{boot}" if boot else "")
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        #: The node's own randomness, keyed by run seed and name, and by the boot after the first.
        self.rng = random.Random(int.from_bytes(key, "little"))

    def start(self, *, safe_mode: bool = False) -> asyncio.Task[None]:
        """Schedule ``run``, or ``safe_mode``, on the node's loop, in a context of its own."""
        method = self.safe_mode if safe_mode else self.run
        work, name = method(), method.__name__
        if not asyncio.iscoroutine(work):
            raise NodeError(
                f"{self.name}: {name}() of {type(self).__name__} is no coroutine, it returned {work!r}; write: async "
                f"def {name}(self)"
            )
        return self.loop.create_task(work, name=f"{self.name}.{name}", context=contextvars.Context())

    @property
    def _host(self) -> Services:
        if self._services is None:
            raise NodeError(f"{self.name} is not in a run yet; time, log and ports work from run() on")
        return self._services


async def _forget(port: Port) -> None:
    async for _ in port:
        pass
