"""The section ``channels``: a medium each, who hears on it, and who only sends."""

from __future__ import annotations

from typing import Literal

from lightlag.bus.medium import Wire

from .diagnostics import Place, did_you_mean, one_of
from .reading import End, Reading
from .source import UNKNOWN, Item
from .spec import ChannelSpec, duration_text
from .values import read_duration_ns

_KEYS = ("medium", "members", "senders")
_MEDIUM_HINT = "expected space, or {wire: {latency: 2 ms}}"

Medium = Literal["space"] | Wire


def read_channels(item: Item | None, reading: Reading) -> dict[str, ChannelSpec]:
    """The channels by name."""
    specs: dict[str, ChannelSpec] = {}
    for name, declared in reading.named("channels", item):
        fields = reading.mapping(declared, f"channel {name!r}", _KEYS, _KEYS[:2])
        if fields is None:
            continue
        medium = read_medium(fields.get("medium"), reading)
        channel = _Channel(name, reading)
        channel.take_in(fields.get("members"), medium)
        channel.add_ends(fields.get("members"), "members", medium)
        channel.add_ends(fields.get("senders"), "senders", medium)
        if medium is not None:
            specs[channel.name] = channel.spec(medium)
    return specs


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


def read_port(item: Item, medium: Medium | None, reading: Reading) -> End | None:
    """An end that can be on a channel of that medium; None, and a report, if it cannot."""
    end = reading.end(item)
    if end is None or medium != "space" or end.is_radio:
        return end
    node = reading.local(end.node)
    radios = [name for name, is_radio in (reading.ports[node] or {}).items() if is_radio]
    hint = one_of(radios, f"radios of {node}") or f"{node} has no radio"
    place = reading.part(item, str(item.value).index(".") + 1, len(str(item.value).partition(".")[2]))
    reading.report.add(f"{node}.{end.port} is a port for a wire; space needs a radio", place, hint, item.note)
    return None


def check_ports(reading: Reading) -> None:
    """A port sends on one channel: report those of the whole graph of which that is not so."""
    channels: dict[str, ChannelSpec] = reading.fields["channels"]
    sends: dict[tuple[str, str], list[str]] = {}
    hears: dict[tuple[str, str], list[str]] = {}
    for name, channel in channels.items():
        for end in channel.members.items():
            hears.setdefault(end, []).append(name)
        for end in channel.senders.items():
            sends.setdefault(end, []).append(name)
    for end, names in sends.items():
        if len(names) > 1:
            _one_channel(end, "senders", names, reading, "a port sends on one channel;")
    for end, names in hears.items():
        if len(names) > 1 and end not in sends:
            hint = "it is not said on which it sends: list it under the senders of that one, or"
            _one_channel(end, "members", names, reading, hint)


def _one_channel(end: tuple[str, str], role: str, names: list[str], reading: Reading, hint: str) -> None:
    node, port = end
    listed = " and ".join(repr(name) for name in names)
    message = f"{node}.{port} is a {role[:-1]} of channels {listed}"
    one = _as_one([reading.fields["channels"][name] for name in names])
    way_out = "make them one channel:" if one else "take another port of the node for one of them"
    reading.report.add(message, reading.ends_at[names[-1], role, node], f"{hint} {way_out}", one)


def _as_one(specs: list[ChannelSpec]) -> str | None:
    """Several channels as one, as it would be written; None if they cannot be one."""
    medium = specs[0].medium
    members = {end: None for spec in specs for end in spec.members.items()}
    senders = {end: None for spec in specs for end in spec.senders.items()}
    ends = {**members, **senders}
    if len({node for node, _ in ends}) < len(ends) or any(spec.medium != medium for spec in specs):
        return None
    written = medium if medium == "space" else f"{{wire: {{latency: {duration_text(medium.latency_ns)}}}}}"
    only = ", ".join(f"{node}.{port}" for node, port in senders if (node, port) not in members)
    hearing = ", ".join(f"{node}.{port}" for node, port in members)
    return f"{{medium: {written}, members: [{hearing}]{f', senders: [{only}]' if only else ''}}}"


class _Channel:
    """A channel that is being read: its ends by node, which joins it with one port."""

    def __init__(self, name: str, reading: Reading) -> None:
        self.name = reading.full(name)
        self._written = name
        self._reading = reading
        self._ends: dict[str, dict[str, str]] = {"members": {}, "senders": {}}

    def spec(self, medium: Medium) -> ChannelSpec:
        return ChannelSpec(self.name, medium, self._ends["members"], self._ends["senders"])

    def take_in(self, item: Item | None, medium: Medium | None) -> None:
        """Take in the channels of included graphs that are listed as members."""
        for child in item.value if item is not None and isinstance(item.value, list) else []:
            offered = self._reading.offered_channel(child)
            if offered is None or medium is None:
                continue
            taken: ChannelSpec | None = self._reading.fields["channels"].pop(offered, None)
            if taken is None:
                self._reading.report.add(f"{child.value} is taken in by a channel already", child.place, child.note)
            elif taken.medium != medium:
                hint = "channels are made one where they have the same medium"
                self._reading.report.add(f"{child.value} has another medium", child.place, hint, child.note)
            else:
                for role, ends in (("members", taken.members), ("senders", taken.senders)):
                    for node, port in ends.items():
                        self._add(role, node, port, self._reading.ends_at[offered, role, node], child.place)

    def add_ends(self, item: Item | None, role: str, medium: Medium | None) -> None:
        """Add the ``node.port`` of a list."""
        report = self._reading.report
        if item is None or item.value is UNKNOWN:
            return
        if not isinstance(item.value, list):
            report.add(f"{role!r} is {item.kind()}", item.place, "expected a list: [mro.uhf, maven.uhf]", item.note)
            return
        if not item.value and role == "members":
            report.add("a channel without members: nobody could receive", item.place)
        for child in item.value:
            if role == "members" and self._reading.offered_channel(child) is not None:
                continue
            end = read_port(child, medium, self._reading)
            if end is not None:
                self._add(role, end.node, end.port, child.place, child.place)

    def _add(self, role: str, node: str, port: str, at: Place, said_at: Place) -> None:
        """Add an end that is declared at ``at``; what is wrong about it is said at ``said_at``."""
        local, report = self._reading.local(node), self._reading.report
        if node in self._ends[role]:
            other = f"it joins with {local}.{self._ends[role][node]} already; a node joins a channel with one port"
            report.add(f"{local!r} is given twice", said_at, other)
            return
        member = self._ends["members"].get(node, port)
        if member != port:
            other = f"it is a member with {local}.{member}"
            report.add(f"{local!r} joins channel {self._written!r} with two ports", said_at, other)
        self._ends[role][node] = port
        self._reading.ends_at[self.name, role, node] = at
