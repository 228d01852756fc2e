"""The section ``include``: other graph files, put into this one.

    include:
      - {graph: relay.yaml, prefix: east, args: {rate: 8 kbit/s}}
      - {graph: relay.yaml, prefix: west}
    channels:
      crosslink: {medium: space, members: [east.relay, west.relay]}

``graph`` is the name of a shipped graph, or a path relative to the file in which it stands. A node ``mro`` of the graph
included as ``east`` is ``east-mro`` here, and so are its channels and its groups of nodes; the hyphen is what joins the
words of a name in graph files, where the dot stands before a port. Without a prefix names stay as they are. ``args``
are the arguments that the included file declares. When it begins and ends, its seed, its hosts and how often processes
are started again is a matter of the file that includes it; an included file's own say is for running it alone.

What an included file lists under ``ports`` can be named from here as ``prefix.port``:

    ports: {relay: mro.uhf, sky: uhf}

A port stands for an end of a channel, or for a channel; a channel with ``members: [east.sky, west.sky]`` takes in what
is on both, so that those two are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .diagnostics import Place
from .locate import GraphFile, find_graph, read_graph_file, shown_path
from .reading import End, Interface, Reading
from .source import UNKNOWN, Item
from .values import read_name, read_text

_KEYS = ("graph", "prefix", "args")
_EXAMPLE = "- {graph: relay.yaml, prefix: east}"


@dataclass(frozen=True, slots=True)
class Included:
    """A graph file to be put in."""

    file: GraphFile
    root: Item
    #: As written: ``east``; empty for none.
    prefix: str
    arguments: Mapping[str, Item]
    #: Where the file is named.
    place: Place


def read_include(item: Item | None, reading: Reading, chain: tuple[Path, ...]) -> list[Included]:
    """The files to put in, in their order; ``chain`` are those on the way to this one, which cannot be."""
    prefixes: dict[str, Place] = {}
    found: list[Included] = []
    for entry in reading.items(item, "include", _EXAMPLE):
        included = _included(entry, prefixes, reading, chain)
        if included is not None:
            found.append(included)
        else:
            written = entry.at(("prefix",)).value
            reading.lost.append(written if isinstance(written, str) else "")
    return found


def _included(entry: Item, prefixes: dict[str, Place], reading: Reading, chain: tuple[Path, ...]) -> Included | None:
    """The file of one entry; None if it cannot be put in, with the reason in the report."""
    report = reading.report
    if isinstance(entry.value, str):
        hint = f"write {{graph: {entry.value}}}, or with a prefix for its names {{graph: {entry.value}, prefix: east}}"
        report.add(f"an include is the text {entry.value!r}", entry.place, hint, entry.note)
        return None
    fields = reading.mapping(entry, "an include", _KEYS, _KEYS[:1]) or {}
    name = reading.value(fields.get("graph"), read_text)
    prefix = reading.value(fields.get("prefix"), read_name)
    if prefix is not None:
        place = fields["prefix"].place
        if prefix.endswith(("-", "_")):
            hint = f"a hyphen is put between it and a name; write prefix: {prefix.rstrip('-_')}"
            report.add(f"the prefix {prefix!r} ends in {prefix[-1]!r}", place, hint)
            return None
        if prefix in prefixes:
            report.add(f"two graphs are included as {prefix!r}", place, f"it was given first at {prefixes[prefix]}")
            return None
        prefixes[prefix] = place
    if name is None or ("prefix" in fields and prefix is None):
        return None
    return _find(name, fields, prefix or "", reading, chain)


def _find(
    name: str, fields: Mapping[str, Item], prefix: str, reading: Reading, chain: tuple[Path, ...]
) -> Included | None:
    item = fields["graph"]
    here = item.place
    beside = reading.file.path.parent if reading.file else Path()
    file = find_graph(name, reading.report, here, beside)
    if file is None:
        return None
    if file.path.resolve() in chain:
        first, *steps = (shown_path(path) for path in (*chain[chain.index(file.path.resolve()) :], file.path.resolve()))
        told = f"{first} includes {', which includes '.join(steps)}"
        reading.report.add("a graph cannot include itself", here, told, item.note)
        return None
    how = f"as {prefix!r} " if prefix else ""
    root = read_graph_file(file, reading.report, here, (f"included {how}at {here}", *here.source.notes))
    if root is None:
        return None
    given = fields.get("args")
    if given is not None and not isinstance(given.value, dict):
        if given.value is not UNKNOWN:
            hint = "expected a mapping from the names of arguments"
            reading.report.add(f"'args' is {given.kind()}", given.place, hint, given.note)
        given = None
    arguments = given.value if given is not None and isinstance(given.value, dict) else {}
    return Included(file, root, prefix, arguments, here)


def take_in(included: Included, inner: Reading, reading: Reading) -> None:
    """Put what was found in an included file into the reading of the file that includes it."""
    prefix = f"{included.prefix}-" if included.prefix else ""
    reading.ports.update({f"{prefix}{name}": ports for name, ports in inner.ports.items()})
    for name, value in inner.fields.items():
        if name != "ports":
            reading.fields[name] = merged(reading.fields.get(name), value)
    if included.prefix:
        reading.interfaces[included.prefix] = Interface(shown_path(included.file.path), inner.offered)


def merged(first: object, then: object) -> object:
    """What two files say in a section, one after the other: mappings by name, or tuples."""
    if isinstance(first, dict) and isinstance(then, dict):
        return {**first, **then}
    if isinstance(first, tuple) and isinstance(then, tuple):
        return first + then
    return then


def read_ports(item: Item | None, reading: Reading) -> dict[str, str]:
    """What this file offers to one that includes it: ``node.port``, or a channel, by the name of the port."""
    offered: dict[str, str] = {}
    for name, declared in reading.named("ports", item):
        reading.offered[name] = None
        target = _target(declared, reading)
        if target is None:
            continue
        reading.offered[name] = target
        offered[name] = target if isinstance(target, str) else f"{target.node}.{target.port}"
    return offered


def _target(item: Item, reading: Reading) -> End | str | None:
    text = reading.value(item, read_text)
    if text is None:
        return None
    if (channel := reading.offered_channel(item)) is not None:
        return channel
    if "." in text:
        return reading.end(item)
    if reading.full(text) in reading.fields["channels"]:
        return reading.full(text)
    channels = ", ".join(reading.local(name) for name in reading.fields["channels"]) or "none"
    hint = f"a port is an end, like mro.uhf, or a channel of this graph ({channels})"
    reading.report.add(f"unknown channel {text!r}", item.place, hint, item.note)
    return None
