"""Where two recordings part: the first reception or loss that is not the same, and what in it is not.

A receiver's history is its receptions and losses in the order of time, then source, then the number of the emission,
which is the order in which the node got them and in which the digest hashes them. Two histories are compared place by
place; of the places where histories differ, the one that comes first, by time and then by receiver, is told. Both
recordings are read side by side, an instant at a time.
"""

from __future__ import annotations

import itertools
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightlag.bus.mcap_file import McapMessage
from lightlag.bus.time import NEVER_NS

#: In a payload's JSON the first match is the header's: within a string its quotes would be escaped.
_T_NS = re.compile(rb'"t_ns":(-?\d+)')
_ARRAY = {"dtype", "shape", "data"}
_MOST_CHARACTERS = 56

#: Topic and JSON.
_Item = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where a receiver's history is not the same; ``a`` and ``b`` are None where one has ended."""

    receiver: str
    t_ns: int
    a: dict[str, Any] | None
    b: dict[str, Any] | None


@dataclass(slots=True)
class Comparison:
    """What came of comparing."""

    first: Difference | None = None
    #: Receptions and losses before the first difference, the same in both: of all receivers, and of that one.
    agree: int = 0
    agree_there: int = 0


def compare(a: Iterator[McapMessage], b: Iterator[McapMessage]) -> Comparison:
    """Compare two recordings, each in its order."""
    ones, others = _instants(a), _instants(b)
    found = Comparison()
    agree: dict[str, int] = {}

    def count(items: list[_Item]) -> None:
        for topic, _ in items:
            agree[topic] = agree.get(topic, 0) + 1

    end: tuple[int, list[_Item]] = (NEVER_NS, [])
    for one, other in itertools.zip_longest(ones, others, fillvalue=end):
        if one == other:
            count(one[1])
            continue
        t_ns = min(one[0], other[0])
        left, right = (_by_receiver(items if at_ns == t_ns else []) for at_ns, items in (one, other))
        for receiver in sorted({**left, **right}):
            mine, theirs = left.get(receiver, []), right.get(receiver, [])
            same = next((k for k, (x, y) in enumerate(zip(mine, theirs, strict=False)) if x != y), None)
            place = min(len(mine), len(theirs)) if same is None else same
            count(mine[:place])
            if same is None and len(mine) == len(theirs):
                continue
            # Where one has no more at this instant, what it has later stands in this place of its history.
            x = mine[place] if place < len(mine) else _next_of(receiver, one, t_ns, ones)
            y = theirs[place] if place < len(theirs) else _next_of(receiver, other, t_ns, others)
            found.first = Difference(receiver, t_ns, _told(x), _told(y))
            found.agree_there = sum(n for topic, n in agree.items() if _receiver(topic) == receiver)
            break
        break
    found.agree = sum(agree.values())
    return found


def differing_fields(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> dict[str, tuple[str, str]]:
    """The fields that are not the same, by path (``message.values.height_km``), each as text of both."""
    return dict(_fields("", dict(a or {}), dict(b or {})))


def _instants(messages: Iterator[McapMessage]) -> Iterator[tuple[int, list[_Item]]]:
    """Receptions and losses by instant; the logs are no part of what a node got."""
    heard = (it for it in messages if not it.topic.endswith("/log"))
    for t_ns, items in itertools.groupby(heard, key=lambda it: _t_ns(it.data)):
        yield t_ns, [(it.topic, it.data) for it in items]


def _t_ns(data: bytes) -> int:
    found = _T_NS.search(data)
    return int(found[1]) if found else 0


def _receiver(topic: str) -> str:
    return topic.split("/", 2)[1]


def _by_receiver(items: list[_Item]) -> dict[str, list[_Item]]:
    """The items of an instant by receiver, each in the order in which the node got them."""
    found: dict[str, list[_Item]] = {}
    for item in items:
        found.setdefault(_receiver(item[0]), []).append(item)
    for mine in found.values():
        if len(mine) > 1:
            mine.sort(key=_source_and_number)
    return found


def _source_and_number(item: _Item) -> tuple[str, int]:
    header = json.loads(item[1])
    return header["source"], header["seq"]


def _next_of(
    receiver: str, instant: tuple[int, list[_Item]], t_ns: int, rest: Iterator[tuple[int, list[_Item]]]
) -> _Item | None:
    """What a receiver has next after the instant ``t_ns``."""
    for at_ns, items in itertools.chain([instant], rest):
        if at_ns > t_ns and (mine := _by_receiver(items).get(receiver)):
            return mine[0]
    return None


def _told(item: _Item | None) -> dict[str, Any] | None:
    """An item as a person reads it: what happened first, then the header and the message."""
    if item is None:
        return None
    data = json.loads(item[1])
    return {"what": "lost" if "reason" in data else "received", **data}


_ABSENT = object()


def _fields(path: str, a: Any, b: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    if a == b and type(a) is type(b):
        return
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() == b.keys() == _ARRAY:
            yield path, _arrays(a, b)
            return
        for key in {**a, **b}:
            yield from _fields(f"{path}.{key}" if path else key, a.get(key, _ABSENT), b.get(key, _ABSENT))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _fields(f"{path}[{k}]", x, y)
    elif isinstance(a, str) and isinstance(b, str):
        yield path, _texts(a, b)
    else:
        yield path, (_cell(a), _cell(b))


def _cell(value: Any) -> str:
    if value is _ABSENT:
        return "-"
    if isinstance(value, dict) and value.keys() == _ARRAY:
        return f"array of {value['dtype']}, shape {tuple(value['shape'])}"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _texts(a: str, b: str) -> tuple[str, str]:
    """Two texts; of long ones what stands around the first character that is not the same."""
    if max(len(a), len(b)) <= _MOST_CHARACTERS:
        return a, b
    at = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    show: Callable[[str], str] = lambda text: f"…{text[at : at + 16]}… ({len(text)} characters, from {at})"  # noqa: E731
    return show(a), show(b)


def _arrays(a: dict[str, Any], b: dict[str, Any]) -> tuple[str, str]:
    """Two arrays: how they look, and their elements at the first index where they are not the same."""
    if (a["dtype"], a["shape"]) != (b["dtype"], b["shape"]):
        return _cell(a), _cell(b)
    size = np.dtype(a["dtype"]).itemsize
    x, y = (np.frombuffer(b64decode(it["data"]), f"V{size}") for it in (a, b))  # as bytes: a NaN is the same as itself
    at = int(np.flatnonzero(x != y)[0])
    index = [int(k) for k in np.unravel_index(at, a["shape"])]
    cells = [f"{_cell(a)}: {index} is {it.view(a['dtype'])[at]}" for it in (x, y)]
    return cells[0], cells[1]
