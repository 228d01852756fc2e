"""A run in one process: a single host, driven from memory, that operators can reach like a hub."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import zmq

from lightlag.bus import wire
from lightlag.bus.coordinator import Coordinator, Wait
from lightlag.bus.emission import Buffer, Emission
from lightlag.bus.errors import ProtocolError
from lightlag.bus.hub import Outcome
from lightlag.bus.journal import Journal, read_facts, restore
from lightlag.bus.memory import run_in_memory
from lightlag.bus.operator import OPERATOR
from lightlag.bus.pace import Pace

from .live import say_alive
from .operations import answer
from .rundir import HostFiles, RunDirectory
from .world import World

#: The name of the only host.
HOST = "all"


class InProcess:
    """The desk of a run in this process, where operators ask; see ``operations.Desk``."""

    def __init__(self, world: World, directory: RunDirectory) -> None:
        self.hosts = [HOST]
        self.pids = [os.getpid()]
        self.granted_s = [time.perf_counter()]
        self.refusals = 0
        self.refused: list[str] = []
        self.coordinator: Coordinator = world.coordinator([sorted(world.nodes)])
        self._world = world
        self._directory = directory
        self._facts = read_facts(directory.journal)
        self._journal = Journal(directory.journal)
        self._acts = restore(directory.journal, self.coordinator, lambda news: None)
        self._stop = False

    def run(
        self,
        *,
        watch: Callable[[int, list[tuple[Any, ...]]], None],
        stopping: Callable[[], bool],
        behind: Callable[[float], None],
        speed: float | None,
    ) -> Outcome:
        """Run to the end, or until somebody stops it."""
        files = HostFiles(self._directory, HOST, self._world.graph.epoch, record=self._facts["record"])
        private = Path(tempfile.mkdtemp(prefix="ll-", dir="/tmp"))
        endpoint = f"ipc://{private}/hub"
        pace = Pace(speed)

        def watched(frontier_ns: int, news: list[tuple[Any, ...]]) -> None:
            watch(frontier_ns, news)
            behind(pace.behind_s(frontier_ns))

        try:
            with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
                socket.setsockopt(zmq.LINGER, 0)
                socket.bind(endpoint)
                say_alive(self._directory.live, endpoint, self._facts["run"])
                return run_in_memory(
                    [self._world.host(HOST, sorted(self._world.nodes))],
                    self.coordinator,
                    write=files.write,
                    watch=watched,
                    stopping=lambda: self._stop or stopping(),
                    pace=pace,
                    listen=lambda wait_ms: self._listen(socket, wait_ms),
                )
        finally:
            files.close()
            self._journal.close()
            self._directory.live.unlink(missing_ok=True)
            shutil.rmtree(private, ignore_errors=True)

    def state(self, wait: Wait) -> str:
        """In a word, what the host does: whoever asks is answered between two activations."""
        return "running"

    def act(self, host: int, node: str, port: str, type: str, body: bytes, arrays: Sequence[Buffer]) -> int:
        """See ``Hub.act``."""
        sent_ns = self.coordinator.act_ns(host)
        self._acts += 1
        emission = Emission(OPERATOR, self._acts, f"@{port}", type, sent_ns, body, arrays, to=node)
        self._journal.append(host, wire.encode(self._facts["run"], wire.ACT, (), [emission]))
        self.coordinator.act(host, emission)
        return sent_ns

    def _listen(self, socket: zmq.Socket[bytes], wait_ms: int) -> None:
        """Answer whoever has asked; wait that long for somebody to."""
        while socket.poll(wait_ms):
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
            self._stop = self._stop or what == "stop"
            host_of = dict.fromkeys(self._world.nodes, 0)
            told = {} if what == "stop" else answer(self, self._world, host_of, what, asked)
            socket.send_multipart([identity, *wire.encode(self._facts["run"], wire.TOLD, (told,))])
