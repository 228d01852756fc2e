"""What loops run and tasks wait for: handles, futures, tasks, and the waiter that costs less than a future.

Tasks and futures hash by their loop's own counter: ``TaskGroup`` and ``asyncio.wait`` keep them in sets, and by memory
address those sets would iterate in another order in every run.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Generator, Sequence
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
        self._number = number
        self.home = home
        super().__init__(coro, loop=loop, **kwargs)

    def __hash__(self) -> int:
        return self._number


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
    """What one task awaits until its loop, or its host, resumes it with a value; after that it may be awaited again.

    asyncio takes it for a future. A future wakes its task by way of the ready queue; a waiter is resumed directly, at
    the top of the loop and never from within a task, which halves the cost of a reception.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_cancelled",
        "_context",
        "_loop",
        "_message",
        "_on_cancel",
        "_wakeup",
        "value",
    )

    def __init__(self, loop: VirtualLoop, on_cancel: Callable[[Waiter], object]) -> None:
        self._asyncio_future_blocking = True
        self._cancelled = False
        self._loop = loop.face
        self._on_cancel = on_cancel
        self.value: Any = None

    def __await__(self) -> Generator[Waiter, None, Any]:
        yield self
        return self.value

    def resume(self, value: object = None) -> None:
        """Run the task up to where it waits next; not to be called after ``on_cancel`` was."""
        self.value = value
        self._context.run(self._wakeup, _RESUMED)

    _run = resume

    # -- what asyncio asks of a future --------------------------------------------------------------------------

    def add_done_callback(self, callback: Callable[[Any], object], *, context: contextvars.Context) -> None:
        """A task waits; ``callback`` resumes it, in its context."""
        self._wakeup = callback
        self._context = context
        self._asyncio_future_blocking = True  # a task takes this down before it calls; up again for the next time

    def cancel(self, msg: object = None) -> bool:
        """The task is cancelled; False if it was already."""
        if self._cancelled:
            return False
        self._cancelled = True
        self._message = msg
        self._on_cancel(self)
        self._loop.call_soon(self._wakeup, self, context=self._context)
        return True

    def result(self) -> None:
        """What a task that was cancelled meanwhile finds when it is resumed: that it was."""
        raise asyncio.CancelledError() if self._message is None else asyncio.CancelledError(self._message)
