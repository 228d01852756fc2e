"""A hub that is reached over TCP: who has a key of the run may speak, and for itself alone; others are told of."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import zmq
from tests.bus.mortals import HELLO, RUN, said
from tests.bus.worlds import ModelHost, World, alone
from tests.forwarder import Forwarder

from lightlag.bus import wire
from lightlag.bus.coordinator import Coordinator
from lightlag.bus.errors import RunError
from lightlag.bus.hub import Hub
from lightlag.bus.journal import Journal, past_of
from lightlag.bus.operator import OPERATOR, Operator
from lightlag.bus.security import Guard, Keys, RunKeys, check_sizes
from lightlag.bus.shell import LEAVE, run_shell

LIMIT_BYTES = 100_000
PATIENCE_S = 20.0
SEED = 13
pytestmark = pytest.mark.timeout(60)


class Fortress:
    """A hub behind a guard, on a port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.world = World(SEED)
        self.names = [f"h{at}" for at in range(self.world.hosts)]
        self.keys = RunKeys.make(self.names)
        self.endpoint = ""
        self.noticed: list[str] = []
        self._journal = folder / "journal"
        self._hosts: list[threading.Thread] = []
        self._pipes: list[tuple[int, int]] = []
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._guard = Guard(self._context, self._socket, self.keys, LIMIT_BYTES)
        Journal(self._journal, {"run": RUN}).close()
        self._opened = Journal(self._journal)
        world = self.world
        coordinator = Coordinator(world.hosts, world.lookahead(), world.host_of, world.destinations, world.until_ns)
        self.hub = Hub(
            RUN,
            self.names,
            coordinator,
            self._opened,
            past=lambda host: past_of(self._journal, host, world.destinations, *coordinator.position(host)),
            watch=lambda frontier_ns, news: None,
            answer=lambda what, asked: {"heard": what},
            receive=self._guard.receive,
            notice=self.noticed.append,
        )
        self._guard.start(self.hub.refuse)
        self._socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def start_hosts(self, endpoint: str = "") -> None:
        for at, name in enumerate(self.names):
            asked = (ModelHost(self.world, at), endpoint or self.endpoint, RUN, lambda done: None)
            self._pipes.append(os.pipe())
            words = {"keys": self.keys.of(name), "control_fd": self._pipes[-1][0]}
            host = threading.Thread(target=run_shell, args=asked, kwargs=words, daemon=True)
            host.start()
            self._hosts.append(host)

    def run(self) -> None:
        """The whole run, which must be that of one process."""
        self.start_hosts()
        self.serve()

    def serve(self) -> None:
        outcome = self.hub.serve(self._socket)
        self.hub.release(self._socket)
        assert outcome.chains == alone(self.world)
        assert outcome.refusals == self.hub.refusals

    @contextmanager
    def peer(self, name: str, keys: Keys | None):
        """A socket that speaks for itself."""
        with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
            peer.setsockopt(zmq.IDENTITY, name.encode())
            peer.setsockopt(zmq.LINGER, 1000 if keys else 0)
            if keys is None:
                peer.connect(self.endpoint)
            else:
                keys.connect(peer, self.endpoint)
            yield peer

    def disturbed_by(self, disturb, *, refusals: int) -> str:
        """A run that begins when it has been disturbed so often; what was refused."""

        def meddle() -> None:
            disturb()
            until_s = time.monotonic() + PATIENCE_S
            while self.hub.refusals < refusals and time.monotonic() < until_s:
                time.sleep(0.01)
            self.start_hosts()

        meddling = threading.Thread(target=meddle, daemon=True)
        meddling.start()
        self.serve()
        meddling.join(PATIENCE_S)
        assert not meddling.is_alive()
        assert self.hub.refusals >= refusals
        assert self.noticed[0].startswith("refused by the hub (1 so far): ")
        return "\n".join(self.hub.refused)

    def close(self) -> None:
        for _, writing in self._pipes:
            os.write(writing, LEAVE + b"\n")
        for host in self._hosts:
            host.join(PATIENCE_S)
            assert not host.is_alive()
        self._guard.close()
        self._socket.close(linger=0)
        self._context.term()
        self._opened.close()
        for each in self._pipes:
            for end in each:
                os.close(end)


def address_of(fortress: Fortress) -> tuple[str, int]:
    host, _, port = fortress.endpoint.removeprefix("tcp://").rpartition(":")
    return host, int(port)


@pytest.fixture
def fortress(tmp_path):
    built = Fortress(tmp_path)
    yield built
    built.close()


def test_hosts_with_keys_of_the_run_run_it(fortress):
    fortress.run()
    assert fortress.hub.refusals == 0
    assert fortress.noticed == []


def test_a_key_that_is_not_of_this_run_is_refused(fortress):
    def disturb() -> None:
        stranger = fortress.keys.of("h0")._replace(**RunKeys.make(["h0"]).peers["h0"]._asdict())
        with fortress.peer("h0", stranger) as peer:
            peer.send_multipart(said(wire.HELLO, HELLO))
            assert not peer.poll(200)

    assert "a connection from 127.0.0.1 with an unknown key" in fortress.disturbed_by(disturb, refusals=1)


def test_who_has_no_key_is_refused(fortress):
    def disturb() -> None:
        with fortress.peer("h0", None) as peer:
            peer.send_multipart(said(wire.HELLO, HELLO))
            assert not peer.poll(200)

    assert "did not prove to have a key of this run" in fortress.disturbed_by(disturb, refusals=1)


def test_who_does_not_speak_zeromq_is_hung_up_on(fortress):
    with suppress(OSError), socket.create_connection(address_of(fortress)) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
        line.settimeout(PATIENCE_S)
        while line.recv(1_000):
            pass
    fortress.run()


@pytest.mark.parametrize(("owner", "name"), [("h1", "h0"), (OPERATOR, "h0"), ("h1", "operator-1")])
def test_nobody_speaks_for_another(fortress, owner, name):
    def disturb() -> None:
        with fortress.peer(name, fortress.keys.of(owner)) as peer:
            peer.send_multipart(said(wire.ASK, ("stop", {})))

    told = fortress.disturbed_by(disturb, refusals=1)
    assert f"a message in the name of {name.encode()!r} with the key of {owner}" in told


def test_an_oversized_frame_is_refused(fortress):
    def disturb() -> None:
        with fortress.peer("h0", fortress.keys.of("h0")) as peer:
            peer.send_multipart([*said(wire.HELLO, HELLO), bytes(LIMIT_BYTES + 1)])

    assert "a frame of 100,001 bytes from b'h0'; 100,000 are the most" in fortress.disturbed_by(disturb, refusals=1)


def test_a_frame_that_no_hub_would_hold_ends_the_line_it_came_on(fortress):
    def disturb() -> None:
        with fortress.peer("h0", fortress.keys.of("h0")) as peer:
            peer.setsockopt(zmq.RECONNECT_IVL, -1)
            peer.send_multipart([bytes(3 * LIMIT_BYTES)])
        with Operator(fortress.endpoint, RUN, keys=fortress.keys.of(OPERATOR)) as operator:
            assert operator.ask("anything") == {"heard": "anything"}

    meddling = threading.Thread(target=lambda: (disturb(), fortress.start_hosts()), daemon=True)
    meddling.start()
    fortress.serve()
    meddling.join(PATIENCE_S)
    assert not meddling.is_alive()


def test_malformed_messages_and_those_of_another_run_are_refused(fortress):
    def disturb() -> None:
        with fortress.peer("h0", fortress.keys.of("h0")) as peer:
            peer.send_multipart([b"\xc1 this is nothing"])
            peer.send_multipart([b""])
            peer.send_multipart([*said(wire.HELLO, HELLO), b"and a frame more"])
            peer.send_multipart(wire.encode("another run", wire.HELLO, HELLO))

    told = fortress.disturbed_by(disturb, refusals=4)
    assert "no lightlag envelope" in told
    assert "announces 1 frames came with 2" in told
    assert "run 'another run'; this is run" in told


def test_operators_have_a_key_of_their_own(fortress):
    def ask() -> None:
        with Operator(fortress.endpoint, RUN, keys=fortress.keys.of(OPERATOR)) as operator:
            assert operator.ask("anything") == {"heard": "anything"}
        fortress.start_hosts()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    fortress.serve()
    asking.join(PATIENCE_S)
    assert not asking.is_alive()
    assert fortress.hub.refusals == 0


def test_a_hub_without_a_key_is_not_spoken_to(tmp_path):
    """Whoever took the place of the hub would not learn a word."""
    keys = RunKeys.make(["h0"])
    reading, writing = os.pipe()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as peer:
        peer.bind("tcp://127.0.0.1:*")
        asked = (ModelHost(World(4), 0), peer.getsockopt_string(zmq.LAST_ENDPOINT), RUN, lambda done: None)
        host = threading.Thread(target=run_shell, args=asked, kwargs={"keys": keys.of("h0"), "control_fd": reading})
        host.start()
        assert not peer.poll(300)
        os.write(writing, LEAVE + b"\n")
        host.join(PATIENCE_S)
    assert not host.is_alive()
    os.close(reading)
    os.close(writing)


def test_a_host_does_not_send_what_the_hub_would_refuse():
    with pytest.raises(RunError, match=r"a frame of 1,001 bytes; over a network 1,000 are the most: send .* in pieces"):
        check_sizes([b"small", bytes(1_001)], 1_000)


@pytest.mark.parametrize("cut_bytes", range(700, 3_000, 300))
def test_a_line_that_breaks_is_mended(fortress, monkeypatch, cut_bytes):
    """Whatever was under way on it is lost, and said again."""
    monkeypatch.setattr("lightlag.bus.shell.EARLY_REPORT_EVENTS", 1)
    with Forwarder(address_of(fortress), cuts=6, cut_bytes=cut_bytes) as between:
        fortress.start_hosts(f"tcp://127.0.0.1:{between.port}")
        fortress.serve()
        assert between.cut > 0
