"""``lightlag fault``: what a person types is what goes wrong, at one instant at every node, in the journal."""

from __future__ import annotations

import json

import pytest
from tests.launch.command.test_send import LiveDesk
from tests.launch.fixtures.graphs import TICKS

from lightlag.bus.errors import RunError
from lightlag.bus.journal import read_journal
from lightlag.bus.message import decoders
from lightlag.bus.operator import Operator
from lightlag.bus.time import NS_PER_S
from lightlag.launch.cli import main
from lightlag.launch.command.fault import entry
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.placement.world import World


@pytest.fixture
def world(tmp_path):
    """Ticks in which both can hear each other."""
    path = tmp_path / "ticks.yaml"
    path.write_text(
        TICKS.replace("[listener.heard]", "[listener.heard, ticker.out]").replace(", senders: [ticker.out]", "")
    )
    return World(load_graph(path))


@pytest.fixture
def live(world, tmp_path):
    """The directory of a live run."""
    with LiveDesk(world, tmp_path / "run"):
        yield tmp_path / "run"


def acts(run_dir):
    """(node, arrives_ns, message) of every act in the journal."""
    emissions = [entry.envelope.emissions[0] for entry in read_journal(run_dir / "journal")]
    return [(it.to, it.sent_ns + 1, decoders[it.type](it.body, it.arrays)) for it in emissions]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("partition mro goldstone --for 5min", {"partition": ["mro", "goldstone"], "for": "5min"}),
        ("hold mro,maven * --channel uhf", {"hold": [["mro", "maven"], "*"], "channel": "uhf"}),
        ("drop mro goldstone --p 0.1", {"drop": {"from": "mro", "to": "goldstone", "p": 0.1}}),
        ("delay mro goldstone --by 3s", {"delay": {"from": "mro", "to": "goldstone", "by": "3s"}}),
        ("crash mro", {"crash": "mro"}),
        ("crash mro --for 2min", {"bounce": "mro", "for": "2min"}),
        ("safe_mode mro,maven", {"safe_mode": ["mro", "maven"]}),
        ("stuck_receiver mro.uhf", {"stuck_receiver": "mro.uhf"}),
        ("clock_jump mro --by 2s", {"clock_jump": {"node": "mro", "by": "2s"}}),
    ],
)
def test_what_is_typed_is_an_entry_of_a_graph_file(words, written):
    verb, *rest = words.split()
    options = {
        name: rest[rest.index(f"--{name}") + 1] if f"--{name}" in rest else None for name in ("for", "by", "channel")
    }
    p = float(rest[rest.index("--p") + 1]) if "--p" in rest else None
    whom = rest[: next((k for k, word in enumerate(rest) if word.startswith("--")), len(rest))]
    assert json.loads(entry(verb, whom, options["for"], p, options["by"], options["channel"])) == written


def test_a_fault_begins_at_one_instant_at_every_node_and_ends_when_it_was_said(live, capsys):
    assert main(["fault", "partition", "ticker", "listener", "--for", "5s", "--run", str(live), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["nodes"] == ["listener", "ticker"]
    assert told["id"].startswith("partition-")
    found = acts(live)
    assert {node: (t_ns, message.sources) for node, t_ns, message in found[:2]} == {
        "listener": (1, ("ticker",)),
        "ticker": (1, ("listener",)),
    }
    assert {(node, t_ns) for node, t_ns, _ in found[2:]} == {(n, 5 * NS_PER_S + 1) for n in ("listener", "ticker")}
    assert {message.id for _, _, message in found} == {told["id"]}


def test_a_fault_without_an_end_is_ended_by_its_id(live, capsys):
    assert main(["fault", "safe_mode", "ticker", "--run", str(live)]) == 0
    said = capsys.readouterr().out
    id = said.split()[1]
    assert f"it is ended: lightlag fault end {id}" in said
    assert main(["fault", "end", id, "--run", str(live)]) == 0
    assert f"ends      {id}" in capsys.readouterr().out
    (_, _, begins), *ends = acts(live)
    assert begins.kind == "safe_mode"
    assert [(node, message.id) for node, _, message in ends] == [("ticker", id)]
    assert main(["fault", "end", id, "--run", str(live)]) == 2
    assert f"{id} is over; it ended at 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["partiton", "ticker", "listener"], "did you mean 'partition'?"),
        (["partition", "tickr", "listener"], "did you mean 'ticker'?"),
        (["partition", "ticker"], "expected two"),
        (["drop", "ticker", "listener"], "drop has no 'p'"),
        (["partition", "ticker", "ticker"], "no channel joins ticker and ticker"),
        (["partition", "ticker", "listener", "--for", "soon"], "'soon' is not a duration"),
        (["end", "partition-3f2a"], "the run has no fault 'partition-3f2a'; it has had none"),
        (["clock_jump", "ticker", "--by", "3s"], "the clock of ticker is to jump, but Ticker has none"),
    ],
)
def test_a_fault_that_cannot_be_is_told_and_nothing_is_sent(live, capsys, words, told):
    assert main(["fault", *words, "--run", str(live)]) == 2
    assert told in capsys.readouterr().err
    assert not acts(live)


def test_a_fault_that_begins_now_has_no_other_beginning(world, tmp_path):
    run_dir = tmp_path / "run"
    with LiveDesk(world, run_dir) as desk, Operator(f"ipc://{run_dir}/hub", desk._facts["run"]) as operator:
        with pytest.raises(RunError, match="a fault that begins now has no 'from'"):
            operator.ask("fault", fault="safe_mode: ticker, from: 3 s")
        with pytest.raises(RunError, match="in somebody's past; the soonest is 0 ns"):
            desk.act(0, "ticker", "fault", "x@1", b"", (), -5)
        with pytest.raises(RunError, match="partition is of the text 'ticker'"):
            operator.ask("fault", fault="partition: ticker")


def test_a_run_can_be_launched_with_a_fault(world, tmp_path, monkeypatch, capsys):
    (tmp_path / "ticks.yaml").write_text(TICKS)
    words = ["launch", str(tmp_path / "ticks.yaml"), "-q", "--no-report", "--run-dir", str(tmp_path / "new")]
    assert main([*words, "--fault", "crash: ticker, at: 5 s"]) == 0
    assert "emissions   4" in capsys.readouterr().out
    assert "bounce" not in (tmp_path / "new" / "graph.resolved.yaml").read_text()
    assert "crash: ticker" in (tmp_path / "new" / "graph.resolved.yaml").read_text()
    assert main([*words, "--fault", "crash: tickr, at: 5 s"]) == 2
    assert "did you mean 'ticker'?" in capsys.readouterr().err
    assert main(["launch", "--resume", str(tmp_path / "new"), "--fault", "crash: ticker, at: 5 s"]) == 2
