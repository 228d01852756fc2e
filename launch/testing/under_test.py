"""The run of a test: what the test expects of it and does to it, in simulated time.

    async with launch_graph("mars2020", seed=7) as run:
        touchdown = await run.expect("goldstone", Event, id="touchdown", within="40 min")

Limits of time are simulated, and count from the call. What is expected is looked for from the call on; a run stands
still while the test does something, with everything up to the test's instant done and nothing after it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from lightlag.bus.activation import Failure
from lightlag.bus.emission import Loss, Reception
from lightlag.bus.errors import GraphError, NodeFailed
from lightlag.bus.message import Message
from lightlag.bus.time import NEVER_NS
from lightlag.launch.graph.instants import Span, When, span_ns
from lightlag.launch.run.stage import Stage, Watch

from .asserting import Asserting
from .disappointments import Disappointments
from .expectation import Expectation
from .goldens import Golden
from .loop import DrivingLoop, driving_loop
from .pending import Asked, ExpectationFailed, Guard, Pending, to_be_awaited
from .telling import look_on, violation

#: What can be asked of a reception beside the fields of its message.
_ASKED = ("kind", "source", "sender", "channel", "where")


class RunUnderTest(Asserting):
    """A run, as a test has it; an asynchronous context manager that the fixture ``launch_graph`` makes."""

    def __init__(self, stage: Stage, golden: Golden | None = None) -> None:
        super().__init__(stage, golden)
        self._pending: dict[Pending, None] = {}
        self._guards: list[Guard] = []
        #: Of every receiver, how much of what it received has met an expectation, or come before that.
        self._consumed: dict[str, int] = {}
        self._failures: dict[asyncio.Future[Failure], str] = {}
        self.asked = Asked()
        self._disappointments = Disappointments(self)
        self._broken: BaseException | None = None
        self._loop: DrivingLoop | None = None
        self._offset_ns = 0
        self._main: asyncio.Task[Any] | None = None

    # -- what is expected ---------------------------------------------------------------------------------------

    @to_be_awaited
    async def expect(
        self,
        receiver: str,
        kind: type | str | None = None,
        *,
        source: str | None = None,
        sender: str | None = None,
        channel: str | None = None,
        where: Callable[[Any], object] | None = None,
        within: Span | None = None,
        **fields: Any,
    ) -> Any:
        """Wait until a node receives such a message, and return the message.

        ``source`` said it first, ``sender`` sent the frame that arrives; ``fields`` are values of its fields (or
        functions that say whether a value will do, or ``pytest.approx``), ``where`` is asked of the whole message.

        Raises:
            ExpectationFailed: it does not come ``within`` that time, or before the run ends.
        """
        __tracebackhide__ = True
        expectation = self._expectation(receiver, kind, source, sender, channel, where, fields)
        return (await self._awaited([expectation], within))[0].message

    @to_be_awaited
    async def reception(
        self,
        receiver: str,
        kind: type | str | None = None,
        *,
        source: str | None = None,
        sender: str | None = None,
        channel: str | None = None,
        where: Callable[[Any], object] | None = None,
        within: Span | None = None,
        **fields: Any,
    ) -> Reception:
        """As ``expect``, and return the reception: when it was sent and received, by which path."""
        __tracebackhide__ = True
        expectation = self._expectation(receiver, kind, source, sender, channel, where, fields)
        found: list[Reception] = await self._awaited([expectation], within)
        return found[0]

    def expecting(self, kind: type | str | None = None, **asked: Any) -> dict[str, Any]:
        """One step of ``expect_sequence``, with what ``expect`` can be asked."""
        return {"kind": kind, **asked}

    @to_be_awaited
    async def expect_sequence(
        self, receiver: str, *steps: type | str | dict[str, Any], within: Span | None = None
    ) -> list[Any]:
        """Wait until a node has received such messages, one after the other, others between them or not.

        A step is a class of message, its name, or ``run.expecting(...)``.
        """
        __tracebackhide__ = True
        if not steps:
            raise GraphError("expect_sequence was given no steps; name the kinds of message that are to come")
        asked = [dict(step) if isinstance(step, dict) else {"kind": step} for step in steps]
        expectations = []
        for step in asked:
            header: dict[str, Any] = {name: step.pop(name, None) for name in _ASKED}
            expectations.append(self._expectation(receiver, **header, fields=step))
        return [found.message for found in await self._awaited(expectations, within)]

    @to_be_awaited
    async def expect_loss(
        self,
        receiver: str,
        kind: type | str | None = None,
        *,
        reason: str | None = None,
        source: str | None = None,
        sender: str | None = None,
        channel: str | None = None,
        within: Span | None = None,
    ) -> Loss:
        """Wait until something is lost on the way to a node (``reason``: ``occulted``, ``fault``, ...)."""
        __tracebackhide__ = True
        expectation = self._expectation(receiver, kind, source, sender, channel, None, {})
        lost: Loss = await self._awaited([expectation], within, reason)
        return lost

    @to_be_awaited
    async def ask(
        self, target: str, message: Message, kind: type | str, *, within: Span | None = None, **fields: Any
    ) -> Any:
        """Send a message to ``node.port`` from outside and wait for what that node says then, whoever receives it."""
        __tracebackhide__ = True
        self.send(target, message)
        node = target.partition(".")[0]
        expectation = Expectation("", kind, sender=node, fields=fields)
        return (await self._awaited([expectation], within))[0].message

    @to_be_awaited
    async def expect_failure(self, node: str = "", *, within: Span | None = None) -> Failure:
        """Wait until a node fails, by raising; the run is over then."""
        __tracebackhide__ = True
        future: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
        self._failures[future] = self.known(node) if node else ""
        timer = self._timer(
            within, future, lambda: ExpectationFailed(f"{node or 'no node'} did not fail within {within}")
        )
        try:
            return await future
        finally:
            del self._failures[future]
            timer.cancel()

    def assert_never(
        self,
        receiver: str,
        kind: type | str | None = None,
        *,
        source: str | None = None,
        sender: str | None = None,
        channel: str | None = None,
        where: Callable[[Any], object] | None = None,
        **fields: Any,
    ) -> None:
        """The node has received no such message since the run began, and will not until the test lets go of the run.

        Raises:
            ExpectationFailed: it has; one that comes later ends the test at that instant.
        """
        __tracebackhide__ = True
        expectation = self._expectation(receiver, kind, source, sender, channel, where, fields)
        caller = sys._getframe(1)
        guard = Guard(expectation, f"assert_never in line {caller.f_lineno} of {caller.f_code.co_name}")
        for reception in self._receptions[receiver]:
            if expectation.is_met_by(reception):
                raise ExpectationFailed(violation(self.epoch, expectation, reception, guard.where, self.run_dir))
        self._guards.append(guard)

    # -- time ---------------------------------------------------------------------------------------------------

    @to_be_awaited
    async def sleep_until(self, when: When) -> None:
        """Sleep until an instant of the run: UTC, or a duration after the epoch; return at once if it has passed."""
        t_ns = self.instant_ns(when)
        if t_ns > self.now_ns:
            await self._its_loop().until_ns(self._offset_ns + t_ns)

    @to_be_awaited
    async def to_the_end(self) -> str:
        """Let the run go to its end; returns its digest."""
        await self.sleep_until(self.until_ns)
        return self.finish()

    # -- as a context manager -----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        loop = self._loop = driving_loop()
        self._offset_ns = loop.now_ns
        self._main = asyncio.current_task()
        loop.attach(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        self._its_loop().detach(self)
        self._now_over("the test has let go of the run")
        try:
            self.close()
        finally:
            self._disappointments.complete()
            forgotten = self.forgotten()
            broken, self._broken = self._broken or (forgotten if error is None else None), None
            if broken is not None and (error is None or isinstance(error, asyncio.CancelledError)):
                if self._main is not None and error is not None and hasattr(self._main, "uncancel"):
                    self._main.uncancel()
                raise broken from None

    def __exit__(self, *raised: object) -> None:
        __tracebackhide__ = True
        self.close()
        if (forgotten := self.forgotten()) is not None and raised[0] is None:
            raise forgotten

    def forgotten(self) -> ExpectationFailed | None:
        """What a test that looks green has not looked at; told once."""
        guards, self._guards = self._guards, []
        if forgotten := self.asked.forgotten():
            verb = forgotten[0].split()[0]
            return ExpectationFailed(
                f"{forgotten[0]} was never awaited, so that nobody has looked; write: await run.{verb}(...), in an "
                f"async def test, in async with launch_graph(...)"
            )
        if guards and self.now_ns <= 0 and self.failure is None:
            return ExpectationFailed(
                f"{guards[0].where} has looked at nothing: the run is where it began; let it go on in the block, "
                f"to its end (await run.to_the_end()) or for a while (await asyncio.sleep(3600))"
            )
        return None

    # -- what the loop drives -----------------------------------------------------------------------------------

    def next_ns(self) -> int:
        """See ``Clocked``; the end of the run is something that happens to who waits for more of it."""
        t_ns = self.peek_ns()
        if t_ns >= NEVER_NS and (self._pending or self._failures) and self._broken is None:
            t_ns = self.until_ns
        return t_ns if t_ns >= NEVER_NS else self._offset_ns + t_ns

    def go_on(self, bound_ns: int) -> int:
        """See ``Clocked``."""
        try:
            self.advance(bound_ns - self._offset_ns, self._watch())
        except NodeFailed as error:
            self._node_failed(error)
        if self.is_over or self.now_ns >= self.until_ns - 1:
            self._now_over("then the run ended (its until)" if self._chains is None else "then the run was finished")
        return self._offset_ns + self.now_ns

    def _watch(self) -> Watch | None:
        wanted = [step for pending in self._pending for step in pending.steps]
        wanted += [guard.expectation for guard in self._guards]
        nodes = frozenset(step.receiver for step in wanted)
        return Watch(self._sees, frozenset() if "" in nodes else nodes) if wanted else None

    def _sees(self, item: Reception | Loss) -> bool:
        wanted = False
        for pending in list(self._pending):
            try:
                if pending.sees(item):
                    wanted = True
            except Exception as error:  # noqa: BLE001 - it is the test's predicate that raised; the test will hear of it
                pending.future.set_exception(error)
                wanted = True
        if isinstance(item, Reception):
            for guard in self._guards:
                try:
                    if guard.expectation.is_met_by(item):
                        text = violation(self.epoch, guard.expectation, item, guard.where, self.run_dir)
                        self._break(ExpectationFailed(text))
                        wanted = True
                except Exception as error:  # noqa: BLE001 - as above
                    self._break(error)
                    wanted = True
        return wanted

    def come_back(self) -> None:
        """See ``Clocked``."""
        self._stage.come_back()

    def _now_over(self, why: str) -> None:
        for pending in self._pending:
            if not pending.future.done():
                pending.future.set_exception(self._disappointments.tell(pending, why))
        for future in self._failures:
            if not future.done():
                future.set_exception(ExpectationFailed("nobody failed, and the run has ended"))

    def _node_failed(self, error: NodeFailed) -> None:
        assert self.failure is not None
        awaited = [future for future, node in self._failures.items() if node in ("", self.failure.node)]
        for future in awaited:
            if not future.done():
                future.set_result(self.failure)
        if not awaited:
            text = "\n".join([str(error), *look_on(self.run_dir, self.failure.node)])
            self._break(NodeFailed(text))

    def _break(self, error: BaseException) -> None:
        """The test has failed, whatever it does just now: those that wait for the run are told, or else the test.

        Whoever swallows it does not make it undone: it is raised at the end of the block.
        """
        if self._broken is not None:
            return
        self._broken = error
        waiting = [pending.future for pending in self._pending if not pending.future.done()]
        for future in waiting:
            future.set_exception(error)
        if not waiting and self._main is not None:
            self._main.cancel()

    # -- pieces -------------------------------------------------------------------------------------------------

    async def _awaited(self, steps: Sequence[Expectation], within: Span | None, reason: Any = ...) -> Any:
        __tracebackhide__ = True
        receiver = steps[0].receiver
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        limit = "then the run ended" if within is None else f"the limit was {within}"
        pending = Pending(steps, future, self.now_ns, limit, reason)
        if reason is ... and receiver:
            self._catch_up(receiver, pending)
        over = self.is_over or self.now_ns >= self.until_ns - 1
        if over and not future.done():
            raise self._disappointments.tell(pending, "the run is over")
        self._pending[pending] = None
        timer = self._timer(within, future, lambda: self._disappointments.tell(pending, limit))
        try:
            result = await future
        finally:
            del self._pending[pending]
            timer.cancel()
        if reason is ... and receiver:
            received = self._receptions[receiver]
            self._consumed[receiver] = next(at for at in range(len(received), 0, -1) if received[at - 1] is result[-1])
        return result

    def _catch_up(self, receiver: str, pending: Pending) -> None:
        """What came in this very instant, after what the last expectation was met by, is looked at first."""
        received = self._receptions[receiver]
        at = len(received)
        while at > self._consumed.get(receiver, len(received)) and received[at - 1].received_ns == self.now_ns:
            at -= 1
        for reception in received[at:]:
            if pending.sees(reception):
                return

    def _timer(
        self, within: Span | None, future: asyncio.Future[Any], error: Callable[[], Exception]
    ) -> asyncio.TimerHandle:
        """Fail a future when its time is up; what comes in the last instant is in time."""
        loop = self._its_loop()
        t_ns = NEVER_NS if within is None else loop.now_ns + span_ns(within)

        def expired() -> None:
            if not future.done():
                future.set_exception(error())

        return loop.call_at_ns(min(t_ns, NEVER_NS), expired)

    def _its_loop(self) -> DrivingLoop:
        if self._loop is None:
            raise GraphError("the run has not been launched; write: async with launch_graph(...) as run")
        return self._loop
