"""The single values of a graph file, of which every section is made: each reads one, or says what was expected.

What they raise is a ``ValueError`` or a ``GraphError`` without a place: whoever reads the section knows that.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lightlag.bus.time import NEVER_NS, NS_PER_S, Epoch

from .source import Item
from .spec import FORMAT, duration_ns, duration_text

NAME = re.compile("[a-z][a-z0-9_-]*")
NAME_RULE = "a name starts with a lower case letter; lower case letters, digits, - and _ may follow"
_END = re.compile(r"(?P<node>[^.\s]+)\.(?P<port>[^.\s]+)")
MOST_SEED = 2**63 - 1
_CLOCK = re.compile(r"(\d+):(\d{2})(?::(\d{2}))?")
_NO_END = ("never", "forever", "inf", "infinity", "none", ".inf")


def read_text(item: Item) -> str:
    """Any text."""
    if not isinstance(item.value, str):
        raise ValueError(f"expected a text, got {item.kind()}")
    return item.value


def read_text_by(read: Callable[[str], str]) -> Callable[[Item], str]:
    """A text that ``read`` understands."""
    return lambda item: read(read_text(item))


def read_name(item: Item) -> str:
    """The name of a node, a channel, a place or the graph."""
    text = read_text(item)
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name; {NAME_RULE}")
    return text


def read_version(item: Item) -> int:
    """The version of the format."""
    if item.value is True or item.value != FORMAT:
        raise ValueError(f"the format's version is {item.kind()}; this lightlag reads version: {FORMAT}")
    return FORMAT


def read_seed(item: Item) -> int:
    """The seed of a run."""
    if not isinstance(item.value, int) or isinstance(item.value, bool):
        is_whole = isinstance(item.value, float) and item.value.is_integer()
        written = f", written as {item.value:.0f}" if is_whole else ""
        raise ValueError(f"the seed is {item.kind()}; expected a whole number{written}")
    if not 0 <= item.value <= MOST_SEED:
        raise ValueError(f"the seed is {item.value}; expected a whole number from 0 to 2^63 - 1")
    return item.value


def read_epoch(item: Item) -> Epoch:
    """An instant in UTC."""
    if not isinstance(item.value, str):
        raise ValueError(f"expected a UTC instant like 2021-02-18T20:26:00Z, got {item.kind()}")
    return Epoch.parse(item.value)


def read_duration_ns(item: Item) -> int:
    """A duration (ns)."""
    if not isinstance(item.value, str | int | float) or isinstance(item.value, bool):
        raise ValueError(f"expected a duration like 40 min, got {item.kind()}")
    if (found := _CLOCK.fullmatch(str(item.value).strip())) is not None:
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        whole = duration_text((hours * 3600 + minutes * 60 + seconds) * NS_PER_S)
        raise ValueError(f"{item.value!r} is not a duration; write it with a unit, as {whole} if it is hours first")
    return duration_ns(item.text if isinstance(item.value, float) else item.value)


def read_until_ns(item: Item) -> int:
    """How long a run lasts (ns)."""
    if item.text.strip().lower() in _NO_END:
        raise ValueError(f"a run has an end; give one, such as 40 min, in the place of {item.text}")
    until_ns = read_duration_ns(item)
    if until_ns <= 0:
        raise ValueError(f"the run would end after {item.value}; it must last longer than nothing")
    if until_ns >= NEVER_NS:
        raise ValueError(f"the run would last {item.value}; a run lasts 146 years at most")
    return until_ns


def read_restarts(item: Item) -> int:
    """How often a process that was killed is started again."""
    if item.value == "never":
        return 0
    if not isinstance(item.value, int) or isinstance(item.value, bool) or item.value < 0:
        raise ValueError(f"restart is {item.kind()}; expected how often, like 10, or never")
    return item.value


def read_end(item: Item) -> tuple[str, str]:
    """The node and the port of an end of a channel."""
    found = _END.fullmatch(read_text(item))
    if not found:
        raise ValueError(f"{item.value!r} is not written like node.port")
    return found["node"], found["port"]
