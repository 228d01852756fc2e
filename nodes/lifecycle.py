"""How the nodes of a host come and go: they join and leave, crash and start again, go into safe mode and out of it.

A node that starts again is another instance with a loop of its own, in the same place: its digest chain and the
numbers of its emissions go on, and nothing that the dead one had planned happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lightlag.bus.agenda import TIMER, Agenda
from lightlag.bus.errors import NodeError
from lightlag.bus.face import Face
from lightlag.bus.operator import OUTSIDE

from .faults import OF_NODES, FaultBegins, FaultEnds
from .node import Node
from .outlet import Audience, Inlet, Outlet, Place, Settings, Silence
from .rules import KINDS, Rule
from .setting import CHANNEL as SETTINGS

if TYPE_CHECKING:
    from .host import Host


class Lifecycle:
    """Sees to the nodes of one host.

    ``outlets`` says on which channel each (node, port) sends; ``inlets``, by channel and place, where what arrives
    goes. ``run_ended`` is told of every task of ``run()`` that has ended.
    """

    def __init__(
        self,
        host: Host,
        agenda: Agenda,
        face: Face,
        audiences: Mapping[str, Audience],
        inlets: dict[str, dict[int, Inlet]],
        outlets: Mapping[tuple[str, str], str],
        run_ended: Callable[[Place, asyncio.Future[None]], None],
    ) -> None:
        self._host = host
        self._agenda = agenda
        self._face = face
        self._audiences = audiences
        self._inlets = inlets
        self._outlets = outlets
        self._run_ended = run_ended

    def connect(self, place: Place) -> None:
        """Give the node in a place its host, its share of the agenda, and what its ports send and receive by."""
        place.node.attach(self._host, place.boots)
        place.loop.join(self._agenda, place.number, self._face)
        for port in place.node.port.values():
            channel = self._outlets.get((place.name, port.name))
            alone = f"port {port.name} is on no channel; what it sends is heard by nobody"
            port.outlet = (
                Outlet(self._host, place, self._audiences[channel], self._agenda)
                if channel
                else Silence(self._host, place.name, alone, once=True)
            )
        for channel, inlets in self._inlets.items():
            if place.number in inlets:
                inlets[place.number] = self._inlet(place, channel)

    def open_to(self, place: Place, channel: str) -> None:
        """Somebody outside acts on a channel of their own upon a place."""
        self._inlets.setdefault(channel, {})[place.number] = self._inlet(place, channel)

    def _inlet(self, place: Place, channel: str) -> Inlet:
        if channel == SETTINGS:
            return Settings(place.node)
        if channel.startswith(OUTSIDE):
            return place.node.port[channel.removeprefix(OUTSIDE)]
        return place.node.port[self._audiences[channel].channel.members[place.name]]

    # -- coming and going ---------------------------------------------------------------------------------------

    def join(self, place: Place) -> None:
        """The node is there from now on."""
        place.joined = True
        self._start(place)

    def leave(self, place: Place) -> None:
        """The node is not there any more."""
        place.joined = False
        if not place.absent:
            self.close(place, "the node has left")

    def close(self, place: Place, why: str) -> None:
        """What the node does is cancelled, and nothing more that it sends is heard."""
        place.set_absent(True)
        place.work = None
        for port in place.node.port.values():
            port.outlet = Silence(self._host, place.name, f"port {port.name}: {why}, a {{type}} was not sent")
        place.loop.close()
        self._host.see_to_loose_ends(place)

    def _start(self, place: Place) -> None:
        if not place.joined or place.suffers("crash"):
            return
        if place.loop.is_closed():
            place.boots += 1
            node, place.node = place.node, place.node.again()
            place.loop = place.node.loop
            place.loop.now_ns = node.loop.now_ns
            self.connect(place)
        place.set_absent(False)
        self._work(place)

    def _work(self, place: Place) -> None:
        place.work = place.node.start(safe_mode=place.suffers("safe_mode"))
        place.work.add_done_callback(partial(self._run_ended, place))

    # -- faults -------------------------------------------------------------------------------------------------

    def befall(self, place: Place, told: FaultBegins | FaultEnds) -> None:
        """A fault begins or ends at a place, now.

        Raises:
            NodeError: it is a fault of an unknown kind, or the node has no clock that could jump.
        """
        if type(told) is FaultBegins:
            self._begin(place, told)
        else:
            self._end(place, told.id)

    def _begin(self, place: Place, told: FaultBegins) -> None:
        default = FaultBegins(told.id, told.kind)
        names = [name for name, _, _ in FaultBegins.__message_checks__]  # type: ignore[attr-defined]
        fields = {name: getattr(told, name) for name in names if getattr(told, name) != getattr(default, name)}
        self._host.log(place.name, "warning", f"fault {told.id} begins", {"kind": told.kind, **fields})
        if told.kind in KINDS:
            place.set_rules([*place.rules, Rule.of(told, place.loop.now_ns)])
        elif told.kind not in OF_NODES:
            raise NodeError(f"fault {told.id} is of kind {told.kind!r}; known are {', '.join((*KINDS, *OF_NODES))}")
        elif place.dead:
            return
        elif told.kind == "clock_jump":
            if not place.absent:  # what never jumped does not jump back: it starts with a new clock
                self._jump(place, told.seconds)
                place.suffered.append(told)
        else:
            suffered = place.suffers(told.kind)
            place.suffered.append(told)
            if not suffered:
                self._change(place, told.kind)

    def _end(self, place: Place, id: str) -> None:
        t_ns = place.loop.now_ns
        if not any(told.id == id for told in (*place.suffered, *(rule.told for rule in place.rules))):
            return  # it does not stand here, the node was absent when its clock was to jump, or has crashed since
        self._host.log(place.name, "warning", f"fault {id} ends", {})
        for rule in place.rules:
            if rule.told.id == id and rule.told.kind == "mute":
                place.muted.add(rule.sources, rule.from_ns, t_ns)
        place.set_rules([rule for rule in place.rules if rule.told.id != id])
        for _, number, source, seq, emission, met in place.released(id):
            self._agenda.put((t_ns, number, source, seq, emission, met))
        for told in [told for told in place.suffered if told.id == id]:
            place.suffered.remove(told)
            if told.kind == "clock_jump":
                if not place.absent:
                    self._jump(place, -told.seconds)
            elif not place.dead and not place.suffers(told.kind):
                self._change(place, told.kind)

    def _change(self, place: Place, kind: str) -> None:
        """The first fault of a kind has begun, or the last has ended."""
        if kind == "crash" and not place.suffers(kind):
            self._start(place)
        elif place.absent:
            return
        elif kind == "crash":
            self.close(place, "the node has crashed")
            # It starts with a new clock.
            place.suffered = [told for told in place.suffered if told.kind != "clock_jump"]
            # What it had planned is gone with it: another instance will plan in its place.
            number, entries = place.number, self._agenda.entries()
            self._agenda.keep([entry for entry in entries if entry[1] != number or entry[2] is not TIMER])
        else:
            place.loop.cancel_tasks()
            self._work(place)

    def _jump(self, place: Place, seconds: float) -> None:
        clock = clock_of(place.node)
        if clock is None:
            raise NodeError(f"the clock of {place.name} is to jump, but {type(place.node).__name__} has none")
        clock.jump(seconds)


def clock_of(node: Node) -> Any:
    """The part of a node that is its clock: the first of its attributes that can ``jump``; None if there is none."""
    return next((part for part in vars(node).values() if callable(getattr(part, "jump", None))), None)
