"""The loop of a test: simulated time that, when the test has nothing to do, goes on to what comes next.

pytest-asyncio runs the test on it. What comes next is a timer of the test (``asyncio.sleep(3600)`` takes no time) or
an instant of a run that the test has launched; a test that waits for what nothing will bring is told so at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack, cast

from lightlag.bus.errors import NotInSimulation
from lightlag.bus.face import Face, driving
from lightlag.bus.loop import VirtualLoop
from lightlag.bus.time import NEVER_NS, NS_PER_S

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Clocked(Protocol):
    """Something whose time is the loop's, and that the loop takes along: a run. Times are the loop's (ns)."""

    def next_ns(self) -> int:
        """The earliest instant at which anything happens; ``NEVER_NS`` if nothing will."""
        ...

    def go_on(self, bound_ns: int) -> int:
        """Go on, before ``bound_ns`` or until the test is wanted; returns the instant that has been reached."""
        ...

    def come_back(self) -> None:
        """Somebody has pressed Ctrl-C: go on no further than is needed. Called from a signal's handler."""
        ...


class DrivingLoop(VirtualLoop):
    """The loop of one test. What asyncio takes for the loop is its ``face``."""

    def __init__(self, name: str = "test") -> None:
        super().__init__(name)
        self._clocked: dict[Clocked, None] = {}
        self._waited: asyncio.Future[Any] | None = None

    def attach(self, it: Clocked) -> None:
        """Take something along from now on."""
        self._clocked[it] = None

    def detach(self, it: Clocked) -> None:
        """Take it along no longer."""
        self._clocked.pop(it, None)

    def run_until_complete(self, future: Generator[Any, None, T] | Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:  # type: ignore[override]
        """Run until a future is done.

        Raises:
            NotInSimulation: it waits for something that nothing scheduled will bring.
        """
        __tracebackhide__ = True
        stuck = False
        with driving(self.face), self._in_front():
            waited: asyncio.Future[T] = asyncio.ensure_future(cast(Any, future), loop=self.face)
            self._waited = waited
            while not waited.done():
                if not self.ready and not self._advance():
                    if stuck:  # it was told, and waits on
                        break
                    stuck = waited.cancel()
                self.drain()
                self.end()
                self._tell_unhandled()
        if not stuck:
            return waited.result()
        error = NotInSimulation(
            f"{self.now_ns / NS_PER_S:g} s after it began, the test waits for something that nothing will bring: no "
            f"timer is set, and no run goes on; wait for something that comes, or with a limit (asyncio.timeout)"
        )
        try:
            waited.result()
        except (asyncio.CancelledError, asyncio.InvalidStateError) as where:
            raise error from where
        raise error

    def end(self) -> None:
        """See ``VirtualLoop``; what is being run until it is done is told of to who runs it."""
        if self._waited is not None and self._waited.done() and not self._waited.cancelled():
            self._waited.exception()
        super().end()

    def _advance(self) -> bool:
        """Go on to what comes next, whether that is a timer or an instant of a run; False if nothing does."""
        own_ns = self.peek()
        nexts = {it: it.next_ns() for it in self._clocked}
        first = min(nexts, key=lambda it: nexts[it], default=None)
        if first is not None and nexts[first] < NEVER_NS and nexts[first] <= own_ns:
            until_ns = min([own_ns, NEVER_NS - 1, *(t_ns for it, t_ns in nexts.items() if it is not first)])
            self.now_ns = max(self.now_ns, first.go_on(until_ns + 1))
        elif own_ns < NEVER_NS:
            first = None
        else:
            return False
        t_ns = self.now_ns if first is not None else max(own_ns, self.now_ns)
        for it in nexts:  # to whom nothing has happened, only time has passed
            if it is not first:
                it.go_on(t_ns + 1)
        if first is None:
            self.run_instant(t_ns)
        return True

    def _tell_unhandled(self) -> None:
        for context in self.unhandled:
            logging.getLogger("asyncio").error(context.get("message"), exc_info=context.get("exception"))
        self.unhandled.clear()

    # -- what asyncio.Runner asks, and virtual loops else refuse ------------------------------------------------

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As ``call_soon``: what calls it is the handler of Ctrl-C, in this thread; the test is wanted then."""
        for it in self._clocked:
            it.come_back()
        return self.call_soon(callback, *args, context=context)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Nothing to do: there are no threads."""


def new_loop() -> Face:
    """A loop for a test, as asyncio wants it."""
    return DrivingLoop().face  # type: ignore[abstract]


def driving_loop() -> DrivingLoop:
    """The loop of the test that is running.

    Raises:
        NotInSimulation: it is another kind of loop.
    """
    face = asyncio.get_running_loop()
    loop = face.loop if isinstance(face, Face) else None
    if not isinstance(loop, DrivingLoop):
        raise NotInSimulation(
            "a run is launched in a test by the fixture launch_graph, in whose tests time is simulated; elsewhere use "
            "lightlag.launch.Simulation"
        )
    return loop
