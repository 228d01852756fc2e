"""What a check comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: What stands before the lines of a traceback, in groups of exceptions too.
_DECORATION = re.compile(r"^[\s|+-]*(\d+ -+)?")
_NOT_ITS_OWN = re.compile(r"/asyncio/|/bus/(emission|face|futures|loop|message)\.py|<decode of ")

Level = Literal["ok", "warn", "fail"]
Figures = Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Finding:
    """How it is, what was found, and what to do about it; ``figures`` are numbers with their units in their names."""

    level: Level
    said: str
    advice: str = ""
    figures: Figures = field(default_factory=dict)


def ok(said: str, **figures: float | int | str) -> Finding:
    """It is as it should be."""
    return Finding("ok", said, "", figures)


def warn(said: str, advice: str, **figures: float | int | str) -> Finding:
    """It runs, and somebody may regret it."""
    return Finding("warn", said, advice, figures)


def fail(said: str, advice: str, **figures: float | int | str) -> Finding:
    """A run cannot rely on it."""
    return Finding("fail", said, advice, figures)


def counted(number: int, what: str) -> str:
    """A number with its noun: ``1 message``, ``2 messages``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def told(failure: str) -> str:
    """The traceback of a node in a few lines: what it raised, where its own code was, and where that led.

    Of a group of exceptions the last is told, of causes the last effect.
    """
    last = failure.rpartition("Traceback (most recent call last):")[2]
    lines = [line for line in (_DECORATION.sub("", line) for line in last.splitlines()) if line]
    places = [line for line in dict.fromkeys(lines) if line.startswith("File ") and not _NOT_ITS_OWN.search(line)]
    return "\n".join([lines[-1], *places[:1], *places[1:][-1:]]) if places else failure.strip()


def listed(items: list[str], most: int = 4) -> str:
    """Items in a row; of more than ``most`` the first, and how many more there are."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
