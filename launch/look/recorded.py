"""A recording, wherever it lies: merged, or in the parts of a run that was killed or is still under way.

Whoever reads a run need not know which; the records and their order are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightlag.bus.errors import JournalError
from lightlag.bus.journal import read_facts
from lightlag.bus.mcap_file import McapMessage
from lightlag.bus.part import Part
from lightlag.bus.recording import Record, is_part, messages, read_metadata, read_parts
from lightlag.bus.time import Epoch
from lightlag.launch.rundir.directory import RunDirectory
from lightlag.launch.rundir.live import is_alive

MERGED, RECOVERED, UNDER_WAY, UNFINISHED = "merged", "recovered", "under way", "unfinished"


@dataclass(frozen=True)
class Recorded:
    """What a run has recorded."""

    path: Path
    #: The merged recording, or parts.
    files: Sequence[Path]
    #: Graph, seed, epoch (UTC), digest, fingerprint, version, as far as they are known; in JSON, of what it is a fork.
    metadata: Mapping[str, str]
    #: ``merged`` when the run ended; ``recovered`` after it was killed; in parts: ``under way`` or ``unfinished``.
    state: str

    @property
    def epoch(self) -> Epoch:
        """The instant from which the run counts."""
        return Epoch.parse(self.metadata["epoch"])

    def messages(self, bodies: Callable[[str], bool] | None = None) -> Iterator[McapMessage]:
        """Everything recorded, in order, as JSON; ``bodies`` as for ``lightlag.bus.recording.read``."""
        return messages(self.files, bodies)

    def records(self, bodies: Callable[[str], bool] | None = None) -> Iterator[Record]:
        """The same, decoded."""
        return read_parts(self.files, bodies)


def open_recorded(path: Path) -> Recorded:
    """The recording of a run directory, or the recording that a file is.

    Raises:
        JournalError: there is none.
    """
    if path.is_dir():
        directory = RunDirectory(path)
        if directory.recording.exists() and (metadata := read_metadata(directory.recording)):
            return _whole(path, directory.recording, metadata)
        return open_parts(directory)
    if not path.is_file():
        raise JournalError(f"{path} does not exist; name a run directory (see runs/) or a recording (run.mcap)")
    if metadata := read_metadata(path):
        return _whole(path, path, metadata)
    epoch = _epoch_of([path]) if is_part(path) else ""
    if not epoch:
        raise JournalError(
            f"{path} has no metadata of lightlag: it was cut short, or another program has written it; name the run "
            "directory that it came from"
        )
    return Recorded(path, [path], {"epoch": epoch}, UNFINISHED)


def open_parts(directory: RunDirectory) -> Recorded:
    """What the hosts of a run have recorded, in parts, whether or not they have been merged.

    Raises:
        JournalError: there are none.
    """
    parts = directory.recorded_parts()
    epoch = _epoch_of(parts)
    if not epoch:
        raise JournalError(
            f"{directory.path} holds no recording: it is no run directory, or the run was launched with --no-record, "
            "or killed before it began"
        )
    metadata = {"epoch": epoch}
    if directory.journal.exists():
        facts = read_facts(directory.journal)
        metadata |= {key: str(facts[key]) for key in ("graph", "seed")}
        metadata |= {"fork": json.dumps(facts["fork"])} if facts.get("fork") else {}
    state = UNDER_WAY if directory.live.exists() and is_alive(directory.live) else UNFINISHED
    return Recorded(directory.path, parts, metadata, state)


def fork_text(fork: Mapping[str, Any]) -> str:
    """Which run a fork has left, when, and with which settings: what its journal holds of it, for people."""
    settings = ", ".join(f"{path}={text}" for path, text in fork["set"].items())
    return f"{fork['of']} up to {fork['at']} SCET, from there on with {settings}"


def _whole(path: Path, file: Path, metadata: dict[str, str]) -> Recorded:
    return Recorded(path, [file], metadata, RECOVERED if "recovered" in metadata else MERGED)


def _epoch_of(parts: Sequence[Path]) -> str:
    """The epoch that parts say, in UTC; empty if none does."""
    epochs = [epoch for part in parts if (epoch := Part(part).epoch) is not None]
    return epochs[0].utc(0, digits=9) if epochs else ""
