"""The hub and its hosts over real sockets, in threads: the same run, and what is out of order is refused."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import contextmanager

import msgpack
import pytest
import zmq
from tests.bus.worlds import ModelHost, World, alone

from lightlag.bus import wire
from lightlag.bus.activation import Failure
from lightlag.bus.coordinator import Coordinator
from lightlag.bus.errors import ProtocolError, RunError
from lightlag.bus.fingerprint import arithmetic_fingerprint
from lightlag.bus.hub import Hub
from lightlag.bus.journal import Journal, history, read_journal
from lightlag.bus.shell import run_shell

RUN = "0123456789abcdef"
SEED = 4
HELLO = (1, arithmetic_fingerprint(), 4711)


class Bench:
    """A hub on a socket, and hosts in threads that may join it."""

    def __init__(self, endpoint: str, socket: zmq.Socket) -> None:
        self.endpoint = endpoint
        self.socket = socket
        self.world = World(SEED)
        self.names = [f"h{at}" for at in range(self.world.hosts)]
        self.raised: dict[str, BaseException] = {}
        self._threads: list[threading.Thread] = []

    def hub(self, journal: Journal | None = None, **asked) -> Hub:
        world = self.world
        coordinator = Coordinator(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)
        asked.setdefault("watch", lambda frontier_ns, news: None)
        asked.setdefault("check", self.check)
        return Hub(RUN, self.names, coordinator, journal, **asked)

    def start(self, hosts=None) -> None:
        """Start hosts, each in a thread."""
        for host in hosts or [ModelHost(self.world, at) for at in range(self.world.hosts)]:
            thread = threading.Thread(target=self._serve, args=(host,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, host) -> None:
        try:
            run_shell(host, self.endpoint, RUN, lambda done: None)
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread of the test is to know
            self.raised[host.name] = error

    def check(self) -> None:
        """The hub need not wait for hosts that broke."""
        for error in self.raised.values():
            raise error

    def join(self) -> None:
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    @contextmanager
    def peer(self, name: str):
        """A socket that speaks for itself."""
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.IDENTITY, name.encode())
            socket.setsockopt(zmq.LINGER, 1000)
            socket.connect(self.endpoint)
            yield socket


@pytest.fixture
def bench():
    with (
        tempfile.TemporaryDirectory(prefix="ll-", dir="/tmp") as folder,
        zmq.Context() as context,
        context.socket(zmq.ROUTER) as socket,
    ):
        endpoint = f"ipc://{folder}/hub"
        socket.bind(endpoint)
        bench = Bench(endpoint, socket)
        yield bench
        bench.join()


@pytest.mark.parametrize("seed", range(6))
def test_over_sockets_the_run_is_the_run_of_one_process(bench, seed):
    bench.world = World(seed)
    bench.names = [f"h{at}" for at in range(bench.world.hosts)]
    seen = []
    hub = bench.hub(watch=lambda frontier_ns, news: seen.append(frontier_ns))
    bench.start()
    outcome = hub.serve(bench.socket)
    assert outcome.chains == alone(bench.world)
    assert (outcome.interrupted, outcome.failure, hub.refused) == (False, None, [])
    assert outcome.reached_ns == bench.world.until_ns
    assert seen == sorted(seen)


def test_strangers_and_malformed_messages_are_refused_and_the_run_goes_on(bench):
    hub = bench.hub()

    def disturb() -> None:
        with bench.peer("stranger") as stranger, bench.peer("h0") as peer:
            stranger.send_multipart(wire.encode(RUN, wire.HELLO, HELLO))
            peer.send_multipart([b"\xc1 this is nothing"])
            peer.send_multipart(wire.encode("another run", wire.HELLO, HELLO))
            peer.send_multipart([msgpack.packb((1, RUN, wire.REPORT, ("half", "a", "report"), []))])
            peer.send_multipart(wire.encode(RUN, wire.REPORT, (1, 1, 5, 0, None, (), (0, 0, {}))))
            assert wire.decode(RUN, peer.recv_multipart()).kind == wire.REFUSED
        bench.start()

    disturber = threading.Thread(target=disturb, daemon=True)
    disturber.start()
    outcome = hub.serve(bench.socket)
    disturber.join(20)
    assert not disturber.is_alive()
    assert outcome.chains == alone(bench.world)
    told = "\n".join(hub.refused)
    for words in (
        "b'stranger', which is no host of this run",
        "no lightlag envelope",
        "run 'another run'; this is run",
        "a report with fields",
        "h0: a report before its hello",
    ):
        assert words in told
    assert len(hub.refused) == 5


def test_another_arithmetic_is_refused_on_both_sides(bench):
    with bench.peer("h0") as peer:
        peer.send_multipart(wire.encode(RUN, wire.HELLO, (1, "ffffffffffffffff", 4711)))
        with pytest.raises(RunError, match="host h0 computes with arithmetic fingerprint ffffffffffffffff, the hub"):
            bench.hub().serve(bench.socket)
        heard = wire.decode(RUN, peer.recv_multipart())
    assert heard.kind == wire.REFUSED
    assert "arithmetic fingerprint" in heard.fields[0]


def test_a_host_that_is_refused_says_why(bench, monkeypatch):
    monkeypatch.setattr("lightlag.bus.hub.arithmetic_fingerprint", lambda: "0000000000000000")
    bench.start([ModelHost(bench.world, 0)])
    with pytest.raises(RunError):
        bench.hub().serve(bench.socket)
    bench.join()
    assert "host h0: the hub refused it" in str(bench.raised["h0"])


def test_a_hub_that_waits_looks_after_its_hosts(bench):
    def check() -> None:
        raise RunError("host h1 died with exit code -9")

    with pytest.raises(RunError, match="h1 died"):
        bench.hub(check=check).serve(bench.socket)


def test_a_host_that_has_gone_is_told_and_does_not_hang_the_run(bench):
    looked = []

    def check() -> None:
        looked.append(None)
        if len(looked) > 3:
            raise RunError("a host died")

    for name in bench.names:
        with bench.peer(name) as peer:
            peer.send_multipart(wire.encode(RUN, wire.HELLO, HELLO))
    with pytest.raises(RunError, match=r"a host died|h\d has left the hub before the end of the run"):
        bench.hub(check=check).serve(bench.socket)


def test_a_run_that_is_stopped_ends_where_it_is(bench):
    reports = []
    hub = bench.hub(watch=lambda *told: reports.append(told), stopping=lambda: len(reports) >= 2)
    bench.start()
    outcome = hub.serve(bench.socket)
    assert outcome.interrupted
    assert outcome.reached_ns < bench.world.until_ns
    assert sorted(outcome.chains) == bench.world.nodes


class Failing(ModelHost):
    """Fails when it has run for the first time."""

    failure: Failure | None = None

    def activate(self, bound_ns, emissions, limit):
        done = super().activate(bound_ns, emissions, limit)
        if self.clock_ns >= 0 and self.failure is None:
            self.failure = Failure(self.clock_ns, "n0", "Traceback ...")
        done.failure = self.failure
        return done


def test_a_failure_stops_the_run_at_its_instant(bench):
    others = [ModelHost(bench.world, at) for at in range(1, bench.world.hosts)]
    bench.start([Failing(bench.world, 0), *others])
    outcome = bench.hub().serve(bench.socket)
    assert outcome.failure is not None
    assert outcome.failure.node == "n0"
    assert outcome.reached_ns == outcome.failure.t_ns + 1


def test_the_hub_journals_what_it_accepts(bench, tmp_path):
    with Journal(tmp_path / "journal", {"seed": SEED}) as journal:
        bench.start()
        bench.hub(journal).serve(bench.socket)
    entries = list(read_journal(tmp_path / "journal")[1])
    assert {entry.host for entry in entries} == set(range(bench.world.hosts))
    for host in range(bench.world.hosts):
        numbers = [entry.number for entry in entries if entry.host == host]
        assert numbers == list(range(1, len(numbers) + 1))
        inbox, sent = history(tmp_path / "journal", host, bench.world.destinations)
        assert len(inbox) == max(entry.got for entry in entries if entry.host == host)
        assert all(bench.world.host_of[source] == host for source, _ in sent)


def test_a_host_leaves_when_its_launcher_is_gone(bench):
    reading, writing = os.pipe()
    os.close(writing)
    try:
        with pytest.raises(RunError, match="host h0: the launcher is gone"):
            run_shell(ModelHost(bench.world, 0), bench.endpoint, RUN, lambda done: None, control_fd=reading)
    finally:
        os.close(reading)


def test_a_host_does_not_take_a_hosts_word_for_a_hubs(bench):
    def answer() -> None:
        identity, *_ = bench.socket.recv_multipart()
        bench.socket.send_multipart([identity, *wire.encode(RUN, wire.HELLO, HELLO)])

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with pytest.raises(ProtocolError, match="the hub sent a hello, which only hosts send"):
        run_shell(ModelHost(bench.world, 0), bench.endpoint, RUN, lambda done: None)
    thread.join(20)
    assert not thread.is_alive()
