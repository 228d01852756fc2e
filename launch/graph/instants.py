"""Instants and spans of a run as people say them: ``20 min``, ``2021-02-18T20:36:50Z``, a ``timedelta``, or ns.

A text with a date in it is a UTC instant; any other is a duration, which as an instant counts from the epoch.
"""

from __future__ import annotations

import re
from datetime import timedelta

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NEVER_NS, Epoch

from .spec import duration_ns

#: An instant: UTC or a duration after the epoch as text, a ``timedelta`` after it, or run time in ns.
When = str | int | timedelta
#: A length of time: a duration as text, a ``timedelta``, or ns.
Span = str | int | timedelta

_LIKE_UTC = re.compile(r"\s*\d{4}-\d")
_NS_PER_US = 1_000


def span_ns(span: Span) -> int:
    """Nanoseconds of a length of time.

    Raises:
        GraphError: it is none, or is negative.
    """
    if isinstance(span, timedelta):
        length_ns = (span // timedelta(microseconds=1)) * _NS_PER_US
    elif isinstance(span, int) and not isinstance(span, bool):
        length_ns = span
    else:
        length_ns = duration_ns(span)
    if length_ns < 0:
        raise GraphError(f"{span!r} is negative; a length of time is not")
    return length_ns


def instant_ns(epoch: Epoch, when: When) -> int:
    """Run time (ns) of an instant; of one before the epoch it is negative.

    Raises:
        GraphError: it is none.
        TimeError: it is no UTC instant.
    """
    if isinstance(when, str) and _LIKE_UTC.match(when):
        return epoch.t_ns(when)
    try:
        return span_ns(when)
    except GraphError as error:
        raise GraphError(f"{error}; or write an instant in UTC, like {epoch.utc(0, 0)}") from None


def interval_ns(epoch: Epoch, since: When | None, until: When | None) -> tuple[int, int]:
    """Run times (ns) from one instant to another; open where none is given."""
    return (
        -NEVER_NS if since is None else instant_ns(epoch, since),
        NEVER_NS if until is None else instant_ns(epoch, until),
    )
