"""The same graph twice: what is the same is called the same, and what is not is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lightlag.bus.errors import GraphError, RunError
from lightlag.launch.command.determinism import check_and_tell
from lightlag.launch.conformance.running import leaves_nothing
from lightlag.launch.conformance.trial import Trial
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.run.determinism import Comparison, Ending, check_determinism
from lightlag.launch.run.options import RunOptions

#: A Steady one says the same in every run, a Hasty one what hangs on the circumstances.
NODES = '''
import gc
import os
import time
from lightlag.bus.errors import GraphError
from lightlag.nodes import Node
from lightlag.nodes.events import Event

class Speaker(Node):
    ports = ("out",)

    def word(self, number):
        return f"word-{number}"

    async def run(self):
        for number in range(1, 4):
            await self.sleep_until(number * 1_000_000_000)
            self.out.send(Event(self.word(number), self.now_ns, {}))

class Steady(Speaker):
    """As it should be."""

class Hasty(Speaker):
    def word(self, number):
        if number < 2:
            return super().word(number)
        return f"{hash('mro')}, {time.localtime(0).tm_hour} h, {gc.get_threshold()[0]}"

class Failing(Speaker):
    def word(self, number):
        raise LookupError(f"{object()} is lost")

class Refusing(Speaker):
    def check(self, nodes):
        raise GraphError(f"{self.name} wants to hear nobody but {sorted(nodes)}")

class Leaving(Speaker):
    def word(self, number):
        os.write(2, b"so long")
        os._exit(3)

class Talking(Speaker):
    def word(self, number):
        print("not for the parent")
        return super().word(number)

class Listener(Node):
    ports = ("heard",)
'''
GRAPH = """
version: 1
name: twice
epoch: 2021-02-18T20:26:00Z
until: 5 s
nodes:
  speaker: {{type: "{module}:{speaker}"}}
  listener: {{type: "{module}:Listener"}}
channels:
  words: {{medium: {{wire: {{latency: 10 ms}}}}, members: [listener.heard], senders: [speaker.out]}}
"""


@pytest.fixture
def graph_of(tmp_path, monkeypatch):
    """Loads the graph with one of the speakers."""
    module = f"nodes_of_{tmp_path.name}".replace("-", "_")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{module}.py").write_text(NODES)

    def loaded(speaker: str):
        (tmp_path / "twice.yaml").write_text(GRAPH.format(module=module, speaker=speaker))
        return load_graph(tmp_path / "twice.yaml")

    return loaded


@pytest.fixture
def options(tmp_path):
    return RunOptions(run_dir=tmp_path / "runs" / "twice")


def test_nodes_that_keep_to_the_rules_are_called_the_same(graph_of, options):
    done: dict[str, list[float]] = {}
    compared = check_determinism(
        graph_of("Talking"), options, progress=lambda name, fraction: done.setdefault(name, []).append(fraction)
    )
    assert (compared.same, compared.exit_code, compared.difference) == (True, 0, None)
    assert compared.text() == f"the same: both runs came to digest {compared.first.digest}"
    assert list(done) == ["first", "second"]
    assert [fractions[-1] for fractions in done.values()] == [1.0, 1.0]
    assert {it.name for it in (options.run_dir / "first").iterdir()} >= {"run.mcap", "summary.json"}
    assert not list(options.run_dir.glob("*.stderr"))


def test_what_hangs_on_hash_seed_time_zone_or_collector_is_found_and_shown(graph_of, options):
    found = []
    compared = check_determinism(graph_of("Hasty"), options, warn=found.extend)
    assert (compared.same, compared.exit_code) == (False, 1)
    assert compared.first.digest != compared.second.digest
    assert [it.rule for it in found] == ["identity", "wall-clock"]
    assert compared.findings == tuple(found)
    assert compared.difference.startswith(
        "first difference: what listener got at 2021-02-18T20:26:02.010000000Z ERT (t_ns 2010000000); before it 1 "
    )
    (field,) = [line for line in compared.difference.splitlines() if "message.id: " in line]
    shown = re.fullmatch(r"  message.id: (-?\d+), 0 h, \d+ in the first, (-?\d+), 13 h, 97 in the second", field)
    assert shown is not None
    assert shown[1] != shown[2]
    assert compared.difference in compared.text()
    assert f"the runs are in {options.run_dir / 'first'} and {options.run_dir / 'second'}" in compared.text()


def test_a_failure_that_comes_again_is_the_same_but_no_success(graph_of, options):
    """The address in its message is another."""
    compared = check_determinism(graph_of("Failing"), options)
    assert compared.first.failure != compared.second.failure
    assert (compared.same, compared.exit_code) == (True, 1)
    assert compared.text().startswith("both runs failed, in the same way: speaker failed at 2021-02-18T20:26:01")


def test_a_run_that_vanishes_is_told_with_its_last_words(graph_of, options):
    with pytest.raises(RunError, match=r"the first run ended without a result; it said:\nso long"):
        check_determinism(graph_of("Leaving"), options)


def test_a_graph_that_cannot_run_is_refused(graph_of, options):
    with pytest.raises(GraphError, match=r"speaker wants to hear nobody but \['listener', 'speaker'\]"):
        check_determinism(graph_of("Refusing"), options)


def test_a_directory_that_is_taken_is_refused(graph_of, options):
    options.run_dir.mkdir(parents=True)
    (options.run_dir / "mine").touch()
    with pytest.raises(GraphError, match="exists and is not an empty directory"):
        check_determinism(graph_of("Steady"), options)


def test_a_person_reads_the_findings_first_and_then_how_it_ended(graph_of, options, capsys, monkeypatch):
    ending = Ending(Path("runs/first"), "12", None)
    monkeypatch.setattr("lightlag.launch.run.determinism._run_once", lambda *_: ending)
    assert check_and_tell(graph_of("Hasty"), options) == 0
    printed = capsys.readouterr()
    assert "identity: hash() of a text or an object differs from process to process" in printed.err
    assert printed.out == "the same: both runs came to digest 12\n"


def test_where_reading_found_nothing_it_says_where_to_look():
    endings = [Ending(Path("runs") / name, digest, None) for name, digest in (("first", "12"), ("second", "34"))]
    assert Comparison(*endings, difference="listener at 3 s").text().splitlines() == [
        "not the same: something in the nodes depends on more than the graph and the seed",
        "  first   digest 12",
        "  second  digest 34",
        "listener at 3 s",
        "reading the node classes' modules found nothing; look into what they call (lightlag lint DIR)",
        "the runs are in runs/first and runs/second",
    ]


def test_a_file_beside_the_graph_is_found_by_both_runs(tmp_path, options):
    states = "\n".join(f"2027-03-01T18:{minute:02}:00Z,4000,0,0,0,3.2,0" for minute in range(60))
    (tmp_path / "probe.csv").write_text(f"utc,x_km,y_km,z_km,vx_km_s,vy_km_s,vz_km_s\n{states}\n")
    (tmp_path / "flown.yaml").write_text(
        "version: 1\nname: flown\nepoch: 2027-03-01T18:00:00Z\nuntil: 30 min\nnodes:\n"
        "  probe:\n    type: spacecraft\n"
        "    params: {trajectory: {states: {file: probe.csv, center: mars}}, housekeeping_every: 10 min}\n"
        "  madrid: {type: ground-station, params: {station: DSS-63}}\n"
        "channels:\n  down: {medium: space, members: [madrid.xband], senders: [probe.xband]}\n"
    )
    compared = check_determinism(load_graph(tmp_path / "flown.yaml"), options)
    assert compared.same
    assert compared.first.failure is None
    trial = Trial(tmp_path / "trial", graph=str(tmp_path / "flown.yaml"))
    assert leaves_nothing(trial).level == "ok"
