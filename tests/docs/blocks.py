"""The fenced blocks of a page of the documentation: found, and what each is for. Pure.

What the languages and titles mean is written down in CONTRIBUTING.md.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace

LANGUAGES = ("python", "sh", "text", "yaml")
_OPEN = re.compile(r"(?P<indent> *)```(?P<info>.*)")
_TITLE = re.compile(r'title="(?P<title>[^"]+)"')
#: What the last comment of a sh block may say.
_EXITS = re.compile(r"#[^#\n]*\bexits (?P<code>\d+)[^#\n]*$")
_GOES_ON = re.compile(r"#[^#\n]*\bgoes on[^#\n]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where its text begins, what it is, and what comes right after it."""

    line: int
    language: str
    title: str
    text: str
    #: What a ``text`` block right after it shows of its output; None if there is none.
    shows: str | None = None

    @property
    def exits(self) -> int:
        """The exit code that a ``sh`` block says it has."""
        found = _EXITS.search(self.text.rstrip())
        return int(found["code"]) if found else 0

    @property
    def goes_on(self) -> bool:
        """Whether a ``sh`` block says that it is for a terminal of its own."""
        return _GOES_ON.search(self.text.rstrip()) is not None

    @property
    def is_wrong(self) -> bool:
        """Whether a graph file is there to be refused."""
        return self.title.rpartition("/")[2].startswith("broken")


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page in Markdown, in their order; a ``text`` block right after another is part of it."""
    lines = page.splitlines()
    found: list[Block] = []
    at = 0
    ended_at = -1
    while at < len(lines):
        opened = _OPEN.fullmatch(lines[at])
        at += 1
        if opened is None:
            continue
        began = at
        while at < len(lines) and lines[at].strip() != "```":
            at += 1
        text = textwrap.dedent("\n".join(lines[began:at])) + "\n"
        title = _TITLE.search(opened["info"])
        language = opened["info"].partition(" ")[0]
        follows = not any(line.strip() for line in lines[ended_at + 1 : began - 1])
        if language == "text" and found and follows and found[-1].language in ("sh", "python"):
            found[-1] = replace(found[-1], shows=text)
        else:
            found.append(Block(began + 1, language, title["title"] if title else "", text))
        ended_at = at
        at += 1
    return found


def shown(output: str, expected: str) -> bool:
    """Whether an output is the expected one, in which ``...`` stands for anything, also for lines if it is alone."""
    pieces = []
    for line in _trimmed(expected).splitlines():
        if line.strip() == "...":
            pieces.append(r"(?:.*\n)*?")
        else:
            pieces.append(".*".join(map(re.escape, line.split("..."))) + r"\n")
    return re.fullmatch("".join(pieces), _trimmed(output)) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"
