"""The sections ``place`` and ``hosts``: which nodes stay together, and on which machine."""

from __future__ import annotations

from lightlag.bus.errors import GraphError

from .machines import MACHINE_KEYS, Machine
from .reading import Reading
from .source import Item
from .values import read_name, read_text_by


def read_place(item: Item | None, reading: Reading) -> dict[str, str]:
    """The group of every node that is pinned to one."""
    groups: dict[str, str] = {}
    for name, declared in reading.named("place", item):
        node = reading.node(name, declared.label)
        group = reading.value(declared, read_name)
        if node is not None and group is not None:
            groups[node] = reading.full(group)
    return groups


def read_hosts(item: Item | None, reading: Reading) -> dict[str, Machine]:
    """Other machines by name."""
    machines: dict[str, Machine] = {}
    for name, declared in reading.named("hosts", item):
        fields = reading.mapping(declared, f"host {name!r}", MACHINE_KEYS, ())
        if fields is None:
            continue
        texts = {key: reading.value(child, read_text_by(MACHINE_KEYS[key])) for key, child in fields.items()}
        try:
            machines[name] = Machine(name, **{key: text for key, text in texts.items() if text is not None})
        except GraphError as error:
            if None not in texts.values():
                reading.report.add(str(error), declared.label)
    return machines
