"""The host: runs nodes inside one operating-system process, each on its own virtual loop.

``activate`` takes emissions in, has the medium judge each for the members that live here, and runs every instant
before its bound in the order of time. Nodes touch each other only through emissions, and those take at least a
nanosecond, so the order among nodes within one instant changes nothing.
"""

from __future__ import annotations

import heapq
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lightlag.bus.activation import Completion, Failure, LogRecord, Product
from lightlag.bus.digest import DigestChain
from lightlag.bus.emission import Buffer, Emission, Loss, Origin, Reception
from lightlag.bus.errors import LightlagError, NodeError, RunError
from lightlag.bus.medium import Channel
from lightlag.bus.time import NEVER_NS, Epoch

from .events import news_of
from .node import Node
from .trajectory import Surroundings

#: (arrival, source, seq) then what arrives: the order of contract 2 is the order of these tuples.
_Arrival = tuple[int, str, int, Emission, str | None]


class _Place:
    """A node in its host: what is on the way to it, its digest chain, its counters."""

    __slots__ = ("arrivals", "chain", "dead", "node", "ran_ns", "scheduled_ns", "seq")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.arrivals: list[_Arrival] = []
        self.chain = DigestChain()
        self.seq = 0
        #: The last instant that was run; nothing may arrive at or before it.
        self.ran_ns = -1
        #: The earliest entry of this node in the host's heap.
        self.scheduled_ns = NEVER_NS
        self.dead = False

    def next_ns(self) -> int:
        arrival = self.arrivals[0][0] if self.arrivals else NEVER_NS
        return arrival if self.dead else min(arrival, self.node.loop.peek())


class Host:
    """Nodes of one process; implements ``lightlag.bus.activation.Activatable`` and the nodes' ``Services``."""

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
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.seed = seed
        self.until_ns = until_ns
        self._surroundings = surroundings
        self._channels = {channel.name: channel for channel in channels}
        self._places = {node.name: _Place(node) for node in sorted(nodes, key=lambda node: node.name)}
        self._outlets = _outlets(channels)
        #: For each (channel, source): the members that live here, and whether any live elsewhere.
        self._routes: dict[tuple[str, str, str], tuple[list[str], bool]] = {}
        self._heap: list[tuple[int, str]] = []
        self._done = Completion()
        self._failed: Failure | None = None
        self._over = False
        self._unconnected: dict[tuple[str, str], None] = {}
        for place in self._places.values():
            place.node.attach(self)
            task = place.node.start()
            task.add_done_callback(partial(self._run_ended, place))
            self._schedule(place)

    # -- Activatable --------------------------------------------------------------------------------------------

    def activate(self, bound_ns: int, emissions: Sequence[Emission], limit: int) -> Completion:
        """Take the emissions in, then run every event before ``bound_ns``, or about ``limit`` messages in and out."""
        done = self._done
        for emission in emissions:
            self._take_in(emission)
        while self._heap:
            t_ns, name = self._heap[0]
            if t_ns >= min(bound_ns, self.until_ns):
                break
            if done.emissions + len(done.receptions) + len(done.losses) >= limit:
                break
            heapq.heappop(self._heap)
            place = self._places[name]
            if place.scheduled_ns == t_ns:
                self._run_instant(place, t_ns)
        return self._complete()

    def finish(self, emissions: Sequence[Emission], *, failed: bool = False) -> Completion:
        """Take the last emissions in; what has not arrived by now is lost ``in_flight``.

        Then the nodes are cancelled: their ``finally`` may log and publish, but nothing is sent any more. What they
        say then in a run that ``failed`` is dropped: *when* they say it depends on how far this host was ahead.
        """
        for emission in emissions:
            self._take_in(emission)
        self._over = True
        for name, place in self._places.items():
            for t_ns, _, _, emission, _ in sorted(place.arrivals, key=lambda arrival: arrival[:3]):
                self._lose(place, Loss(emission, name, t_ns, "in_flight"))
            place.arrivals.clear()
        done = self._done
        logged, published = len(done.logs), len(done.products)
        for place in self._places.values():
            place.node.loop.close()
            self._collect_unhandled(place)
        if failed:
            del done.logs[logged:], done.products[published:]
        return self._complete()

    def chains(self) -> dict[str, bytes]:
        """The digest chain value of every node here."""
        return {name: place.chain.value() for name, place in self._places.items()}

    def rejudge(self, node: str) -> None:
        """Solve what is in flight to ``node`` again, because its trajectory has changed."""
        place = self._places[node]
        waiting, place.arrivals = place.arrivals, []
        for _, _, _, emission, _ in waiting:
            self._judge(emission, place, self._channels[emission.channel])

    # -- Services of nodes --------------------------------------------------------------------------------------

    def surroundings(self, node: str) -> Surroundings:
        """The geometry around a node."""
        if self._surroundings is None:
            raise NodeError(f"{node} asked for its surroundings, but this graph has no space; add a space channel")
        return self._surroundings(node)

    def emit(
        self,
        node: Node,
        port: str,
        type: str,
        body: bytes,
        arrays: Sequence[Buffer],
        duration_ns: int,
        origin: Origin | None,
        via: tuple[str, ...],
        to: str,
        after_ns: int,
    ) -> None:
        """Put an emission on the channel of a node's port; its last bit leaves ``after_ns`` from now."""
        name = node.name
        if self._over:
            self.log(name, "warning", f"port {port}: the run is over, a {type} was not sent", {})
            return
        outlet = self._outlets.get((name, port))
        if outlet is None:
            if (name, port) not in self._unconnected:
                self._unconnected[name, port] = None
                self.log(name, "warning", f"port {port} is on no channel; what it sends is heard by nobody", {})
            return
        place = self._places[name]
        channel = self._channels[outlet]
        local, remote = self._route(channel, name, to)
        place.seq += 1
        sent_ns = node.loop.now_ns + after_ns
        emitter = channel.medium.stamp(name, sent_ns)
        emission = Emission(
            name,
            place.seq,
            outlet,
            type,
            sent_ns,
            body,
            arrays,
            duration_ns=duration_ns,
            origin=origin,
            via=via,
            to=to,
            emitter=emitter,
        )
        self._done.emissions += 1
        for receiver in local:
            self._judge(emission, self._places[receiver], channel)
        if remote:
            self._done.outbox.append(emission)

    def log(self, node: str, level: str, text: str, fields: dict[str, Any]) -> None:
        """Append to a node's log."""
        self._done.logs.append(LogRecord(self._places[node].node.loop.now_ns, node, level, text, fields))

    def publish(self, node: str, name: str, data: bytes, facts: dict[str, Any]) -> None:
        """Hand a file over to the run directory."""
        self._done.products.append(Product(self._places[node].node.loop.now_ns, node, name, data, facts))

    # -- within -------------------------------------------------------------------------------------------------

    def _route(self, channel: Channel, source: str, to: str) -> tuple[list[str], bool]:
        route = self._routes.get((channel.name, source, to))
        if route is None:
            receivers = channel.receivers(source, to)
            local = [name for name in receivers if name in self._places]
            route = self._routes[channel.name, source, to] = (local, len(local) < len(receivers))
        return route

    def _take_in(self, emission: Emission) -> None:
        channel = self._channels[emission.channel]
        for receiver in self._route(channel, emission.source, emission.to)[0]:
            self._judge(emission, self._places[receiver], channel)

    def _judge(self, emission: Emission, place: _Place, channel: Channel) -> None:
        try:
            t_ns, loss = channel.medium.judge(emission, place.node.name)
            if t_ns <= max(emission.sent_ns, place.ran_ns):
                raise RunError(
                    f"{emission!r} would reach {place.node.name} at {t_ns} ns, which it has passed "
                    f"({place.ran_ns} ns); channel {channel.name} promises more lookahead than its medium keeps"
                )
        except Exception as error:  # noqa: BLE001 - whatever a plug-in's trajectory raises is the receiver's failure,
            # dated by the emission: who judges it, and when, depends on the placement.
            self._fail(emission.sent_ns, place.node.name, error)
            return
        heapq.heappush(place.arrivals, (t_ns, emission.source, emission.seq, emission, loss))
        if t_ns < place.scheduled_ns:
            place.scheduled_ns = t_ns
            heapq.heappush(self._heap, (t_ns, place.node.name))

    def _run_instant(self, place: _Place, t_ns: int) -> None:
        """Run one instant of one node: digest what arrives, deliver it, let the node react."""
        node, done = place.node, self._done
        place.ran_ns = t_ns
        deliveries: list[Callable[[], object]] = []
        try:
            while place.arrivals and place.arrivals[0][0] == t_ns:
                _, _, _, emission, reason = heapq.heappop(place.arrivals)
                if reason is not None:
                    self._lose(place, Loss(emission, node.name, t_ns, reason))
                    continue
                reception = Reception(emission, node.name, t_ns)
                place.chain.received(emission, t_ns)
                done.receptions.append(reception)
                done.news.extend(news_of(reception))
                port = node.port[self._channels[emission.channel].members[node.name]]
                deliveries.append(partial(port.deliver, reception))
            if not place.dead:
                node.loop.run_instant(t_ns, deliveries)
        except (LightlagError, SystemExit) as error:
            self._fail(t_ns, node.name, error)
        self._collect_unhandled(place)
        self._schedule(place)

    def _schedule(self, place: _Place) -> None:
        place.scheduled_ns = place.next_ns()
        if place.scheduled_ns < NEVER_NS:
            heapq.heappush(self._heap, (place.scheduled_ns, place.node.name))

    def _lose(self, place: _Place, loss: Loss) -> None:
        place.chain.lost(loss.emission, loss.t_ns, loss.reason)
        self._done.losses.append(loss)

    def _complete(self) -> Completion:
        done, self._done = self._done, Completion()
        while self._heap and self._places[self._heap[0][1]].scheduled_ns != self._heap[0][0]:
            heapq.heappop(self._heap)
        done.next_ns = self._heap[0][0] if self._heap else NEVER_NS
        done.failure = self._failed
        return done

    # -- failures -----------------------------------------------------------------------------------------------

    def _run_ended(self, place: _Place, task: Any) -> None:
        if task.cancelled():
            error: BaseException | None = None if self._over else NodeError("run() was cancelled before the run ended")
        else:
            error = task.exception()
        if error is None:
            return
        if self._over:
            self.log(place.node.name, "error", "raised while the run was ending", {"error": repr(error)})
        else:
            self._fail(place.node.now_ns, place.node.name, error)

    def _collect_unhandled(self, place: _Place) -> None:
        """A callback that raised is a failure; a background task that raised is told of, as asyncio does."""
        for context in place.node.loop.unhandled:
            error = context.get("exception")
            if "handle" in context and error is not None and not self._over:
                self._fail(place.node.now_ns, place.node.name, error)
            else:
                self.log(place.node.name, "error", str(context.get("message")), {"error": repr(error)})
        place.node.loop.unhandled.clear()

    def _fail(self, t_ns: int, node: str, error: BaseException) -> None:
        failure = Failure(t_ns, node, _traceback_of_node(error))
        if self._failed is None or failure[:2] < self._failed[:2]:
            self._failed = failure
        self._places[node].dead = True
        # Everybody else here still runs the instant of the failure, and nothing after it.
        self.until_ns = min(self.until_ns, t_ns + 1)


def _traceback_of_node(error: BaseException) -> str:
    """The traceback without the frames of the kernel that lead to the node's own code."""
    summary = traceback.TracebackException.from_exception(error)
    frames = list(summary.stack)
    own = next((k for k, frame in enumerate(frames) if not _of_kernel(frame.filename)), None)
    if own is not None:
        del summary.stack[:own]
    return "".join(summary.format())


def _of_kernel(filename: str) -> bool:
    return filename.replace("\\", "/").endswith(("bus/loop.py", "nodes/host.py", "asyncio/events.py"))


def _outlets(channels: Sequence[Channel]) -> Mapping[tuple[str, str], str]:
    """The channel that each (node, port) sends on: where it is a sender, else where it is a member."""
    outlets = {(node, port): channel.name for channel in channels for node, port in channel.members.items()}
    outlets.update({(node, port): channel.name for channel in channels for node, port in channel.senders.items()})
    return outlets
