"""A hub and its hosts over real sockets, in threads, each of which can be killed at any moment and is started again.

What a launcher does for processes, ``Bench`` does here for threads: it starts the hub again from its journal and tells
the hosts over their control pipes, and starts a host that died, or was asked to, as its next incarnation. ``Fate``
decides who dies: code under test comes to named moments, and the n-th coming to one of them may be the last.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import zmq
from tests.bus.worlds import ModelHost, World

from lightlag.bus import wire
from lightlag.bus.activation import Activatable
from lightlag.bus.coordinator import Coordinator
from lightlag.bus.fingerprint import arithmetic_fingerprint
from lightlag.bus.hub import Hub
from lightlag.bus.journal import Journal, past_of, restore
from lightlag.bus.operator import Operator
from lightlag.bus.outcome import Outcome
from lightlag.bus.shell import HUB_AGAIN, LEAVE, HostAgain, run_shell

#: A busy world: three hosts, some 80 reports.
SEED = 5
RUN = "0123456789abcdef"
#: What a host says first.
HELLO = (1, arithmetic_fingerprint(), 4711, 0, 0)
#: Moments at which a hub can be killed.
OF_HUBS = ("hello", "greeted", "heard", "journalled", "repeated", "granted", "finish", "served")
#: Moments at which a host can be killed.
OF_HOSTS = ("told", "ran", "ending", "ended")


class Killed(BaseException):
    """kill -9, here and now."""


class Fate:
    """Who comes to ``(moment, n)``, the n-th to come to that moment, is killed there."""

    def __init__(self, *deaths: tuple[str, int]) -> None:
        self.seen: Counter[str] = Counter()
        self.deaths: list[tuple[str, int]] = []
        self._due = set(deaths)
        self._lock = threading.Lock()

    def __call__(self, moment: str) -> None:
        with self._lock:
            self.seen[moment] += 1
            if (moment, self.seen[moment]) not in self._due:
                return
            self.deaths.append((moment, self.seen[moment]))
        raise Killed(moment)


class MortalCoordinator(Coordinator):
    """The coordinator of a hub that may die at it."""

    fate: Fate

    def joined(self, host, incarnation, number, bound_ns, past):
        self.fate("hello")
        super().joined(host, incarnation, number, bound_ns, past)
        self.fate("greeted")

    def is_news(self, report):
        self.fate("heard")  # and not journalled
        return super().is_news(report)

    def accept(self, report):
        if self.repeats(report.host):
            self.fate("repeated")
        super().accept(report)

    def grants(self):
        grants = super().grants()
        if grants:
            self.fate("granted")  # and nobody has been told
        return grants

    def last_grant(self, host):
        self.fate("finish")
        return super().last_grant(host)


class MortalJournal(Journal):
    """The journal of such a hub."""

    fate: Fate

    def append(self, host, frames, emissions=()):
        super().append(host, frames, emissions)
        self.fate("journalled")  # and not accepted


class MortalHost:
    """A host that may die at whatever it does."""

    lists_receptions = True

    def __init__(self, host: Activatable, fate: Fate) -> None:
        self.name = host.name
        self._host = host
        self._fate = fate

    def activate(self, bound_ns, emissions, limit):
        self._fate("told")
        done = self._host.activate(bound_ns, emissions, limit)
        self._fate("ran")
        return done

    def finish(self, emissions, *, failed=False):
        self._fate("ending")
        done = self._host.finish(emissions, failed=failed)
        self._fate("ended")
        return done

    def chains(self):
        return self._host.chains()


class Bench:
    """The run of a world over sockets in ``folder``, which holds the journal too."""

    def __init__(self, folder: Path, world: World, fate: Fate | None = None) -> None:
        self.world = world
        self.fate = fate or Fate()
        self.endpoint = f"ipc://{folder}/hub"
        self.journal = folder / "journal"
        self.names = [f"h{at}" for at in range(world.hosts)]
        self.start: Callable[[int], Activatable] = lambda at: ModelHost(world, at)
        self.watch: Callable[[int, list], None] = lambda frontier_ns, news: None
        #: What operators ask of the latest hub.
        self.answer: Callable[[Hub, str, dict], dict] = lambda hub, what, asked: {"error": what}
        #: How long what a dead hub had sent goes on leaving (wall ms): by then it may have left, or not.
        self.linger_ms = 0
        #: Every hub there was, and what hosts raised.
        self.hubs: list[Hub] = []
        self.raised: dict[str, BaseException] = {}
        #: The highest incarnation of each host so far.
        self.incarnations = [0] * world.hosts
        self._pipes: list[tuple[int, int]] = []
        self._threads: list[threading.Thread] = []

    def run(self) -> Outcome:
        """To the end; whoever is killed on the way is started again."""
        self.start_hosts()
        while True:
            try:
                return self.serve()
            except Killed as death:
                over = death.args == ("served",)
            for _, writing in self._pipes:
                os.write(writing, (LEAVE if over else HUB_AGAIN) + b"\n")
            if over:
                return self._outcome

    def start_hosts(self) -> None:
        """Start hosts, each in a thread."""
        for at in range(len(self.incarnations)):
            self._pipes.append(os.pipe())
            thread = threading.Thread(target=self._live, args=(at, self._pipes[-1][0]), daemon=True)
            thread.start()
            self._threads.append(thread)

    def serve(self, journal: Path | None = None, **asked) -> Outcome:
        """One hub, until it ends or is killed."""
        path = journal or self.journal
        with self.socket() as socket:
            coordinator = self.coordinator(MortalCoordinator)
            coordinator.fate = Fate()
            if not path.exists():
                Journal(path, {"run": RUN}).close()
            acts = restore(path, coordinator, acted=lambda act: None)
            coordinator.fate = self.fate

            def past(host):
                return past_of(path, host, self.world.destinations, *coordinator.position(host))

            with MortalJournal(path) as opened:
                opened.fate = self.fate
                asked = {"past": past, "watch": self.watch, "answer": self._answer, "acts": acts, **asked}
                hub = Hub(RUN, self.names, coordinator, opened, **asked)
                self.hubs.append(hub)
                try:
                    self._outcome = hub.serve(socket)
                    self.fate("served")  # and nobody was let go
                except Killed:
                    socket.setsockopt(zmq.LINGER, self.linger_ms)
                    raise
                hub.release(socket)
        return self._outcome

    def coordinator(self, rule: type[Coordinator] = Coordinator) -> Coordinator:
        """A coordinator of the world that knows nothing yet."""
        world = self.world
        return rule(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)

    @contextmanager
    def socket(self):
        """A socket for a hub."""
        with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.bind(self.endpoint)
            yield socket

    @contextmanager
    def peer(self, name: str):
        """A socket that speaks for itself."""
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.IDENTITY, name.encode())
            socket.setsockopt(zmq.LINGER, 1000)
            socket.connect(self.endpoint)
            yield socket

    def close(self) -> None:
        """Let go of every host that is still there."""
        for _, writing in self._pipes:
            os.write(writing, LEAVE + b"\n")
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        for reading, writing in self._pipes:
            os.close(reading)
            os.close(writing)

    def _live(self, at: int, control_fd: int) -> None:
        """A host, and its next incarnation when it has died."""
        while True:
            self.incarnations[at] += 1
            try:
                host = MortalHost(self.start(at), self.fate)
                incarnation = self.incarnations[at]
                run_shell(host, self.endpoint, RUN, lambda done: None, incarnation=incarnation, control_fd=control_fd)
            except (Killed, HostAgain):
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread of the test is to know
                self.raised[self.names[at]] = error
                with Operator(self.endpoint, RUN) as operator:
                    operator.ask("abandon")
            return

    def _answer(self, what: str, asked: dict) -> dict:
        if what == "abandon":
            raise next(iter(self.raised.values()))
        return self.answer(self.hubs[-1], what, asked)


def said(kind: str, fields, emissions=()) -> list:
    """The frames of a message of this run."""
    return wire.encode(RUN, kind, fields, emissions)
