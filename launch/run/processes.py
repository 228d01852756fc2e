"""Hosts and hub as processes: started, watched, started again when they are killed, and never left behind.

The launcher writes the run's facts into the journal, then starts ``lightlag hub`` and a ``lightlag host NAME`` for
every group of nodes. A process that dies of a signal is started again, and the run goes on as if nothing had
happened: the hub from its journal, a host from what the hub has of its past. One that ends by an error of its own
would do so again; that ends the run, with its words. Hosts on other machines are processes too: what starts an agent
there, ssh for one, dies when the agent does.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightlag.bus.errors import RunError
from lightlag.bus.journal import read_facts, read_journal
from lightlag.bus.operator import OPERATOR, Operator
from lightlag.bus.outcome import Outcome
from lightlag.bus.security import Keys
from lightlag.bus.shell import HUB_AGAIN, LEAVE
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import HUB, say_alive

from .children import EXIT_AGAIN
from .feed import Listener, outcome_of
from .process import Child, own_command
from .remote import Task, lay_out, machines_of, take_in
from .sockets import socket_directory

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph

#: How long a process may take to leave after the end before it is killed (wall s).
_LEAVE_S = 10.0
#: How often the launcher looks up while nothing happens (wall s): where the system cannot tell it that a child died.
_LOOK_S = 0.25


class Supervisor:
    """Runs the processes of one run.

    ``watch`` is told the frontier and the news; ``stopping`` whether a person asked for the end; ``tell`` what a
    person should hear at once (a process was started again). ``graph`` says which of the hosts run on other machines.
    """

    def __init__(
        self,
        directory: RunDirectory,
        *,
        watch: Callable[[int, list[tuple[Any, ...]]], None],
        stopping: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda text: None,
        behind: Callable[[float], None] = lambda wall_s: None,
        speed: float | None = None,
        restarts: int = 10,
        graph: Graph | None = None,
    ) -> None:
        self._directory = directory
        self._watch = watch
        self._stopping = stopping
        self._tell = tell
        self._behind = behind
        self._speed = speed
        self._restarts = restarts
        self._graph = graph
        self._children: dict[str, Child] = {}
        self._listener = Listener()
        self._outcome: Outcome | None = None
        self._stop_said = False
        self._feed = -1

    def run(self) -> Outcome:
        """Run from where the journal ends to the end.

        Raises:
            RunError: a process ended by an error of its own, or was killed too often.
        """
        facts = self._facts = read_facts(self._directory.journal)
        self._machines = machines_of(self._graph, facts["hosts"], facts["groups"]) if self._graph else {}
        network, self._endpoints = lay_out(facts["hosts"], self._machines) if self._machines else (None, {})
        self._keys = network.keys if network else None
        incarnations = _incarnations(self._directory.journal, facts["hosts"])
        self._run_id: str = facts["run"]
        self._selector = selectors.DefaultSelector()
        with socket_directory() as self._private:
            self._endpoint = f"ipc://{self._private}/hub"
            if network:
                network.write(self._private)
            say_alive(self._directory.live, self._endpoint, self._run_id, self._operator_keys)
            try:
                with _woken_by_signals(self._selector):
                    self._start_hub()
                    for name in facts["hosts"]:
                        self._start_host(name, incarnations[name] + 1)
                    while self._outcome is None:
                        self._look(_LOOK_S)
                    self._let_go()
                return self._outcome
            finally:
                for child in self._children.values():
                    child.end()
                self._selector.close()
                self._directory.live.unlink(missing_ok=True)

    # -- what happens -------------------------------------------------------------------------------------------

    def _look(self, timeout_s: float) -> None:
        """Wait for what the hub tells, the death of a child, or a signal; see to it."""
        for key, _ in self._selector.select(timeout_s):
            if key.data == "feed":
                self._hear()
            elif key.data == "signal":
                os.read(key.fd, 4096)
        if self._stopping() and not self._stop_said:
            self._stop()
        for child in [child for child in self._children.values() if child.has_died()]:
            self._hear()  # what it said before it died
            if self._outcome is None:
                self._died(child)

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while data := os.read(self._feed, 1 << 16):
                for kind, fields in self._listener.heard(data):
                    self._told(kind, fields)

    def _told(self, kind: str, fields: tuple[Any, ...]) -> None:
        if kind == "news":
            self._watch(fields[1], list(fields[2]))
        elif kind == "at":
            self._watch(fields[0], [])
            self._behind(fields[1])
        elif kind == "notice":
            self._tell(fields[0])
        elif kind == "end":
            self._outcome = outcome_of(fields)
        elif kind == "error":
            raise RunError(fields[0])

    def _died(self, child: Child) -> None:
        code = child.code
        if code is None or (code >= 0 and code != EXIT_AGAIN and not child.was_cut_off):
            raise RunError(f"{child.title} died with exit code {code}; it said:\n{child.last_words()}")
        child.restarts += 1
        by = f"by signal {-code}" if code < 0 else f"there (exit code {code})"
        by = "for the hub did not know it" if code == EXIT_AGAIN else by
        if child.restarts > self._restarts:
            raise RunError(
                f"{child.title} was killed {by} and had been started again {self._restarts} times already; "
                f"it said:\n{child.last_words()}\nIf memory ran out, use fewer processes; raise --restarts if it is "
                f"killed on purpose"
            )
        self._tell(f"{child.title} was killed {by}; starting it again ({child.restarts} of {self._restarts})")
        if child.name == HUB:
            self._start_hub()
            self._stop_said = False
            for each in self._children.values():
                each.say(HUB_AGAIN)
        else:
            self._start_host(child.name, child.incarnation + 1)

    def _stop(self) -> None:
        """Have the hub end the run; one that is starting is asked again at the next look."""
        with suppress(RunError), Operator(self._endpoint, self._run_id, "launcher", self._operator_keys) as operator:
            operator.ask("stop", timeout_s=_LOOK_S)
            self._stop_said = True

    def _let_go(self) -> None:
        """Everything was received: wait for the children to leave, and be plain with those that do not."""
        until_s = time.monotonic() + _LEAVE_S
        hub = self._children[HUB]
        while any(not child.has_died() for child in self._children.values()) and time.monotonic() < until_s:
            self._selector.select(0.02)
            self._hear()
            if any(child.has_sent_more() for child in self._children.values()):
                until_s = time.monotonic() + _LEAVE_S
            if hub.has_died():  # whom it has not let go by now, it never will
                for child in self._children.values():
                    child.say(LEAVE)
        for child in self._children.values():
            if not child.has_died():
                self._tell(f"{child.title} did not leave within {_LEAVE_S:g} s of the end and was killed")
        for name in self._machines:
            assert self._graph is not None
            try:
                take_in(self._directory, name, self._output(name), self._graph.epoch)
            except RunError as error:
                self._tell(f"{error}; it said:\n{self._children[name].last_words()}")

    # -- children -----------------------------------------------------------------------------------------------

    def _start_hub(self) -> None:
        self._listener.again()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        command = ["hub", "--run-dir", str(self._directory.path), "--endpoint", self._endpoint]
        command += ["--feed-fd", str(writing)]
        command += [] if self._speed is None else ["--speed", repr(self._speed)]
        if self._feed >= 0:
            self._selector.unregister(self._feed)
            os.close(self._feed)
        try:
            self._start(HUB, own_command(command), 1, (writing,))
        finally:
            os.close(writing)
        self._feed = reading
        self._selector.register(reading, selectors.EVENT_READ, "feed")

    def _start_host(self, name: str, incarnation: int) -> None:
        if name in self._machines:
            self._start_agent(name, incarnation)
            return
        command = ["host", name, "--run-dir", str(self._directory.path), "--endpoint", self._endpoint]
        self._start(name, own_command([*command, "--incarnation", str(incarnation)]), incarnation)

    def _start_agent(self, name: str, incarnation: int) -> None:
        assert self._keys is not None
        graph = self._directory.graph.read_text(encoding="utf-8")
        task = Task(name, graph, self._facts, self._endpoints[name], self._keys.of(name), incarnation)
        self._start(name, self._machines[name].command(name), incarnation, output=self._output(name))
        self._children[name].write(task.packed())

    @property
    def _operator_keys(self) -> Keys | None:
        return self._keys.of(OPERATOR) if self._keys else None

    def _output(self, name: str) -> Path:
        """Where what an agent sends home comes in."""
        return self._private / f"{name}.tar"

    def _start(
        self,
        name: str,
        command: Sequence[str],
        incarnation: int,
        fds: Sequence[int] = (),
        output: Path | None = None,
    ) -> None:
        before = self._children.get(name)
        if before is not None:
            before.end()
        child = Child(name, command, incarnation, self._directory.parts / f"{name}.stderr", fds, output)
        child.restarts = before.restarts if before else 0
        self._children[name] = child
        child.register(self._selector)


def _incarnations(journal: Path, hosts: Sequence[str]) -> dict[str, int]:
    """The highest incarnation of each host that the journal knows; 0 if it has not been heard of."""
    known = [0] * len(hosts)
    for host, envelope in read_journal(journal):
        if envelope.kind == "report":
            known[host] = max(known[host], envelope.fields[0])
    return dict(zip(hosts, known, strict=True))


@contextmanager
def _woken_by_signals(selector: selectors.BaseSelector) -> Iterator[None]:
    """Signals end a wait at once; their handlers run as always."""
    reading, writing = os.pipe()
    for fd in (reading, writing):
        os.set_blocking(fd, False)
    try:
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    except ValueError:  # not the main thread: signals go elsewhere
        before = None
    selector.register(reading, selectors.EVENT_READ, "signal")
    try:
        yield
    finally:
        selector.unregister(reading)
        if before is not None:
            signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)
