"""How text looks on a page of a terminal, or in a file: colour only where there is a screen, columns that are aligned.

Nothing here is imported that costs time.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Self, TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_MOST_COLUMNS = 100
_FEWEST_COLUMNS = 40
#: Of a file or a pipe.
_COLUMNS = 80


def is_screen(stream: TextIO) -> bool:
    """Whether a person looks at a stream on a terminal that can do more than print."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def has_colour(stream: TextIO) -> bool:
    """Whether there is to be colour: on a screen, unless NO_COLOR is set (no-color.org)."""
    return is_screen(stream) and not os.environ.get("NO_COLOR")


def painted(text: str, style: str, stream: TextIO | None = None) -> str:
    """The text in a style (``bold``, ``dim``, ``red``, ``green``, ``yellow``, ``cyan``, or several words of these).

    Plain if ``stream``, else standard output, has no colour, and with the style ``""``.
    """
    if not style or not text or not has_colour(stream or sys.stdout):
        return text
    return f"\x1b[{';'.join(_CODES[word] for word in style.split())}m{text}\x1b[0m"


def columns(stream: TextIO | None = None) -> int:
    """How many characters a line of text for people has."""
    stream = stream or sys.stdout
    if not stream.isatty():
        return _COLUMNS
    try:
        return max(_FEWEST_COLUMNS, min(_MOST_COLUMNS, os.get_terminal_size(stream.fileno()).columns))
    except OSError:
        return _COLUMNS


def table(rows: Iterable[Sequence[str]], right: Sequence[int] = (), styles: Sequence[str] = ()) -> list[str]:
    """The lines of a table, the columns ``right`` flush right; ``styles`` are those of the columns.

    The first row is the heading, in bold; without one, give it empty.
    """
    heading, *others = rows
    widths = [max(map(len, column)) for column in zip(heading, *others, strict=True)]
    looks = [*styles, *[""] * (len(widths) - len(styles))]
    lines = [_row(heading, widths, right, ["bold"] * len(widths))] if any(heading) else []
    return [*lines, *(_row(row, widths, right, looks) for row in others)]


class Ticker:
    """A line on a screen that says how far something has come, and goes away; elsewhere nothing."""

    #: No more often than this (wall s): a person reads no faster.
    _SELDOM_S = 0.1

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = is_screen(stream)
        self._said_s = time.monotonic()
        self._stands = False

    def say(self, text: str) -> None:
        """Put it in the place of what was said before."""
        if self._shown and time.monotonic() - self._said_s > self._SELDOM_S:
            self._said_s = time.monotonic()
            self._stands = True
            self._stream.write(f"\r\x1b[K{painted(text, 'dim', self._stream)}")
            self._stream.flush()

    def clear(self) -> None:
        """Take it away."""
        if self._stands:
            self._stands = False
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()


def _row(row: Sequence[str], widths: Sequence[int], right: Sequence[int], styles: Sequence[str]) -> str:
    cells = []
    last = max((k for k, cell in enumerate(row) if cell), default=-1)
    for k, cell in enumerate(row[: last + 1]):
        space = " " * (widths[k] - len(cell))
        text = painted(cell, styles[k])
        cells.append(space + text if k in right else text if k == last else text + space)
    return "  ".join(cells)
