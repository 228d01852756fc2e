"""The checks, as data; and a whole examination."""

from __future__ import annotations

import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .finding import Finding, fail, warn
from .flood import flood
from .motion import trajectory
from .reading import documented, graph_loads, imports, its_messages, its_ports, lint, parameters, sends_and_hears
from .running import alone, killed, leaves_nothing, processes, same_twice, takes
from .subject import Subject
from .trial import SEED, Trial, Untold


class Check(NamedTuple):
    """A check: what it looks at, in a word or two, and how."""

    name: str
    look: Callable[[Trial], Finding]
    #: Whether the class is enough; else a node is made.
    of_class: bool = False


_RUNS = (
    Check("same twice", same_twice),
    Check("one process or two", processes),
    Check("survives kill -9", killed),
)
_AFTER = (
    Check("leaves nothing", leaves_nothing),
    Check("takes", takes),
)
#: Of a node type, in order.
OF_TYPES = (
    Check("imports", imports, True),
    Check("documented", documented, True),
    Check("parameters", parameters, True),
    Check("ports", its_ports),
    Check("messages", its_messages, True),
    Check("lint", lint, True),
    Check("trajectory", trajectory),
    Check("runs alone", alone),
    Check("sends and hears", sends_and_hears),
    *_RUNS,
    Check("random messages", flood),
    *_AFTER,
)
#: Of a graph, in order.
OF_GRAPHS = (
    Check("loads", graph_loads),
    Check("lint", lint),
    Check("runs to the end", alone),
    *_RUNS,
    *_AFTER,
)
#: What is wrong with a type that cannot be had makes all others pointless; what has to be told something that nobody
#: tells it can be read, and not run.
_FIRST, _TOLD = "imports", "told enough"

#: Told before each check: of what, which, and the how-manieth of how many.
Progress = Callable[[str, str, int, int], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of a node type or a graph came to."""

    of: str
    check: str
    finding: Finding
    wall_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """An examination."""

    subject: str
    seed: int
    checked: Sequence[Checked]

    @property
    def passed(self) -> int:
        """How many did not fail."""
        return sum(it.finding.level != "fail" for it in self.checked)

    def data(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return {
            "subject": self.subject,
            "seed": self.seed,
            "passed": self.passed,
            "checks": [
                {"of": it.of, "check": it.check, "wall_s": round(it.wall_s, 3), **asdict(it.finding)}
                for it in self.checked
            ],
        }


_ADVICE = (
    "a node's class, parameters and trajectory may not raise; a type whose trajectory holds for a time alone is tried "
    "then: --epoch"
)


def examine(subject: Subject, progress: Progress = lambda of, check, number, count: None, *, epoch: str = "") -> Report:
    """Try everything on a subject; what node code prints goes to standard error.

    Node types are tried for an hour from ``epoch`` (UTC) on; else when a graph uses them, or their trajectory is for.
    """
    with tempfile.TemporaryDirectory() as room:
        folders = (Path(room) / str(number) for number in itertools.count())
        trials: list[tuple[str, Sequence[Check], Trial]] = [
            *[
                (f"node type {it.written}", OF_TYPES, Trial(next(folders), type=it, epoch=epoch))
                for it in subject.types
            ],
            *[(f"graph {it}", OF_GRAPHS, Trial(next(folders), graph=it)) for it in subject.graphs],
        ]
        count = sum(len(checks) for _, checks, _ in trials)
        checked: list[Checked] = []
        for of, checks, trial in trials:
            for it in _tried(of, checks, trial, lambda of, check: progress(of, check, len(checked) + 1, count)):
                checked.append(it)
    return Report(subject.title, SEED, checked)


def _tried(of: str, checks: Sequence[Check], trial: Trial, progress: Callable[[str, str], None]) -> Iterator[Checked]:
    untold = ""
    for check in checks:
        if untold and not check.of_class:
            continue
        progress(of, check.name)
        begun = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):
            finding = _looked(check, trial)
        yield Checked(of, check.name, finding, time.perf_counter() - begun)
        if check.name == _FIRST:
            if finding.level == "fail":
                return
            untold = _untold(trial)
    if untold:
        advice = "to have it run, check a graph that uses it: lightlag plugin check my.yaml"
        yield Checked(of, _TOLD, warn(f"{untold}; it is read, not run", advice), 0.0)


def _untold(trial: Trial) -> str:
    """Why no node of a type can be made; empty if one can."""
    try:
        _ = trial.params
    except Untold as error:
        return str(error)
    except Exception:  # noqa: BLE001 - the checks that need it will tell
        return ""
    return ""


def _looked(check: Check, trial: Trial) -> Finding:
    try:
        return check.look(trial)
    except Exception as error:  # noqa: BLE001 - whatever code of somebody else's raises is what was to be found out
        return fail(f"{type(error).__name__}: {error}", _ADVICE)
