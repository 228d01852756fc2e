"""The host: runs nodes inside one operating-system process, each on its own virtual loop.

``activate`` takes emissions in, has the medium judge each for the members that live here, and runs what stands on the
agenda before its bound: instant by instant, within one instant node by node in the order of their names. Nodes touch
each other only through emissions, and those take at least a nanosecond, so that order decides nothing but the order
in which the host reports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from heapq import heappop
from math import inf
from time import monotonic
from typing import Any

from lightlag.bus.activation import Completion, Failure, LogRecord, Product
from lightlag.bus.agenda import ACT, TIMER, TURN, Agenda, Entry
from lightlag.bus.emission import Emission, Loss, Reception
from lightlag.bus.errors import NodeError, RunError
from lightlag.bus.face import Face, driving
from lightlag.bus.loop import VirtualLoop
from lightlag.bus.medium import Channel
from lightlag.bus.operator import OPERATOR
from lightlag.bus.time import NEVER_NS, Epoch

from .blame import traceback_of_node
from .events import NEWS_TYPES, news_of
from .faults import CHANNEL as FAULTS
from .lifecycle import Lifecycle
from .node import Node
from .outlet import Audience, Judge, Place
from .rules import Verdict, judge
from .trajectory import Surroundings

#: Receptions go into the digest chains in bunches of so many or a little more. SHA-256 fills a third of a core's
#: instruction cache, and would throw out everything else with each.
_BUNCH = 56
#: So many instants may pass before a host looks whether it has done enough, unless they take so long (wall s).
_UNCHECKED, _SLOW_S = 8, 0.01
#: A host that computes for so long (wall s) says how far it is.
_PAUSE_S = 0.25
_reception = Reception.at


class Host:
    """Nodes of one process; implements ``lightlag.bus.activation.Activatable`` and the nodes' ``Services``.

    ``presence`` gives the instants [ns] at which a node joins and leaves, of those that are not there all the time.
    """

    def __init__(
        self,
        name: str,
        nodes: Sequence[Node],
        channels: Sequence[Channel],
        *,
        epoch: Epoch,
        seed: int,
        until_ns: int,
        surroundings: Callable[[str], Surroundings] | None = None,
        presence: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.seed = seed
        self.until_ns = until_ns
        #: Where this host stops: at the end of the run, after the instant of a failure, or where it was told to halt.
        self._stop_ns = until_ns
        self._surroundings = surroundings
        self._agenda = Agenda()
        self._face = Face(VirtualLoop(name))  # type: ignore[abstract]
        self.done = Completion()
        #: The latest instant that was run; nothing may arrive at or before it.
        self._ran_ns = -1
        #: Emissions since the latest completion, and KiB of what goes to other hosts.
        self.emitted = 0
        self.outgoing_kib = 0
        #: Whether completions list receptions; to count them is a tenth cheaper, where nobody writes or shows them.
        self.lists_receptions = True
        #: Receptions that are not in their chains yet.
        self._undigested: list[Entry] = []
        self._failed: Failure | None = None
        in_order = enumerate(sorted(nodes, key=lambda node: node.name))
        self._places = [Place(number, node) for number, node in in_order]
        self._place_of = {place.name: place for place in self._places}
        self._audiences = {channel.name: Audience(channel, self._places) for channel in channels}
        #: By channel and place, where what arrives goes.
        self._inlets = {channel: audience.inlets for channel, audience in self._audiences.items()}
        lifecycle = self._lifecycle = Lifecycle(
            self, self._agenda, self._face, self._audiences, self._inlets, _outlets(channels), self._run_ended
        )
        for place in self._places:
            lifecycle.connect(place)
            join_ns, leave_ns = (presence or {}).get(place.name, (0, NEVER_NS))
            for number, (t_ns, turn) in enumerate(((join_ns, lifecycle.join), (leave_ns, lifecycle.leave))):
                if t_ns < NEVER_NS:
                    self._agenda.put((t_ns, place.number, TURN, number, turn, TURN))

    # -- Activatable --------------------------------------------------------------------------------------------

    def activate(self, bound_ns: int, emissions: Sequence[Emission], limit: int) -> Completion:
        """Take the emissions in, then run every event before ``bound_ns``, or about ``limit`` messages in and out.

        A KiB that goes to other hosts counts as a message, so that what is large travels while more is made. After a
        while of wall time it is enough, too, so that whoever watches, or presses Ctrl-C, need not wait: where a host
        pauses changes nothing of what it does. Without a limit it does not pause.
        """
        checked_s = monotonic()  # lightlag: allow wall-clock (where it pauses changes no result)
        pause_s = inf if limit >= NEVER_NS else checked_s + _PAUSE_S
        for emission in emissions:
            self._take_in(emission)
        done, agenda, places, face = self.done, self._agenda, self._places, self._face
        near, soon, inlets = agenda.near, agenda.soon, self._inlets
        losses, undigested, arrived = done.losses, self._undigested, 0
        receptions = done.receptions if self.lists_receptions else None
        at, unchecked = -1, 0
        with driving(face):
            while True:
                if soon and (not near or soon[0] < near[-1]):
                    entry = heappop(soon)
                elif near:
                    entry = near.pop()
                elif agenda.open():
                    continue
                else:
                    break
                t_ns, number, _, _, what, reason = entry
                if t_ns > self._ran_ns:
                    enough = t_ns >= bound_ns or t_ns >= self._stop_ns
                    if unchecked:
                        unchecked -= 1
                    elif not enough:
                        if len(undigested) >= _BUNCH:
                            self._digest()
                        left = limit - self.emitted - self.outgoing_kib - arrived - len(losses)
                        now_s = monotonic()  # lightlag: allow wall-clock (as above)
                        enough = left <= 0 or now_s > pause_s
                        unchecked = 0 if now_s > checked_s + _SLOW_S else min(_UNCHECKED, left >> 3)
                        checked_s = now_s
                    if enough:
                        near.append(entry)  # it is the soonest of all
                        break
                    self._ran_ns, at = t_ns, -1
                if number != at:  # an instant of a node begins
                    at, place = number, places[number]
                    acts, loop = not place.dead, place.loop
                    loop.now_ns = t_ns
                    face.loop = loop
                try:
                    if reason is None and what.sent_ns >= place.open_ns:
                        reception = _reception(place.name, what, t_ns)
                        undigested.append(entry)
                        arrived += 1
                        if receptions is not None:
                            receptions.append(reception)
                        if what.type in NEWS_TYPES:
                            done.news.extend(news_of(reception))
                        if acts:
                            inlets[what.channel][number].deliver(reception)
                    elif reason is TIMER:
                        if acts and not place.absent:
                            loop.due(what)
                    elif reason is TURN:
                        what(place)
                    else:
                        arrived += self._meet(place, entry)
                        face.loop = loop = place.loop
                    if loop.stirred:
                        self._settle(place)
                except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a node raises is its failure
                    self._kill(place, error)
                    self.see_to_loose_ends(place)
        done.unlisted = arrived - len(done.receptions)
        return self._complete()

    def finish(self, emissions: Sequence[Emission], *, failed: bool = False) -> Completion:
        """Take the last emissions in; what has not arrived by now is lost ``in_flight``.

        Then the nodes are cancelled: their ``finally`` may log and publish, but nothing is sent any more. What they
        say then in a run that ``failed`` is dropped: *when* they say it depends on how far this host was ahead.
        """
        for emission in emissions:
            self._take_in(emission)
        held = [entry for place in self._places for _, entry in place.held]
        left = sorted([*self._agenda.entries(), *held], key=lambda entry: (entry[1], entry[:4]))
        for t_ns, number, _, _, what, reason in left:
            if reason not in (TIMER, TURN):
                place = self._places[number]
                self._lose(place, what, t_ns, "absent" if place.absent else "in_flight")
        self._agenda.keep([])
        done = self.done
        logged, published = len(done.logs), len(done.products)
        for place in self._places:
            if not place.absent:
                self._lifecycle.close(place, "the run is over")
        if failed:
            del done.logs[logged:], done.products[published:]
        return self._complete()

    def halt(self) -> None:
        """Let the activation that is going on end with the instant that is being run."""
        self._stop_ns = min(self._stop_ns, self._ran_ns + 1)

    def go_on(self) -> None:
        """Take back a ``halt``; after a failure there is nothing to go on with."""
        if self._failed is None:
            self._stop_ns = self.until_ns

    @property
    def turn(self) -> tuple[str, int] | None:
        """The node whose instant is being run, and the instant (ns); None if none is. May be read from any thread."""
        loop = self._face.loop
        return (loop.name, loop.now_ns) if self._face.driven else None

    def chains(self) -> dict[str, bytes]:
        """The digest chain value of every node here."""
        return {place.name: place.chain.value() for place in self._places}

    def rejudge(self, node: str) -> None:
        """Solve what is in flight to ``node`` again, because its trajectory has changed from this instant on.

        Whatever was known of the trajectory before, and whenever an emission was judged first: it is judged last with
        all changes that come before its arrival, so that the arrival is the same in every placement.
        """
        place = self._place_of[node]
        kept: list[Entry] = []
        again: list[Entry] = []
        for entry in self._agenda.entries():
            # Timers and acts are not, nor is what has been there and was put off by a fault.
            on_its_way = (
                entry[0] > place.loop.now_ns
                and entry[1] == place.number
                and entry[2] not in (TIMER, TURN, OPERATOR)
                and not isinstance(entry[5], tuple)
            )
            (again if on_its_way else kept).append(entry)
        self._agenda.keep(kept)
        for _, _, _, _, emission, _ in again:
            medium = self._audiences[emission.channel].channel.medium
            self.judge(emission, (place,), partial(_later, medium.judge, place.loop.now_ns))

    # -- Services of nodes --------------------------------------------------------------------------------------

    def surroundings(self, node: str) -> Surroundings:
        """The geometry around a node."""
        if self._surroundings is None:
            raise NodeError(f"{node} asked for its surroundings, but this graph has no space; add a space channel")
        return self._surroundings(node)

    def log(self, node: str, level: str, text: str, fields: dict[str, Any]) -> None:
        """Append to a node's log."""
        self.done.logs.append(LogRecord(self._place_of[node].loop.now_ns, node, level, text, fields))

    def publish(self, node: str, name: str, data: bytes, facts: dict[str, Any]) -> None:
        """Hand a file over to the run directory."""
        self.done.products.append(Product(self._place_of[node].loop.now_ns, node, name, data, facts))

    # -- what is on its way -------------------------------------------------------------------------------------

    def _take_in(self, emission: Emission) -> None:
        if emission.source == OPERATOR:
            self._take_in_act(emission)
            return
        audience = self._audiences[emission.channel]
        self.judge(emission, audience.of(emission.source, emission.to), audience.channel.medium.judge)

    def _take_in_act(self, emission: Emission) -> None:
        """Somebody outside sends to a port of a node here, sets its parameters or begins a fault; it takes 1 ns."""
        place, channel = self._place_of[emission.to], emission.channel
        if channel != FAULTS:
            self._lifecycle.open_to(place, channel)
        reason = ACT if channel == FAULTS else None
        self._agenda.put((emission.sent_ns + 1, place.number, emission.source, emission.seq, emission, reason))

    def judge(self, emission: Emission, receivers: Iterable[Place], judge: Judge) -> None:
        """Ask the medium if and when an emission reaches places here, and put that on the agenda."""
        for place in receivers:
            try:
                t_ns, reason = judge(emission, place.name)
                if t_ns <= emission.sent_ns or t_ns <= self._ran_ns:
                    raise RunError(
                        f"{emission!r} would reach {place.name} at {t_ns} ns, when its host has run {self._ran_ns} ns; "
                        f"channel {emission.channel} promises more lookahead than its medium keeps"
                    )
            except Exception as error:  # noqa: BLE001 - whatever a plug-in's trajectory raises is the receiver's
                # failure, dated by the emission: who judges it, and when, depends on the placement.
                self._fail(emission.sent_ns, place, error)
            else:
                self._agenda.put((t_ns, place.number, emission.source, emission.seq, emission, reason))

    # -- instants -----------------------------------------------------------------------------------------------

    def _settle(self, place: Place) -> None:
        """Run what an arrival or a timer made ready; at the end of the instant see to what nobody awaited or caught."""
        place.loop.drain()
        head = self._agenda.head()
        if head is None or head[:2] != (place.loop.now_ns, place.number):
            self.see_to_loose_ends(place)

    def _meet(self, place: Place, entry: Entry) -> int:
        """What comes due and is not simply received: a loss, an act that begins a fault or ends one, a reception where
        faults stand in the way or nobody is; returns how many receptions came of it."""
        t_ns, number, source, seq, emission, reason = entry
        if reason is ACT:
            self._lifecycle.befall(place, self._receive(place, entry).message)
            return 1
        if place.absent:
            reason = "absent"
        elif not isinstance(reason, str) and place.muted.concerns(emission):
            reason = "fault"
        if isinstance(reason, str):
            self._lose(place, emission, t_ns, reason)
            return 0
        emission, met, lost, held_by, delay_ns = self._verdict(place, emission, reason or ())
        if lost:
            self._lose(place, emission, t_ns, "fault")
        elif held_by:
            place.held.append((held_by, (t_ns, number, source, seq, emission, met)))
        elif delay_ns:
            self._agenda.put((t_ns + delay_ns, number, source, seq, emission, met))
        else:
            reception = self._receive(place, (t_ns, number, source, seq, emission, None))
            if not place.dead:
                self._inlets[emission.channel][number].deliver(reception)
            return 1
        return 0

    def _verdict(self, place: Place, emission: Emission, met: tuple[str, ...]) -> Verdict:
        """What the faults that stand at a place make of what has come due there."""
        return judge(place.rules, self.seed, place.name, emission, met)

    def _receive(self, place: Place, entry: Entry) -> Reception:
        reception = _reception(place.name, entry[4], entry[0])
        self._undigested.append(entry)
        if self.lists_receptions:
            self.done.receptions.append(reception)
        if entry[4].type in NEWS_TYPES:
            self.done.news.extend(news_of(reception))
        return reception

    def _lose(self, place: Place, emission: Emission, t_ns: int, reason: str) -> None:
        self._digest()
        place.chain.lost(emission, t_ns, reason)
        self.done.losses.append(Loss(emission, place.name, t_ns, reason))

    def _digest(self) -> None:
        places = self._places
        for t_ns, number, _, _, emission, _ in self._undigested:
            places[number].chain.received(emission, t_ns)
        self._undigested.clear()

    def _complete(self) -> Completion:
        self._digest()
        done, self.done = self.done, Completion()
        done.emissions, self.emitted = self.emitted, 0
        self.outgoing_kib = 0
        agenda = self._agenda
        while (head := agenda.head()) is not None and head[5] is TIMER and self._is_idle(head):
            agenda.take()
        done.next_ns = NEVER_NS if head is None else head[0]
        done.failure = self._failed
        return done

    def _is_idle(self, timer: Entry) -> bool:
        place = self._places[timer[1]]
        return timer[4]._cancelled or place.dead or place.absent

    # -- failures -----------------------------------------------------------------------------------------------

    def _run_ended(self, place: Place, task: asyncio.Future[None]) -> None:
        if task.cancelled():
            error: BaseException | None = None
            if task is place.work:
                error = NodeError("run() was cancelled before the run ended")
        else:
            error = task.exception()
        if error is None:
            return
        if task is place.work:
            self._kill(place, error)
        else:
            self.log(place.name, "error", "raised while the run was ending", {"error": repr(error)})

    def see_to_loose_ends(self, place: Place) -> None:
        """A callback that raised is a failure; a background task that raised is told of, as asyncio does."""
        place.loop.end()
        for context in place.loop.unhandled:
            error = context.get("exception")
            if "handle" in context and error is not None and not place.absent:
                self._kill(place, error)
            else:
                self.log(place.name, "error", str(context.get("message")), {"error": repr(error)})
        place.loop.unhandled.clear()

    def _kill(self, place: Place, error: BaseException) -> None:
        """A node's own code has raised, in this instant."""
        place.dead = True
        self._fail(place.loop.now_ns, place, error)

    def _fail(self, t_ns: int, place: Place, error: BaseException) -> None:
        failure = Failure(t_ns, place.name, traceback_of_node(error))
        if self._failed is None or failure[:2] < self._failed[:2]:
            self._failed = failure
        # Everybody here still runs the instant of the failure, and nothing after it.
        self._stop_ns = min(self._stop_ns, t_ns + 1)


def _later(judge: Judge, now_ns: int, emission: Emission, receiver: str) -> tuple[int, str | None]:
    """What has not arrived by now arrives later, even if rounding says otherwise."""
    t_ns, reason = judge(emission, receiver)
    return max(t_ns, now_ns + 1), reason


def _outlets(channels: Sequence[Channel]) -> Mapping[tuple[str, str], str]:
    """The channel that each (node, port) sends on: where it is a sender, else where it is a member."""
    members = {(node, port): channel.name for channel in channels for node, port in channel.members.items()}
    return members | {(node, port): channel.name for channel in channels for node, port in channel.senders.items()}
