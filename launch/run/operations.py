"""What an operator may ask of the hub of a live run, beside to stop and to tap it: where it stands, to act on it, and
to have something go wrong."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from lightlag.bus.coordinator import Coordinator, Wait
from lightlag.bus.emission import Buffer, Emission
from lightlag.bus.errors import GraphError, MessageError
from lightlag.bus.message import Message, message_class, message_types
from lightlag.bus.operator import OUTSIDE
from lightlag.bus.schema import declared, json_value, message_of
from lightlag.bus.time import NEVER_NS, Epoch
from lightlag.launch.graph.diagnostics import did_you_mean
from lightlag.launch.graph.faults import read_fault
from lightlag.launch.placement.world import World
from lightlag.nodes.faults import CHANNEL as FAULTS
from lightlag.nodes.faults import FaultBegins, FaultEnds, acts_of, end_of


class Desk(Protocol):
    """Where operators of a run ask: the hub, or a run in one process."""

    hosts: list[str]
    pids: list[int]
    granted_s: list[float]
    coordinator: Coordinator
    refusals: int
    refused: list[str]

    @property
    def stopping(self) -> bool:
        """Whether an operator has stopped the run."""
        ...

    def state(self, wait: Wait) -> str:
        """In a word, what a host does: starting, repeating, running, waiting, paced or finished."""
        ...

    def due_s(self, t_ns: int) -> float:
        """Wall time until the pace lets ``t_ns`` happen (s)."""
        ...

    @property
    def paced_ns(self) -> int:
        """Where the wall clock stands in the run; ``NEVER_NS`` without a pace."""
        ...

    def soonest_ns(self, hosts: Iterable[int]) -> int:
        """The earliest instant at which somebody outside may act upon all of these hosts."""
        ...

    def act(
        self,
        host: int,
        node: str,
        port: str,
        type: str,
        body: bytes,
        arrays: Sequence[Buffer],
        at_ns: int | None = None,
    ) -> int:
        """Have a node receive what somebody outside sends, now or at ``at_ns``; returns when it is sent."""
        ...


class Operations:
    """Answers operators of a run: ``host_of`` says where its nodes are; ``learn`` is told of the acts it has had."""

    def __init__(self, world: World, host_of: Mapping[str, int]) -> None:
        self.world = world
        self.host_of = host_of
        self.faults = Faults()

    def learn(self, emission: Emission) -> None:
        """Somebody has acted upon a node before."""
        if emission.channel == FAULTS:
            self.noted(emission.to, emission.type, emission.body, emission.arrays, emission.sent_ns)

    def noted(self, node: str, type: str, body: Buffer, arrays: Sequence[Buffer], sent_ns: int) -> None:
        """A fault begins or ends at a node by what is sent to it then."""
        told = message_class(type).decode(bytes(body), tuple(arrays))
        assert isinstance(told, FaultBegins | FaultEnds)
        self.faults.note(node, told, sent_ns + 1)

    def answer(self, hub: Desk, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        """The hub's answer to an operator, as plain data; ``error`` in it says why there is none."""
        known = {"about": _about, "act": _act, "fault": _fault, "send": _send, "status": _status}
        if what not in known:
            there = ", ".join(sorted(known))
            return {"error": f"the hub knows no {what!r}; it can be asked for {there}, stop, tap, untap"}
        try:
            return known[what](self, hub, asked)
        except Exception as error:  # noqa: BLE001 - whatever somebody asked, the run goes on
            return {"error": str(error) or repr(error)}


class Faults:
    """Which faults a run has, and has had: by id and node from when (ns) to when."""

    def __init__(self) -> None:
        self._from_ns: dict[str, dict[str, int]] = {}
        self._until_ns: dict[str, dict[str, int]] = {}

    def note(self, node: str, told: FaultBegins | FaultEnds, t_ns: int) -> None:
        """A fault begins, or ends, at a node at ``t_ns``."""
        noted = self._from_ns if isinstance(told, FaultBegins) else self._until_ns
        found = noted.setdefault(told.id, {})
        found[node] = min(t_ns, found.get(node, t_ns))

    def standing(self, id: str, t_ns: int, epoch: Epoch) -> list[str]:
        """The nodes at which a fault stands at ``t_ns``.

        Raises:
            GraphError: it stands nowhere.
        """
        began = self._from_ns.get(id)
        if began is None:
            instead = _instead(id, self._from_ns) if self._from_ns else "it has had none"
            raise GraphError(f"the run has no fault {id!r}; {instead}")
        if t_ns < (first_ns := min(began.values())):
            raise GraphError(f"{id} has not begun; it does at {epoch.utc(first_ns)} SCET")
        ended = self._until_ns.get(id, {})
        found = [node for node in began if t_ns < ended.get(node, NEVER_NS)]
        if not found:
            raise GraphError(f"{id} is over; it ended at {epoch.utc(max(ended.values()))} SCET")
        return found


def _status(run: Operations, hub: Desk, asked: dict[str, Any]) -> dict[str, Any]:
    """Where every host stands and who keeps it from going on."""
    now_s = time.perf_counter()
    graph = run.world.graph
    epoch, until_ns = graph.epoch, graph.until_ns
    waits = hub.coordinator.waits()
    slowest = min(waits, key=lambda wait: wait.earliest_ns)
    hosts = []
    for wait in waits:
        state = hub.state(wait)
        # Whom nobody's messages keep from going on is as far ahead of the slowest as it may be.
        for_host, beyond_ns = (
            (wait.for_host, wait.beyond_ns) if wait.for_host != wait.host else (slowest.host, slowest.earliest_ns)
        )
        hosts.append(
            {
                "host": hub.hosts[wait.host],
                "pid": hub.pids[wait.host],
                "state": state,
                "since_s": round(now_s - hub.granted_s[wait.host], 3) if wait.running else None,
                "due_s": hub.due_s(wait.earliest_ns) if state == "paced" else None,
                "nodes": sorted(node for node, at in run.host_of.items() if at == wait.host),
                "next_ns": wait.earliest_ns,
                "next_scet": epoch.utc(wait.earliest_ns) if wait.earliest_ns < until_ns else None,
                "granted_scet": epoch.utc(wait.bound_ns),
                "waits_for": hub.hosts[for_host],
                "beyond_scet": epoch.utc(min(beyond_ns, until_ns)),
            }
        )
    return {
        "scet": epoch.utc(min(hub.coordinator.frontier_ns, hub.paced_ns)),
        "until": epoch.utc(until_ns),
        "stopping": hub.stopping,
        "hosts": hosts,
        "refusals": hub.refusals,
        "refused": hub.refused[-10:],
    }


def _act(run: Operations, hub: Desk, asked: dict[str, Any]) -> dict[str, Any]:
    """Have a node get a message that is encoded already, on any channel of its host's."""
    node, port, what = asked["node"], asked["channel"].removeprefix(OUTSIDE), (asked["type"], asked["body"])
    sent_ns = hub.act(run.host_of[node], node, port, *what, asked["arrays"], at_ns=asked["at_ns"])
    if asked["channel"] == FAULTS:
        run.noted(node, *what, asked["arrays"], sent_ns)
    return {"sent_ns": sent_ns}


def _about(run: Operations, hub: Desk, asked: dict[str, Any]) -> dict[str, Any]:
    """What a reader of the run's messages must know: the epoch, and which modules define them, found where."""
    modules = {**declared, **{name: kind.__module__ for name, kind in message_types().items()}}
    return {
        "epoch_tdb_ns": run.world.graph.epoch.tdb_ns,
        "modules": modules,
        "path": [path for path in sys.path if path],
    }


# -- to act upon a node -----------------------------------------------------------------------------------------------


def _send(run: Operations, hub: Desk, asked: dict[str, Any]) -> dict[str, Any]:
    """Have a node receive a message that a person typed; asked are ``node``, ``port``, ``type`` and ``fields``."""
    world = run.world
    node, port = asked["node"], asked["port"]
    if node not in world.nodes:
        raise GraphError(f"the graph has no node {node!r}; {_instead(node, world.nodes)}")
    ports = world.nodes[node].port
    if port not in ports:
        raise GraphError(f"{node} has no port {port!r}; {_instead(port, ports)}")
    kind = _message_type(asked["type"])
    message = message_of(kind, asked["fields"])
    body, arrays = message.encode()
    sent_ns = hub.act(run.host_of[node], node, port, kind.__message_type__, body, arrays)
    epoch = world.graph.epoch
    return {
        "node": node,
        "port": port,
        "type": kind.__message_type__,
        "message": json_value(message),
        "sent_ns": sent_ns,
        "sent_scet": epoch.utc(sent_ns, digits=9),
        "arrives_ert": epoch.utc(sent_ns + 1, digits=9),
    }


def _fault(run: Operations, hub: Desk, asked: dict[str, Any]) -> dict[str, Any]:
    """Begin a ``fault``, written as an entry of a graph file without its beginning, or end one by its id (``end``)."""
    graph, sent_ns = run.world.graph, hub.soonest_ns(set(run.host_of.values()))
    id, until_ns = asked.get("end"), graph.until_ns
    told: list[tuple[int, str, FaultBegins | FaultEnds]]
    if id is not None:
        told = [(sent_ns, node, FaultEnds(id)) for node in run.faults.standing(id, sent_ns + 1, graph.epoch)]
    else:
        spec = read_fault(asked["fault"], graph, sent_ns + 1)
        id, until_ns = f"{spec.fault.verb}-{secrets.token_hex(2)}", spec.until_ns
        begins = acts_of(spec.fault, id, graph.nodes, graph.channels)
        told = [(sent_ns, node, what) for node, what in begins]
        told += [(until_ns - 1, node, what) for node, what in end_of(begins) if until_ns < graph.until_ns]
        run.world.check_fault(spec)
    for at_ns, node, what in told:
        body, arrays = what.encode()  # type: ignore[union-attr]
        kind = what.__message_type__  # type: ignore[union-attr]
        hub.act(run.host_of[node], node, FAULTS.removeprefix(OUTSIDE), kind, body, arrays, at_ns)
        run.faults.note(node, what, at_ns + 1)
    utc, ends = graph.epoch.utc, until_ns < graph.until_ns
    at = {"from_scet": utc(sent_ns + 1, digits=9), "until_scet": utc(until_ns, digits=9) if ends else None}
    return {"id": id, "nodes": sorted({node for _, node, _ in told}), **at}


def _message_type(name: str) -> type[Message]:
    """The message class of a name, with its version or, for the latest, without.

    Raises:
        MessageError: no node of the run knows it.
    """
    known = message_types()
    if name in known:
        return known[name]
    versions = [kind for kind in known if kind.partition("@")[0] == name.partition("@")[0]]
    if versions and "@" not in name:
        return known[max(versions, key=lambda kind: int(kind.partition("@")[2]))]
    named = sorted({kind.partition("@")[0] for kind in known})
    instead = f"known versions: {', '.join(sorted(versions))}" if versions else _instead(name, named)
    raise MessageError(f"no node of this run knows a message type {name!r}; {instead}")


def _instead(name: str, names: Iterable[str]) -> str:
    """The nearest name, and all of them."""
    nearest = did_you_mean(name, names)
    return " ".join(part for part in (nearest, f"there are: {', '.join(sorted(names))}") if part)
