"""Instants and spans of a run as people say them: ``20 min``, ``2021-02-18T20:36:50Z``, a ``timedelta``, or ns.

A text with a date in it is a UTC instant; any other is a duration, which as an instant counts from the epoch.
"""

from __future__ import annotations

import re
from datetime import timedelta

from lightlag.bus.errors import GraphError
from lightlag.bus.time import Epoch

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
    """Run time (ns) of an instant.

    Raises:
        GraphError: it is none, or lies before the epoch.
    """
    if not (isinstance(when, str) and _LIKE_UTC.match(when)):
        return span_ns(when)
    t_ns = epoch.t_ns(when)
    if t_ns < 0:
        raise GraphError(f"{when} is before the epoch of the run, {epoch.utc(0)}")
    return t_ns
