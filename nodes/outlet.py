"""Places and outlets: a node in its host, what it receives by and what it sends by.

A place is a node as its host sees it; an audience, the places of a host that are members of one channel; an outlet,
where one port of a node joins a channel to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from lightlag.bus.agenda import Agenda, Entry
from lightlag.bus.digest import DigestChain
from lightlag.bus.emission import Buffer, Emission, Origin, Reception
from lightlag.bus.medium import Channel, Wire
from lightlag.bus.time import NEVER_NS

from .faults import FaultBegins
from .node import Node
from .rules import Muted, Rule
from .setting import changed

if TYPE_CHECKING:
    from .host import Host

_plain = Emission.plain
#: How a medium judges: an emission and the name of a receiver give the arrival (ns) and the reason of a loss, if any.
Judge = Callable[[Emission, str], tuple[int, str | None]]


class Inlet(Protocol):
    """Where what a node receives on a channel goes."""

    def deliver(self, reception: Reception) -> None:
        """It has arrived."""
        ...


class Place:
    """A node in its host: its number there, its digest chain, the number of its last emission."""

    __slots__ = (
        "absent", "boots", "chain", "dead", "held", "joined", "loop", "muted", "name", "node", "number", "open_ns",
        "rules", "seq", "suffered", "work",
    )  # fmt: skip

    def __init__(self, number: int, node: Node) -> None:
        self.number = number
        self.node = node
        self.name = node.name
        self.loop = node.loop
        self.chain = DigestChain()
        self.seq = 0
        #: By its graph it is there; how often it was started again.
        self.joined = False
        self.boots = 0
        #: The task of its ``run()``.
        self.work: asyncio.Task[None] | None = None
        #: It has not joined yet, has left or crashed: it does nothing, and what would reach it is lost.
        self.absent = True
        #: The rules of faults that stand here, what blackouts have left, and by id of the fault what rules hold.
        self.rules: list[Rule] = []
        self.muted = Muted()
        self.held: list[tuple[str, Entry]] = []
        #: What befalls the node itself.
        self.suffered: list[FaultBegins] = []
        #: What was sent then or later is received without a second look: the node is there, no rules are, and no
        #: blackout has been since.
        self.open_ns = NEVER_NS
        #: It has failed: it does nothing any more, but what reaches it counts to the end of the run.
        self.dead = False

    def set_absent(self, absent: bool) -> None:
        """It comes or goes."""
        self.absent = absent
        self._open()

    def set_rules(self, rules: list[Rule]) -> None:
        """A fault has begun or ended."""
        self.rules = rules
        self._open()

    def _open(self) -> None:
        self.open_ns = NEVER_NS if self.absent or self.rules else self.muted.until_ns

    def released(self, id: str) -> list[Entry]:
        """What a fault has held, which holds it no longer."""
        found = [entry for holder, entry in self.held if holder == id]
        self.held = [held for held in self.held if held[0] != id]
        return found

    def suffers(self, kind: str) -> bool:
        """Whether a fault of that kind befalls the node."""
        return any(told.kind == kind for told in self.suffered)


class Settings:
    """Where changes of a node's parameters arrive."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def deliver(self, reception: Reception) -> None:
        """The node's parameters change."""
        self._node.set_params(changed(self._node.params, reception.message.values))


class Audience:
    """The members of a channel, as seen from this host: those that live here, in the order of names, and the others."""

    __slots__ = ("_all", "channel", "elsewhere", "here", "inlets")

    def __init__(self, channel: Channel, places: Sequence[Place]) -> None:
        self.channel = channel
        self.here = {place.name: place for place in places if place.name in channel.members}
        self._all = tuple(self.here.values())
        #: By the places' numbers, the ports to which receptions are delivered.
        self.inlets: dict[int, Inlet] = {
            place.number: place.node.port[channel.members[name]] for name, place in self.here.items()
        }
        #: Whether any live in other hosts.
        self.elsewhere = len(self.here) < len(channel.members)

    def of(self, source: str, to: str) -> Sequence[Place]:
        """The places here that an emission of ``source`` is judged for."""
        if to:
            return (self.here[to],) if to in self.here else ()
        if source not in self.here:
            return self._all
        return [place for place in self._all if place.name != source]


class Outlet:
    """Where a node's port joins a channel."""

    __slots__ = ("_audience", "_channel", "_here", "_host", "_latency_ns", "_loop", "_medium", "_place", "_put")

    def __init__(self, host: Host, place: Place, audience: Audience, agenda: Agenda) -> None:
        self._host = host
        self._place = place
        self._loop = place.loop
        self._audience = audience
        self._here = audience.here
        self._channel = audience.channel.name
        self._medium = medium = audience.channel.medium
        #: A wire's, which says the same of every emission and need not be asked.
        self._latency_ns = medium.latency_ns if type(medium) is Wire else 0
        self._put = agenda.put

    def check(self, to: str) -> None:
        """Raises NodeError if ``to`` is no member of the channel."""
        self._audience.channel.receivers(self._place.name, to)

    def emit(
        self,
        type: str,
        body: bytes,
        arrays: tuple[Buffer, ...],
        to: str = "",
        after_ns: int = 0,
        duration_ns: int = 0,
        via: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> None:
        """Emit on the channel."""
        receiver = self._here.get(to)
        if receiver is not None:
            to = receiver.name  # not one more text of the same letters for every message on its way
        elif to:
            self.check(to)
        place, host, latency_ns = self._place, self._host, self._latency_ns
        name, sent_ns = place.name, self._loop.now_ns + after_ns
        place.seq = seq = place.seq + 1
        host.emitted += 1
        if not latency_ns or arrays or duration_ns or via or origin is not None:
            emitter = b"" if latency_ns else self._medium.stamp(name, sent_ns)
            emission = Emission(
                name, seq, self._channel, type, sent_ns, body, arrays, to, duration_ns, emitter, via, origin
            )
        else:
            emission = _plain(name, seq, self._channel, type, sent_ns, body, to)
        if receiver is None:
            host.judge(emission, self._audience.of(name, to), self._medium.judge)
            if self._audience.elsewhere:
                host.done.outbox.append(emission)
                host.outgoing_kib += emission.size_bytes >> 10
        elif latency_ns:
            self._put((sent_ns + latency_ns, receiver.number, name, seq, emission, None))
        else:
            host.judge(emission, (receiver,), self._medium.judge)


class Silence:
    """Where a port is heard by nobody; the node's log says why, once or each time."""

    __slots__ = ("_host", "_name", "_once", "_why")

    def __init__(self, host: Host, name: str, why: str, *, once: bool = False) -> None:
        self._host = host
        self._name = name
        self._why: str | None = why
        self._once = once

    def check(self, to: str) -> None:
        """Whoever it is for, it is not sent."""

    def emit(self, type: str, *_: object, **__: object) -> None:
        """Do not emit."""
        if self._why is not None:
            self._host.log(self._name, "warning", self._why.format(type=type), {})
        if self._once:
            self._why = None
