"""What is found, and the comments by which its author allows it.

    started_s = time.monotonic()  # lightlag: allow wall-clock (for the log of the bench, no message depends on it)

Such a comment stands on a line of what is found, or alone on the line above it. It names one rule or several, and
gives a reason.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lightlag.launch.graph.diagnostics import Diagnostic, Place, Source, did_you_mean

from .rules import RULES, WARNINGS, Use

_MARK = re.compile(r"#\s*lightlag:\s*allow\b")
_ALLOWED = re.compile(r"#\s*lightlag:\s*allow\s+(?P<rules>[\w-]+(?:\s*,\s*[\w-]+)*)\s*\((?P<reason>.*\S.*)\)\s*")
_SHAPE = "# lightlag: allow RULE (why it cannot change a run)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place in node code that may give another result in another run."""

    rule: str
    message: str
    #: What to use instead.
    instead: str
    #: Where; None for a module whose source cannot be had.
    place: Place | None
    #: The last line of what is found.
    end_line: int = 0

    @classmethod
    def of(cls, use: Use, subject: str, place: Place | None, end_line: int = 0) -> Finding:
        """The finding that ``subject``, a name or a few words, is used as ``use`` says one should not."""
        return cls(use.rule, f"{subject} {use.what}", use.instead, place, end_line)

    @property
    def is_warning(self) -> bool:
        """Whether it is only shown, and does not make the code wrong."""
        return self.rule in WARNINGS

    def lines(self) -> list[tuple[str, str]]:
        """The lines to print, each with its role, as ``Diagnostic.lines``."""
        told = f"{'warning, ' if self.is_warning else ''}{self.rule}: {self.message}"
        return Diagnostic(told, self.place, (f"instead: {self.instead}",)).lines()

    def data(self) -> dict[str, Any]:
        """For JSON; lines and columns count from 1."""
        place = self.place
        where = {"file": place.source.name, "line": place.line, "column": place.column} if place else {}
        severity = "warning" if self.is_warning else "error"
        return {"rule": self.rule, "severity": severity, **where, "message": self.message, "instead": self.instead}

    def __str__(self) -> str:
        return "\n".join(text for _, text in self.lines())


@dataclass(frozen=True, slots=True)
class _Allowance:
    rules: tuple[str, ...]
    #: The line it is for.
    line: int
    place: Place


def without_allowed(found: Sequence[Finding], source: Source, text: str) -> list[Finding]:
    """The findings that no comment allows, and what is wrong with such comments, in the order of the file."""
    allowances, left = _read(source, text)
    used: dict[tuple[Place, str], None] = {}
    for finding in found:
        allowance = next((it for it in allowances if finding.rule in it.rules and _covers(it, finding)), None)
        if allowance is None:
            left.append(finding)
        else:
            used[allowance.place, finding.rule] = None
    for allowance in allowances:
        for rule in allowance.rules:
            if rule in RULES and (allowance.place, rule) not in used:
                left.append(_wrong(f"nothing here is found by {rule}", "remove it from the comment", allowance.place))
    return sorted(left, key=lambda finding: (finding.place.line, finding.place.column) if finding.place else (0, 0))


def _covers(allowance: _Allowance, finding: Finding) -> bool:
    return finding.place is not None and finding.place.line <= allowance.line <= finding.end_line


def _read(source: Source, text: str) -> tuple[list[_Allowance], list[Finding]]:
    allowances: list[_Allowance] = []
    wrong: list[Finding] = []
    for token in _comments(text):
        mark = _MARK.match(token.string)
        if mark is None:
            continue
        line, column = token.start
        place = Place(source, line, column + 1, len(token.string))
        written = _ALLOWED.fullmatch(token.string)
        if written is None:
            wrong.append(_wrong("a comment that allows something names rules and gives a reason", _SHAPE, place))
            continue
        alone = not token.line[:column].strip()
        rules = tuple(rule.strip() for rule in written["rules"].split(","))
        allowances.append(_Allowance(rules, line + alone, place))
        for rule in rules:
            if rule not in RULES:
                near = did_you_mean(rule, RULES) or f"one of: {', '.join(sorted(RULES))}"
                wrong.append(_wrong(f"there is no rule {rule!r}", near, place))
    return allowances, wrong


def _comments(text: str) -> Iterator[tokenize.TokenInfo]:
    return (it for it in tokenize.generate_tokens(io.StringIO(text).readline) if it.type == tokenize.COMMENT)


def _wrong(message: str, instead: str, place: Place) -> Finding:
    return Finding("allow", message, instead, place, place.line)
