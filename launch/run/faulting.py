"""Faults as verbs on a driven run: what goes wrong from now on, until a ``with`` ends or a time is up.

with run.partition("mro", "goldstone"):
    await run.expect_loss("goldstone", reason="fault")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lightlag.bus.errors import GraphError
from lightlag.bus.message import Message
from lightlag.bus.time import NEVER_NS, NS_PER_S
from lightlag.launch.graph.instants import Span, span_ns
from lightlag.launch.graph.spec import FaultSpec
from lightlag.nodes import faults
from lightlag.nodes.faults import CHANNEL, Fault, FaultBegins, Nodes

if TYPE_CHECKING:
    from lightlag.launch.graph.spec import Graph

    from .stage import Stage


class Standing:
    """A fault that has begun; ``end`` it, or use it in ``with``."""

    def __init__(self, acts: Sequence[tuple[str, FaultBegins]], end: Callable[[Standing], None]) -> None:
        self.id = acts[0][1].id
        self.acts = acts
        self._end: Callable[[Standing], None] | None = end

    def end(self) -> None:
        """Undo it, from now on; once it has ended there is nothing to undo."""
        end, self._end = self._end, None
        if end is not None:
            end(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


class Faulting:
    """What can go wrong in a run on purpose. Everywhere a name of a node, several, or ``"*"`` for all the others.

    All verbs take ``lasting``, how long the fault stands, and return it, so that it can be ended before.
    """

    graph: Graph
    now_ns: int
    _stage: Stage

    def partition(self, a: Nodes, b: Nodes, *, channel: str = "", lasting: Span | None = None) -> Standing:
        """What would arrive at one side from the other is lost."""
        return self._begin(faults.partition(a, b, channel=channel), lasting)

    def hold(self, a: Nodes, b: Nodes, *, channel: str = "", lasting: Span | None = None) -> Standing:
        """What would arrive at one side from the other waits until the fault ends (``release``)."""
        return self._begin(faults.hold(a, b, channel=channel), lasting)

    def release(self, held: Standing) -> None:
        """Let arrive what a ``hold`` has kept; the same as to end it."""
        held.end()

    def drop(self, a: Nodes, b: Nodes, p: float, *, channel: str = "", lasting: Span | None = None) -> Standing:
        """Of what would arrive at ``b`` from ``a``, each is lost with probability ``p``."""
        return self._begin(faults.drop(a, b, p, channel=channel), lasting)

    def corrupt(self, a: Nodes, b: Nodes, p: float, *, channel: str = "", lasting: Span | None = None) -> Standing:
        """Of what would arrive at ``b`` from ``a``, each has with probability ``p`` one bit flipped."""
        return self._begin(faults.corrupt(a, b, p, channel=channel), lasting)

    def delay(self, a: Nodes, b: Nodes, by: Span, *, channel: str = "", lasting: Span | None = None) -> Standing:
        """What would arrive at ``b`` from ``a`` arrives so much later."""
        return self._begin(faults.delay(a, b, span_ns(by) / NS_PER_S, channel=channel), lasting)

    def blackout(self, nodes: Nodes, *, lasting: Span | None = None) -> Standing:
        """Nodes neither hear nor are heard."""
        return self._begin(faults.blackout(nodes), lasting)

    def stuck_receiver(self, end: str, *, lasting: Span | None = None) -> Standing:
        """Nothing arrives at a port; ``end`` is ``node.port``."""
        node, _, port = end.partition(".")
        return self._begin(faults.stuck_receiver(node, port), lasting)

    def crash(self, nodes: Nodes, *, lasting: Span | None = None) -> Standing:
        """Nodes die; when the fault ends they start again, as after a reboot."""
        return self._begin(faults.crash(nodes), lasting)

    def bounce(self, nodes: Nodes, down: Span) -> Standing:
        """Nodes die, and start again after a while."""
        return self._begin(faults.crash(nodes), down)

    def safe_mode(self, nodes: Nodes, *, lasting: Span | None = None) -> Standing:
        """Nodes do only what their class does in safe mode; after it they run anew."""
        return self._begin(faults.safe_mode(nodes), lasting)

    def clock_jump(self, node: str, by: Span, *, lasting: Span | None = None) -> Standing:
        """The on-board clock of a node jumps; when the fault ends it jumps back."""
        return self._begin(faults.clock_jump(node, span_ns(by) / NS_PER_S), lasting)

    # -- pieces -------------------------------------------------------------------------------------------------

    def act(self, node: str, channel: str, message: Message, after_ns: int = 0) -> None:
        """Have a node get a message from outside; see ``Driven``."""
        raise NotImplementedError

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens; see ``Driven``."""
        raise NotImplementedError

    def _begin(self, fault: Fault, lasting: Span | None) -> Standing:
        self._stage.world.check_fault(FaultSpec(fault, self.now_ns, NEVER_NS))
        length_ns = None if lasting is None else span_ns(lasting)
        if length_ns == 0:
            raise GraphError(f"a {fault.verb} that lasts {lasting}; it lasts longer than nothing")
        acts = faults.acts_of(fault, self._new_id(fault.verb), list(self.graph.nodes), self.graph.channels)
        for node, begins in acts:
            self.act(node, CHANNEL, begins)  # type: ignore[arg-type]
        if length_ns is not None:
            self._tell_end(acts, length_ns)
            return Standing(acts, lambda standing: None)
        return Standing(acts, self._end)

    def _end(self, standing: Standing) -> None:
        if not self.is_over:
            self._tell_end(standing.acts, 0)

    def _tell_end(self, acts: Sequence[tuple[str, FaultBegins]], after_ns: int) -> None:
        for node, ends in faults.end_of(acts):
            self.act(node, CHANNEL, ends, after_ns)  # type: ignore[arg-type]

    def _new_id(self, verb: str) -> str:
        """The verb and its number among those of that verb, after those of the graph."""
        counts: Counter[str] | None = getattr(self, "_verbs", None)
        if counts is None:
            counts = self._verbs = Counter(spec.fault.verb for spec in self.graph.faults)
        counts[verb] += 1
        return f"{verb}-{counts[verb]}"
