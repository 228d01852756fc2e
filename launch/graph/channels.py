"""The section ``channels``: a medium each, who hears on it, and who only sends."""

from __future__ import annotations

from typing import Literal

from lightlag.bus.medium import Wire

from .diagnostics import Place, did_you_mean, one_of
from .reading import Reading
from .source import UNKNOWN, Item
from .spec import ChannelSpec
from .values import read_duration_ns

_KEYS = ("medium", "members", "senders")
_MEDIUM_HINT = "expected space, or {wire: {latency: 2 ms}}"

Medium = Literal["space"] | Wire


def read_channels(item: Item | None, reading: Reading) -> dict[str, ChannelSpec]:
    """The channels by name; a port sends on one of them."""
    specs: dict[str, ChannelSpec] = {}
    sends: dict[tuple[str, str], list[tuple[str, Place]]] = {}
    hears: dict[tuple[str, str], list[tuple[str, Place]]] = {}
    for name, declared in reading.named("channels", item):
        fields = reading.mapping(declared, f"channel {name!r}", _KEYS, _KEYS[:2])
        if fields is None:
            continue
        medium = read_medium(fields.get("medium"), reading)
        members = _ends(fields.get("members"), "members", medium, reading)
        senders = _ends(fields.get("senders"), "senders", medium, reading)
        for node, (port, place) in members.items():
            hears.setdefault((node, port), []).append((name, place))
        for node, (port, place) in senders.items():
            sends.setdefault((node, port), []).append((name, place))
            if node in members and members[node][0] != port:
                other = f"it is a member with {node}.{members[node][0]}"
                reading.report.add(f"{node!r} joins channel {name!r} with two ports", place, other)
        if medium is not None:
            plain = [{node: port for node, (port, _) in ends.items()} for ends in (members, senders)]
            specs[name] = ChannelSpec(name, medium, plain[0], plain[1])
    for (node, port), channels in sends.items():
        _one_channel(f"{node}.{port} is a sender", channels, "a port sends on one channel", reading)
    for (node, port), channels in hears.items():
        if (node, port) not in sends:
            hint = "it is not said on which it sends: list it under the senders of that one"
            _one_channel(f"{node}.{port} is a member", channels, hint, reading)
    return specs


def _one_channel(what: str, channels: list[tuple[str, Place]], hint: str, reading: Reading) -> None:
    if len(channels) > 1:
        listed = " and ".join(repr(name) for name, _ in channels)
        reading.report.add(f"{what} of channels {listed}", channels[-1][1], hint)


def read_medium(item: Item | None, reading: Reading) -> Medium | None:
    """What lies between the members of a channel."""
    if item is None or item.value is UNKNOWN:
        return None
    if item.value == "space":
        return "space"
    if not isinstance(item.value, dict):
        near = did_you_mean(item.value, ("space", "wire")) if isinstance(item.value, str) else None
        reading.report.add(f"the medium is {item.kind()}", item.place, _MEDIUM_HINT, near, item.note)
        return None
    fields = reading.mapping(item, "a medium", ("wire",), ("wire",))
    wire = reading.mapping(fields["wire"], "a wire", ("latency",), ("latency",)) if fields else None
    return reading.value(wire.get("latency"), lambda latency: Wire(read_duration_ns(latency))) if wire else None


def _ends(item: Item | None, what: str, medium: Medium | None, reading: Reading) -> dict[str, tuple[str, Place]]:
    """The ``node.port`` of a list by node, with where each stands."""
    if item is None or item.value is UNKNOWN:
        return {}
    if not isinstance(item.value, list):
        hint = "expected a list: [mro.uhf, maven.uhf]"
        reading.report.add(f"{what!r} is {item.kind()}", item.place, hint, item.note)
        return {}
    if not item.value and what == "members":
        reading.report.add("a channel without members: nobody could receive", item.place)
    ends: dict[str, tuple[str, Place]] = {}
    for child in item.value:
        end = reading.end(child)
        if end is None or not _fits(end, child, medium, reading):
            continue
        node, port = end
        if node in ends:
            reading.report.add(
                f"{node!r} is given twice",
                child.place,
                f"it joins with {node}.{ends[node][0]} already; a node joins a channel with one port",
            )
            continue
        ends[node] = (port, child.place)
    return ends


def _fits(end: tuple[str, str], item: Item, medium: Medium | None, reading: Reading) -> bool:
    """Whether a port can be on a channel of that medium."""
    node, port = end
    known = reading.ports[node] or {}
    if medium != "space" or known[port]:
        return True
    radios = [name for name, is_radio in known.items() if is_radio]
    hint = one_of(radios, f"radios of {node}") or f"{node} has no radio"
    place = reading.part(item, len(node) + 1, len(port))
    reading.report.add(f"{node}.{port} is a port for a wire; space needs a radio", place, hint, item.note)
    return False
