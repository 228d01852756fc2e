"""When a node is there: the ``join`` and ``leave`` of a node in a graph file.

Each is a duration after the epoch or a UTC instant, within the run; a node joins before it leaves, and each once.
"""

from __future__ import annotations

import re

from lightlag.bus.errors import GraphError
from lightlag.bus.time import NEVER_NS, NS_PER_S, Epoch, tdb_ns_from_utc

from .diagnostics import Report
from .source import UNKNOWN, Item
from .spec import duration_text
from .values import read_duration_ns

_LIKE_UTC = re.compile(r"\s*\d{4}-\d")


def read_presence(
    join: Item | None, leave: Item | None, epoch: Epoch | None, until_ns: int | None, report: Report
) -> tuple[int, int]:
    """When a node joins and when it leaves: ns after the epoch; 0 and ``NEVER_NS`` where it is not said.

    What is wrong is put into ``report``. ``epoch`` and ``until_ns`` are None where the graph does not say them rightly;
    what depends on them is not checked then.
    """
    join_ns, leave_ns = (
        read_instant_ns(item, does, epoch, until_ns, report) for item, does in ((join, "joins"), (leave, "leaves"))
    )
    if leave is not None and leave_ns is not None and leave_ns <= (join_ns or 0):
        joins = f"it joins {_after(join_ns)}" if join_ns else "it is there from the epoch on"
        report.add(f"leaves {_after(leave_ns)}, but {joins}", leave.place, "let it leave after it joined", leave.note)
    return join_ns or 0, NEVER_NS if leave_ns is None else leave_ns


def read_instant_ns(
    item: Item | None, does: str, epoch: Epoch | None, until_ns: int | None, report: Report
) -> int | None:
    """An instant within the run (ns after the epoch), at which something ``does`` so; None, and a report, if not.

    Without ``until_ns`` it may lie after the end.
    """
    if item is None or item.value is UNKNOWN:
        return None
    try:
        t_ns = _read_ns(item, epoch)
    except (GraphError, ValueError) as error:
        report.add(str(error), item.place, item.note)
        return None
    if t_ns is not None and t_ns < 0:
        report.add(f"{does} {_after(t_ns)}", item.place, "the run begins with its epoch", item.note)
        return None
    if t_ns is not None and until_ns is not None and t_ns >= until_ns:
        hint = "let it be earlier, or the run longer (until)"
        report.add(f"{does} {_after(t_ns)}, but the run ends {_after(until_ns)}", item.place, hint, item.note)
        return None
    return t_ns


def _read_ns(item: Item, epoch: Epoch | None) -> int | None:
    if not isinstance(item.value, str | int | float) or isinstance(item.value, bool):
        raise ValueError(f"expected a duration after the epoch like 20 min, or a UTC instant, got {item.kind()}")
    text = str(item.value)
    if not _LIKE_UTC.match(text):
        return read_duration_ns(item)
    tdb_ns = tdb_ns_from_utc(text)
    return tdb_ns - epoch.tdb_ns if epoch is not None else None


def _after(t_ns: int) -> str:
    """In words, to the millisecond: a UTC instant is some ns off whole seconds of TDB."""
    ms = round(t_ns / NS_PER_S * 1000)
    if ms == 0:
        return "at the epoch"
    return f"{duration_text(abs(ms) * NS_PER_S // 1000)} {'before' if ms < 0 else 'after'} the epoch"
