"""What a person types reaches a node of a live run, stamped and journalled; what is wrong is told with the way out."""

from __future__ import annotations

import base64
import io
import json
import random
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.bus.mortals import Bench
from tests.bus.worlds import World as ModelWorld
from tests.launch.fixtures.graphs import TICKS
from typer.testing import CliRunner

from lightlag.bus import wire
from lightlag.bus.coordinator import Report
from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError
from lightlag.bus.hub import Hub
from lightlag.bus.journal import Journal, read_facts, read_journal
from lightlag.bus.message import message, message_class
from lightlag.bus.operator import OPERATOR, Operator
from lightlag.bus.pace import Pace
from lightlag.launch.command.calling import app_of
from lightlag.launch.command.display import PlainDisplay
from lightlag.launch.command.send import read_fields, told_text
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World
from lightlag.launch.run import inprocess
from lightlag.launch.run.beginning import begin_journal
from lightlag.launch.run.inprocess import InProcess
from lightlag.launch.run.operations import Operations
from lightlag.launch.run.options import RunOptions
from lightlag.launch.run.runner import resume
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import say_alive

ALONE, APART = [["listener", "ticker"]], [["listener"], ["ticker"]]
EVENT = {"id": "go", "scet_ns": 5, "values": {"height_km": 11}}


@message("tests.send.inner")
class Inner:
    """A message in a message."""

    number: int


@message("tests.send.all")
class Everything:
    """One of each kind of field."""

    data: bytes
    inner: Inner
    many: tuple[Inner, ...]
    pair: tuple[int, str]
    image: np.ndarray
    maybe: float | None = None
    scale: float = 2.5


@message("tests.send.all", version=2)
class EverythingAgain:
    """The next version."""

    flag: bool


@pytest.fixture
def world(tmp_path):
    (tmp_path / "ticks.yaml").write_text(TICKS)
    return World(load_graph(tmp_path / "ticks.yaml"))


class Desk:
    """A desk that keeps what it is to act."""

    hosts = ("all",)

    def __init__(self) -> None:
        self.acts: list[tuple] = []

    def act(self, host, node, port, type, body, arrays):
        self.acts.append((host, node, port, type, body, arrays))
        return 3_000_000_000


def ask(world, desk=None, **asked):
    asked = {"node": "listener", "port": "heard", "type": "lightlag.event", "fields": EVENT, **asked}
    return Operations(world, {"listener": 1, "ticker": 0}).answer(desk or Desk(), "send", asked)


# -- at the hub -------------------------------------------------------------------------------------------------------


def test_what_is_sent_is_a_message_of_that_type_at_that_port(world):
    desk = Desk()
    told = ask(world, desk)
    ((host, node, port, kind, body, arrays),) = desk.acts
    assert (host, node, port, kind) == (1, "listener", "heard", "lightlag.event@1")
    sent = message_class(kind).decode(body, arrays)
    assert (sent.id, sent.scet_ns, dict(sent.values)) == ("go", 5, {"height_km": 11.0})
    assert told["sent_ns"] == 3_000_000_000
    assert told["arrives_ert"].startswith("2021-02-18T20:26:03.00000000")
    shown = told_text(told)
    assert "SCET (sent_ns 3000000000)" in shown
    assert "ERT, at listener.heard" in shown
    assert 'lightlag.event@1 {"id": "go", "scet_ns": 5, "values": {"height_km": 11.0}}' in shown


def test_every_kind_of_field_can_be_written_in_plain_values(world):
    image = np.arange(6, dtype="<u2").reshape(2, 3)
    recorded = {"dtype": "<u2", "shape": [2, 3], "data": base64.b64encode(image.tobytes()).decode()}
    for written in (image.tolist(), recorded):
        desk = Desk()
        fields = {"data": "AAE=", "inner": {"number": 1}, "many": [{"number": 2}], "pair": [3, "x"], "image": written}
        assert "error" not in ask(world, desk, type="tests.send.all@1", fields=fields)
        sent = Everything.decode(*desk.acts[0][4:])
        assert (sent.data, sent.inner, sent.many, sent.pair) == (b"\0\1", Inner(1), (Inner(2),), (3, "x"))
        assert (sent.maybe, sent.scale) == (None, 2.5)
        assert np.array_equal(sent.image, image)


def test_without_a_version_the_latest_is_meant(world):
    desk = Desk()
    ask(world, desk, type="tests.send.all", fields={"flag": True})
    assert desk.acts[0][3] == "tests.send.all@2"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"node": "listner"}, "the graph has no node 'listner'; did you mean 'listener'? there are: listener, ticker"),
        ({"port": "herd"}, "listener has no port 'herd'; did you mean 'heard'? there are: heard"),
        ({"type": "lightlag.evnt"}, "no node of this run knows a message type 'lightlag.evnt'; did you mean 'lightlag"),
        ({"type": "lightlag.event@7"}, "a message type 'lightlag.event@7'; known versions: lightlag.event@1"),
        (
            {"fields": {**EVENT, "idd": 1}},
            "lightlag.event@1 has no field 'idd'; did you mean 'id'? its fields are: id: str",
        ),
        (
            {"fields": {"id": "go"}},
            "lightlag.event@1 also needs scet_ns, values; its fields are: id: str, scet_ns: int",
        ),
        ({"fields": {**EVENT, "id": 5}}, "lightlag.event@1: id is 5 (int); expected a str; its fields are: id: str"),
        ({"type": "tests.send.all@1", "fields": {}}, "maybe: float | None = None, scale: float = 2.5"),
        ({"type": "tests.send.inner", "fields": {"number": "x"}}, "tests.send.inner@1: number is 'x' (str)"),
    ],
)
def test_what_is_wrong_is_told_with_the_nearest_name_or_the_fields(world, asked, words):
    desk = Desk()
    told = ask(world, desk, **asked)
    assert words in told["error"]
    assert desk.acts == []


def test_bytes_and_arrays_that_are_none_are_told(world):
    fields = {"data": "AAE=", "inner": {"number": 1}, "many": [], "pair": [3, "x"], "image": [1]}
    for wrong, words in [
        ({"data": "no base64!"}, "data is 'no base64!', which is no base64"),
        ({"image": {"dtype": "<u2"}}, "image is no array ('data'); write it as a list of numbers, or as {dtype,"),
        ({"image": [[1], [2, 3]]}, "image is no array"),
        ({"pair": [3]}, "pair is [3] (list); expected a tuple of 2"),
    ]:
        assert words in ask(world, type="tests.send.all@1", fields={**fields, **wrong})["error"]


def test_what_the_hub_cannot_be_asked_is_told(world):
    told = Operations(world, {}).answer(Desk(), "dance", {})
    known = "about, act, fault, send, status, stop, tap, untap"
    assert told["error"] == f"the hub knows no 'dance'; it can be asked for {known}"


# -- on the command line ----------------------------------------------------------------------------------------------


def test_fields_are_yaml_or_one_json_object():
    assert read_fields(["id:=go", "scet_ns:=0x10", "values:={a: 1.5}", "flag:=yes", "empty:=null"]) == {
        "id": "go",
        "scet_ns": 16,
        "values": {"a": 1.5},
        "flag": "yes",
        "empty": None,
    }
    assert read_fields([json.dumps(EVENT)]) == EVENT
    assert read_fields([]) == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["id=go", "values:={"], ["'id=go' is no argument", "write id:=go", "not YAML"]),
        (["id:=a", "id:=b"], ["'id' is given twice"]),
        (['{"id": '], ["not YAML"]),
    ],
)
def test_words_that_are_no_fields_are_told_all_at_once(words, told):
    with pytest.raises(GraphError) as raised:
        read_fields(words)
    for text in told:
        assert text in str(raised.value)


@pytest.fixture
def command():
    return lambda *words: CliRunner().invoke(app_of("send"), ["send", *words])


def test_the_command_reaches_a_live_run_and_says_what_it_sent(command, tmp_path, world):
    run_dir = tmp_path / "run"
    with LiveDesk(world, run_dir):
        done = command("listener.heard", "lightlag.event", "id:=go", "scet_ns:=5", "values:={}", "--run", str(run_dir))
        assert done.exit_code == 0, done.output
        assert "ERT, at listener.heard" in done.stdout
        wrong = command("listener.herd", "lightlag.event", "--run", str(run_dir))
        assert (wrong.exit_code, wrong.stdout) == (2, "")
        assert "error: listener has no port 'herd'" in wrong.stderr


def test_the_command_says_what_it_was_not_told(command, tmp_path):
    assert "'listener' names no port; write NODE.PORT" in command("listener", "lightlag.event").stderr
    done = command("a.b", "lightlag.event", "id=1", "--run", str(tmp_path))
    assert (done.exit_code, "write id:=1" in done.stderr) == (2, True)
    done = command("a.b", "lightlag.event", "--run", str(tmp_path))
    assert (done.exit_code, "no run is alive in" in done.stderr) == (2, True)


class LiveDesk:
    """A desk in a thread, that answers as a run in one process does, and goes nowhere."""

    def __init__(self, world: World, run_dir: Path) -> None:
        self._directory = RunDirectory.create("ticks", run_dir)
        self._directory.graph.write_text(world.graph.to_yaml())
        begin_journal(world.graph, [sorted(world.nodes)], self._directory, processes=False, record=False)
        self._desk = InProcess(world, self._directory)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()

    def _serve(self) -> None:
        endpoint = f"ipc://{self._directory.path}/hub"
        with inprocess.zmq.Context() as context, context.socket(inprocess.zmq.ROUTER) as socket:
            socket.setsockopt(inprocess.zmq.LINGER, 500)
            socket.bind(endpoint)
            say_alive(self._directory.live, endpoint, self._desk._facts["run"])
            self._ready.set()
            while not self._over.is_set():
                self._desk._listen(socket, 20)

    def __enter__(self) -> InProcess:
        self._thread.start()
        self._ready.wait(10)
        return self._desk

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)


def test_an_act_is_in_the_journal_of_a_run_in_one_process_and_found_again(tmp_path, world):
    run_dir = tmp_path / "run"
    with LiveDesk(world, run_dir) as here, Operator(f"ipc://{run_dir}/hub", here._facts["run"]) as operator:
        told = operator.ask("send", node="listener", port="heard", type="lightlag.event", fields=EVENT)
    ((host, envelope),) = read_journal(run_dir / "journal")
    (emission,) = envelope.emissions
    assert (host, envelope.kind, emission.source, emission.seq) == (0, wire.ACT, OPERATOR, 1)
    assert (emission.channel, emission.to, emission.sent_ns) == ("@heard", "listener", told["sent_ns"])
    again = InProcess(world, RunDirectory(run_dir))
    assert again.coordinator.unacknowledged(0) == 1
    assert again.act(0, "listener", "heard", "lightlag.event@1", emission.body, ()) == told["sent_ns"]
    assert [entry.envelope.emissions[0].seq for entry in read_journal(run_dir / "journal")] == [1, 2]


def test_a_run_that_somebody_acted_upon_is_the_same_when_it_is_run_again(tmp_path, world):
    """In one process and in two; and it is not the run that nobody acted upon."""
    body, _ = message_class("lightlag.event@1")(**EVENT).encode()
    act = Emission(OPERATOR, 1, "@heard", "lightlag.event@1", 0, body, to="listener")
    digests = []
    for number, (groups, acted) in enumerate([(ALONE, True), (ALONE, True), (APART, True), (ALONE, False)]):
        directory = RunDirectory.create("ticks", tmp_path / str(number))
        directory.graph.write_text(world.graph.to_yaml())
        begin_journal(world.graph, groups, directory, processes=len(groups) > 1, record=False)
        if acted:
            run_id = read_facts(directory.journal)["run"]
            with Journal(directory.journal) as journal:
                host = next(at for at, group in enumerate(groups) if "listener" in group)
                journal.append(host, wire.encode(run_id, wire.ACT, (), [act]), [act])
        result = resume(directory.path, RunOptions(report=False), PlainDisplay(io.StringIO()))
        heard = (directory.logs / "listener.log").read_text().splitlines()
        assert (json.loads(heard[0])["fields"]["event"] == "go") is acted
        digests.append(result.digest)
    assert digests[0] == digests[1] == digests[2] != digests[3]


@pytest.mark.parametrize("seed", range(4))
def test_acts_through_a_hub_reach_nobodys_past_and_come_again_to_a_host_that_is_killed(tmp_path, monkeypatch, seed):
    """The hosts of a model assert that nothing reaches them at an instant that they have run."""
    monkeypatch.setattr("lightlag.bus.shell.EARLY_REPORT_EVENTS", 4)
    world = Receiving(seed)
    bench = Bench(tmp_path, world)
    draw = random.Random(seed)
    acted: list[int] = []

    def reported(hub, *arguments, report=Hub._report) -> None:
        report(hub, *arguments)
        if len(acted) < 10 and not hub._absent:
            node = draw.choice(world.nodes)
            acted.append(hub.act(world.host_of[node], node, "in", "x@1", b"", ()))

    with monkeypatch.context() as acting:
        acting.setattr(Hub, "_report", reported)
        first = bench.run()
    bench.close()
    assert acted
    assert bench.raised == {}
    journalled = [
        entry.envelope.emissions[0] for entry in read_journal(bench.journal) if entry.envelope.kind == wire.ACT
    ]
    assert [emission.sent_ns for emission in journalled] == acted
    again = Bench(tmp_path, world)
    again.incarnations = [5] * world.hosts
    assert again.run().chains == first.chains
    again.close()


def test_in_a_paced_run_an_act_is_stamped_with_where_the_wall_clock_stands(tmp_path, world):
    """Not with the next event, which may be an hour away."""
    RunDirectory.create("ticks", tmp_path / "run").graph.write_text(world.graph.to_yaml())
    directory = RunDirectory(tmp_path / "run")
    begin_journal(world.graph, ALONE, directory, processes=False, record=False)
    desk, clock_s = InProcess(world, directory), [0.0]
    desk._pace = Pace(2.0, lambda: clock_s[0])
    desk._pace.start(0)
    body, _ = message_class("lightlag.event@1")(**EVENT).encode()
    desk.coordinator.accept(Report(0, 1, 1, 1, 20_000_000_000, 0, []))  # nothing is due for long
    clock_s[0], desk.coordinator.paced_ns = 3.25, 1
    assert desk.act(0, "listener", "heard", "lightlag.event@1", body, ()) == 6_500_000_000


def test_so_it_is_at_a_hub(tmp_path, monkeypatch):
    world = Receiving(1)
    bench = Bench(tmp_path, world)
    pace = Pace(world.until_ns / 0.5e9)  # half a second in all
    acted: list[tuple[int, int]] = []

    def reported(hub, *arguments, report=Hub._report) -> None:
        report(hub, *arguments)
        if len(acted) < 5 and not hub._absent:
            stands_ns = pace.reached_ns()
            acted.append((stands_ns, hub.act(world.host_of[world.nodes[0]], world.nodes[0], "in", "x@1", b"", ())))

    monkeypatch.setattr(Hub, "_report", reported)
    bench.start_hosts()
    bench.serve(pace=pace)
    bench.close()
    assert acted
    assert all(sent_ns >= stands_ns for stands_ns, sent_ns in acted)
    assert acted[-1][0] > 0


class Receiving(ModelWorld):
    """A world in which what comes from outside reaches the node that it is for, 1 ns later."""

    def receivers(self, emission: Emission) -> list[str]:
        return [emission.to] if emission.source == OPERATOR else super().receivers(emission)

    def delay_ns(self, emission: Emission, receiver: str) -> int:
        return 1 if emission.source == OPERATOR else super().delay_ns(emission, receiver)
