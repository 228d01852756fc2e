"""What is heard on the topics of a run: through the tap while it lives, from its recording afterwards.

Either way a record is what the recording has of it, but for the data of arrays, which a tap does not carry. ``Seen`` is
what many of one topic come to.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import typer

from lightlag.bus.errors import RunError
from lightlag.bus.operator import Operator
from lightlag.bus.tap import TapReader
from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import is_alive, operator

from .recorded import Recorded, open_recorded

#: How often the hub is told that somebody listens (wall s); sooner when nothing comes: a hub that is new knows nobody.
_LEASE_S = 15.0
_SILENT_S = 1.0
_POLL_MS = 200
#: Values kept of a topic for its histogram; when there are more, every other one is dropped, again and again.
_KEPT = 4_096
_BARS = "▁▂▃▄▅▆▇█"
_BINS = 16


class Heard(NamedTuple):
    """One record: its topic, the name of its schema, and its payload, as in the recording but without array data."""

    topic: str
    schema: str
    data: dict[str, Any]

    def note(self, seen: dict[str, Seen]) -> None:
        """Count it among what was seen of its topic."""
        found = seen.get(self.topic)
        if found is None:
            found = seen[self.topic] = Seen(self.schema)
        found.add(self.data)


class Feed:
    """The records of a run on the topics that match, from the tap of a live run or from a recording.

    ``seconds`` is how long (wall s) a live run is listened to; None: to its end.
    """

    def __init__(self, run: Path, pattern: str, *, bodies: bool, seconds: float | None) -> None:
        self._run = run
        self._pattern = pattern
        self._bodies = bodies
        self._seconds = seconds
        #: Every topic that was heard of, wanted or not, as far as the recording says.
        self._topics: dict[str, None] = {}
        #: Records so far.
        self.count = 0
        self.lost = 0
        self._live = RunDirectory(run).live
        self._line: Operator | None = None
        if is_alive(self._live):
            self._call()
        if self._line is None:
            self._recorded = open_recorded(run)
            self.epoch = self._recorded.epoch

    @property
    def is_live(self) -> bool:
        """Whether it comes from the tap."""
        return self._line is not None

    def __iter__(self) -> Iterator[Heard]:
        for heard in self._read() if self._line is None else self._listen(self._line):
            self.count += 1
            yield heard

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()

    def tell(self, text: str) -> None:
        """Say something about what was heard, for people."""
        if self.lost:
            text += f"; {self.lost:,} records were lost: this reader is slower than the run"
        elif not self.count:
            nearest = did_you_mean(self._pattern, self._topics)
            where = f"on {self._pattern!r}" if self._pattern != "*" else "on any topic"
            text = f"nothing was heard {where}" + (f"; {nearest}" if nearest else "; see: lightlag topic list")
        typer.echo(text, err=True)

    def _call(self) -> None:
        """Reach the hub, and learn what is needed to read messages; in vain if the run is ending."""
        line = operator(self._run)
        try:
            about = line.ask("about")
        except RunError:
            line.close()
            if is_alive(self._live):
                raise
            return
        self._line = line
        self.epoch = Epoch(about["epoch_tdb_ns"])
        self._modules: dict[str, str] = about["modules"]
        sys.path += [path for path in about["path"] if path not in sys.path]

    def _read(self) -> Iterator[Heard]:
        def wanted(topic: str) -> bool:
            self._topics[topic] = None
            return self._bodies and fnmatchcase(topic, self._pattern)

        for topic, schema, _, _, data in self._recorded.messages(wanted):
            if fnmatchcase(topic, self._pattern):
                yield Heard(topic, schema, _without_array_data(json.loads(data)))

    def _listen(self, line: Operator) -> Iterator[Heard]:
        begun_s = asked_s = time.monotonic()
        reader = TapReader(line.ask("tap")["endpoint"], [_fixed(self._pattern)])
        try:
            while not reader.ended and (self._seconds is None or time.monotonic() - begun_s < self._seconds):
                silent = True
                for payload in reader.read(_POLL_MS):
                    silent = False
                    if fnmatchcase(payload.topic, self._pattern):
                        data = json.loads(payload.json(self._modules, body=self._bodies))
                        yield Heard(payload.topic, payload.schema, _without_array_data(data))
                if reader.lost and not self.lost:
                    typer.echo("records are being lost: this reader is slower than the run", err=True)
                self.lost = reader.lost
                if silent and not is_alive(self._live):
                    return
                if time.monotonic() - asked_s > (_SILENT_S if silent else _LEASE_S):
                    asked_s = time.monotonic()
                    with suppress(RunError):
                        line.ask("tap", timeout_s=_POLL_MS / 1000)
        finally:
            with suppress(RunError):
                if not reader.ended and is_alive(self._live):
                    line.ask("untap", timeout_s=_POLL_MS / 1000)
            self.lost = reader.lost
            reader.close()


def recorded_on(bag: Recorded, pattern: str) -> Iterator[Heard]:
    """The records of a recording on the topics that match, in order."""
    for topic, schema, _, _, data in bag.messages(lambda topic: fnmatchcase(topic, pattern)):
        if fnmatchcase(topic, pattern):
            yield Heard(topic, schema, _without_array_data(json.loads(data)))


def _fixed(pattern: str) -> str:
    """What every topic that matches begins with."""
    return pattern[: min((pattern.index(mark) for mark in "*?[" if mark in pattern), default=len(pattern))]


def _without_array_data(data: dict[str, Any]) -> dict[str, Any]:
    if "message" in data:
        data["message"] = _short(data["message"])
    return data


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"dtype", "shape", "data"}:
            return {"dtype": value["dtype"], "shape": value["shape"]}
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value


class Seen:
    """What was heard on one topic so far; times in ns of the run."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.count = self.size = 0
        self.first_ns = self.last_ns = 0
        self.sources: dict[str, int] = {}
        self.delays = _Spread()
        self.intervals = _Spread()

    def add(self, data: dict[str, Any]) -> None:
        """One more record."""
        t_ns = data["t_ns"]
        if self.count:
            self.intervals.add((t_ns - self.last_ns) / NS_PER_S)
        else:
            self.first_ns = t_ns
        self.count += 1
        self.last_ns = t_ns
        if "sent_ns" in data:
            self.size += data["bytes"]
            self.sources[data["source"]] = self.sources.get(data["source"], 0) + 1
            self.delays.add((t_ns - data["sent_ns"]) / NS_PER_S)


class _Spread:
    """Least, mean and most of values (s), and a sample of them."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = self.most = 0.0
        self._sample: list[float] = []
        self._every = 1

    def add(self, value: float) -> None:
        self.least = min(self.least, value) if self.count else value
        self.most = max(self.most, value) if self.count else value
        if self.count % self._every == 0:
            self._sample.append(value)
            if len(self._sample) > _KEPT:
                del self._sample[1::2]
                self._every *= 2
        self.count += 1
        self.total += value

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def histogram(self) -> str:
        """Bars from the least to the most."""
        width = (self.most - self.least) / _BINS
        if width <= 0:
            return _BARS[-1] if self.count else ""
        bins = [0] * _BINS
        for value in self._sample:
            bins[min(_BINS - 1, int((value - self.least) / width))] += 1
        high = max(bins)
        return "".join(_BARS[-(-count * (len(_BARS) - 1) // high)] if count else " " for count in bins)
