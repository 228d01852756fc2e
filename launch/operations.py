"""What an operator may ask of the hub of a live run, beside to stop it: where it stands, and to act upon a node."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lightlag.bus.coordinator import Coordinator, Wait
from lightlag.bus.emission import Buffer
from lightlag.bus.errors import GraphError, LightlagError, MessageError
from lightlag.bus.message import message_class

from .diagnostics import did_you_mean
from .world import World


class Desk(Protocol):
    """Where operators of a run ask: the hub, or a run in one process."""

    hosts: list[str]
    pids: list[int]
    granted_s: list[float]
    coordinator: Coordinator
    refusals: int
    refused: list[str]

    def state(self, wait: Wait) -> str:
        """In a word, what a host does."""
        ...

    def act(self, host: int, node: str, port: str, type: str, body: bytes, arrays: Sequence[Buffer]) -> int:
        """Have a node receive what somebody outside sends; returns when it is sent."""
        ...


def answer(hub: Desk, world: World, host_of: Mapping[str, int], what: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The hub's answer to an operator, as plain data; ``error`` in it says why there is none."""
    known = {"status": _status, "send": _send}
    if what not in known:
        return {"error": f"the hub knows no {what!r}; it can be asked for {', '.join(sorted(known))} and stop"}
    try:
        return known[what](hub, world, host_of, asked)
    except (LightlagError, TypeError) as error:
        return {"error": str(error)}


def _status(hub: Desk, world: World, host_of: Mapping[str, int], asked: dict[str, Any]) -> dict[str, Any]:
    """Where every host stands and who keeps it from going on."""
    now_s = time.perf_counter()
    epoch = world.graph.epoch
    hosts = [
        {
            "host": hub.hosts[wait.host],
            "pid": hub.pids[wait.host],
            "state": hub.state(wait),
            "since_s": round(now_s - hub.granted_s[wait.host], 3) if wait.running else None,
            "next_scet": epoch.utc(wait.earliest_ns) if wait.earliest_ns < world.graph.until_ns else None,
            "granted_scet": epoch.utc(wait.bound_ns),
            "waits_for": hub.hosts[wait.for_host],
            "beyond_scet": epoch.utc(min(wait.beyond_ns, world.graph.until_ns)),
        }
        for wait in hub.coordinator.waits()
    ]
    return {
        "scet": epoch.utc(hub.coordinator.frontier_ns),
        "until": epoch.utc(world.graph.until_ns),
        "hosts": hosts,
        "refusals": hub.refusals,
        "refused": hub.refused[-10:],
    }


def _send(hub: Desk, world: World, host_of: Mapping[str, int], asked: dict[str, Any]) -> dict[str, Any]:
    """Have a node receive a message that a person typed."""
    node, port, kind, fields = asked["node"], asked["port"], asked["type"], asked["fields"]
    if node not in world.nodes:
        raise GraphError(f"the graph has no node {node!r}; {did_you_mean(node, world.nodes) or ', '.join(world.nodes)}")
    ports = world.nodes[node].port
    if port not in ports:
        raise GraphError(f"{node} has no port {port!r}; {did_you_mean(port, ports) or ', '.join(ports)}")
    cls = message_class(kind)
    try:
        body, arrays = cls(**fields).encode()
    except TypeError as error:
        raise MessageError(f"{kind}: {error}") from None
    sent_ns = hub.act(host_of[node], node, port, kind, body, arrays)
    return {"sent_scet": world.graph.epoch.utc(sent_ns, digits=9), "sent_ns": sent_ns}
