"""What is heard on topics: of a live run through the tap, of a finished one from its recording, in the same words."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tests.launch.look.test_why import clear, until
from typer.testing import CliRunner

from lightlag.bus.activation import Completion, LogRecord
from lightlag.bus.emission import Emission, Loss, Origin, Reception
from lightlag.bus.errors import RunError
from lightlag.bus.message import message
from lightlag.bus.part import PartWriter
from lightlag.bus.recording import merge
from lightlag.bus.tap import Tap, bunches
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.command import topic
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.look import heard
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import is_alive, operator

ROOT = Path(__file__).parents[3]
GRAPH = """
version: 1
name: ticks
epoch: 2021-02-18T20:26:00Z
until: 60 s
nodes:
  ticker: {type: "tests.integration.failing:Ticker", params: {every: 500 ms}}
  listener: {type: "tests.integration.failing:Listener"}
channels:
  ticks: {medium: {wire: {latency: 2500 ms}}, members: [listener.heard], senders: [ticker.out]}
"""
EPOCH = Epoch.parse("2021-02-18T20:26:00Z")
TOPIC = "/listener/ticks/lightlag.event"


@message("tests.topic.picture")
class Picture:
    """Something with an array and a name."""

    name: str
    values: dict[str, float]
    image: np.ndarray


def run_topic(*words: object):
    return CliRunner().invoke(topic.app, [str(word) for word in words])


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


# -- from a recording -------------------------------------------------------------------------------------------------


def emission(seq: int, sent_ns: int, name: str = "sol", **more) -> Emission:
    body, arrays = Picture(name, {"gain_db": float(seq)}, np.zeros((2, 3), "<u2")).encode()
    return Emission("mro", seq, "uhf", "tests.topic.picture@1", sent_ns, body, arrays, **more)


@pytest.fixture
def recording(tmp_path):
    """Ten pictures, two seconds apart and one to ten light seconds long on their way, a loss, a line of a log."""
    writer = PartWriter(tmp_path / "all.part", EPOCH)
    origin = Origin("rover", 7, 1)
    sent = [emission(seq, (2 * seq - seq) * NS_PER_S, "sol" if seq < 9 else "a: b") for seq in range(1, 11)]
    sent[0] = emission(1, NS_PER_S, via=("mro",), origin=origin)
    writer.write(
        Completion(
            receptions=[Reception(it, "madrid", 2 * it.seq * NS_PER_S) for it in sent],
            losses=[Loss(emission(11, NS_PER_S), "madrid", 21 * NS_PER_S, "occulted")],
            logs=[LogRecord(22 * NS_PER_S, "madrid", "info", "set", {"elevation_deg": 5.0})],
        )
    )
    writer.close()
    metadata = {"graph": "g", "seed": "1", "epoch": EPOCH.utc(0, 9), "digest": "d", "fingerprint": "f", "lightlag": "1"}
    merge([tmp_path / "all.part"], tmp_path / "run.mcap", metadata)
    return tmp_path / "run.mcap"


def test_the_list_says_how_much_there_is_on_each_topic(recording):
    done = run_topic("list", "--run", recording)
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["topic", "records", "type"],
        ["/madrid/log", "1", "lightlag.log"],
        ["/madrid/lost", "1", "lightlag.loss"],
        ["/madrid/uhf/tests.topic.picture", "10", "tests.topic.picture@1"],
    ]
    listed = objects(run_topic("list", "--run", recording, "--json").stdout)
    assert [(it["topic"], it["records"]) for it in listed][2] == ("/madrid/uhf/tests.topic.picture", 10)


def test_an_echo_labels_its_times_and_shows_arrays_by_their_shape(recording):
    done = run_topic("echo", "/madrid/uhf/tests.topic.picture", "-n", 1, "--run", recording)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "topic: /madrid/uhf/tests.topic.picture",
        "sent: 2021-02-18T20:26:01.000Z SCET",
        "received: 2021-02-18T20:26:02.000Z ERT",
        "light_time_s: 1.0",
        "source: mro",
        "seq: 1",
        "origin: rover 7",
        "origin_sent: 2021-02-18T20:26:00.000Z SCET",
        "via: [mro]",
        "type: tests.topic.picture@1",
        "sent_ns: 1000000000",
        "duration_ns: 0",
        "t_ns: 2000000000",
        f"bytes: {emission(1, 1).size_bytes}",
        "message:",
        "  name: sol",
        "  values:",
        "    gain_db: 1.0",
        "  image: array of <u2 [2, 3]",
        "---",
    ]
    assert done.stderr == "1 record shown\n"


def test_losses_and_logs_are_echoed_too(recording):
    lost = objects(run_topic("echo", "/*/lost", "--run", recording, "--json").stdout)
    assert [(it["lost"], it["reason"]) for it in lost] == [("2021-02-18T20:26:21.000Z ERT", "occulted")]
    (line,) = objects(run_topic("echo", "/madrid/log", "--run", recording, "--json").stdout)
    assert (line["at"], line["text"], line["fields"]) == (
        "2021-02-18T20:26:22.000Z SCET",
        "set",
        {"elevation_deg": 5.0},
    )


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("name=a: b", 2),
        ("values.gain_db=3", 1),
        ("source=mro", 11),
        ("reason=occulted", 1),
        ("seq=4", 1),
        ("origin.0=rover", 1),
        ("image.shape.1=3", 10),
        ("nothing=3", 0),
    ],
)
def test_a_filter_looks_into_the_message_and_its_header(recording, word, count):
    done = run_topic("echo", "--filter", word, "--run", recording, "--json")
    assert len(objects(done.stdout)) == count
    assert done.exit_code == 0


def test_a_filter_that_is_none_is_told(recording):
    done = run_topic("echo", "--filter", "source", "--run", recording)
    assert (done.exit_code, "write FIELD=VALUE" in done.stderr) == (2, True)


def test_rates_are_in_simulated_time(recording):
    (found,) = objects(run_topic("hz", "/madrid/uhf/*", "--run", recording, "--json").stdout)
    assert found["records"] == 10
    assert (found["rate_hz"], found["least_s"], found["mean_s"], found["most_s"]) == (0.5, 2.0, 2.0, 2.0)


def test_delays_are_light_times_and_their_spread_is_drawn(recording):
    (found,) = objects(run_topic("delay", "/madrid/uhf/*", "--run", recording, "--json").stdout)
    assert (found["least_s"], found["mean_s"], found["most_s"]) == (1.0, 5.5, 10.0)
    table = run_topic("delay", "--run", recording).stdout
    assert "/madrid/log" not in table
    assert "1.000000   5.500000  10.000000  ██ █ █ ██ █ █ ██" in table


def test_info_says_who_sends_and_what(recording):
    (found,) = objects(run_topic("info", "/madrid/uhf/tests.topic.picture", "--run", recording, "--json").stdout)
    assert (found["type"], found["records"], found["sources"]) == ("tests.topic.picture@1", 10, {"mro": 10})
    assert (found["first"], found["last"]) == ("2021-02-18T20:26:02.000Z", "2021-02-18T20:26:20.000Z")
    assert found["latest"]["image"] == {"dtype": "<u2", "shape": [2, 3]}


def test_a_topic_that_is_not_there_is_told_with_the_nearest(recording):
    done = run_topic("echo", "/madrid/uhf/tests.topic.pictures", "--run", recording)
    assert done.stdout == ""
    assert done.stderr == (
        "nothing was heard on '/madrid/uhf/tests.topic.pictures'; did you mean '/madrid/uhf/tests.topic.picture'?\n"
    )


def test_a_run_that_is_none_is_told(tmp_path):
    done = run_topic("list", "--run", tmp_path / "nowhere")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nowhere does not exist; name a run directory" in done.stderr


# -- from a live run --------------------------------------------------------------------------------------------------


@contextmanager
def launched(folder: Path, *words: str):
    """A run of ticks; killed in the end if it is not over."""
    (folder / "ticks.yaml").write_text(GRAPH)
    command = [sys.executable, "-m", "lightlag", "launch", "ticks.yaml", "--no-report", "-q"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / ".src"), str(ROOT)])}
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [*command, "--run-dir", "run", *words], cwd=folder, env=environment, stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        clear(folder / "run" / "live.json")


def answers(run: Path) -> bool:
    """Whether a run lives and every host is there."""
    try:
        with operator(run) as line:
            return all(host["state"] != "starting" for host in line.ask("status", timeout_s=1.0)["hosts"])
    except (RunError, OSError):
        return False


@pytest.fixture(scope="module")
def digest(tmp_path_factory) -> str:
    """Of the run that nobody listens to."""
    folder = tmp_path_factory.mktemp("quiet")
    with launched(folder, "--in-process") as process:
        assert process.wait(60) == 0
    return json.loads((folder / "run" / "summary.json").read_text())["digest"]


@pytest.mark.parametrize("words", [("--in-process",), ("--processes", "2")])
def test_a_live_run_is_heard_to_its_end_and_has_the_digest_of_any_other(tmp_path, digest, words):
    run = tmp_path / "run"
    with launched(tmp_path, "--speed", "20x", *words) as process:
        assert until(lambda: answers(run) or process.poll() is not None), (tmp_path / "said").read_text()
        done = run_topic("echo", TOPIC, "--run", run, "--json")
        assert process.wait(60) == 0, (tmp_path / "said").read_text()
    assert done.exit_code == 0, done.output
    heard_live = objects(done.stdout)
    assert len(heard_live) > 10
    assert done.stderr == f"{len(heard_live)} records shown\n"
    assert json.loads((run / "summary.json").read_text())["digest"] == digest
    recorded = objects(run_topic("echo", TOPIC, "--run", run, "--json").stdout)
    assert heard_live == recorded[-len(heard_live) :]


def test_figures_are_drawn_in_the_place_of_the_last_on_a_terminal():
    drawn = io.StringIO()
    with topic._screen(Console(file=drawn, force_terminal=True, width=80)) as screen:
        screen(["topic  records", "/mro          1"])
        screen(["topic  records", "/mro          2"])
    text = drawn.getvalue()
    assert text.count("topic  records") >= 2
    between = text[text.index("/mro          1") : text.index("/mro          2")]
    assert "\x1b[1A" in between  # up again, over what was drawn
    assert text.rindex("/mro          2") > text.rindex("/mro          1")


def test_a_live_run_tells_its_topics_rates_and_delays(tmp_path, monkeypatch):
    """And goes on when nobody listens any more."""
    monkeypatch.setattr(topic, "_SHOWN_S", 0.2)
    run = tmp_path / "run"
    with launched(tmp_path, "--speed", "4x", "--in-process") as process:
        assert until(lambda: answers(run) or process.poll() is not None), (tmp_path / "said").read_text()
        listed = objects(run_topic("list", "--run", run, "--for", 1, "--json").stdout)
        assert {it["topic"]: it["type"] for it in listed}[TOPIC] == "lightlag.event@1"
        (rate,) = objects(run_topic("hz", TOPIC, "--run", run, "--for", 1.2, "--json").stdout)
        assert rate["rate_hz"] == pytest.approx(2.0)
        (delay,) = objects(run_topic("delay", TOPIC, "--run", run, "--for", 0.8, "--json").stdout)
        assert (delay["least_s"], delay["most_s"]) == (2.5, 2.5)
        *updates, heading, last = run_topic("hz", TOPIC, "--run", run, "--for", 1.2).stdout.splitlines()
        assert len(updates) >= 2  # a line each
        assert all(line.startswith(TOPIC) for line in [*updates, last])
        assert heading.split()[:2] == ["topic", "records"]
        assert is_alive(RunDirectory(run).live)


def test_a_reader_that_lost_records_says_so(tmp_path, monkeypatch, capsys):
    """The tap of a hub that is not there: the numbers of what comes have a gap."""
    tap = Tap(f"ipc://{tmp_path}/hub")
    asked: list[str] = []

    class Line:
        def ask(self, what: str, timeout_s: float = 5.0) -> dict:
            asked.append(what)
            if what == "about":
                return {"epoch_tdb_ns": EPOCH.tdb_ns, "modules": {}, "path": []}
            told = tap.answer(what, b"reader")
            if what == "tap" and asked.count("tap") > 1:
                publish()
            return told

        def close(self) -> None: ...

    def publish() -> None:
        bunch = bunches(Completion(receptions=[Reception(emission(1, 5), "madrid", 9)]))
        tap.publish(bunch)
        tap._counts["/madrid/uhf/tests.topic.picture"] += 1_500
        tap.publish(bunch)
        tap.close()

    monkeypatch.setattr(heard, "is_alive", lambda live: True)
    monkeypatch.setattr(heard, "operator", lambda run: Line())
    monkeypatch.setattr(heard, "_SILENT_S", 0.2)
    done = run_topic("echo", "/madrid/uhf/tests.topic.picture", "--run", tmp_path, "--json")
    assert len(objects(done.stdout)) == 2
    assert done.stderr.splitlines() == [
        "records are being lost: this reader is slower than the run",
        "2 records shown; 1,500 records were lost: this reader is slower than the run",
    ]


def test_the_graph_of_these_tests_is_right(tmp_path):
    (tmp_path / "ticks.yaml").write_text(GRAPH)
    assert load_graph(tmp_path / "ticks.yaml").until_ns == 60 * NS_PER_S
