"""``--check-determinism``: the same graph twice, in circumstances that may not matter.

First the node code is read (``lint``); then the graph is run twice, each time in a fresh process with another hash
seed, another pace of the garbage collector and another time zone, one run after the other, so that the clock has
moved on. The digests of the two runs are compared; where they differ, the first reception that differs is told.

A run goes on in a process of its own, which this module's ``__main__`` is: it gets its options over standard input and
tells its progress in lines of JSON on standard output.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightlag.bus.errors import GraphError, RunError
from lightlag.launch.lint import Finding, lint_graph

from .beginning import resolved_graph
from .options import EXIT_DONE, EXIT_RUN_FAILED, RunOptions, RunResult

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph
    from lightlag.nodes.events import Learnt

#: How far a run is: its name and a fraction from 0 to 1.
Progress = Callable[[str, float], None]

_ADDRESS = re.compile(r"\b0x[0-9a-f]+\b")
_SAID_CHARACTERS = 4000
#: A child leaves by itself when it is interrupted; this long it may take (wall s).
_LEAVE_S = 30.0


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What differs between the two runs, and may not matter."""

    name: str
    hash_seed: int
    #: After how many allocations the garbage collector looks at the youngest objects; and the two older generations.
    gc_threshold: tuple[int, int, int]
    time_zone: str


CIRCUMSTANCES = (
    Circumstances("first", 1, (700, 10, 10), "UTC0"),
    Circumstances("second", 2, (97, 3, 3), "XXX-13:45"),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How one of the runs ended."""

    run_dir: Path
    digest: str
    failure: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs of a graph have in common."""

    first: Ending
    second: Ending
    #: The first reception or loss that differs, told; None if none does.
    difference: str | None = None
    #: What was found in the node code before.
    findings: tuple[Finding, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both came to one digest, or failed in one way after one history."""
        endings = [(ending.digest, _bare(ending)) for ending in (self.first, self.second)]
        return endings[0] == endings[1] and self.difference is None

    @property
    def exit_code(self) -> int:
        """0: both runs came to their end, with one digest; 1: they differ, or failed."""
        return EXIT_DONE if self.same and self.first.failure is None else EXIT_RUN_FAILED

    def text(self) -> str:
        """What a person is told."""
        runs = f"the runs are in {self.first.run_dir} and {self.second.run_dir}"
        if self.same and self.first.failure is not None:
            return f"both runs failed, in the same way: {self.first.failure.rstrip()}\n{runs}"
        if self.same:
            return f"the same: both runs came to digest {self.first.digest}"
        lines = ["not the same: something in the nodes depends on more than the graph and the seed"]
        lines += [f"  {ending.run_dir.name:<7} {_ended(ending)}" for ending in (self.first, self.second)]
        lines.append(self.difference or "all recorded receptions and losses are the same in what they show")
        if not self.findings:
            lines.append(
                "reading the node classes' modules found nothing; look into what they call (lightlag lint DIR)"
            )
        return "\n".join([*lines, runs])


def check_determinism(
    graph: Graph,
    options: RunOptions,
    *,
    warn: Callable[[Sequence[Finding]], None] = lambda findings: None,
    progress: Progress = lambda name, done: None,
) -> Comparison:
    """Run a graph twice in fresh processes and compare.

    ``options`` are those of the run; their ``run_dir`` is where the two run directories go, else
    ``runs/<utc>-<name>-twice``. Both runs record, and write no report. ``warn`` gets what reading the node code found,
    before anything runs.

    Raises:
        GraphError: the graph cannot run, or the directory is taken.
        RunError: a run ended without a result.
        KeyboardInterrupt: somebody ended it.
    """
    findings = tuple(lint_graph(graph))
    warn(findings)
    parent = _directory(graph.name, options.run_dir)
    resolved = parent / "graph.resolved.yaml"
    resolved.write_text(graph.to_yaml(), encoding="utf-8")
    beside = (graph.folder, graph.beside)
    first, second = (_run_once(resolved, beside, parent, options, it, progress) for it in CIRCUMSTANCES)
    proven = first.digest == second.digest != ""
    difference = None if proven else _difference(first.run_dir, second.run_dir)
    return Comparison(first, second, difference, findings)


def _bare(ending: Ending) -> str | None:
    """A failure without addresses of memory, which differ."""
    return None if ending.failure is None else _ADDRESS.sub("0x", ending.failure)


def _ended(ending: Ending) -> str:
    return f"failed: {ending.failure.rstrip()}" if ending.failure else f"digest {ending.digest}"


def _directory(name: str, wanted: Path | None) -> Path:
    path = wanted or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}-twice"
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise GraphError(f"{path} exists and is not an empty directory; name another --run-dir or remove it")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GraphError(f"the run directory {path} cannot be made: {error.strerror}") from None
    return path


def _run_once(
    resolved: Path,
    beside: tuple[str, tuple[str, ...]],
    parent: Path,
    options: RunOptions,
    it: Circumstances,
    progress: Progress,
) -> Ending:
    run_dir = parent / it.name
    asked = replace(options, run_dir=run_dir, record=True, report=False)
    errors = parent / f"{it.name}.stderr"
    with errors.open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "lightlag.launch.run.determinism", str(resolved)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=_environment(it),
            start_new_session=True,  # Ctrl-C is for this process, which ends the child itself
        )
    try:
        told = _listen(child, pickle.dumps((asked, it.gc_threshold, *beside)), lambda done: progress(it.name, done))
        child.wait(_LEAVE_S)
    except BaseException:
        _end(child)
        raise
    finally:
        assert child.stdout is not None
        child.stdout.close()
    if "refused" in told:
        raise GraphError(told["refused"])
    if "digest" not in told:
        said = told.get("broken") or errors.read_text(encoding="utf-8", errors="replace").strip()[-_SAID_CHARACTERS:]
        raise RunError(f"the {it.name} run ended without a result; it said:\n{said or '(nothing)'}")
    errors.unlink()
    return Ending(run_dir, told["digest"], told["failure"])


def _environment(it: Circumstances) -> dict[str, str]:
    """What this process can import, the child can; its hosts have its hash seed and time zone too."""
    path = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(it.hash_seed), "TZ": it.time_zone}


def _listen(child: subprocess.Popen[bytes], asked: bytes, progress: Callable[[float], None]) -> Mapping[str, Any]:
    """Hand a child what it is asked, and follow it to its last line."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(asked)
        child.stdin.close()
    except BrokenPipeError:  # it died before it read; what it said is told by the caller
        return {}
    told: Mapping[str, Any] = {}
    for line in child.stdout:
        told = json.loads(line)
        if "done" in told:
            progress(told["done"])
    return told


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask a child to end, and kill it if it does not."""
    child.send_signal(signal.SIGINT)
    try:
        child.wait(_LEAVE_S)
    finally:
        child.kill()
        child.wait()


def _difference(first: Path, second: Path) -> str | None:
    """The first reception or loss that is not the same, in a few lines; None if all recorded ones are."""
    from lightlag.launch.look.difference import compare, differing_fields
    from lightlag.launch.look.recorded import open_recorded

    one, other = open_recorded(first), open_recorded(second)
    found = compare(one.messages(), other.messages())
    if found.first is None:
        return None
    it = found.first
    when = f"{one.epoch.utc(it.t_ns, 9)} ERT (t_ns {it.t_ns})"
    lines = [f"first difference: what {it.receiver} got at {when}; before it {found.agree:,} are the same"]
    for run, side in ((first, it.a), (second, it.b)):
        told = f"{side['type']} {side['source']}:{side['seq']}, {side['what']}" if side else "nothing more"
        lines.append(f"  {run.name:<7} {told}")
    if it.a is not None and it.b is not None:
        fields = differing_fields(it.a, it.b)
        lines += [f"  {name}: {x} in the first, {y} in the second" for name, (x, y) in fields.items()]
    return "\n".join(lines)


# -- in the child -----------------------------------------------------------------------------------------------------


class _Teller:
    """An observer that tells every hundredth of a run."""

    def __init__(self, until_ns: int, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._until_ns = until_ns
        self._tell = tell
        self._told = -1

    def started(self, graph: Graph, run_dir: Path | None) -> None:
        """See ``Observer``."""

    def noticed(self, text: str) -> None:
        """See ``Observer``; kept with what else the child says."""
        sys.stderr.write(f"{text}\n")

    def progress(self, frontier_ns: int) -> None:
        """See ``Observer``."""
        hundredths = min(100, 100 * frontier_ns // self._until_ns)
        if hundredths > self._told:
            self._told = hundredths
            self._tell({"done": hundredths / 100})

    def learnt(self, items: Sequence[Learnt]) -> None:
        """See ``Observer``."""

    def finished(self, result: RunResult) -> None:
        """See ``Observer``."""


def _child(resolved: str) -> int:
    """The body of a child: one run, told on the standard output that it was born with."""
    from .runner import run

    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)  # what node code prints is not for the parent

        def tell(what: Mapping[str, Any]) -> None:
            out.write(json.dumps(what) + "\n")
            out.flush()

        options, threshold, folder, beside = pickle.loads(sys.stdin.buffer.read())
        gc.set_threshold(*threshold)
        try:
            graph = resolved_graph(resolved, folder, beside)
            result = run(graph, options, _Teller(graph.until_ns, tell))
        except GraphError as error:
            tell({"refused": str(error)})
        except RunError as error:
            tell({"broken": str(error)})
        else:
            if not result.interrupted:
                tell({"digest": result.digest, "failure": result.failure})
        return 0


if __name__ == "__main__":
    raise SystemExit(_child(sys.argv[1]))
