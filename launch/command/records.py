"""How a record of a run, a reception, a loss or a line of a log, is shown to a person or a program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightlag.bus.time import Epoch
    from lightlag.launch.look.heard import Heard

_LONG_CHARACTERS = 200
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./>@+ ")


def labelled(heard: Heard, epoch: Epoch) -> dict[str, Any]:
    """A record with its times labelled: SCET where it was sent, ERT where it was received."""
    from lightlag.bus.time import NS_PER_S

    data = heard.data
    if "sent_ns" not in data:
        return {"topic": heard.topic, "at": f"{epoch.utc(data['t_ns'])} SCET", **data}
    source, seq, sent_ns = data["origin"]
    told: dict[str, Any] = {
        "topic": heard.topic,
        "sent": f"{epoch.utc(data['sent_ns'])} SCET",
        "lost" if "reason" in data else "received": f"{epoch.utc(data['t_ns'])} ERT",
        "light_time_s": (data["t_ns"] - data["sent_ns"]) / NS_PER_S,
        "source": data["source"],
        "seq": data["seq"],
    }
    if (source, seq) != (data["source"], data["seq"]):
        told |= {"origin": f"{source} {seq}", "origin_sent": f"{epoch.utc(sent_ns)} SCET", "via": data["via"]}
    skipped = {"source", "seq", "origin", "via", "channel"}
    return told | {key: value for key, value in data.items() if key not in skipped}


def yaml_lines(value: Any, indent: str = "") -> Iterator[str]:
    """The lines of a mapping, as YAML has it."""
    for key, item in value.items():
        if isinstance(item, dict) and item and item.keys() != {"dtype", "shape"}:
            yield f"{indent}{key}:"
            yield from yaml_lines(item, indent + "  ")
        elif isinstance(item, list) and item and all(isinstance(each, dict) for each in item):
            yield f"{indent}{key}:"
            for each in item:
                first, *rest = yaml_lines(each, indent + "    ")
                yield f"{indent}  - {first.strip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {_scalar(item)}"


def _scalar(value: Any) -> str:
    if isinstance(value, dict):
        return f"array of {value['dtype']} {value['shape']}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, str):
        cut = f"{value[:_LONG_CHARACTERS]}... ({len(value):,} characters)" if len(value) > _LONG_CHARACTERS else value
        return cut if cut and cut.strip() == cut and set(cut) <= _PLAIN | set(":") else json.dumps(cut)
    return json.dumps(value)


def records_text(count: int) -> str:
    """A number of records, in words."""
    return f"{count:,} record{'s' if count != 1 else ''}"
