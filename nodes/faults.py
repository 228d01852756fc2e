"""Faults: what can go wrong in a run on purpose, scoped, recorded, and the same in every run.

A fault acts *at the receiver, when a reception comes due*, by rules that stand there at that instant (``rules``); or
it befalls a node (it crashes, goes into safe mode, its clock jumps; ``lifecycle``). It begins and ends by acts from
outside on the channel ``@fault``, a ``FaultBegins`` and a ``FaultEnds`` to every node that it concerns, so it is in
the journal, the digest and the recording as every act is. Of a fault that stands from A to B, what comes due at A is
met by it, and what comes due at B is not.

The verbs (``partition``, ``drop``, ``crash`` ...) make a ``Fault``, which says what is to happen; ``acts_of`` says whom
of a graph's nodes it concerns, and what each is told. Where a set of nodes is asked for, a name, several, or ``"*"``
will do: all the others, those that the fault does not name on its other side. What operators send is not met by rules:
it crosses no channel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lightlag.bus.emission import Emission
from lightlag.bus.errors import GraphError
from lightlag.bus.message import message
from lightlag.bus.operator import OPERATOR
from lightlag.bus.time import NS_PER_S

#: The channel on which faults begin and end; no channel of a graph can have this name.
CHANNEL = "@fault"
#: All the others.
ALL = "*"

Nodes = str | Collection[str]


@message("lightlag.fault")
class FaultBegins:
    """A fault begins at the node that receives this.

    ``kind`` is what happens to an emission of ``sources`` on ``channels`` (empty: of anybody, on any) that comes due
    here: ``drop`` or ``corrupt``, each with a ``probability``; ``hold``; ``delay`` by ``delay_ns``; ``mute``, lost if
    it was sent while the fault stands. Or what happens to the node: ``crash``, ``safe_mode``, ``clock_jump`` by
    ``seconds``.
    """

    id: str
    kind: str
    sources: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    probability: float = 1.0
    delay_ns: int = 0
    seconds: float = 0.0


@message("lightlag.fault_end")
class FaultEnds:
    """The fault ``id`` ends at the node that receives this, and is undone."""

    id: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to go wrong; made by a verb.

    ``nodes`` is whom it concerns and ``others`` the other side, of those verbs that have one: of ``drop``, ``corrupt``
    and ``delay`` the receivers of what ``nodes`` send.
    """

    verb: str
    nodes: tuple[str, ...]
    others: tuple[str, ...] = ()
    #: The channel on which it acts; empty: all.
    channel: str = ""
    #: Of ``stuck_receiver``.
    port: str = ""
    #: Of ``drop`` and ``corrupt``: of so many messages one is met.
    probability: float = 1.0
    #: Of ``delay``.
    delay_ns: int = 0
    #: Of ``clock_jump``.
    seconds: float = 0.0


class Joined(Protocol):
    """What faults ask of a channel: by node, the ports of those that receive on it, and of those that only send."""

    @property
    def members(self) -> Mapping[str, str]:
        """Who receives on it, and may send."""
        ...

    @property
    def senders(self) -> Mapping[str, str]:
        """Who sends on it."""
        ...


# -- the verbs --------------------------------------------------------------------------------------------------------


def partition(a: Nodes, b: Nodes, *, channel: str = "") -> Fault:
    """What would arrive at ``b`` from ``a``, or at ``a`` from ``b``, is lost."""
    return Fault("partition", _names(a), _names(b), channel)


def hold(a: Nodes, b: Nodes, *, channel: str = "") -> Fault:
    """What would arrive at ``b`` from ``a``, or at ``a`` from ``b``, waits and arrives when the fault ends.

    Then it comes in the order of source and number, as whatever arrives in one instant does. What waits at the end of
    the run is lost ``in_flight``.
    """
    return Fault("hold", _names(a), _names(b), channel)


def drop(a: Nodes, b: Nodes, p: float, *, channel: str = "") -> Fault:
    """Of what would arrive at ``b`` from ``a``, each is lost with probability ``p``, drawn by hash."""
    return Fault("drop", _names(a), _names(b), channel, probability=_probability("drop", p))


def corrupt(a: Nodes, b: Nodes, p: float, *, channel: str = "") -> Fault:
    """Of what would arrive at ``b`` from ``a``, each has with probability ``p`` one bit of its content flipped.

    What is no message of its type any more is lost, as if a checksum had caught it; else the wrong message arrives,
    under the header of the right one: an undetected error.
    """
    return Fault("corrupt", _names(a), _names(b), channel, probability=_probability("corrupt", p))


def delay(a: Nodes, b: Nodes, seconds: float, *, channel: str = "") -> Fault:
    """What would arrive at ``b`` from ``a`` arrives ``seconds`` later; the same message is delayed by a fault once."""
    delay_ns = round(seconds * NS_PER_S)
    if delay_ns < 1:
        raise GraphError(f"delay got {seconds} s; a delay is at least 1 ns")
    return Fault("delay", _names(a), _names(b), channel, delay_ns=delay_ns)


def blackout(nodes: Nodes) -> Fault:
    """Nodes neither hear nor are heard: what comes due at them is lost, and so is what they send meanwhile.

    The latter by its ``sent_ns``, wherever and whenever it comes due.
    """
    return Fault("blackout", _names(nodes))


def stuck_receiver(node: str, port: str) -> Fault:
    """Nothing arrives at one port of a node."""
    return Fault("stuck_receiver", (node,), port=port)


def crash(nodes: Nodes) -> Fault:
    """Nodes die as if they left; when the fault ends they start again: another instance, the store empty.

    They keep their parameters and the numbers of their emissions; their randomness is keyed by the boot, too.
    """
    return Fault("crash", _names(nodes))


def safe_mode(nodes: Nodes) -> Fault:
    """All that nodes do is cancelled, and ``safe_mode()`` of their class runs; ``run()`` anew when the fault ends."""
    return Fault("safe_mode", _names(nodes))


def clock_jump(node: str, seconds: float) -> Fault:
    """The clock of a node jumps; when the fault ends it jumps back."""
    return Fault("clock_jump", (node,), seconds=float(seconds))


#: Verbs with two sides that are alike, and with a side that sends and one that receives.
MUTUAL, ONE_WAY = ("partition", "hold"), ("drop", "corrupt", "delay")
#: What befalls nodes themselves.
OF_NODES = ("crash", "safe_mode", "clock_jump")
#: The kind of rule that a verb is at a receiver, where it is not its own name.
_KIND = {"partition": "drop", "stuck_receiver": "drop"}


# -- whom they concern ------------------------------------------------------------------------------------------------


def acts_of(
    fault: Fault, id: str, nodes: Collection[str], channels: Mapping[str, Joined]
) -> list[tuple[str, FaultBegins]]:
    """Whom of a graph's ``nodes``, joined by its ``channels``, a fault concerns, and what each is told.

    Give it under an ``id`` that no other fault of the run has; ``end_of`` says how it ends. All acts of a fault belong
    to one instant.

    Raises:
        GraphError: it names what is not there, or concerns nobody.
    """
    for name in (*fault.nodes, *fault.others):
        if name != ALL and name not in nodes:
            raise GraphError(f"{fault.verb} names {name!r}, which is no node; there are {', '.join(nodes)}")
    if fault.channel and fault.channel not in channels:
        raise GraphError(
            f"{fault.verb} names the channel {fault.channel!r}, which is not there; there are {', '.join(channels)}"
        )
    here = _side(fault.nodes, fault.others, nodes)
    if fault.verb in OF_NODES:
        return [(node, FaultBegins(id, fault.verb, seconds=fault.seconds)) for node in here]
    if fault.verb == "stuck_receiver":
        return [_stuck(fault, id, channels)]
    if fault.verb == "blackout":
        return _blacked_out(id, here, nodes, channels)
    only = {fault.channel: channels[fault.channel]} if fault.channel else channels
    there = _side(fault.others, fault.nodes, nodes)
    ways = [(here, there), (there, here)] if fault.verb in MUTUAL else [(here, there)]
    told: dict[str, set[str]] = {}
    for senders, receivers in ways:
        for receiver in receivers:
            told.setdefault(receiver, set()).update(_heard(receiver, senders, only))
    kind = _KIND.get(fault.verb, fault.verb)
    rule = {"probability": fault.probability, "delay_ns": fault.delay_ns, "channels": (fault.channel,)}
    if not fault.channel:
        rule["channels"] = ()
    acts = [
        (receiver, FaultBegins(id, kind, tuple(sorted(sources)), **rule))  # type: ignore[arg-type]
        for receiver, sources in sorted(told.items())
        if sources
    ]
    if not acts:
        on = f"channel {fault.channel} does not join" if fault.channel else "no channel joins"
        raise GraphError(f"{fault.verb}: {on} {' and '.join(map(_listed, (fault.nodes, fault.others)))}")
    return acts


def end_of(acts: Iterable[tuple[str, FaultBegins]]) -> list[tuple[str, FaultEnds]]:
    """What ends the fault that these acts begin; to be given at another instant."""
    return [(node, FaultEnds(id)) for node, id in dict.fromkeys((node, begins.id) for node, begins in acts)]


def act(node: str, told: FaultBegins | FaultEnds, at_ns: int, seq: int) -> Emission:
    """What an operator sends to begin or end a fault at a node at ``at_ns``; it is the ``seq``-th act of the run."""
    body, _ = told.encode()  # type: ignore[union-attr]
    kind = told.__message_type__  # type: ignore[union-attr]
    return Emission(OPERATOR, seq, CHANNEL, kind, at_ns - 1, body, to=node)  # it takes 1 ns


def _stuck(fault: Fault, id: str, channels: Mapping[str, Joined]) -> tuple[str, FaultBegins]:
    (node,) = fault.nodes
    stuck = tuple(sorted(name for name, channel in channels.items() if channel.members.get(node) == fault.port))
    if not stuck:
        raise GraphError(f"stuck_receiver: {node}.{fault.port} receives on no channel")
    return node, FaultBegins(id, "drop", channels=stuck)


def _blacked_out(
    id: str, here: Sequence[str], nodes: Collection[str], channels: Mapping[str, Joined]
) -> list[tuple[str, FaultBegins]]:
    acts = [(node, FaultBegins(id, "drop")) for node in here]
    for receiver in sorted(nodes):
        if sources := _heard(receiver, here, channels):
            acts.append((receiver, FaultBegins(id, "mute", tuple(sorted(sources)))))
    return acts


def _heard(receiver: str, senders: Collection[str], channels: Mapping[str, Joined]) -> set[str]:
    """Those of the senders whom a node can hear on any of the channels."""
    return {
        sender
        for channel in channels.values()
        if receiver in channel.members
        for sender in senders
        if sender != receiver and (sender in channel.members or sender in channel.senders)
    }


def _side(names: Sequence[str], opposite: Sequence[str], nodes: Collection[str]) -> list[str]:
    """The nodes of one side of a fault, sorted."""
    return sorted(set(nodes) - set(opposite)) if ALL in names else sorted(set(names))


def _names(nodes: Nodes) -> tuple[str, ...]:
    return (nodes,) if isinstance(nodes, str) else tuple(nodes)


def _listed(names: Sequence[str]) -> str:
    return "the others" if ALL in names else ", ".join(names)


def _probability(verb: str, p: Any) -> float:
    if not 0 < p <= 1:
        raise GraphError(f"{verb} got probability {p}; it is more than 0 and at most 1")
    return float(p)
