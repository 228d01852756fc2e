"""Receptions and losses of a recording as rows of a table, for other programs: named cells, with plain values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lightlag.bus.time import NS_PER_S, Epoch

from .recorded import Recorded

#: The cells that every row has, in this order; those of the message follow, each as ``message.FIELD``.
COLUMNS = (
    "what",
    "receiver",
    "source",
    "seq",
    "channel",
    "type",
    "sent_scet",
    "received_ert",
    "light_time_s",
    "sent_ns",
    "t_ns",
    "duration_ns",
    "bytes",
    "reason",
    "origin_source",
    "origin_seq",
    "origin_sent_scet",
    "origin_sent_ns",
    "via",
    "to",
)
_ARRAY = {"dtype", "shape", "data"}


def rows(bag: Recorded, pattern: str = "*") -> Iterator[dict[str, Any]]:
    """A row for every reception and every loss on the topics that match, in the order of the recording.

    Times are in UTC, and in ns of the run; of a loss ``received_ert`` is when it would have been received.
    """
    epoch = bag.epoch
    wanted = _matching(pattern)
    for record in bag.records(wanted):
        if wanted(record.topic):
            yield row(record.topic, record.data, epoch)


def columns(bag: Recorded, pattern: str = "*") -> list[str]:
    """The names of all cells that rows have: ``COLUMNS``, then those of messages, as they first occur."""
    found: dict[str, None] = dict.fromkeys(COLUMNS)
    for each in rows(bag, pattern):
        found.update(dict.fromkeys(each))
    return list(found)


def row(topic: str, data: Mapping[str, Any], epoch: Epoch) -> dict[str, Any]:
    """A record of a topic as a row."""
    origin, origin_seq, origin_sent_ns = data["origin"]
    return {
        "what": "lost" if "reason" in data else "received",
        "receiver": topic.split("/", 2)[1],
        "source": data["source"],
        "seq": data["seq"],
        "channel": data["channel"],
        "type": data["type"],
        "sent_scet": epoch.utc(data["sent_ns"], 9),
        "received_ert": epoch.utc(data["t_ns"], 9),
        "light_time_s": (data["t_ns"] - data["sent_ns"]) / NS_PER_S,
        "sent_ns": data["sent_ns"],
        "t_ns": data["t_ns"],
        "duration_ns": data["duration_ns"],
        "bytes": data["bytes"],
        "reason": data.get("reason"),
        "origin_source": origin,
        "origin_seq": origin_seq,
        "origin_sent_scet": epoch.utc(origin_sent_ns, 9),
        "origin_sent_ns": origin_sent_ns,
        "via": ">".join(data["via"]),
        "to": data.get("to"),
        **dict(_flat("message", data.get("message", {}))),
    }


def _matching(pattern: str) -> Any:
    return lambda topic: not topic.endswith("/log") and fnmatchcase(topic, pattern)


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Fields of fields by dotted name; an array stays whole, as recordings have it, and so does a list."""
    if isinstance(value, dict) and value.keys() != _ARRAY:
        for key, item in value.items():
            yield from _flat(f"{name}.{key}", item)
    else:
        yield name, value


def cell(value: Any) -> str | int | float:
    """A value in a cell of a CSV: an array as its type and shape, a list as JSON, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return f"array of {value['dtype']} {'x'.join(map(str, value['shape']))}"
    if isinstance(value, bool | list):
        return json.dumps(value)
    return value if isinstance(value, str | int | float) else str(value)
