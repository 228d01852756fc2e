"""The run directory: where the files of a run lie, and how its hosts write them.

runs/<utc>-<graph>/
    graph.resolved.yaml   the graph with every argument put in
    run.mcap              the recording, merged
    timeline.csv          who learnt of which event, when, by which path
    summary.json          the figures of the run
    report.html           one page to look at
    pictures/             what the ground received
    logs/<node>.log       a JSON object per line: scet (UTC), t_ns, node, level, text, fields
    journal               how the run was placed, every accepted report, every act from outside: the run itself
    parts/                what each host has recorded and published so far; removed after the merge
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from lightlag.bus.activation import Completion, Product
from lightlag.bus.errors import GraphError, JournalError
from lightlag.bus.part import PartWriter
from lightlag.bus.schema import json_value
from lightlag.bus.time import Epoch

_EPOCH = re.compile(r"^epoch: '?([^'\n]+)'?$", re.MULTILINE)


class RunDirectory:
    """The paths of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.graph = path / "graph.resolved.yaml"
        self.recording = path / "run.mcap"
        self.timeline = path / "timeline.csv"
        self.summary = path / "summary.json"
        self.report = path / "report.html"
        self.pictures = path / "pictures"
        self.logs = path / "logs"
        self.journal = path / "journal"
        self.live = path / "live.json"
        self.parts = path / "parts"

    @classmethod
    def create(cls, name: str, path: Path | None) -> RunDirectory:
        """A new directory at ``path``, or under ``runs/`` with ``runs/latest`` pointing at it.

        Raises:
            GraphError: ``path`` exists and is not empty, or cannot be made.
        """
        if path is not None and path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise GraphError(f"{path} exists and is not an empty directory; name another --run-dir or remove it")
        wanted = path or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}"
        try:
            wanted.parent.mkdir(parents=True, exist_ok=True)
            if path is None:
                wanted = _claim(wanted, Path.mkdir)
            directory = cls(wanted)
            for folder in (wanted, directory.pictures, directory.logs, directory.parts):
                folder.mkdir(exist_ok=True)
            if path is None:
                _point(wanted.parent / "latest", wanted.name)
        except OSError as error:
            raise GraphError(f"the run directory {wanted} cannot be made: {error.strerror}") from None
        return directory

    def has_digest(self) -> bool:
        """Whether the run has come to its end, and says so."""
        try:
            return bool(json.loads(self.summary.read_text(encoding="utf-8")).get("digest"))
        except (OSError, ValueError):
            return False

    def epoch(self) -> Epoch:
        """The epoch of the run, as its resolved graph says.

        Raises:
            JournalError: it has none: no run was begun there.
        """
        try:
            text = self.graph.read_text(encoding="utf-8")
        except OSError:
            text = ""
        # The file is ours, a key a line; to read all of it as YAML takes a hundred times as long.
        found = _EPOCH.search(text)
        if found is None:
            raise JournalError(f"{self.path} holds no run: it has no graph; see the folders under runs/")
        return Epoch.parse(found[1])

    def clear(self) -> None:
        """Take away what was derived of the journal: whoever goes on with the run makes all of it again."""
        for file in (self.recording, self.timeline, self.summary, self.report):
            file.unlink(missing_ok=True)
        for folder in (self.pictures, self.logs, self.parts):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def part(self, host: str) -> Path:
        """Where a host writes its part of the recording."""
        return self.parts / f"{host}.part"

    def recorded_parts(self) -> list[Path]:
        """The parts that hosts have written."""
        return sorted(self.parts.glob("*.part"))

    def recorded(self) -> list[Path]:
        """Where the records are: the merged recording, or the parts of a run that did not get there."""
        return [self.recording] if self.recording.exists() else self.recorded_parts()

    def products(self) -> list[dict[str, Any]]:
        """What nodes published, in the order of time."""
        found = [json.loads(line) for index in sorted(self.parts.glob("*.products")) for line in _whole_lines(index)]
        return sorted(found, key=lambda product: (product["t_ns"], product["node"], product["name"]))

    def cut(self, t_ns: int) -> None:
        """Leave out of logs and products what came after ``t_ns``."""
        for log in self.logs.glob("*.log"):
            lines = _whole_lines(log)
            kept = [line for line in lines if json.loads(line)["t_ns"] <= t_ns]
            if kept:
                log.write_text("".join(kept), encoding="utf-8")
            else:
                log.unlink()
        for index in self.parts.glob("*.products"):
            lines = _whole_lines(index)
            products = [json.loads(line) for line in lines]
            for product in products:
                if product["t_ns"] > t_ns:
                    (self.pictures / product["name"]).unlink(missing_ok=True)
            kept = [line for line, product in zip(lines, products, strict=True) if product["t_ns"] <= t_ns]
            index.write_text("".join(kept), encoding="utf-8")

    def discard_parts(self) -> None:
        """Remove the parts, which the merged recording replaces."""
        for file in self.parts.iterdir():
            file.unlink()
        self.parts.rmdir()


class HostFiles:
    """What one host writes: its part of the recording, its nodes' logs, and the files they publish.

    A host that is started again writes everything anew, and its files take the place of those of its dead incarnation.
    """

    def __init__(self, directory: RunDirectory, host: str, epoch: Epoch, *, record: bool) -> None:
        self._directory = directory
        self._owner = f"{host}.products"
        self._epoch = epoch
        self._part = PartWriter(directory.part(host), epoch) if record else None
        self._index = _anew(directory.parts / self._owner)
        #: Names of files that this incarnation has published.
        self._published: dict[str, None] = {}
        self._logs: dict[str, IO[str]] = {}
        for claim in directory.parts.glob("*.claim"):
            if os.readlink(claim) == self._owner:
                (directory.pictures / claim.stem).unlink(missing_ok=True)

    def write(self, done: Completion) -> None:
        """Write what an activation did; a file whose name is taken is numbered, ``name-2.png``, never written over."""
        if self._part is not None:
            self._part.write(done)
        for record in done.logs:
            line = {
                "scet": self._epoch.utc(record.t_ns),
                "t_ns": record.t_ns,
                "node": record.node,
                "level": record.level,
                "text": record.text,
                "fields": json_value(record.fields),
            }
            self._log(record.node).write(json.dumps(line) + "\n")
        for product in done.products:
            self._publish(product)
        if done.logs:
            for log in self._logs.values():
                log.flush()

    def close(self) -> None:
        """Close the part, the logs and the list of what was published."""
        if self._part is not None:
            self._part.close()
        for file in (self._index, *self._logs.values()):
            file.close()

    def _log(self, node: str) -> IO[str]:
        if node not in self._logs:
            self._logs[node] = _anew(self._directory.logs / f"{node}.log")
        return self._logs[node]

    def _publish(self, product: Product) -> None:
        """Write the file whole, or not at all, under a name that is this host's, as the list says after that."""
        file = _claim(self._directory.pictures / f"{product.node}-{product.name}", self._reserve)
        unfinished = self._directory.parts / f"{file.name}.unfinished"
        unfinished.write_bytes(product.data)
        unfinished.replace(file)
        entry = {"t_ns": product.t_ns, "node": product.node, "name": file.name, "facts": json_value(product.facts)}
        self._index.write(json.dumps(entry) + "\n")
        self._index.flush()

    def _reserve(self, path: Path) -> None:
        """Reserve a name among the pictures: a link to the list of the host that it belongs to.

        So a name that a dead incarnation of this host had reserved is this one's.
        """
        claim = self._directory.parts / f"{path.name}.claim"
        try:
            claim.symlink_to(self._owner)
        except FileExistsError:
            if os.readlink(claim) != self._owner or path.name in self._published:
                raise
        self._published[path.name] = None


def _anew(path: Path) -> IO[str]:
    """A new file in the place of one that a dead incarnation, if it is not quite dead, may still write to."""
    path.unlink(missing_ok=True)
    return path.open("w", encoding="utf-8")


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file, without one that was cut short by a kill."""
    return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def _claim(path: Path, make: Callable[[Path], None]) -> Path:
    """Make ``path`` or, where that is taken, ``path`` with -2, -3 ... after its stem; returns what was made.

    ``make`` raises FileExistsError for what exists. To look first would leave a gap in which somebody else takes it.
    """
    number, free = 1, path
    while True:
        try:
            make(free)
            return free
        except FileExistsError:
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")


def _point(link: Path, target: str) -> None:
    """Make a symbolic link point at ``target``, in one step for whoever reads it meanwhile."""
    fresh = link.with_name(f".{link.name}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
