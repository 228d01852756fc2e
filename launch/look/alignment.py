"""Two accounts of what a node said, side by side: which emissions belong together, and what in them is not the same.

Numbers tell nothing here: one emission more, and all after it have others. Together belong, in this order: what is the
same and was sent at the same time; what was sent at the same time in the same way; what is the same; and what is left
is in one of the accounts only.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from .account import Said

T = TypeVar("T")


def aligned(record: Iterable[Said], made: Iterable[Said]) -> list[tuple[Said | None, Said | None]]:
    """The emissions of two accounts in pairs, by time; None where one has none that belongs there."""
    left, right = list(record), list(made)
    content = {id(said): _content(said) for said in (*left, *right)}
    keys: list[Callable[[Said], Hashable]] = [
        lambda said: (said.sent_ns, content[id(said)], said.message),
        lambda said: (said.sent_ns, content[id(said)][:3]),
        lambda said: (content[id(said)], said.message),
    ]
    pairs = paired(left, right, keys)
    return sorted(pairs, key=lambda pair: min((it.sent_ns, it.seq) for it in pair if it is not None))


def paired(
    left: Sequence[T], right: Sequence[T], keys: Iterable[Callable[[T], Hashable]]
) -> list[tuple[T | None, T | None]]:
    """Pairs of what has the same key, by one key after the other; and what is left, alone."""
    pairs: list[tuple[T | None, T | None]] = []
    for key in keys:
        waiting: dict[Hashable, deque[T]] = {}
        for item in right:
            waiting.setdefault(key(item), deque()).append(item)
        rest: list[T] = []
        for item in left:
            found = waiting.get(key(item))
            if found:
                pairs.append((item, found.popleft()))
            else:
                rest.append(item)
        left = rest
        free = {id(item) for those in waiting.values() for item in those}
        right = [item for item in right if id(item) in free]
    return [*pairs, *((item, None) for item in left), *((None, item) for item in right)]


def differing(record: Said, made: Said, *, numbered: bool = True) -> list[str]:
    """What of two emissions is not the same: fields of the header, ``message``, ``ends.RECEIVER``; in their order.

    Without ``numbered`` their numbers may differ.
    """
    a, b = _header(record, numbered=numbered), _header(made, numbered=numbered)
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    if record.message != made.message:
        names.append("message")
    receivers = sorted({**record.ends, **made.ends})
    return names + [f"ends.{it}" for it in receivers if record.ends.get(it) != made.ends.get(it)]


def _header(said: Said, *, numbered: bool) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(said.header)
    if not numbered:
        own = header["origin"][:2] == [header["source"], header["seq"]]
        header = {name: value for name, value in header.items() if name != "seq" and not (own and name == "origin")}
    return header


def _content(said: Said) -> tuple[str, ...]:
    """What an emission is, but for its message, its number and its times: how it was sent, first."""
    header = _header(said, numbered=False)
    way = [str(header.pop(name, "")) for name in ("channel", "type", "to")]
    del header["sent_ns"], header["duration_ns"]
    return (*way, json.dumps(header))
