"""The command line: words, exit codes, and what is printed where."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from rich.console import Console

from lightlag.bus.errors import GraphError, RunError
from lightlag.launch import cli
from lightlag.launch.command.display import LiveDisplay, PlainDisplay, last_lines, show_errors
from lightlag.launch.graph.diagnostics import InvalidGraph
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.graph.spec import Graph
from lightlag.launch.run.options import AUTO, RunOptions, RunResult
from lightlag.nodes.events import Learnt

ROOT = Path(__file__).parents[3]
HEAVY = ("scipy", "spiceypy", "matplotlib", "PIL")
GRAPH = """
version: 1
name: pair
description: Two beacons
args:
  rate: {type: data rate, default: 8 kbit/s, min: 1 bit/s, help: What they send at.}
epoch: 2021-02-18T20:26:00Z
until: 40 min
nodes:
  a: {type: "tests.launch.fixtures.nodes:Beacon", params: {uhf: {rate_bps: "${rate}"}}}
  b: {type: "tests.launch.fixtures.nodes:Beacon"}
channels:
  uhf: {medium: space, members: [a.uhf, b.uhf]}
"""
RESULT = RunResult(
    digest="0123abcd",
    emissions=12_345,
    receptions=6_789,
    losses={"snr": 5, "below_horizon": 1_200, "fault": 0},
    wall_s=4.0,
    simulated_s=2400.0,
    peak_rss_mb=311.6,
    processes=1,
    run_dir=Path("runs/x"),
    report=Path("runs/x/report.html"),
    pictures=[
        {"file": "pictures/chute.png", "taken_scet": "2021-02-18T20:42:46Z", "complete_ert": "2021-02-18T20:55Z"}
    ],
)
NS = 1_000_000_000
NEWS = [
    Learnt("touchdown", "perseverance", 1069 * NS, "goldstone", "perseverance>mro>goldstone", 1751 * NS + 300_000_000),
    Learnt("touchdown", "perseverance", 1069 * NS, "madrid", "perseverance>mro>madrid", 1751 * NS + 310_000_000),
]


@pytest.fixture
def pair(tmp_path: Path) -> str:
    path = tmp_path / "pair.yaml"
    path.write_text(GRAPH, encoding="utf-8")
    return str(path)


class Runner(ModuleType):
    """Stands in for the runner: keeps what it was asked, tells the observer some news, ends as it is told to."""

    def __init__(self, end: RunResult | BaseException = RESULT) -> None:
        super().__init__("lightlag.launch.run.runner")
        self.end = end
        self.asked: list[tuple[Graph, RunOptions]] = []

    def run(self, graph: Graph, options: RunOptions, observer: Any) -> RunResult:
        self.asked.append((graph, options))
        observer.started(graph, options.run_dir)
        observer.progress(NS)
        observer.learnt(NEWS)
        if isinstance(self.end, BaseException):
            raise self.end
        observer.finished(self.end)
        return self.end

    def resume(self, run_dir: Path, options: RunOptions, observer: Any) -> RunResult:
        raise AssertionError("nobody asked for a run to be resumed")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    stand_in = Runner()
    monkeypatch.setitem(sys.modules, "lightlag.launch.run.runner", stand_in)
    return stand_in


def test_a_right_graph_is_called_right(pair: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", pair]) == 0
    assert capsys.readouterr().out == "pair is right: 2 nodes, 1 channel\n"


def test_validate_promises_only_what_it_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "trajectories" in told
    assert "before anything starts" in told
    assert "would run" not in told


def test_launch_hands_over_the_graph_and_what_was_asked(pair: str, runner: Runner) -> None:
    words = ["rate:=2kbit/s", "--until", "1h", "--processes", "2", "--run-dir", "there", "--no-report", "--no-record"]
    assert cli.main(["launch", pair, *words]) == 0
    ((graph, options),) = runner.asked
    params: Any = graph.nodes["a"].params
    assert (params.uhf.rate_bps, graph.until_ns) == (2000.0, 3600 * NS)
    assert options == RunOptions(processes=2, run_dir=Path("there"), record=False, report=False)


def test_by_default_a_run_is_where_it_is_faster_with_recording_and_report(pair: str, runner: Runner) -> None:
    assert cli.main(["launch", pair]) == 0
    assert runner.asked[0][1] == RunOptions(processes=AUTO, run_dir=None, record=True, report=True)


def test_a_pipe_gets_plain_lines(pair: str, runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["launch", pair])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert printed.splitlines() == [
        "pair: 2021-02-18T20:26:00Z to 2021-02-18T21:06:00Z, seed 1, 2 nodes",
        "2021-02-18T20:43:49.000Z SCET  touchdown  learnt by goldstone via perseverance>mro>goldstone  "
        "2021-02-18T20:55:11.300Z ERT  682.300 s",
        "2021-02-18T20:43:49.000Z SCET  touchdown  learnt by madrid via perseverance>mro>madrid  "
        "2021-02-18T20:55:11.310Z ERT  682.310 s",
        "digest      0123abcd",
        "emissions   12,345",
        "receptions  6,789",
        "losses      1,205 (below_horizon 1,200, snr 5)",
        "simulated   2,400.0 s in 4.00 s of wall time, 600 x real time",
        "machine     1 process, 312 MB at the peak",
        "picture     pictures/chute.png (taken 2021-02-18T20:42:46Z SCET, complete 2021-02-18T20:55Z ERT)",
        "run         runs/x",
        "report      runs/x/report.html",
    ]


def test_quiet_leaves_the_last_lines(pair: str, runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["launch", pair, "--quiet"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "digest      0123abcd"
    assert lines[-1] == "report      runs/x/report.html"


FAILURE = "mro failed at 2021-02-18T20:43:49.000Z SCET\nTraceback (most recent call last):\nValueError: no\n"


@pytest.mark.parametrize(
    ("end", "exit_code", "said"),
    [
        ({"failure": FAILURE}, 1, "mro failed at 2021-02-18T20:43:49.000Z SCET"),
        ({"interrupted": True, "digest": ""}, 130, "none; the run did not reach its end"),
    ],
)
def test_how_a_run_ended_is_the_exit_code(
    pair: str, runner: Runner, capsys: pytest.CaptureFixture[str], end: dict[str, Any], exit_code: int, said: str
) -> None:
    runner.end = RunResult(**{**{name: getattr(RESULT, name) for name in RESULT.__slots__}, **end})
    assert cli.main(["launch", pair]) == exit_code
    printed = capsys.readouterr().out
    assert said in printed
    assert "run         runs/x" in printed


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        (GraphError("the epoch is outside the ephemeris"), 2, "error: the epoch is outside the ephemeris"),
        (RunError("host mars died"), 1, "error: host mars died"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_the_runner_raises_is_taught_without_a_traceback(
    pair: str,
    runner: Runner,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    exit_code: int,
    said: str,
) -> None:
    runner.end = error
    assert cli.main(["launch", pair]) == exit_code
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed


def test_a_wrong_graph_starts_nothing(pair: str, runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["launch", pair, "rate:=0bit/s", "--until", "soon"]) == 2
    assert runner.asked == []
    assert "2 errors; nothing was started" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["lanch", "mars2020"],
        ["launch"],
        ["launch", "x.yaml", "--in-process", "--processes", "2"],
        ["launch", "x.yaml", "--processes", "0"],
        ["show", "x.yaml", "--args", "--resolved"],
        ["launch", "x.yaml", "--sped"],
    ],
)
def test_wrong_words_are_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_show_lists_arguments(pair: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", pair, "--args"]) == 0
    assert capsys.readouterr().out == "rate:='8 kbit/s'  data rate, at least 1 bit/s\n    What they send at.\n"


def test_show_tells_a_graph_in_short(pair: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", pair]) == 0
    printed = capsys.readouterr().out
    assert "from 2021-02-18T20:26:00.000Z for 40 min, seed 1" in printed
    assert "channel uhf (space)\n  heard by  a.uhf, b.uhf\n" in printed


def test_what_show_resolved_prints_is_a_graph_file(
    pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["show", pair, "rate:=1kbit/s", "--resolved"]) == 0
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(capsys.readouterr().out, encoding="utf-8")
    assert load_graph(resolved) == load_graph(pair, {"rate": "1kbit/s"})


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["launch", "--help"]) == 0
    assert "lightlag launch mars2020 seed:=7 --until 30min" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["validate", "pair.yaml"], ["validate", "mars2020"]])
def test_help_and_validate_import_nothing_heavy(words: list[str], pair: str) -> None:
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from lightlag.launch.cli import main\n"
        f"code = main({words!r})\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy or code else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(pair).parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -- on a terminal ------------------------------------------------------------------------------------------------


@pytest.fixture
def graph(pair: str) -> Graph:
    return load_graph(pair)


def shown(graph: Graph, width: int, result: RunResult = RESULT) -> str:
    """The characters that a terminal of that width gets from a short run, without the colours."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, color_system=None, legacy_windows=False)
    with LiveDisplay(console) as display:
        display.started(graph, None)
        display.progress(graph.until_ns // 2)
        display.learnt(NEWS)
        display.progress(graph.until_ns)
        display.finished(result)
    return stream.getvalue()


def test_the_timeline_fits_eighty_columns(graph: Graph) -> None:
    # A carriage return and "erase the line" stand before whatever takes the place of the status line.
    lines = [line.rpartition("\x1b[2K")[2] for line in shown(graph, 80).splitlines()]
    assert "20:43:49.000  touchdown               20:55:11.300  +682.3 s  goldstone via mro" in lines
    timeline = lines[: next(k for k, line in enumerate(lines) if line.startswith("digest"))]
    assert all(len(line) <= 80 for line in timeline)


def test_a_wide_terminal_shows_whole_paths(graph: Graph) -> None:
    assert "goldstone via perseverance > mro > goldstone" in shown(graph, 120)


def test_the_cursor_comes_back(graph: Graph) -> None:
    printed = shown(graph, 80)
    assert printed.rfind("\x1b[?25h") > printed.rfind("\x1b[?25l") >= 0


def test_the_cursor_comes_back_when_the_run_raises(graph: Graph) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    with contextlib.suppress(RunError), LiveDisplay(console) as display:
        display.started(graph, None)
        raise RunError("host mars died")
    printed = stream.getvalue()
    assert printed.rfind("\x1b[?25h") > printed.rfind("\x1b[?25l") >= 0


def test_a_failure_and_an_interruption_are_told_on_a_terminal(graph: Graph) -> None:
    fields = {name: getattr(RESULT, name) for name in RESULT.__slots__}
    printed = shown(graph, 80, RunResult(**{**fields, "failure": FAILURE, "interrupted": True}))
    assert "FAILED" in printed
    assert "ValueError: no" in printed
    assert "interrupted" in printed


def test_errors_have_colour_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidGraph) as raised:
        load_graph("mars2002")
    show_errors(raised.value)
    plain = capsys.readouterr().err
    assert "\x1b" not in plain
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    show_errors(raised.value)
    assert "\x1b[" in terminal.getvalue()
    assert "unknown graph 'mars2002'" in terminal.getvalue()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_run_without_losses_or_files_has_few_last_lines() -> None:
    result = RunResult("d", 0, 0, {}, 0.0, 0.0, 1.0, 2)
    assert [label for label, _ in last_lines(result)] == [
        "digest",
        "emissions",
        "receptions",
        "losses",
        "simulated",
        "machine",
    ]


def test_the_displays_are_observers(graph: Graph) -> None:
    from lightlag.launch.run.options import Observer

    observers: list[Observer] = [PlainDisplay(cast("Any", io.StringIO())), LiveDisplay(Console(file=io.StringIO()))]
    for observer in observers:
        observer.started(graph, None)
        observer.progress(0)
        observer.learnt([])
        observer.finished(RESULT)


def test_what_show_tells_is_data_too(pair: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", pair, "--args", "--json"]) == 0
    (rate,) = json.loads(capsys.readouterr().out)["arguments"]
    assert rate == {
        "name": "rate",
        "type": "data rate",
        "default": "8 kbit/s",
        "min": "1 bit/s",
        "max": None,
        "help": "What they send at.",
    }
    assert cli.main(["show", pair, "rate:=1kbit/s", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["epoch"], told["until_s"], told["arguments"]) == (
        "2021-02-18T20:26:00.000Z",
        2400.0,
        {"rate": "1kbit/s"},
    )
    assert told["channels"]["uhf"]["members"] == {"a": "uhf", "b": "uhf"}
    assert told["nodes"]["a"] == {"type": "tests.launch.fixtures.nodes:Beacon"}
    assert cli.main(["show", pair, "--resolved", "--json"]) == 2
