"""What does not belong into a run, or not there and then, is refused by hub and host, and the run goes on."""

from __future__ import annotations

import os
import threading

import msgpack
import pytest
from tests.bus.mortals import HELLO, RUN, said
from tests.bus.worlds import ModelHost, alone

from lightlag.bus import wire
from lightlag.bus.errors import ProtocolError, RunError
from lightlag.bus.shell import HUB_AGAIN, run_shell


def test_strangers_and_malformed_messages_are_refused_and_the_run_goes_on(bench):
    def disturb() -> None:
        with bench.peer("stranger") as stranger, bench.peer("h0") as peer:
            stranger.send_multipart(said(wire.HELLO, HELLO))
            stranger.send_multipart(wire.encode("another run", wire.ASK, ("stop", {})))
            peer.send_multipart([b"\xc1 this is nothing"])
            peer.send_multipart(wire.encode("another run", wire.HELLO, HELLO))
            peer.send_multipart([msgpack.packb((wire.VERSION, RUN, wire.REPORT, ("half", "a", "report"), [], []))])
            peer.send_multipart(said(wire.REPORT, (1, 1, 5, 5, 0, None, ())))
            peer.send_multipart(said(wire.ASK, ("anything", {})))  # what it said before was heard, then
            assert wire.decode(RUN, peer.recv_multipart()).kind == wire.TOLD
        bench.start_hosts()

    disturber = threading.Thread(target=disturb, daemon=True)
    disturber.start()
    outcome = bench.serve()
    disturber.join(20)
    assert not disturber.is_alive()
    assert outcome.chains == alone(bench.world)
    (hub,) = bench.hubs
    told = "\n".join(hub.refused)
    for words in (
        "b'stranger', which is no host of this run",
        "no lightlag envelope",
        "run 'another run'; this is run",
        "a report with fields",
    ):
        assert words in told
    assert len(hub.refused) == hub.refusals == 5  # a report before a hello may be of an old line: passed over
    assert not outcome.interrupted


def test_of_many_refusals_the_last_are_kept_and_all_are_counted(bench):
    with bench.peer("stranger") as stranger:
        for number in range(250):
            stranger.send_multipart(wire.encode(f"run {number}", wire.ASK, ("stop", {})))
        stranger.send_multipart(said(wire.ASK, ("anything", {})))
        answered = threading.Thread(target=lambda: (stranger.recv_multipart(), bench.start_hosts()))
        answered.start()
        bench.serve()
        answered.join(20)
    (hub,) = bench.hubs
    assert hub.refusals == 250
    assert len(hub.refused) == 100
    assert "run 'run 249'" in hub.refused[-1]


def test_another_arithmetic_is_refused_on_both_sides(bench):
    with bench.peer("h0") as peer:
        peer.send_multipart(said(wire.HELLO, (1, "ffffffffffffffff", 4711, 0, 0)))
        with pytest.raises(RunError, match="host h0 computes with arithmetic fingerprint ffffffffffffffff, the hub"):
            bench.serve()
        heard = wire.decode(RUN, peer.recv_multipart())
    assert heard.kind == wire.REFUSED
    assert "arithmetic fingerprint" in heard.fields[0]


def test_another_arithmetic_takes_part_in_a_mixed_run_and_is_told(bench, monkeypatch):
    monkeypatch.setattr("lightlag.bus.shell.arithmetic_fingerprint", lambda: "f" * 16)
    notices = []
    bench.start_hosts()
    outcome = bench.serve(mixed=True, notice=notices.append)
    assert outcome.fingerprints == dict.fromkeys(bench.names, "f" * 16)
    assert outcome.refusals == 0
    assert len(notices) == len(bench.names)
    assert all(notice.endswith("their digests could differ, which --mixed allows") for notice in notices)


def test_a_host_that_is_refused_says_why(bench):
    def refuse(socket):
        identity, *_ = socket.recv_multipart()
        socket.send_multipart([identity, *said(wire.REFUSED, ("another arithmetic",))])

    with bench.socket() as socket, pytest.raises(RunError, match="host h0: the hub refused it: another arithmetic"):
        answered(refuse, socket, bench)


def answered(answer, socket, bench, **asked):
    """A host that is served by somebody else than a hub."""
    thread = threading.Thread(target=answer, args=(socket,), daemon=True)
    thread.start()
    try:
        run_shell(ModelHost(bench.world, 0), bench.endpoint, RUN, lambda done: None, **asked)
    finally:
        thread.join(20)
        assert not thread.is_alive()


def test_a_host_does_not_take_a_hosts_word_for_a_hubs(bench):
    def answer(socket):
        identity, *_ = socket.recv_multipart()
        socket.send_multipart([identity, *said(wire.HELLO, HELLO)])

    with bench.socket() as socket, pytest.raises(ProtocolError, match="the hub sent a hello, which hubs do not send"):
        answered(answer, socket, bench)


def test_a_host_leaves_when_its_launcher_is_gone(bench):
    reading, writing = os.pipe()
    os.close(writing)
    try:
        with pytest.raises(RunError, match="host h0: the launcher is gone"):
            run_shell(ModelHost(bench.world, 0), bench.endpoint, RUN, lambda done: None, control_fd=reading)
    finally:
        os.close(reading)


def test_grants_that_come_late_or_twice_are_passed_over(bench):
    """From a hub that has died, to an incarnation that has died, or once more."""
    heard = []

    def answer(socket):
        identity, *_ = socket.recv_multipart()
        for fields in ((1, 1, 30, 1), (1, 1, 30, 1), (7, 2, 90, 1), (1, 1, 60, 1), (1, 2, 40, 1)):
            socket.send_multipart([identity, *said(wire.GRANT, fields)])
        socket.send_multipart([identity, *said(wire.FINISH, (7, 1, False))])
        socket.send_multipart([identity, *said(wire.BYE, ())])
        for _ in range(2):
            heard.append(wire.decode(RUN, socket.recv_multipart()[1:]))

    with bench.socket() as socket:
        answered(answer, socket, bench)
        assert not socket.poll(100)
    assert [(each.kind, each.fields[1:3]) for each in heard] == [(wire.REPORT, (1, 30)), (wire.REPORT, (2, 40))]


@pytest.mark.parametrize(
    ("fields", "asks"),
    [((1, 2, 30, 1), "report 2 with emissions from 1 on"), ((1, 1, 30, 5), "report 1 with emissions from 5 on")],
)
def test_a_host_that_is_asked_for_what_does_not_follow_says_so(bench, fields, asks):
    def answer(socket):
        identity, *_ = socket.recv_multipart()
        socket.send_multipart([identity, *said(wire.GRANT, fields)])

    with (
        bench.socket() as socket,
        pytest.raises(ProtocolError, match=f"host h0: the hub asks for {asks}, after report 0"),
    ):
        answered(answer, socket, bench)


def test_what_a_dead_hub_had_granted_is_run_before_the_hello_to_a_new_one_or_never(bench):
    """The new one could not know of it, and would send something from outside into the past of that host."""
    reading, writing = os.pipe()
    busy, free = threading.Event(), threading.Event()

    class Blocked(ModelHost):
        def activate(self, bound_ns, emissions, limit):
            busy.set()
            free.wait(20)
            return super().activate(bound_ns, emissions, limit)

    host = Blocked(bench.world, 0)
    shell = threading.Thread(
        target=run_shell,
        args=(host, bench.endpoint, RUN, lambda done: None),
        kwargs={"control_fd": reading},
        daemon=True,
    )
    shell.start()
    with bench.socket() as old:
        identity, *_ = old.recv_multipart()
        for fields in ((1, 1, 10, 1), (1, 2, 90, 1)):  # the second waits in the socket while the first is run
            old.send_multipart([identity, *said(wire.GRANT, fields)])
        busy.wait(20)
        os.write(writing, HUB_AGAIN + b"\n")
    with bench.socket() as new:
        free.set()
        lines = {}
        while new.poll(1000):
            line, *frames = new.recv_multipart()
            lines.setdefault(line, []).append(wire.decode(RUN, frames))
        # On the line to the dead hub reports may have waited for the new one, too; the new line has a hello for it,
        # which tells of all that was run.
        late = lines.pop(identity, [])
        ((identity, (hello, report)),) = lines.items()
        assert (hello.kind, report.kind) == (wire.HELLO, wire.REPORT)
        assert hello.fields[3:] == report.fields[1:3]
        assert all(each.kind == wire.REPORT and each.fields[1:3] <= report.fields[1:3] for each in late)
        new.send_multipart([identity, *said(wire.BYE, ())])
    shell.join(20)
    assert not shell.is_alive()
    os.close(reading)
    os.close(writing)
