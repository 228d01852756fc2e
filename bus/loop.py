"""The virtual loop: asyncio in simulated time, one loop per node.

No selector and no wall clock: timers on an agenda (``agenda``), a queue of ready callbacks, and a host that says what
time it is. Plain asyncio works on it (``sleep``, ``timeout``, ``wait_for``, ``Queue``, ``Event``, ``TaskGroup``,
``wait``); whatever needs the real world is refused with an error that says what to do instead. The order within an
instant is: arrivals, each followed by everything it makes ready; then timers in the order in which they were set,
each likewise. ``run_instant`` does that for a loop that stands alone; a host does the same for many, with their
``now_ns``, ``due``, ``drain`` and ``end``.

asyncio itself sees a loop's face (``face``), which the loops of a host share. Tasks and futures are the loop's own
(``futures``), so that sets of them keep one order. Out of reach are futures that
asyncio makes by itself: do not put the result of ``asyncio.gather`` into a set or into ``asyncio.wait``, and give
``asyncio.as_completed`` tasks rather than bare coroutines.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack

from .agenda import TIMER, Agenda
from .errors import NotInSimulation, StuckInstant
from .face import Face, driving
from .futures import Handle, Runnable, Timer, VirtualFuture, VirtualTask, Waiter
from .time import NEVER_NS, NS_PER_S

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: More callbacks than this in one instant mean that simulated time will never move again.
MAX_CALLBACKS_PER_INSTANT = 1_000_000

_INSTEAD = {
    "run_in_executor": "threads run in real time; compute in the node itself, or await loop time with asyncio.sleep",
    "call_soon_threadsafe": "a node has no other threads; use call_soon",
    "create_connection": "nodes talk by emissions on channels: declare a port and a channel in the graph",
    "subprocess_exec": "a node cannot start programs; compute the result before the run and pass it as a parameter",
    "add_signal_handler": "signals belong to the launcher; faults are declared in the graph",
    "add_reader": "a node has no file descriptors; pass data as parameters or messages",
    "run_forever": "a virtual loop is driven by its host; for a test of your own use lightlag.bus.loop.run",
    "set_task_factory": "tasks number themselves so that sets of them keep one order; wrap the coroutine instead",
    "set_exception_handler": "the host collects what nobody caught; catch it in the task, or use a TaskGroup",
}
#: A task that is torn down may await so often in its ``finally`` before it is given up.
_MOST_AWAITS = 100
_REFUSED = {
    "run_in_executor": "run_in_executor", "set_default_executor": "run_in_executor",
    "shutdown_default_executor": "run_in_executor", "call_soon_threadsafe": "call_soon_threadsafe",
    "create_connection": "create_connection", "create_server": "create_connection",
    "create_unix_connection": "create_connection", "create_unix_server": "create_connection",
    "create_datagram_endpoint": "create_connection", "connect_accepted_socket": "create_connection",
    "start_tls": "create_connection", "sendfile": "create_connection", "getaddrinfo": "create_connection",
    "getnameinfo": "create_connection", "sock_recv": "create_connection", "sock_recv_into": "create_connection",
    "sock_recvfrom": "create_connection", "sock_recvfrom_into": "create_connection",
    "sock_sendall": "create_connection", "sock_sendto": "create_connection", "sock_connect": "create_connection",
    "sock_accept": "create_connection", "sock_sendfile": "create_connection", "subprocess_exec": "subprocess_exec",
    "subprocess_shell": "subprocess_exec", "add_signal_handler": "add_signal_handler",
    "remove_signal_handler": "add_signal_handler", "add_reader": "add_reader", "remove_reader": "add_reader",
    "add_writer": "add_reader", "remove_writer": "add_reader", "connect_read_pipe": "add_reader",
    "connect_write_pipe": "add_reader", "run_forever": "run_forever", "run_until_complete": "run_forever",
    "set_task_factory": "set_task_factory", "set_exception_handler": "set_exception_handler",
}  # fmt: skip


def _refuse(method: str) -> Callable[..., NoReturn]:
    def refused(self: VirtualLoop, *_: object, **__: object) -> NoReturn:
        raise NotInSimulation(f"{self.name}: {method} is not possible in simulated time: {_INSTEAD[_REFUSED[method]]}")

    return refused


class VirtualLoop(asyncio.AbstractEventLoop):
    """One node's event loop in simulated time; ``name`` is the node's.

    Its clock is ``now_ns``. ``time()`` is the same in float seconds, exact to a nanosecond for about 50 days;
    ``call_later`` and ``asyncio.sleep`` count from ``now_ns`` and stay exact for ever.
    """

    # Not in a dictionary: what a host looks at lies together then.
    __slots__ = (
        "_agenda", "_callbacks_left", "_closed", "_counted_ns", "_ended", "_number", "_place", "_tasks", "_timer_count",
        "face", "name", "now_ns", "ready", "stirred", "unhandled",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        #: Simulated time: integer nanoseconds of TDB since the epoch.
        self.now_ns = 0
        #: Callbacks that will run in this instant; when it is empty there is nothing to ``drain``.
        self.ready: deque[Runnable] = deque()
        #: What asyncio takes for the loop.
        self.face = Face(self)  # type: ignore[abstract]
        self._agenda = Agenda()
        self._place = 0
        self._timer_count = 0
        self._number = 0
        #: How many callbacks may still run in this instant, the latest in which any ran.
        self._callbacks_left = 0
        self._counted_ns = -1
        #: Tasks that have not ended. asyncio itself holds tasks weakly: one that only its own frame refers to would
        #: be destroyed, its ``finally`` run, whenever the garbage collector comes by.
        self._tasks: dict[VirtualTask, None] = {}
        self._ended: list[VirtualTask] = []
        #: Whether there may be something to ``drain``, or to do at the ``end`` of the instant.
        self.stirred = False
        self._closed = False
        #: What became of exceptions that nobody awaited; the host reads and clears it.
        self.unhandled: list[dict[str, Any]] = []

    # -- what a host drives -------------------------------------------------------------------------------------

    def join(self, agenda: Agenda, place: int, face: Face) -> None:
        """Keep timers on the agenda of a host, under this place, and have the face that its loops share; called once,
        before anything is scheduled."""
        self._agenda = agenda
        self._place = place
        self.face = face

    def drain(self) -> None:
        """Run what is ready, and all that it makes ready.

        Raises:
            StuckInstant: more than a million callbacks ran and the instant did not end.
        """
        ready = self.ready
        if self._counted_ns != self.now_ns:
            self._counted_ns, self._callbacks_left = self.now_ns, MAX_CALLBACKS_PER_INSTANT
        left = self._callbacks_left
        while ready:
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
            left -= 1
            if left < 0:
                raise StuckInstant(
                    f"{self.name} ran more than {MAX_CALLBACKS_PER_INSTANT:,} callbacks at {self.now_ns} ns and "
                    f"simulated time did not move; look for a loop that awaits asyncio.sleep(0) or never awaits time"
                )
        self._callbacks_left = left

    def due(self, timer: Runnable) -> None:
        """The time of a timer of the agenda has come; ``drain`` runs it, unless it was cancelled."""
        self.ready.append(timer)
        self.stirred = True

    def end(self) -> None:
        """Note exceptions of tasks that nobody has awaited by the end of the instant, rather than when the garbage
        collector comes by."""
        for task in self._ended:
            if task._log_traceback:
                message = f"task {task.get_name()} ended with an exception that nobody awaited"
                self.unhandled.append({"message": message, "exception": task.exception()})
        self._ended.clear()
        self.stirred = False

    # -- a loop that stands alone -------------------------------------------------------------------------------

    def peek(self) -> int:
        """The earliest instant (ns) at which anything will run; ``NEVER_NS`` if nothing is scheduled."""
        if self.ready:
            return self.now_ns
        agenda = self._agenda
        while (head := agenda.head()) is not None and head[4]._cancelled:
            agenda.take()
        return NEVER_NS if head is None else head[0]

    def run_instant(self, t_ns: int, arrivals: Sequence[Callable[[], object]] = ()) -> None:
        """Set the clock to ``t_ns``; run the arrivals in order, then the timers due, and all that they make ready.

        Raises:
            StuckInstant: more than a million callbacks ran and the instant did not end.
        """
        assert t_ns >= self.now_ns, f"{self.name}: time runs backwards, from {self.now_ns} to {t_ns} ns"
        self.now_ns, self._counted_ns = t_ns, -1
        with driving(self.face), self._in_front():
            self.drain()
            for arrive in arrivals:
                arrive()
                self.drain()
            agenda = self._agenda
            while (head := agenda.head()) is not None and head[0] <= t_ns:
                self.due(agenda.take()[4])
                self.drain()
            self.end()

    def advance(self, until_ns: int) -> None:
        """Run every instant before ``until_ns`` (strictly); for a loop that nothing arrives at."""
        while (t_ns := self.peek()) < until_ns:
            self.run_instant(t_ns)

    # -- within -------------------------------------------------------------------------------------------------

    def _task_ended(self, task: asyncio.Future[Any]) -> None:
        assert isinstance(task, VirtualTask)
        self._tasks.pop(task, None)
        self._ended.append(task)
        self.stirred = True

    def _context(self, given: contextvars.Context | None) -> contextvars.Context:
        """The context of what is scheduled: given, inherited from what runs, or empty if nothing does, so that no
        variables (``decimal``'s among them) come from whoever drives the loop."""
        if given is not None:
            return given
        return contextvars.copy_context() if self.is_running() else contextvars.Context()

    @contextlib.contextmanager
    def _in_front(self) -> Iterator[None]:
        """Whatever is asked of the face meanwhile is asked of this loop."""
        previous, self.face.loop = self.face.loop, self
        try:
            yield
        finally:
            self.face.loop = previous

    # -- asyncio ------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Simulated seconds since the epoch."""
        return self.now_ns / NS_PER_S

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run ``callback`` in this instant, after what is ready already."""
        handle = Handle(callback, args, self, self._context(context))
        self.ready.append(handle)
        self.stirred = True
        return handle

    def call_at_ns(
        self,
        t_ns: int,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` at ``t_ns``; an instant that has passed means now."""
        timer = Timer(callback, args, self, self._context(context), max(t_ns, self.now_ns) / NS_PER_S)
        self._set_timer(t_ns, timer)
        return timer

    async def until_ns(self, t_ns: int) -> None:
        """Sleep until ``t_ns``; an instant that has passed means now, after what is ready already."""
        waiter = Waiter(lambda _: self._agenda.timer_cancelled())
        self._set_timer(t_ns, waiter)
        await waiter

    def _set_timer(self, t_ns: int, timer: Runnable) -> None:
        self._timer_count += 1
        t_ns = max(t_ns, self.now_ns)
        self._agenda.put((t_ns, self._place, TIMER, self._timer_count, timer, TIMER))

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` at ``when`` seconds since the epoch."""
        return self.call_at_ns(_ns(when), callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` in ``delay`` simulated seconds."""
        return self.call_at_ns(self.now_ns + _ns(delay), callback, *args, context=context)

    def create_future(self) -> VirtualFuture:
        """A future of this loop."""
        self._number += 1
        return VirtualFuture(loop=self.face, number=self._number)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> VirtualTask:
        """Schedule a coroutine; its name defaults to a number of this loop, the same in every run."""
        self._number = number = self._number + 1
        name = name or f"{self.name}-{number}"
        with self._in_front():
            task = VirtualTask(
                coro, loop=self.face, home=self, number=number, name=name, context=self._context(context)
            )
        self._tasks[task] = None
        task.add_done_callback(self._task_ended)
        return task

    def is_running(self) -> bool:
        """Whether an instant of this loop is being run."""
        return self.face.driven and self.face.loop is self

    def is_closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def cancel_tasks(self) -> None:
        """Cancel every task; what they clean up they do in this instant, or after."""
        with self._in_front():
            for task in list(self._tasks):
                task.cancel()

    def stop(self) -> None:
        """Refused: a run ends where its graph says."""
        raise NotInSimulation(f"{self.name}: a virtual loop is not stopped from inside; return from run() instead")

    def close(self) -> None:
        """Forget what is scheduled; cancel the tasks, which clean up now or not at all.

        Left alone they would be torn down, and their ``finally`` run, when the garbage collector comes by.
        """
        self._agenda = Agenda()
        with self._in_front(), contextlib.suppress(StuckInstant):
            self.cancel_tasks()
            self.run_instant(self.now_ns)
            for task in list(self._tasks):  # they await again while they clean up: what comes after is not run
                _tear_down(task)
        self._closed = True
        self._tasks.clear()
        self.ready.clear()
        self._agenda = Agenda()

    async def shutdown_asyncgens(self) -> None:
        """Nothing to do: a virtual loop keeps no asynchronous generators."""

    def get_debug(self) -> bool:
        """Debug mode does not exist here."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Debug mode does not exist here."""

    def get_task_factory(self) -> None:
        """There is none: a task is a ``VirtualTask``."""

    def get_exception_handler(self) -> None:
        """There is none to replace: the host collects."""

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep the context for the host."""
        self.call_exception_handler(context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep the context for the host."""
        self.unhandled.append(context)
        self.stirred = True

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if handle._when > self.time():  # type: ignore[attr-defined]
            self._agenda.timer_cancelled()

    def __repr__(self) -> str:
        return f"<VirtualLoop {self.name} at {self.now_ns} ns>"


def _tear_down(task: VirtualTask) -> None:
    """End a task that will not end by itself: now, rather than when the garbage collector comes by."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    for _ in range(_MOST_AWAITS):
        try:
            task.get_coro().close()
            return
        except RuntimeError:  # it awaits once more
            continue
        except Exception:  # noqa: BLE001 - it raises while it is torn down: nobody is there to hear it
            return


for _method in _REFUSED:
    setattr(VirtualLoop, _method, _refuse(_method))


def _ns(seconds: float) -> int:
    """Nanoseconds of float seconds, to nearest; infinite is never."""
    return NEVER_NS if seconds >= NEVER_NS / NS_PER_S else round(seconds * NS_PER_S)


def run(coro: Coroutine[Any, Any, T], name: str = "test") -> T:
    """Run one coroutine to its end in simulated time, for tests of code that needs no node."""
    loop = VirtualLoop(name)  # type: ignore[abstract]
    task = loop.create_task(coro)
    try:
        loop.advance(NEVER_NS)
        if not task.done():
            task.cancel()
            loop.advance(NEVER_NS)
            raise NotInSimulation(f"{name}: the coroutine waits for something that nothing scheduled will bring")
        return task.result()  # type: ignore[no-any-return]
    finally:
        loop.close()
