"""What loops run and tasks wait for: handles, futures, tasks and their steps, and the waiter that costs less than a
future.

Tasks and futures hash by their loop's own counter: ``TaskGroup`` and ``asyncio.wait`` keep them in sets, and by memory
address those sets would iterate in another order in every run.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine, Generator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from .face import Face
    from .loop import VirtualLoop


#: A future that is done, for tasks to be resumed with.
_RESUMED: asyncio.Future[None] = asyncio.Future(loop=cast(Any, SimpleNamespace(get_debug=bool)))
_RESUMED.set_result(None)


class Runnable(Protocol):
    """What a loop runs, now or at its time."""

    _cancelled: bool

    def _run(self) -> object: ...


class VirtualFuture(asyncio.Future[Any]):
    """A future that hashes by the number its loop gave it."""

    def __init__(self, *, loop: Face, number: int) -> None:
        self._number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class VirtualTask(asyncio.Task[Any]):
    """A task that hashes by the number its loop gave it; ``home`` is that loop."""

    def __init__(self, coro: Any, *, loop: Face, home: VirtualLoop, number: int, **kwargs: Any) -> None:
        if not asyncio.iscoroutine(coro):
            raise TypeError(f"a coroutine was expected, got {coro!r}")
        self._number = number
        self.home = home
        self._steps = Steps(coro, loop)
        super().__init__(self._steps, loop=loop, **kwargs)

    def __hash__(self) -> int:
        return self._number

    def get_coro(self) -> Any:
        """The coroutine."""
        return self._steps.coro

    #: What asyncio looks at when it shows a task.
    _coro = property(get_coro)


class Handle(asyncio.Handle):
    """A callback that is ready; asyncio's own asks for debug mode, which does not exist here."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., object], args: Sequence[Any], loop: VirtualLoop, context: contextvars.Context
    ) -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = context
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class Timer(Handle, asyncio.TimerHandle):
    """A callback with its time, in seconds since the epoch."""

    __slots__ = ()

    def __init__(
        self,
        callback: Callable[..., object],
        args: Sequence[Any],
        loop: VirtualLoop,
        context: contextvars.Context,
        when: float,
    ) -> None:
        super().__init__(callback, args, loop, context)
        self._when = when
        self._scheduled = True


class Waiter:
    """What a coroutine awaits until its loop, or its host, resumes it with a value; after that it may be awaited again.

    A future wakes its task by way of the ready queue; who awaits a waiter is resumed directly, at the top of the loop
    and never from within a task. ``on_cancel`` is called if its task is cancelled; it is not resumed after that.
    """

    __slots__ = ("_cancelled", "_on_cancel", "steps")

    #: Of the coroutine that awaits it.
    steps: Steps

    def __init__(self, on_cancel: Callable[[Waiter], object]) -> None:
        self._cancelled = False
        self._on_cancel = on_cancel

    def __await__(self) -> Generator[Waiter, Any, Any]:
        return (yield self)

    def cancel(self) -> None:
        """Nobody awaits it any more."""
        self._cancelled = True
        self._on_cancel(self)

    def _run(self) -> None:
        self.steps.resume(None)


class Steps(Coroutine[Any, Any, Any]):
    """The coroutine of a task, as the task sees it; and what the task awaits while that awaits a ``Waiter``.

    A task's step costs several times what the coroutine itself does in it. One that goes from waiter to waiter, as
    those of nodes do from reception to reception, is therefore run by whoever resumes it; its task, to which nothing
    has changed, hears of it when the coroutine awaits something else, returns or raises, and goes on from there.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_cancel_message",
        "_context",
        "_left",
        "_loop",
        "_refused",
        "_send",
        "_task",
        "_waiter",
        "_wakeup",
        "coro",
    )

    def __init__(self, coro: Coroutine[Any, Any, Any], loop: Face) -> None:
        self.coro = coro
        self._send = coro.send
        self._loop = loop
        #: What the coroutine awaits, if that is a waiter; None while it is resumed.
        self._waiter: Waiter | None = None
        #: The task's own step, by which it hears of things; None unless it awaits this.
        self._wakeup: Callable[[Any], object] | None = None
        #: The task itself, likewise.
        self._task: Any = None
        #: What a step that the task has not heard of has yielded, or raised.
        self._left: tuple[Any, BaseException | None] | None = None
        #: Whether the task was told, in such a step, that it cannot be cancelled by way of this.
        self._refused = False
        self._asyncio_future_blocking = False

    def resume(self, value: object) -> None:
        """Run the coroutine, from a waiter, up to where it waits next."""
        self._waiter = None
        _enter_task(self._loop, self._task)
        try:
            awaited = self._context.run(self._send, value)
        except BaseException as error:  # noqa: BLE001 - the task will raise it
            self._left = None, error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        else:
            if type(awaited) is Waiter and not self._refused:
                self._waiter = awaited
                awaited.steps = self
                return
            self._left = awaited, None
        finally:
            _leave_task(self._loop, self._task)
        self._context.run(self._wakeup, _RESUMED)  # type: ignore[arg-type]

    # -- what asyncio asks of a coroutine -----------------------------------------------------------------------

    def send(self, value: None) -> Any:
        """The task's own step."""
        self._wakeup = self._task = None
        self._refused = False
        if self._left is None:
            return self._seen(self._send(value))
        if self._left[1] is not None:
            raise self._told_raised()
        return self._seen(self._told_awaited())

    def throw(self, error: BaseException, *_: Any) -> Any:  # type: ignore[override]
        """The task was cancelled, or what it awaited has failed."""
        self._wakeup = self._task = None
        self._refused = False
        try:
            if self._left is not None:  # cancelled in a step that it has not heard of: as if at the end of that
                if self._left[1] is not None:
                    raise error if isinstance(self._left[1], StopIteration) else self._told_raised()
                awaited = self._told_awaited()
                if type(awaited) is Waiter:
                    awaited.cancel()
                elif asyncio.isfuture(awaited) and awaited.cancel(*error.args):
                    return awaited
            return self._seen(self.coro.throw(error))
        finally:
            del error  # a frame that keeps what it raises is a circle that waits for the garbage collector

    def _told_awaited(self) -> Any:
        (awaited, _), self._left = self._left, None  # type: ignore[misc]
        return awaited

    def _told_raised(self) -> BaseException:
        (_, raised), self._left = self._left, None  # type: ignore[misc]
        return raised  # type: ignore[return-value]

    def close(self) -> None:
        """End the coroutine."""
        self.coro.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.coro.__await__()

    def _seen(self, awaited: Any) -> Any:
        if type(awaited) is not Waiter:
            return awaited
        self._waiter = awaited
        awaited.steps = self
        self._asyncio_future_blocking = True
        return self

    # -- what asyncio asks of a future --------------------------------------------------------------------------

    def add_done_callback(self, callback: Callable[[Any], object], *, context: contextvars.Context) -> None:
        """The task waits; ``callback`` is its step, to be made in its context."""
        self._wakeup = callback
        self._context = context
        self._task = callback.__self__  # type: ignore[attr-defined]

    def cancel(self, msg: object = None) -> bool:
        """The task is cancelled; False if it was already, or is in a step and will see to it after that."""
        waiter, wakeup = self._waiter, self._wakeup
        if waiter is None or wakeup is None:
            self._refused = True
            return False
        if waiter._cancelled:
            return False
        self._cancel_message = msg
        self._loop.call_soon(wakeup, self, context=self._context)  # refused to a task of another node
        waiter.cancel()
        return True

    def result(self) -> None:
        """What a task that was cancelled meanwhile finds when it is resumed: that it was."""
        message = self._cancel_message
        raise asyncio.CancelledError() if message is None else asyncio.CancelledError(message)
