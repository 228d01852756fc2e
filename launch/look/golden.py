"""Golden runs: what of a run is kept to compare later runs with, short enough to be read, with tolerances.

``extract`` takes from a run who learnt of which event, by which path and when; how many messages were received and
lost; the pictures; and what everybody last said of itself. A golden file is such an extract in YAML, with the tolerance
of each kind of value. The digest is kept with the arithmetic and the versions that it was made with, and compared only
where they are the same: elsewhere the last bits of numbers may differ, and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightlag.bus.errors import GraphError
from lightlag.bus.recording import Record
from lightlag.bus.time import NS_PER_S, Epoch, tdb_ns_from_utc
from lightlag.launch.graph.diagnostics import Diagnostic, InvalidGraph, Report, Source
from lightlag.launch.graph.source import read_yaml
from lightlag.launch.graph.spec import duration_ns
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.nodes.events import Event, Tone
from lightlag.nodes.telemetry import Housekeeping, VehicleState

from .recorded import open_recorded

#: What a new golden file has; each file says its own.
TOLERANCES = {"times": "10 ms", "counts": "1 %", "values": "0.1 %"}

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")
#: So many digits of a number are written; a number that is less than this is nothing, in whatever unit.
_DIGITS = 6
_NOTHING = 1e-6
#: A longer value is told by its beginning.
_MOST_CHARACTERS = 40

#: Sections, in the order in which they stand.
_SECTIONS = ("run", "events", "received", "lost", "pictures", "last_words", "digest")
_HEADING = """\
# The golden run of {graph}. A run is compared with it by: lightlag golden RUN THIS_FILE
# After a change that is meant, the same with --update shows what is another now, and writes it here.
#
# Times and numbers are compared within the tolerances; everything else has to be the same. The digest is compared
# where arithmetic and versions are those that it was made with.
"""


@dataclass(frozen=True, slots=True)
class Departure:
    """A value that is not what it is in the golden run; None where there is none. ``path`` is its place, by dots."""

    path: str
    value: Any
    golden: Any
    #: How much it may depart; empty for what has to be the same.
    tolerance: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing a run with a golden one."""

    departures: list[Departure]
    #: How many values are as they should be.
    agree: int
    #: Why the digest was not compared; empty if it was.
    digest_not_compared: str


# -- of a run ---------------------------------------------------------------------------------------------------------


def extract(run: Path) -> dict[str, Any]:
    """What of a run is kept, as plain data; ``run`` is its directory.

    Raises:
        GraphError: the run did not reach its end.
        JournalError: there is no recording.
    """
    bag = open_recorded(run)
    try:
        summary = json.loads(RunDirectory(run).summary.read_text(encoding="utf-8"))
    except OSError:
        summary = {}
    if not summary.get("digest"):
        raise GraphError(f"{run} did not reach its end; a golden run is compared with whole runs")
    found = _Extract(bag.epoch)
    for record in bag.records(_is_read):
        found.take(record)
    keys = ("graph", "seed", "epoch", "simulated_s", "emissions")
    versions = summary.get("versions", {})
    pictures = {it["file"]: [it.get("taken_scet"), it.get("complete_ert")] for it in summary["pictures"]}
    return {
        "run": {key: summary[key] for key in keys},
        "events": dict(sorted(found.events.items(), key=lambda item: item[1]["scet"])),
        "received": _sorted(found.received),
        "lost": _sorted(found.lost),
        "pictures": {file: pictures[file] for file in sorted(pictures)},
        "last_words": dict(sorted(found.last_words.items())),
        "digest": {"value": summary["digest"], "fingerprint": summary["fingerprint"], **versions},
    }


def _name(kind: Any) -> str:
    return str(kind.__message_type__.partition("@")[0])


_NEWS = (_name(Event), _name(Tone))
_WORDS = (_name(Housekeeping), _name(VehicleState))


def _is_read(topic: str) -> bool:
    return topic.rpartition("/")[2] in (*_NEWS, *_WORDS)


class _Extract:
    def __init__(self, epoch: Epoch) -> None:
        self._epoch = epoch
        #: By event: when it happened, and who learnt of it first when and by which path.
        self.events: dict[str, dict[str, Any]] = {}
        #: By receiver and channel, types; by receiver, reasons.
        self.received: dict[str, dict[str, int]] = {}
        self.lost: dict[str, dict[str, int]] = {}
        self.last_words: dict[str, dict[str, Any]] = {}

    def take(self, record: Record) -> None:
        _, receiver, channel, *kinds = record.topic.split("/")
        if channel == "lost":
            _count(self.lost, receiver, record.data["reason"])
        elif kinds:
            kind = "/".join(kinds)
            _count(self.received, receiver, f"{channel} {kind}")
            message = record.data.get("message", {})
            if kind in _NEWS:
                self._learn(receiver, record.data, message)
            elif kind in _WORDS:
                self.last_words[f"{record.data['origin'][0]} {kind}"] = message

    def _learn(self, receiver: str, data: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        source = data["origin"][0]
        name = f"{source} {message.get('id', message.get('event'))}"
        event = self.events.setdefault(name, {"scet": self._epoch.utc(message["scet_ns"])})
        path = ">".join((source, *data["via"], receiver))
        event.setdefault(receiver, [self._epoch.utc(data["t_ns"]), path])


def _count(counts: dict[str, dict[str, int]], key: str, what: str) -> None:
    of_key = counts.setdefault(key, {})
    of_key[what] = of_key.get(what, 0) + 1


def _sorted(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {key: dict(sorted(of_key.items())) for key, of_key in sorted(counts.items())}


# -- compared ---------------------------------------------------------------------------------------------------------


def compare(found: Mapping[str, Any], golden: Mapping[str, Any]) -> Comparison:
    """Compare an extract with a golden one, which has ``tolerances`` besides.

    Raises:
        GraphError: a tolerance is none.
    """
    allowed = _Tolerances({**TOLERANCES, **golden.get("tolerances", {})})
    made_here, made_there = ({**side.get("digest", {}), "value": None} for side in (found, golden))
    unlike = [key for key in {**made_here, **made_there} if made_here.get(key) != made_there.get(key)]
    told = ", ".join(f"{key} is {made_here.get(key)} here and {made_there.get(key)} there" for key in unlike)
    departures: list[Departure] = []
    agree = 0
    for path, a, b in _all_leaves(found, golden):
        if path.startswith("digest.") and (path != "digest.value" or unlike):
            continue
        tolerance = allowed.exceeded(path, a, b)
        if tolerance is None:
            agree += 1
        else:
            departures.append(Departure(path, a, b, tolerance))
    return Comparison(departures, agree, told)


def changes(found: Mapping[str, Any], golden: Mapping[str, Any]) -> list[Departure]:
    """Everything in an extract that is another than in a golden one, to the last digit of the file."""
    allowed = _Tolerances({**TOLERANCES, **golden.get("tolerances", {})})
    now = parse(to_yaml(found, {}), "")
    return [Departure(path, a, b, allowed.of(path, a, b)) for path, a, b in _all_leaves(now, golden) if a != b]


def departures_text(departures: Sequence[Departure], a: str = "this run", b: str = "golden") -> list[str]:
    """Lines for people: place, both values, by how much they differ, and what is allowed."""
    rows = [("", a, b, "by", "allowed")]
    rows += [(it.path, _cell(it.value), _cell(it.golden), _by(it), it.tolerance or "nothing") for it in departures]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cell(value: Any) -> str:
    text = "-" if value is None else _scalar(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _by(departure: Departure) -> str:
    a, b = departure.value, departure.golden
    if _is_utc(a) and _is_utc(b):
        return f"{(tdb_ns_from_utc(a) - tdb_ns_from_utc(b)) / NS_PER_S:+,.3f} s"
    if _is_number(a) and _is_number(b):
        return f"{a - b:+,.{_DIGITS}g}"
    return ""


class _Tolerances:
    def __init__(self, told: Mapping[str, Any]) -> None:
        unknown = [name for name in told if name not in TOLERANCES]
        if unknown:
            raise GraphError(f"there is no tolerance of {unknown[0]}; there are those of {', '.join(TOLERANCES)}")
        self._told = told
        self._times_ns = duration_ns(told["times"])
        self._counts, self._values = (_fraction(told[name]) for name in ("counts", "values"))

    def of(self, path: str, a: Any, b: Any) -> str:
        """What two values may differ by; empty: they have to be the same."""
        if _is_utc(a) and _is_utc(b):
            return str(self._told["times"])
        if path.startswith(("received.", "lost.")) or (_is_number(a) and _is_number(b)):
            is_count = isinstance(a, int | None) and isinstance(b, int | None)
            return "" if path == "run.seed" else str(self._told["counts" if is_count else "values"])
        return ""

    def exceeded(self, path: str, a: Any, b: Any) -> str | None:
        """None if two values are the same within the tolerance of their kind, else that."""
        tolerance = self.of(path, a, b)
        if path.startswith(("received.", "lost.")):
            a, b = a or 0, b or 0
        if a == b:
            return None
        if not tolerance:
            return ""
        if _is_utc(a):
            near = abs(tdb_ns_from_utc(a) - tdb_ns_from_utc(b)) <= self._times_ns
        elif isinstance(a, int) and isinstance(b, int):
            near = abs(a - b) <= math.ceil(self._counts * max(abs(a), abs(b)))
        else:
            near = abs(a - b) <= max(self._values * max(abs(a), abs(b)), _NOTHING)
        return None if near else tolerance


def _is_utc(value: Any) -> bool:
    return isinstance(value, str) and _UTC.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fraction(text: Any) -> float:
    found = _PERCENT.fullmatch(str(text))
    if found is None:
        raise GraphError(f"{text!r} is no tolerance; write a percentage, like 1 %")
    return float(found[1]) / 100


def _all_leaves(found: Mapping[str, Any], golden: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in _SECTIONS:
        yield from _leaves(name, found.get(name, {}), golden.get(name, {}))


def _leaves(path: str, a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    """The values of two trees, by path; None where one has none."""
    if isinstance(a, Mapping) or isinstance(b, Mapping):
        a, b = (side if isinstance(side, Mapping) else {} for side in (a, b))
        for key in {**b, **a}:
            yield from _leaves(f"{path}.{key}", a.get(key), b.get(key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _leaves(f"{path}[{k}]", x, y)
    else:
        yield path, a, b


# -- the file ---------------------------------------------------------------------------------------------------------


def read(file: Path) -> dict[str, Any]:
    """What a golden file holds.

    Raises:
        InvalidGraph: it is no YAML, or no golden run.
    """
    return parse(file.read_text(encoding="utf-8"), str(file))


def parse(text: str, name: str) -> dict[str, Any]:
    """The same of its text; ``name`` is what errors call it."""
    report = Report()
    item = read_yaml(Source.of_text(name, text), text, report)
    report.check()
    found = item.plain() if item is not None else None
    if not isinstance(found, dict) or any(not isinstance(found.get(it, {}), dict) for it in ("tolerances", *_SECTIONS)):
        raise InvalidGraph([Diagnostic(f"{name} is no golden run; take it away, and write one with --update")])
    return found


def to_yaml(found: Mapping[str, Any], tolerances: Mapping[str, str]) -> str:
    """The text of a golden file."""
    lines = [_HEADING.format(graph=found["run"]["graph"])]
    for name, section in {"tolerances": tolerances, **{name: found[name] for name in _SECTIONS}}.items():
        lines += [f"{name}:" if section else f"{name}: {{}}", *_lines(section, 1), ""]
    return "\n".join(lines).rstrip() + "\n"


def write(file: Path, found: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Make a run the golden one of a file; what may depart stays as the file, ``known``, has it.

    Raises:
        GraphError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(to_yaml(found, {**TOLERANCES, **known.get("tolerances", {})}), encoding="utf-8")
    except OSError as error:
        raise GraphError(f"{file} cannot be written: {error.strerror}") from None


def _lines(tree: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield f"{indent}{_scalar(key)}:"
            yield from _lines(value, depth + 1)
        elif isinstance(value, list):
            yield f"{indent}{_scalar(key)}: [{', '.join(map(_scalar, value))}]"
        else:
            yield f"{indent}{_scalar(key)}: {'{}' if isinstance(value, Mapping) else _scalar(value)}"


#: Text that YAML reads as that text, without quotes, also within [ ].
_PLAIN = re.compile(r"[A-Za-z/][\w./>@ -]*[\w.]|\d[\d.]* (?:[a-z]+|%)|" + _UTC.pattern)
_WORDS_OF_YAML = ("true", "false", "null", "yes", "no", "on", "off", "nan", "inf")


def _scalar(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        text = f"{value if abs(value) >= _NOTHING else 0.0:.{_DIGITS}g}"
        head, e, tail = text.partition("e")
        return text if "." in head else f"{head}.0{e}{tail}"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value)
