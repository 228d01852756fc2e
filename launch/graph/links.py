"""The section ``links``: channels between two ports, for who thinks of links.

    links:
      - {from: mro.xband, to: goldstone.xband, medium: space}
      - {between: [a.lan, b.lan], medium: {wire: {latency: 2 ms}}, name: lan}

``from`` only sends and ``to`` hears; ``between`` two ports, each hears the other. A link becomes a channel: ``name``,
or the names of its nodes, ``mro-goldstone``. A port sends on one channel and so on one link; what several are to hear
is a channel.
"""

from __future__ import annotations

from collections.abc import Mapping

from .channels import read_medium, read_port
from .reading import Reading
from .source import UNKNOWN, Item
from .spec import ChannelSpec
from .values import read_name

_KEYS = ("from", "to", "between", "medium", "name")
_EXAMPLE = "- {from: mro.xband, to: goldstone.xband, medium: space}"
_HOW = "write from: and to:, or between: with two ports"


def read_links(item: Item | None, reading: Reading) -> dict[str, ChannelSpec]:
    """The links as channels by name."""
    specs: dict[str, ChannelSpec] = {}
    for entry in reading.items(item, "links", _EXAMPLE):
        fields = reading.mapping(entry, "a link", _KEYS, ("medium",))
        spec = _link(entry, fields, reading) if fields is not None else None
        if spec is not None:
            specs[spec.name] = spec
    return specs


def _link(entry: Item, fields: Mapping[str, Item], reading: Reading) -> ChannelSpec | None:
    medium = read_medium(fields.get("medium"), reading)
    name = reading.value(fields.get("name"), read_name)
    written = _ends(entry, fields, reading)
    if written is None:
        return None
    ends = [read_port(item, medium, reading) for item in written]
    first, second = ends
    if first is None or second is None or medium is None or ("name" in fields and name is None):
        return None
    nodes = [reading.local(end.node) for end in (first, second)]
    if first.node == second.node:
        hint = "a node hears itself without a link; what its parts say to each other is its own business"
        reading.report.add(f"a link from {nodes[0]!r} to itself", written[1].place, hint, written[1].note)
        return None
    derived = name or "-".join(nodes)
    place = fields["name"].place if name else entry.place
    full = reading.full(derived)
    if name is None and (before := reading.places.get(f"channels.{full}")) is not None:
        hint = f"there is one at {before}; give one of them a name of its own: name: ..."
        reading.report.add(f"another link or channel {derived!r}", place, hint)
        return None
    if not reading.declare("channels", derived, place):
        return None
    if "between" in fields:
        members, senders = {first.node: first.port, second.node: second.port}, {}
    else:
        members, senders = {second.node: second.port}, {first.node: first.port}
    for item, end in zip(written, (first, second), strict=True):
        reading.ends_at[full, "members" if end.node in members else "senders", end.node] = item.place
    return ChannelSpec(full, medium, members, senders)


def _ends(entry: Item, fields: Mapping[str, Item], reading: Reading) -> tuple[Item, Item] | None:
    """The two ends as written, the one that sends first."""
    given = [key for key in ("from", "to", "between") if key in fields]
    if given not in (["from", "to"], ["between"]):
        if isinstance(entry.value, dict) and len(entry.value) > len(fields):
            return None  # a key is misspelt, which was said
        told = f"a link with {' and '.join(repr(key) for key in given)}" if given else "a link without ends"
        reading.report.add(told, entry.place, _HOW, entry.note)
        return None
    if given == ["from", "to"]:
        if any(isinstance(fields[key].value, list) for key in given):
            listed = next(fields[key] for key in given if isinstance(fields[key].value, list))
            hint = "a link joins two ports; to join more write a channel: {medium: ..., members: [...], senders: [...]}"
            reading.report.add("a list as an end of a link", listed.place, hint, listed.note)
            return None
        return fields["from"], fields["to"]
    between = fields["between"]
    if between.value is UNKNOWN:
        return None
    if not isinstance(between.value, list) or len(between.value) != 2:
        count = len(between.value) if isinstance(between.value, list) else None
        told = between.kind() if count is None else f"{count} port{'' if count == 1 else 's'}"
        hint = "expected two ports: between: [a.lan, b.lan]; to join more write a channel with these members"
        reading.report.add(f"a link between {told}", between.place, hint, between.note)
        return None
    return between.value[0], between.value[1]
