"""A run in one process: a single host, driven from memory, that operators can reach like a hub."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import zmq

from lightlag.bus import wire
from lightlag.bus.activation import Completion
from lightlag.bus.coordinator import Coordinator, Wait
from lightlag.bus.emission import Buffer, Emission
from lightlag.bus.errors import ProtocolError
from lightlag.bus.journal import Journal, read_facts, restore
from lightlag.bus.memory import run_in_memory
from lightlag.bus.operator import OPERATOR
from lightlag.bus.outcome import Outcome
from lightlag.bus.pace import Pace
from lightlag.bus.tap import Tap, bunches
from lightlag.launch.placement.world import World
from lightlag.launch.rundir.directory import HostFiles, RunDirectory
from lightlag.launch.rundir.live import HERE, say_alive
from lightlag.launch.rundir.stacks import showing_stack_on_request
from lightlag.launch.rundir.whereabouts import telling

from .operations import Operations
from .sockets import socket_directory

#: How long a paced run waits at a time (wall ms).
_SLICE_MS = 100


class InProcess:
    """The desk of a run in this process, where operators ask; see ``operations.Desk``."""

    def __init__(self, world: World, directory: RunDirectory) -> None:
        self.hosts = [HERE]
        self.pids = [os.getpid()]
        self.granted_s = [time.perf_counter()]
        self.refusals = 0
        self.refused: list[str] = []
        self.coordinator: Coordinator = world.coordinator([sorted(world.nodes)])
        self._world = world
        self._directory = directory
        self._facts = read_facts(directory.journal)
        self._journal = Journal(directory.journal)
        self._operations = Operations(world, dict.fromkeys(world.nodes, 0))
        self._acts = restore(directory.journal, self.coordinator, acted=self._operations.learn)
        self.stopping = False
        self._pace = Pace(None)
        self._tap: Tap | None = None

    def run(
        self,
        *,
        watch: Callable[[int, list[tuple[Any, ...]]], None],
        stopping: Callable[[], bool],
        behind: Callable[[float], None],
        speed: float | None,
    ) -> Outcome:
        """Run to the end, or until somebody stops it."""
        host = self._world.host(HERE, sorted(self._world.nodes))
        recorded = host.lists_receptions = self._facts["record"]
        files = HostFiles(self._directory, HERE, self._world.graph.epoch, record=recorded)
        pace = self._pace = Pace(speed)

        def watched(frontier_ns: int, news: list[tuple[Any, ...]]) -> None:
            watch(frontier_ns, news)
            behind(pace.behind_s(frontier_ns))

        def write(done: Completion) -> None:
            files.write(done)
            if tap.wanted:
                tap.publish(bunches(done))

        try:
            with (
                showing_stack_on_request(self._directory, HERE),
                socket_directory() as private,
                zmq.Context() as context,
                context.socket(zmq.ROUTER) as socket,
            ):
                endpoint = f"ipc://{private}/hub"
                tap = self._tap = Tap(endpoint)

                def listen(wait_ms: int) -> None:
                    self._listen(socket, wait_ms)
                    host.lists_receptions = recorded or tap.wanted

                socket.setsockopt(zmq.LINGER, 0)
                socket.bind(endpoint)
                say_alive(self._directory.live, endpoint, self._facts["run"])
                with telling(host, endpoint, 0):
                    return run_in_memory(
                        [host],
                        self.coordinator,
                        write=write,
                        watch=watched,
                        stopping=lambda: self.stopping or stopping(),
                        pace=pace,
                        listen=listen,
                    )
        finally:
            files.close()
            if self._tap is not None:
                self._tap.close()
            self._journal.close()
            self._directory.live.unlink(missing_ok=True)

    def state(self, wait: Wait) -> str:
        """In a word, what the host does: whoever asks is answered between two activations."""
        return "paced" if self.coordinator.paced_ns <= wait.earliest_ns < self.coordinator.until_ns else "running"

    def due_s(self, t_ns: int) -> float:
        """See ``Hub.due_s``."""
        return (self._pace.wait_ms(t_ns) or 0) / 1000

    @property
    def paced_ns(self) -> int:
        """See ``Hub.paced_ns``."""
        return self._pace.now_ns()

    def soonest_ns(self, hosts: Iterable[int]) -> int:
        """See ``Hub.soonest_ns``."""
        return max(self._pace.reached_ns(), *map(self.coordinator.act_ns, hosts))

    def act(
        self,
        host: int,
        node: str,
        port: str,
        type: str,
        body: bytes,
        arrays: Sequence[Buffer],
        at_ns: int | None = None,
    ) -> int:
        """See ``Hub.act``."""
        sent_ns = self.coordinator.stamp(host, self._pace.reached_ns(), at_ns)
        emission = Emission(OPERATOR, self._acts + 1, f"@{port}", type, sent_ns, body, arrays, to=node)
        self._journal.append(host, wire.encode(self._facts["run"], wire.ACT, (), [emission]), [emission])
        self._acts += 1
        self.coordinator.act(host, emission)
        return sent_ns

    def _listen(self, socket: zmq.Socket[bytes], wait_ms: int) -> None:
        """Answer whoever has asked; wait that long for somebody to."""
        # In slices: a poll goes on after a signal, and who presses Ctrl-C is not to wait for the next event.
        while socket.poll(min(wait_ms, _SLICE_MS)):
            wait_ms = 0
            identity, *frames = socket.recv_multipart()
            try:
                envelope = wire.decode(self._facts["run"], frames)
                if envelope.kind != wire.ASK:
                    raise ProtocolError(f"a {envelope.kind} of {identity!r}, but this run has no other hosts")
            except ProtocolError as error:
                self.refusals += 1
                self.refused = [*self.refused[-99:], str(error)]
                continue
            what, asked = envelope.fields
            socket.send_multipart(
                [identity, *wire.encode(self._facts["run"], wire.TOLD, (self._told(identity, what, asked),))]
            )

    def _told(self, asker: bytes, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        if what == "stop":
            self.stopping = True
            return {}
        if what in ("tap", "untap") and self._tap is not None:
            return self._tap.answer(what, asker)
        return self._operations.answer(self, what, asked)
