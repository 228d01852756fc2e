"""A foreign node: what its program is told and what becomes of what it says, in one host on wires."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tests.nodes.worlds import Note, Scripted, Transmitter, host, listen, run_to_end, wire

from lightlag.bus.emission import Emission
from lightlag.bus.medium import Channel, Wire
from lightlag.bus.message import message
from lightlag.bus.operator import OPERATOR
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.nodes.foreign import let_run
from lightlag.nodes.node import Node
from lightlag.nodes.setting import CHANNEL, Setting

FOLDER = str(Path(__file__).parent)


def foreign(node: Node, how: str) -> Node:
    """The node, done by the program of these tests."""
    let_run(node, ["python", "foreign_program.py", how], FOLDER)
    return node


def spoken(*at_ns: int):
    """A script: send a note at each of these times."""

    async def speak(node):
        for number, t_ns in enumerate(at_ns, 1):
            await node.sleep_until(t_ns)
            node.link.send(Note(f"{node.name}{number}"))

    return speak


def logged(done, node="z"):
    return [(log.t_ns, log.text) for each in done for log in each.logs if log.node == node]


def test_the_receptions_of_an_instant_come_together_in_the_order_of_source_and_number():
    nodes = [Scripted("b", spoken(5, 5)), Scripted("a", spoken(5)), foreign(Scripted("z"), "listen")]
    done = run_to_end(nodes, [wire("wire", "a", "b", "z")])
    assert logged(done)[:2] == [(0, "woken"), (15, "a:1=a1 b:1=b1 b:2=b2")]


def test_receptions_on_several_ports_keep_the_same_order():
    async def on_both(node):
        node.side.send(Note("side"))
        node.link.send(Note("link"))

    nodes = [Scripted("a", on_both), foreign(Scripted("z"), "listen")]
    done = run_to_end(nodes, [wire("one", "a", "z"), wire("two", "a", "z", port="side")])
    assert logged(done)[1] == (10, "a:1=side a:2=link")


def test_a_reception_at_the_very_instant_of_waking_comes_with_it():
    nodes = [Scripted("a", spoken(NS_PER_S - 10)), foreign(Scripted("z"), "listen")]
    done = run_to_end(nodes, [wire("wire", "a", "z")], until_ns=NS_PER_S + 1)
    (both,) = [log for each in done for log in each.logs if log.t_ns == NS_PER_S]
    assert (both.text, both.fields) == ("a:1=a1", {"due": True, "queued": {}})


def test_who_is_not_woken_by_messages_is_woken_when_it_asked_for_and_not_before():
    done = run_to_end([foreign(Scripted("z"), "listen")], [], until_ns=3 * NS_PER_S)
    assert logged(done) == [(0, "woken"), (NS_PER_S, "woken"), (2 * NS_PER_S, "woken")]


def test_what_it_sends_is_received_by_nodes_in_python():
    async def ask(node):
        node.link.send(Note("hello"), to="z")
        await listen(node)

    asker = Scripted("a", ask)
    run_to_end([asker, foreign(Scripted("z"), "listen")], [wire("wire", "a", "z")])
    assert asker.seen == [(20, "z", "hello")]


def test_a_radio_takes_its_time_and_says_how_many_frames_wait():
    sender = foreign(Transmitter("z"), "echo-radio")
    done = run_to_end([sender, Scripted("a", spoken(5, 6))], [_air("z", "a")], until_ns=NS_PER_S)
    receptions = [r for each in done for r in each.receptions if r.receiver == "a"]
    assert [(r.emission.duration_ns, r.emission.sent_ns) for r in receptions] == [
        (4_000_000, 4_000_015),
        (4_000_000, 8_000_015),
    ]
    queued = [log.fields["queued"] for each in done for log in each.logs if log.node == "z"]
    assert queued == [{"uhf": 0}, {"uhf": 0}, {"uhf": 1}]


def _air(radio, other):
    return Channel("air", Wire(10), {radio: "uhf", other: "link"})


def test_what_is_relayed_keeps_its_origin():
    nodes = [Scripted("a", spoken(5)), foreign(Scripted("m"), "relay"), Scripted("z", listen)]
    far = Channel("far", Wire(10), {"m": "side", "z": "link"})
    done = run_to_end(nodes, [wire("near", "a", "m"), far])
    (reception,) = [r for each in done for r in each.receptions if r.receiver == "z"]
    assert reception.path == ("a", "m", "z")
    assert reception.emission.origin == ("a", 1, 5)


def test_files_and_arrays_pass():
    nodes = [foreign(Scripted("z"), "camera"), Scripted("a", listen_to_arrays)]
    done = run_to_end(nodes, [wire("wire", "a", "z")])
    (product,) = [product for each in done for product in each.products]
    assert (product.name, product.data, product.facts) == ("map.txt", b"1 2", {"name": "the map"})
    assert nodes[1].seen == [[1, 2]]


async def listen_to_arrays(node):
    async for reception in node.link:
        node.seen.append(reception.message.pixels.tolist())


@message("test.foreign.pixels")
class Pixels:
    pixels: np.ndarray


def test_a_setting_reaches_the_program_with_its_next_instant():
    sender = foreign(Transmitter("z"), "params")
    run = host([sender], [])
    body, _ = Setting({"uhf.rate_bps": "16 kbit/s"}).encode()
    act = Emission(OPERATOR, 1, CHANNEL, Setting.__message_type__, 1_500, body, to="z")
    done = run.activate(NEVER_NS, [act], NEVER_NS)
    run.finish([])
    assert [log.fields for log in done.logs] == [{"changed": None}, {"changed": None}, {"changed": 16000.0}]


def test_what_it_writes_to_standard_error_is_in_the_nodes_log_at_its_instant():
    done = run_to_end([foreign(Scripted("z"), "stderr")], [])
    assert [(log.t_ns, log.text, log.fields) for each in done for log in each.logs] == [
        (0, "instant 1", {"stream": "stderr"}),
        (1000, "half a lineinstant 2", {"stream": "stderr"}),
        (2000, "half a lineinstant 3", {"stream": "stderr"}),
        (2000, "half a line", {"stream": "stderr"}),
    ]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("exit", ["(python foreign_program.py exit) ended by itself, with exit code 3", "BeaconError: no more"]),
        ("leave", ["ended before the run did; it has to wait for 'bye'", "it said nothing on standard error"]),
        ("abort", ["died of SIGABRT"]),
        ("sigkill", ["was killed by SIGKILL and had been started again 10 times already"]),
        ("print", ["wrote b'I am here", "which is for frames alone; print to standard error"]),
        ("no-msgpack", ["a frame of 3 bytes that are no msgpack"]),
        ("twice", ["said more than it was asked"]),
        ("ready-again", ["said 'ready' where 'done' is expected"]),
        ("past", ["asks at 10 ns to be woken at 10 ns; next_ns lies later"]),
        ("misspelt", ["emisions is no key of it"]),
        ("bad-type", ["emissions[0].type is 'note': a type is written name@version"]),
        ("no-port", ["asks for at 10 ns: z has no port 'lnik'; it has link, side"]),
        ("no-body", ["these bytes are the body of no message"]),
        ("bad-body", ["test.nodes.note@1: text is 5 (int); expected a str"]),
        ("priority", ["got priority=1; a plain port sends at once"]),
        ("after-radio", ["z has no port 'uhf'"]),
        ("to-nobody", ["z sent to 'bob', which is no member of channel wire"]),
        ("bad-file", ["cannot publish '../x'"]),
        ("error", ["its program cannot go on:\nTypeError: undefined is not a function"]),
        ("wrong-types", ["test.nodes.note@1 is declared with the fields word, but", "has text"]),
        ("no-types", ["it needs properties, one for each field"]),
        ("protocol", ["speaks version 2 of the protocol; this lightlag speaks 1"]),
    ],
)
def test_what_goes_wrong_is_the_nodes_failure_and_is_told(how, told):
    nodes = [Scripted("a", spoken(0, 500)), foreign(Scripted("z"), how)]
    failure = run_to_end(nodes, [wire("wire", "a", "z")])[0].failure
    assert failure is not None
    assert failure.node == "z"
    assert "Traceback (most" not in failure.traceback
    for words in told:
        assert words in failure.traceback


@pytest.mark.parametrize("how", ["hang", "mute", "flood"])
def test_who_never_answers_is_given_up(how, monkeypatch):
    monkeypatch.setattr("lightlag.nodes.foreign.process.PATIENCE_S", 0.5)
    nodes = [Scripted("a", spoken(0)), foreign(Scripted("z"), how)]
    failure = run_to_end(nodes, [wire("wire", "a", "z")])[0].failure
    assert failure is not None
    assert "has not answered for 0.5 s" in failure.traceback
    assert ("it said:\nwaiting for a sign" in failure.traceback) == (how == "hang")


def test_who_closes_its_output_is_given_up(monkeypatch):
    monkeypatch.setattr("lightlag.nodes.foreign.process._LEAVE_S", 0.2)
    nodes = [Scripted("a", spoken(0)), foreign(Scripted("z"), "close")]
    failure = run_to_end(nodes, [wire("wire", "a", "z")])[0].failure
    assert failure is not None
    assert "has closed its standard output" in failure.traceback


def test_who_will_not_leave_is_killed(monkeypatch):
    monkeypatch.setattr("lightlag.nodes.foreign.process._LEAVE_S", 0.2)
    done = run_to_end([foreign(Scripted("z"), "stay")], [])
    (pid,) = [log.fields["pid"] for each in done for log in each.logs]
    assert not Path(f"/proc/{pid}").exists()


def test_a_node_that_leaves_ends_its_program():
    run = host([foreign(Scripted("z"), "listen")], [], presence={"z": (5, 20)})
    done = run.activate(NEVER_NS, [], NEVER_NS)
    assert logged([done]) == [(5, "woken")]
    assert done.failure is None


def test_a_program_that_cannot_be_started_is_the_nodes_failure():
    node = Scripted("z")
    let_run(node, ["no-such-program"], FOLDER)
    failure = run_to_end([node], [])[0].failure
    assert failure is not None
    beside = Path(sys.executable).parent
    told = f"cannot be started: the program 'no-such-program' is neither beside the Python that runs ({beside})"
    assert told in failure.traceback
