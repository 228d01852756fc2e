"""What the hub process tells the launcher, over a pipe: where the run is, what nodes learnt, and how it ended.

News is numbered by the reports it came with: a hub that was started again tells all of it again, out of the journal,
and the launcher passes over what it has heard.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgpack

from lightlag.bus.activation import Failure, Tally
from lightlag.bus.outcome import Outcome

#: The frontier is told no more often than this (wall s): a person reads no faster.
_SELDOM_S = 0.05


class Told(NamedTuple):
    """One thing that the hub said: "at", "news", "notice", "end" or "error", and what goes with it."""

    kind: str
    fields: tuple[Any, ...]


class Feed:
    """The hub's end."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._told_s = 0.0
        self._reports = 0
        self._telling = threading.Lock()  # what was refused is told by a thread of its own

    def watch(self, frontier_ns: int, news: list[tuple[Any, ...]], behind_s: float = 0.0) -> None:
        """A report was accepted; a paced run is that far (wall s) behind its schedule."""
        self._reports += 1
        now_s = time.monotonic()
        if news:
            self._tell("news", self._reports, frontier_ns, news)
        elif now_s - self._told_s > _SELDOM_S:
            self._tell("at", frontier_ns, behind_s)
        else:
            return
        self._told_s = now_s

    def end(self, outcome: Outcome, peak_rss_kb: int) -> None:
        """The run is over."""
        told = (outcome.chains, outcome.tally.fields(), outcome.failure, outcome.interrupted, outcome.reached_ns)
        kb = outcome.peak_rss_kb + peak_rss_kb
        self._tell("end", *told, kb, outcome.drive_s, outcome.refusals, outcome.grants, outcome.fingerprints)

    def notice(self, text: str) -> None:
        """Something that a person should know at once."""
        self._tell("notice", text)

    def error(self, text: str) -> None:
        """The hub cannot go on, and would not if it were started again."""
        self._tell("error", text)

    def _tell(self, kind: str, *fields: Any) -> None:
        said = memoryview(msgpack.packb((kind, fields)))
        with self._telling:
            while said:
                said = said[os.write(self._fd, said) :]


class Listener:
    """The launcher's end: what has come, whole things only."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(use_list=False, strict_map_key=False, max_buffer_size=0)
        self._reports = 0

    def heard(self, data: bytes) -> Iterator[Told]:
        """What the bytes complete; news that was told before is left out."""
        self._unpacker.feed(data)
        for kind, fields in self._unpacker:
            if kind == "news":
                if fields[0] <= self._reports:
                    continue
                self._reports = fields[0]
            yield Told(kind, fields)

    def again(self) -> None:
        """The hub has died: half a word is worth nothing."""
        self._unpacker = msgpack.Unpacker(use_list=False, strict_map_key=False, max_buffer_size=0)


def outcome_of(fields: tuple[Any, ...]) -> Outcome:
    """The outcome that an "end" tells."""
    chains, tally, failure, *others = fields
    return Outcome(dict(chains), Tally(*tally), Failure(*failure) if failure else None, *others)
