"""Errors that teach: what is wrong, where, what was expected, and the nearest name.

Whoever reads a graph puts every error into one ``Report`` and goes on, so that a person sees all of them at once.
A ``Place`` is a stretch of one line of a ``Source``: a graph file, or the words of a command line. Nothing here
knows what a graph is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lightlag.bus.errors import GraphError

# A longer source line is shown as the window of this many characters around the place.
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Source:
    """A text that places refer to, under the name by which the user knows it."""

    name: str
    lines: tuple[str, ...]
    #: Whether lines and columns mean something to the user (not so for words of a command line).
    numbered: bool = True
    #: How it came to be read, to be said with every error in it: by which lines of which files it is included.
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of_text(cls, name: str, text: str, notes: tuple[str, ...] = ()) -> Source:
        """The source of a file's text, split where YAML sees line breaks."""
        return cls(name, tuple(re.split("\r\n|[\r\n\x85\u2028\u2029]", text)), notes=notes)

    @classmethod
    def of_word(cls, word: str) -> Source:
        """The source of one word of the command line."""
        return cls("command line", (word,), numbered=False)


@dataclass(frozen=True, slots=True)
class Place:
    """``width`` characters of a line; lines and columns count from 1, columns in characters."""

    source: Source
    line: int
    column: int
    width: int = 1

    @classmethod
    def of_word(cls, word: str, column: int = 1) -> Place:
        """A word of the command line, from ``column`` to its end."""
        return cls(Source.of_word(word), 1, column, max(1, len(word) - column + 1))

    def part(self, offset: int, width: int) -> Place:
        """The stretch of ``width`` characters that starts ``offset`` characters into this one."""
        return Place(self.source, self.line, self.column + offset, width)

    def __str__(self) -> str:
        name = self.source.name
        return f"{name}:{self.line}:{self.column}" if self.source.numbered else name


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error: what is wrong (with the value), where, and what would be right."""

    message: str
    place: Place | None = None
    hints: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """The lines to print, each with its role: ``message``, ``source``, ``caret`` or ``hint``."""
        if self.place is None:
            return [("message", f"error: {self.message}"), *(("hint", f"  {hint}") for hint in self.hints)]
        place = self.place
        text, start = _window(place)
        number = str(place.line) if place.source.numbered else ""
        gutter = " " * len(number)
        width = max(1, min(place.width, len(text) - start))
        return [
            ("message", f"{place}: {self.message}"),
            ("source", f"  {number} | {text}".rstrip()),
            ("caret", f"  {gutter} | {' ' * start}{'^' * width}"),
            *(("hint", f"  {gutter}   {hint}") for hint in (*self.hints, *place.source.notes)),
        ]

    def __str__(self) -> str:
        return "\n".join(text for _, text in self.lines())


class InvalidGraph(GraphError):
    """A graph or its arguments are wrong, in one or more places; nothing was started."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))


@dataclass(slots=True)
class Report:
    """The errors found so far, and the files that were read, in the order in which errors in them are told."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def add(self, message: str, place: Place | None, *hints: str | None) -> None:
        """One more error; hints that are None are left out, and an error already said is not said again."""
        found = Diagnostic(message, place, tuple(hint for hint in hints if hint))
        if found not in self.diagnostics:
            self.diagnostics.append(found)

    def check(self) -> None:
        """Raise everything found, command line first, then in the order of the files.

        Raises:
            InvalidGraph: anything was found.
        """
        if self.diagnostics:
            raise InvalidGraph(sorted(self.diagnostics, key=self._reading_order))

    def _reading_order(self, diagnostic: Diagnostic) -> tuple[int, int, int]:
        place = diagnostic.place
        if place is None or not place.source.numbered:
            return -1, 0, 0
        name = place.source.name
        return self.files.index(name) if name in self.files else 0, place.line, place.column


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """A hint with the nearest of ``names``, if one is near."""
    near = difflib.get_close_matches(name.lower(), sorted(names), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else None


def one_of(names: Iterable[str], what: str = "expected one of") -> str | None:
    """A hint that lists ``names``, if there are any."""
    listed = ", ".join(names)
    return f"{what}: {listed}" if listed else None


def _window(place: Place) -> tuple[str, int]:
    """The part of the source line to show, made printable, and where in it the place starts."""
    line = place.source.lines[place.line - 1] if place.line <= len(place.source.lines) else ""
    text = "".join(character if character.isprintable() else " " for character in line)
    start = min(place.column - 1, len(text))
    if len(text) <= _SHOWN_CHARACTERS:
        return text, start
    first = min(max(0, start - _SHOWN_CHARACTERS // 2), len(text) - _SHOWN_CHARACTERS)
    return text[first : first + _SHOWN_CHARACTERS], start - first
