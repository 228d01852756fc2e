"""The tap: it publishes what was recorded, once, to whoever asks; it changes nothing, and nobody waits for a reader."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import pytest
from tests.bus.mortals import HELLO, RUN, Bench, Fate, said
from tests.bus.worlds import ModelHost, World, alone

from lightlag.bus import tap as tap_module
from lightlag.bus import wire
from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.digest import DigestChain
from lightlag.bus.emission import Emission, Loss, Reception
from lightlag.bus.errors import ProtocolError
from lightlag.bus.operator import Operator
from lightlag.bus.part import Part, PartWriter
from lightlag.bus.payload import opened
from lightlag.bus.tap import Tap, TapReader, bunches
from lightlag.bus.time import Epoch

LOSS = Loss(Emission("mro", 2, "uhf", "x@1", 5, b"\x90"), "rover", 9, "snr")
DONE = Completion(
    receptions=[
        Reception(Emission("mro", 1, "uhf", "x@1", 5, b"\x91\x01"), "rover", 8),
        Reception(Emission("mro", 3, "uhf", "picture@2", 6, b"\x90", [b"1234", b"5"]), "rover", 9),
        Reception(Emission("mro", 4, "uhf", "x@1", 7, b"\x91\x02", to="rover"), "rover", 10),
    ],
    losses=[LOSS],
    logs=[LogRecord(8, "rover", "info", "heard", {"number": 1})],
)


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="ll-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def tap(folder):
    tap = Tap(f"ipc://{folder}/hub")
    yield tap
    tap.close()


@pytest.fixture
def listen():
    """Makes readers; each is heard by the time it is returned."""
    readers = []

    def make(tap: Tap, *prefixes: str) -> TapReader:
        reader = TapReader(tap.answer("tap", b"somebody")["endpoint"], prefixes or ("/",))
        readers.append(reader)
        until_s = time.monotonic() + 10
        subscribed = TapReader(tap.answer("tap", b"somebody")["endpoint"], ("~",))
        while not list(subscribed.read(20)) and time.monotonic() < until_s:
            tap.publish([("~", 1, bunches(Completion(losses=[LOSS]))[0].packed)])
        subscribed.close()
        return reader

    yield make
    for reader in readers:
        reader.close()


def heard(reader: TapReader, timeout_ms: int = 200) -> list:
    """All that comes until it is quiet."""
    found = []
    while more := list(reader.read(timeout_ms)):
        found += more
    return found


def test_what_is_published_is_what_is_recorded_without_the_bytes_of_arrays(tap, listen, tmp_path):
    writer = PartWriter(tmp_path / "part", Epoch(0))
    writer.write(DONE)
    writer.close()
    part = Part(tmp_path / "part")
    recorded = [opened(entry) for stretch in part.stretches for entry in part.entries(stretch)]
    reader = listen(tap)
    tap.publish(bunches(DONE))
    published = heard(reader)

    def in_short(payload):
        body = payload.emission and payload.emission.body
        return payload.topic, payload.t_ns, payload.schema, payload.sent_ns, payload.header, payload.reason, body

    assert sorted(map(in_short, published)) == sorted(map(in_short, recorded))
    assert sorted({payload.topic for payload in published}) == [
        "/rover/log",
        "/rover/lost",
        "/rover/uhf/picture",
        "/rover/uhf/x",
    ]
    assert [payload.t_ns for payload in published if payload.topic == "/rover/uhf/x"] == [8, 10]
    assert [payload.log for payload in published if payload.log] == [payload.log for payload in recorded if payload.log]
    assert reader.lost == 0


def test_a_reader_gets_the_topics_it_asks_for(tap, listen):
    reader = listen(tap, "/rover/uhf/p")
    tap.publish(bunches(DONE))
    assert [payload.topic for payload in heard(reader)] == ["/rover/uhf/picture"]


def test_large_activations_are_published_in_pieces():
    emission = Emission("mro", 1, "uhf", "x@1", 5, b"\xc4\xff" + bytes(255))
    found = bunches(Completion(receptions=[Reception(emission, "rover", 9)] * 2_000))
    assert sum(bunch.records for bunch in found) == 2_000
    assert max(bunch.records for bunch in found) <= 500
    assert max(len(bunch.packed) for bunch in found) < 1 << 18


def test_nothing_is_opened_until_somebody_asks(folder, tap):
    assert not tap.wanted
    assert not list(folder.iterdir())
    told = tap.answer("tap", b"somebody")
    assert told["endpoint"] == f"ipc://{folder}/tap"
    assert told["counts"] == {}
    assert tap.wanted


def test_whoever_does_not_ask_again_is_gone(tap, monkeypatch):
    now_s = 100.0
    monkeypatch.setattr(tap_module.time, "monotonic", lambda: now_s)
    tap.answer("tap", b"one")
    now_s = 130.0
    tap.answer("tap", b"two")
    now_s = 165.0
    assert tap.wanted
    tap.answer("untap", b"two")
    assert not tap.wanted
    tap.answer("tap", b"one")
    now_s = 226.0
    assert not tap.wanted


def test_a_slow_reader_loses_records_is_told_how_many_and_holds_nobody_up(folder, monkeypatch, listen):
    monkeypatch.setattr(tap_module, "_QUEUED_BUNCHES", 10)
    monkeypatch.setattr(tap_module, "_RECEIVED_BUNCHES", 10)
    tap = Tap(f"ipc://{folder}/hub")
    reader = listen(tap)
    published, body = 4_000, bytes(10_000)
    receptions = [Reception(Emission("mro", seq, "uhf", "x@1", 5, body), "rover", 9) for seq in range(1, published + 1)]
    for reception in receptions:
        tap.publish(bunches(Completion(receptions=[reception])))
    got = heard(reader)
    tap.publish(bunches(DONE))
    got += [payload for payload in heard(reader) if payload.topic == "/rover/uhf/x"]
    assert reader.lost > 1_000
    assert len(got) + reader.lost == published + 2
    tap.close()


def test_at_the_end_a_reader_learns_that_it_is_the_end_and_what_it_missed_last(tap, listen):
    reader = listen(tap)
    tap.publish(bunches(DONE))
    tap.publish(bunches(DONE))
    tap.close()
    assert len(heard(reader)) == 10
    assert reader.ended
    assert reader.lost == 0


def test_the_numbers_of_a_hub_that_was_started_again_are_no_loss(tap, listen):
    reader = listen(tap)
    for _ in range(3):
        tap.publish(bunches(DONE))
    assert len(heard(reader)) == 15
    tap._counts.clear()
    tap.publish(bunches(DONE))
    assert len(heard(reader)) == 5
    assert reader.lost == 0


def test_what_is_no_bunch_is_told(tap, listen):
    reader = listen(tap)
    tap.publish([("/rover/uhf/x", 1, b"\xc1")])
    with pytest.raises(ProtocolError, match="no bunch of records"):
        heard(reader)


# -- over hub and hosts ------------------------------------------------------------------------------------------------


class Noting(DigestChain):
    """A digest chain that notes the receptions that go into it."""

    __slots__ = ("node", "noted")

    def received(self, emission, received_ns):
        super().received(emission, received_ns)
        self.noted.append(Reception(emission, self.node, received_ns))


class Telling(ModelHost):
    """A host of a world that says what its nodes received."""

    def __init__(self, world: World, host: int) -> None:
        super().__init__(world, host)
        self.noted: list[Reception] = []
        for node in self._nodes:
            chain = self._chain[node] = Noting()
            chain.node, chain.noted = node, self.noted

    def activate(self, bound_ns, emissions, limit):
        done = super().activate(bound_ns, emissions, limit)
        done.receptions = self.noted[:]
        self.noted.clear()
        return done


def expected(world: World) -> list[tuple]:
    """Every reception of a world."""
    host = Telling(world.in_one_host(), 0)
    return sorted(identity(it) for it in host.activate(world.until_ns, [], 1 << 60).receptions)


def identity(reception: Reception) -> tuple:
    return reception.receiver, reception.received_ns, reception.emission.source, reception.emission.seq


@pytest.mark.parametrize("fate", [(), (("ran", 7), ("ran", 20)), (("journalled", 9),), (("heard", 12), ("ended", 1))])
@pytest.mark.parametrize("seed", [1, 4])
def test_a_tapped_run_has_the_digest_of_any_other_and_nothing_is_published_twice(folder, monkeypatch, seed, fate):
    monkeypatch.setattr("lightlag.bus.shell.EARLY_REPORT_EVENTS", 4)
    world = World(seed)
    bench = Bench(folder, world, Fate(*fate))
    bench.start = lambda at: Telling(world, at)
    serve = bench.serve
    taps: list[Tap] = []

    def serve_tapped():
        taps.append(Tap(bench.endpoint))
        taps[-1].answer("tap", b"somebody")  # before the first report: all of the run is published
        try:
            return serve(tap=taps[-1])
        finally:
            taps[-1].close()

    bench.serve = serve_tapped
    published = []
    publish = Tap.publish
    monkeypatch.setattr(Tap, "publish", lambda tap, found: (published.extend(found), publish(tap, found)))
    outcome = bench.run()
    bench.close()
    assert outcome.chains == alone(world)
    told = [
        (name, t_ns, *opened_emission(content))
        for _, _, packed in published
        for _, t_ns, name, content, _ in tap_module.msgpack.unpackb(packed, use_list=False)
    ]
    assert len(set(told)) == len(told)
    if not fate:
        assert sorted(told) == expected(world)
    else:
        assert set(told) <= set(expected(world))


def opened_emission(packed: bytes) -> tuple[str, int]:
    emission = Emission.unpack(packed, ())
    return emission.source, emission.seq


def test_hosts_say_what_they_record_only_while_somebody_listens(folder, monkeypatch):
    """A host that is not tapped sends what it always sends."""
    sent = []
    encode = wire.encode
    monkeypatch.setattr(
        wire,
        "encode",
        lambda run, kind, fields, emissions=(): (sent.append(kind), encode(run, kind, fields, emissions))[1],
    )
    world = World(4)
    bench = Bench(folder, world)
    bench.start = lambda at: Telling(world, at)
    tap = Tap(bench.endpoint)
    monkeypatch.setattr(bench, "serve", lambda serve=bench.serve: serve(tap=tap))
    assert bench.run().chains == alone(world)
    bench.close()
    assert "report" in sent
    assert not {wire.TAP, wire.TAPPED} & set(sent)


def test_an_operator_taps_a_hub_and_leaves_it(folder):
    """Once the last has left, hosts are told to be quiet."""
    bench = Bench(folder, World(4))
    tap = Tap(bench.endpoint)
    serving = threading.Thread(target=bench.serve, kwargs={"tap": tap}, daemon=True)
    serving.start()
    with bench.peer("h0") as host, Operator(bench.endpoint, RUN) as one, Operator(bench.endpoint, RUN) as two:
        host.send_multipart(said(wire.HELLO, HELLO))
        told = []

        def hear() -> None:
            while host.poll(2_000 if not told else 100):
                told.append(wire.decode(RUN, host.recv_multipart()))

        one.ask("tap")
        two.ask("tap")
        hear()
        assert {(envelope.kind, envelope.fields) for envelope in told} == {(wire.TAP, (True, False))}
        one.ask("untap")
        two.ask("untap")
        hear()
        assert told[-1].fields == (False, False)
        assert not tap.wanted
        two.ask("stop")
    start = threading.Thread(target=bench.start_hosts, daemon=True)
    start.start()
    start.join(10)
    serving.join(20)
    bench.close()
    tap.close()
    assert not serving.is_alive()
