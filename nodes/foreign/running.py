"""A foreign node's ``run``: it waits for what arrives and for when its program wants to be woken, and asks the program.

All receptions of an instant are handed over together, in the order of contract 2, and with them whether the program's
time has come: a reception sets a timer for its own instant, and timers come after all receptions. What the program
then wants to send is sent in that instant, in its order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from lightlag.bus.emission import Origin, Reception
from lightlag.bus.errors import MessageError, NodeError, ProgramError
from lightlag.bus.message import fields_of, message_class
from lightlag.bus.schema import declare
from lightlag.bus.time import NEVER_NS
from lightlag.nodes.node import Node
from lightlag.nodes.port import Port
from lightlag.nodes.radio import Radio

from .codec import Done, Said, activate, hello
from .conversation import Conversation


def let_run(node: Node, command: Sequence[str], folder: str) -> None:
    """Have a program, run in ``folder``, take the place of a node's own ``run``.

    It is started when the node joins, and another process of it, which is told nothing of the one before, whenever
    ``run`` begins anew: when the node comes out of safe mode, or starts again after a crash, as another instance.
    """
    another = node.again

    async def run() -> None:
        await _Running(node, command, folder).run()

    def again() -> Node:
        made = another()
        let_run(made, command, folder)
        return made

    node.run = run  # type: ignore[method-assign]
    node.again = again  # type: ignore[method-assign]


class _Running:
    """One node and its program, from one beginning of ``run`` to its end."""

    def __init__(self, node: Node, command: Sequence[str], folder: str) -> None:
        self._node = node
        self._program = Conversation(node.name, command, folder)
        self._received: list[tuple[str, Reception]] = []
        self._bell = asyncio.Event()
        #: When the program wants to be woken, and the timer that does it.
        self._next_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Let the program do what the node does."""
        node = self._node
        try:
            self._begin()
            for port in node.port.values():
                asyncio.create_task(self._listen(port))  # noqa: RUF006 - a loop keeps its tasks
            self._wake(node.now_ns)
            while True:
                await self._bell.wait()
                self._bell.clear()
                due = self._next_ns <= node.now_ns
                if due or self._received:
                    self._do(self._ask(due))
        finally:
            self._program.end()
            self._note(last=True)

    async def _listen(self, port: Port) -> None:
        async for reception in port:
            self._received.append((port.name, reception))
            self._node.loop.call_at_ns(self._node.now_ns, self._bell.set)

    def _wake(self, t_ns: int) -> None:
        """Wake the program then, and not when it wanted before."""
        if self._timer is not None:
            self._timer.cancel()
        self._next_ns = t_ns
        self._timer = self._node.loop.call_at_ns(t_ns, self._bell.set) if t_ns < NEVER_NS else None

    def _begin(self) -> None:
        node, services = self._node, self._node._host
        self._params = node.params
        word = hello(
            node.name,
            _plain(node.params),
            {name: "radio" if isinstance(port, Radio) else "port" for name, port in node.port.items()},
            epoch_utc=services.epoch.utc(0, digits=9),
            epoch_tdb_ns=services.epoch.tdb_ns,
            until_ns=services.until_ns,
            seed=services.seed,
            node_seed=node.rng.randbytes(16),
        )
        for kind, schema in self._program.begin(word).types.items():
            try:
                declare(kind, schema)
            except MessageError as error:
                raise ProgramError(f"{node.name}: its program declares a type wrongly: {error}") from None
        self._note()

    def _ask(self, due: bool) -> Done:
        node, received = self._node, self._received
        self._received = []
        queued = {name: port.queued for name, port in node.port.items() if isinstance(port, Radio)}
        params = None if node.params is self._params else _plain(node.params)
        self._params = node.params
        done = self._program.activate(activate(node.now_ns, due=due, receptions=received, queued=queued, params=params))
        self._note()
        return done

    def _note(self, *, last: bool = False) -> None:
        """What became of the program, and what it has written to standard error, goes into the node's log."""
        for note in self._program.notes:
            self._node.log(note, level="warning")
        self._program.notes.clear()
        for line in self._program.lines(last=last):
            self._node.log(line, stream="stderr")

    def _do(self, done: Done) -> None:
        node = self._node
        for line in done.logs:
            node._host.log(node.name, line.level, line.text, line.fields)
        if done.error is not None:
            raise ProgramError(f"{node.name}: its program cannot go on:\n{done.error.rstrip()}")
        try:
            for said in done.emissions:
                self._emit(said)
            for file in done.files:
                node.publish(file.name, file.data, **file.facts)
        except NodeError as error:
            raise ProgramError(f"{node.name}: what its program asks for at {node.now_ns} ns: {error}") from None
        self._wake(NEVER_NS if done.next_ns is None else min(done.next_ns, NEVER_NS))

    def _emit(self, said: Said) -> None:
        port = self._node.port.get(said.port)
        if port is None:
            raise NodeError(f"{self._node.name} has no port {said.port!r}; it has {', '.join(self._node.port)}")
        _check(said)
        if said.priority and not isinstance(port, Radio):
            raise NodeError(f"{said.port} got priority={said.priority}; a plain port sends at once, only radios queue")
        given: dict[str, Any] = {"priority": said.priority} if said.priority else {}
        origin = None if said.origin is None else Origin(*said.origin)
        port.send_encoded(
            said.type, said.body, said.arrays, to=said.to, after_ns=said.after_ns, via=said.via, origin=origin, **given
        )


def _check(said: Said) -> None:
    """A body that is none is its sender's fault, not that of whoever receives it.

    Raises:
        MessageError: it is none, or not of its type, if that is known here.
    """
    try:
        known = message_class(said.type)
    except MessageError:
        fields_of(said.body, said.arrays)
    else:
        known.decode(said.body, said.arrays)


def _plain(params: Any) -> dict[str, Any]:
    """Parameters as plain data, in base units."""
    plain: dict[str, Any] = params.model_dump(mode="json")
    return plain
